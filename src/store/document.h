// SPDX-License-Identifier: Apache-2.0
// The small files beside the weights of a published model, by name and with the most bytes each may
// have. A packed file embeds all that were present, so that one file is a whole model.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace monocle {

enum class Document : std::uint8_t {
  kConfig,
  kGenerationConfig,
  kPreprocessor,
  kVideoPreprocessor,
  kTokenizer
};

struct DocumentInfo {
  Document document;
  std::string_view file_name;
  std::uint64_t max_bytes;
};

inline constexpr std::array<DocumentInfo, 5> kDocuments{{
    {Document::kConfig, "config.json", std::uint64_t{1} << 20},
    {Document::kGenerationConfig, "generation_config.json", std::uint64_t{1} << 20},
    {Document::kPreprocessor, "preprocessor_config.json", std::uint64_t{1} << 20},
    {Document::kVideoPreprocessor, "video_preprocessor_config.json", std::uint64_t{1} << 20},
    {Document::kTokenizer, "tokenizer.json", std::uint64_t{1} << 26},
}};

constexpr const DocumentInfo& document_info(Document document) {
  return kDocuments[static_cast<std::size_t>(document)];
}

}  // namespace monocle
