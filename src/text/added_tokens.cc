// SPDX-License-Identifier: Apache-2.0
#include "text/added_tokens.h"

#include <algorithm>
#include <utility>

namespace monocle {

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::sort(tokens_.begin(), tokens_.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    by_first_byte_[static_cast<unsigned char>(tokens_[i].text.front())].push_back(i);
  }
  for (auto& bucket : by_first_byte_) {
    std::stable_sort(bucket.begin(), bucket.end(), [this](std::size_t a, std::size_t b) {
      return tokens_[a].text.size() > tokens_[b].text.size();
    });
  }
}

std::optional<AddedTokens::Match> AddedTokens::find(std::string_view text, std::size_t from,
                                                    std::size_t to) const {
  const std::string_view range = text.substr(0, to);
  for (std::size_t pos = from; pos < range.size(); ++pos) {
    for (const std::size_t index : by_first_byte_[static_cast<unsigned char>(range[pos])]) {
      const AddedToken& token = tokens_[index];
      if (range.substr(pos).starts_with(token.text)) {
        return Match{pos, pos + token.text.size(), token.id};
      }
    }
  }
  return std::nullopt;
}

const AddedToken* AddedTokens::by_id(TokenId id) const {
  const auto found =
      std::lower_bound(tokens_.begin(), tokens_.end(), id,
                       [](const AddedToken& token, TokenId wanted) { return token.id < wanted; });
  return found != tokens_.end() && found->id == id ? &*found : nullptr;
}

}  // namespace monocle
