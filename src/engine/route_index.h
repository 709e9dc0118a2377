// SPDX-License-Identifier: Apache-2.0
// Which engine of a pool has probably computed what already: prompts and pictures by content, as
// they were handed out. Nobody asks the engines: an entry may have left their caches since, which
// costs time and changes no answer. Fixed memory; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "monocle/request.h"

namespace monocle {

// A request as the index sees it. Pure: any thread may make one.
struct RouteKey {
  struct Media {
    std::uint64_t content = 0;
    std::int64_t end = 0;     // token behind its last one
    std::int64_t tokens = 0;  // that the vision tower makes
  };
  std::vector<std::uint64_t> chunks;  // chunk i stands for everything before its end
  std::vector<Media> media;
};

inline constexpr std::int64_t kRouteChunkTokens = 32;
inline constexpr std::int32_t kMaxRoutes = 64;

RouteKey route_key(const Request& request);

class RouteIndex {
 public:
  // entries: chunks and pictures that are remembered at least; twice as many at most.
  explicit RouteIndex(std::size_t entries) : entries_(entries) {}

  // Tokens of this request that each engine need not compute again: the cached prefix, and pictures
  // behind it that are encoded. One number per engine, at most kMaxRoutes.
  void known_tokens(const RouteKey& key, std::span<std::int64_t> tokens) const;
  void record(const RouteKey& key, std::int32_t engine);
  // The engine is gone, and its caches with it.
  void forget(std::int32_t engine);

 private:
  using Engines = std::uint64_t;  // a bit per engine
  using Table = std::unordered_map<std::uint64_t, Engines>;
  [[nodiscard]] Engines engines_with(std::uint64_t content) const;

  std::size_t entries_;
  Table young_;
  Table old_;  // dropped as a whole when `young_` is full and takes its place
};

}  // namespace monocle
