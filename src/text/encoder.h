// SPDX-License-Identifier: Apache-2.0
// One encode call: segments of ordinary text in, ids out. Holds the scratch of the call and a cache
// of pre-tokens it has already merged; both die with the call, so calls share nothing and no text
// outlives its request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "text/merges.h"
#include "text/token.h"
#include "text/tokenizer_file.h"

namespace monocle {

class Encoder {
 public:
  // `text_bytes` sizes the cache: the length of all text of this call.
  Encoder(const TokenizerTables& tables, std::size_t text_bytes);

  // Ordinary text between two added tokens: valid UTF-8 that outlives the encoder.
  void add_segment(std::string_view segment);
  void add_token(TokenId id) { ids_.push_back(id); }

  std::vector<TokenId> take() && { return std::move(ids_); }

 private:
  struct CacheEntry {
    std::string_view pretoken;
    std::size_t first;  // ids_[first, first + count)
    std::uint32_t count;
  };
  void add_pretoken(std::string_view pretoken);
  void merge_pretoken(std::string_view pretoken);

  const TokenizerTables& tables_;
  Merger merger_;
  std::vector<TokenId> word_;
  std::vector<TokenId> ids_;
  std::deque<std::string> normalized_;  // a deque: the cache points into the strings
  std::vector<CacheEntry> cache_;       // direct-mapped, a power of two; empty for short texts
};

}  // namespace monocle
