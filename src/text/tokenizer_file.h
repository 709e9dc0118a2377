// SPDX-License-Identifier: Apache-2.0
// Reads tokenizer.json (the Hugging Face form) into the tables of the tokenizer. What the file
// demands and the tokenizer would not do is refused by the name of the field; nothing is guessed.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "text/added_tokens.h"
#include "text/merges.h"
#include "text/token.h"
#include "text/vocabulary.h"

namespace monocle {

// Limits of what is read. The Qwen file: 11 MB, 151,643 tokens of at most 128 bytes, 26 added
// tokens.
constexpr std::size_t kMaxTokenizerFileBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxTokens = std::size_t{1} << 20;  // also the limit of ids and of merges
constexpr std::size_t kMaxTokenBytes = 1024;
constexpr std::size_t kMaxAddedTokens = 4096;

struct TokenizerTables {
  Vocabulary vocabulary;
  AddedTokens added;
  MergeTable merges;
  std::array<TokenId, 256> byte_ids{};
};

Result<TokenizerTables> parse_tokenizer_file(std::string_view json);

}  // namespace monocle
