// SPDX-License-Identifier: Apache-2.0
#include "engine/route_index.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace monocle {
namespace {

template <class T>
std::uint64_t hash_of(std::span<const T> values, std::uint64_t seed) {
  return hash64(std::as_bytes(values), seed);
}

std::uint64_t content_of(const MediaItem& item) {
  const std::uint64_t parts[] = {item.hash_low, item.hash_high};
  return hash_of<std::uint64_t>(parts, 0);
}

}  // namespace

// Each chunk's hash is the seed of the next, so that equal hashes have equal histories. A picture
// counts from the chunk on in which its last token lies.
RouteKey route_key(const Request& request) {
  RouteKey key;
  const Prompt& prompt = request.prompt;
  for (const MediaSpan& span : prompt.spans) {
    key.media.push_back({content_of(prompt.media[static_cast<std::size_t>(span.item)]),
                         span.offset + span.count, span.count});
  }
  if (!request.use_prefix_cache) {
    return key;
  }
  const std::span<const std::int32_t> ids(prompt.token_ids);
  constexpr auto kChunk = static_cast<std::size_t>(kRouteChunkTokens);
  std::uint64_t chain = request.cache_salt;
  std::size_t next = 0;
  for (std::size_t begin = 0; begin + kChunk <= ids.size(); begin += kChunk) {
    const auto end = static_cast<std::int64_t>(begin + kChunk);
    for (; next < key.media.size() && key.media[next].end <= end; ++next) {
      chain = hash_of<std::uint64_t>(std::span(&key.media[next].content, 1), chain);
    }
    chain = hash_of(ids.subspan(begin, kChunk), chain);
    key.chunks.push_back(chain);
  }
  return key;
}

RouteIndex::Engines RouteIndex::engines_with(std::uint64_t content) const {
  Engines engines = 0;
  for (const Table* table : {&young_, &old_}) {
    const auto at = table->find(content);
    engines |= at != table->end() ? at->second : 0;
  }
  return engines;
}

void RouteIndex::known_tokens(const RouteKey& key, std::span<std::int64_t> tokens) const {
  std::ranges::fill(tokens, 0);
  Engines matching = ~Engines{0};
  for (const std::uint64_t chunk : key.chunks) {
    matching &= engines_with(chunk);
    if (matching == 0) {
      break;
    }
    for (std::size_t e = 0; e < tokens.size(); ++e) {
      tokens[e] += (matching >> e & 1U) != 0 ? kRouteChunkTokens : 0;
    }
  }
  std::vector<std::int64_t> prefix(tokens.begin(), tokens.end());
  for (const RouteKey::Media& media : key.media) {
    const Engines encoded = engines_with(media.content);
    for (std::size_t e = 0; e < tokens.size(); ++e) {
      // Inside the prefix it is not needed at all, and counted already.
      tokens[e] += media.end > prefix[e] && (encoded >> e & 1U) != 0 ? media.tokens : 0;
    }
  }
}

void RouteIndex::record(const RouteKey& key, std::int32_t engine) {
  const Engines bit = Engines{1} << static_cast<unsigned>(engine);
  const auto note = [&](std::uint64_t content) {
    young_[content] |= bit | engines_with(content);
    if (young_.size() >= entries_) {
      old_ = std::exchange(young_, {});
    }
  };
  std::ranges::for_each(key.chunks, note);
  std::ranges::for_each(key.media, note, &RouteKey::Media::content);
}

void RouteIndex::forget(std::int32_t engine) {
  const Engines kept = ~(Engines{1} << static_cast<unsigned>(engine));
  for (Table* table : {&young_, &old_}) {
    for (auto& [content, engines] : *table) {
      engines &= kept;
    }
  }
}

}  // namespace monocle
