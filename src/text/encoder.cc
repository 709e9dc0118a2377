// SPDX-License-Identifier: Apache-2.0
#include "text/encoder.h"

#include <algorithm>
#include <bit>
#include <span>

#include "base/hash.h"
#include "text/normalize.h"
#include "text/pretokenizer.h"

namespace monocle {
namespace {

constexpr std::size_t kCacheFromBytes = 512;  // below that, words hardly repeat
constexpr std::size_t kMaxCacheEntries = 16384;
constexpr std::size_t kMaxCachedBytes = 48;

std::size_t cache_entries(std::size_t text_bytes) {
  return text_bytes < kCacheFromBytes ? 0
                                      : std::min(std::bit_ceil(text_bytes / 4), kMaxCacheEntries);
}

}  // namespace

Encoder::Encoder(const TokenizerTables& tables, std::size_t text_bytes)
    : tables_(tables),
      merger_(tables.merges),
      cache_(cache_entries(text_bytes), CacheEntry{{}, 0, 0}) {
  ids_.reserve(text_bytes / 3 + 8);
}

void Encoder::add_segment(std::string_view segment) {
  if (!is_nfc_quick(segment)) {
    segment = normalized_.emplace_back(to_nfc(segment));
  }
  for (std::size_t pos = 0; pos < segment.size();) {
    const std::size_t end = pretoken_end(segment, pos);
    add_pretoken(segment.substr(pos, end - pos));
    pos = end;
  }
}

void Encoder::add_pretoken(std::string_view pretoken) {
  if (pretoken.size() == 1) {
    ids_.push_back(tables_.byte_ids[static_cast<unsigned char>(pretoken[0])]);
    return;
  }
  if (cache_.empty() || pretoken.size() > kMaxCachedBytes) {
    merge_pretoken(pretoken);
    return;
  }
  const std::uint64_t hash = hash64(std::as_bytes(std::span(pretoken)));
  CacheEntry& entry = cache_[static_cast<std::size_t>(hash) & (cache_.size() - 1)];
  const std::size_t first = ids_.size();
  if (entry.pretoken == pretoken) {
    ids_.resize(first + entry.count);
    std::copy_n(ids_.begin() + static_cast<std::ptrdiff_t>(entry.first), entry.count,
                ids_.begin() + static_cast<std::ptrdiff_t>(first));
    return;
  }
  merge_pretoken(pretoken);
  entry = {pretoken, first, static_cast<std::uint32_t>(ids_.size() - first)};
}

void Encoder::merge_pretoken(std::string_view pretoken) {
  word_.clear();
  for (const char byte : pretoken) {
    word_.push_back(tables_.byte_ids[static_cast<unsigned char>(byte)]);
  }
  merger_.apply(word_);
  ids_.insert(ids_.end(), word_.begin(), word_.end());
}

}  // namespace monocle
