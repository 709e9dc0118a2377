// SPDX-License-Identifier: Apache-2.0
#include "engine/prompt_lookup.h"

#include <algorithm>

namespace monocle {

void prompt_lookup(std::span<const std::int32_t> tokens, std::int64_t count,
                   std::vector<std::int32_t>& out) {
  out.clear();
  for (std::size_t n = 3; n >= 2; --n) {
    if (count < 1 || tokens.size() <= n) {
      continue;
    }
    const auto tail = tokens.last(n);
    for (std::size_t at = tokens.size() - n; at-- > 0;) {
      if (tokens[at] == tail[0] && std::ranges::equal(tokens.subspan(at, n), tail)) {
        // Where the text ends, the guess itself goes on: what repeats is expected to repeat.
        for (std::size_t from = at + n; std::ssize(out) < count; ++from) {
          out.push_back(from < tokens.size() ? tokens[from] : out[from - tokens.size()]);
        }
        return;
      }
    }
  }
}

}  // namespace monocle
