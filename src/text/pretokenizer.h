// SPDX-License-Identifier: Apache-2.0
// The split pattern of the Qwen tokenizers as a hand-written matcher, linear in the text:
//   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|
//   ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
#pragma once

#include <cstddef>
#include <string_view>

namespace monocle {

// The pattern exactly as tokenizer.json must give it.
extern const std::string_view kSplitPattern;

// End of the pre-token that begins at `begin` (< text.size()). `text` is one segment of valid
// UTF-8; the pattern covers every character, so the result is always > begin.
std::size_t pretoken_end(std::string_view text, std::size_t begin);

}  // namespace monocle
