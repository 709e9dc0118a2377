// SPDX-License-Identifier: Apache-2.0
#include "store/packed_file.h"

#include <utility>

#include "base/hash.h"
#include "store/json_text.h"
#include "store/safetensors.h"

namespace monocle {

Result<PackedFile> PackedFile::open(const std::string& path, MapAdvice advice) {
  PackedFile opened;
  opened.path_ = path;
  MONOCLE_ASSIGN(opened.file_, MappedFile::open(path, advice, kMaxWeightFileBytes));
  auto directory = decode_header(opened.file_.bytes());
  if (!directory) {
    return prefixed(path, std::move(directory).error());
  }
  opened.directory_ = std::move(*directory);
  return opened;
}

std::span<const std::byte> PackedFile::section(const PackedSection& section) const {
  return file_.bytes().subspan(section.offset, section.bytes);
}

Result<WeightView> PackedFile::view(const PackedTensorEntry& tensor) const {
  const auto [rows, cols] = matrix_shape(tensor.shape);
  const void* aux = tensor.aux.bytes == 0 ? nullptr : section(tensor.aux).data();
  const WeightView view{section(tensor.data).data(), aux, tensor.format, rows, cols};
  const FormatInfo& format = format_info(tensor.format);
  if (format.aux_valid != nullptr && !format.aux_valid(view)) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: tensor '{}' has a scale that no {} weight can have", path_,
                printable(tensor.name), format.name);
  }
  return view;
}

std::optional<std::span<const std::byte>> PackedFile::document(Document document) const {
  for (const PackedDocumentEntry& entry : directory_.documents) {
    if (entry.name == document_info(document).file_name) {
      return section(entry.section);
    }
  }
  return std::nullopt;
}

Status PackedFile::verify() const {
  for (const PackedDocumentEntry& entry : directory_.documents) {
    if (hash64(section(entry.section)) != entry.hash) {
      return fail(ErrorCode::kInvalidArgument, "{}: the embedded {} does not match its checksum",
                  path_, entry.name);
    }
  }
  for (const PackedTensorEntry& tensor : directory_.tensors) {
    if (hash64(section(tensor.aux), hash64(section(tensor.data))) != tensor.hash) {
      return fail(ErrorCode::kInvalidArgument, "{}: tensor '{}' does not match its checksum", path_,
                  printable(tensor.name));
    }
  }
  return {};
}

}  // namespace monocle
