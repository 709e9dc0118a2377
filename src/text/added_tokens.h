// SPDX-License-Identifier: Apache-2.0
// The added tokens of a vocabulary (`<|im_start|>` and the like): literal strings, matched in raw
// text before anything else, leftmost first and the longest of those.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/token.h"

namespace monocle {

struct AddedToken {
  TokenId id;
  std::string text;
  bool special;  // dropped by skip_special when decoding
};

class AddedTokens {
 public:
  struct Match {
    std::size_t begin;
    std::size_t end;
    TokenId id;
  };

  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  // The first match that lies wholly in [from, to) of `text`.
  [[nodiscard]] std::optional<Match> find(std::string_view text, std::size_t from,
                                          std::size_t to) const;
  [[nodiscard]] const AddedToken* by_id(TokenId id) const;
  [[nodiscard]] const std::vector<AddedToken>& all() const { return tokens_; }  // sorted by id

 private:
  std::vector<AddedToken> tokens_;
  std::array<std::vector<std::size_t>, 256>
      by_first_byte_;  // indices into tokens_, longest text first
};

}  // namespace monocle
