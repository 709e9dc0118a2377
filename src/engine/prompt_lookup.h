// SPDX-License-Identifier: Apache-2.0
// Guesses how a text goes on: where its last words stood before, the same words may follow again.
// Answers that copy from their prompt (fields, tables, code, tool calls) are guessed well for free.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace monocle {

// The `count` tokens that followed the latest earlier occurrence of the last 3 (else 2) tokens;
// empty when there is none.
void prompt_lookup(std::span<const std::int32_t> tokens, std::int64_t count,
                   std::vector<std::int32_t>& out);

}  // namespace monocle
