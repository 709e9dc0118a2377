// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_cache.h"

#include <utility>

namespace monocle {

Result<KvCache> KvCache::allocate(Memory& memory, const KvShape& shape, std::int32_t blocks) {
  KvCache cache;
  cache.memory_ = &memory;
  const std::size_t plane = shape.block_bytes() / 2 / static_cast<std::size_t>(shape.layers) *
                            static_cast<std::size_t>(blocks);
  MONOCLE_ASSIGN(cache.data_, memory.allocate(2 * plane * static_cast<std::size_t>(shape.layers)));
  auto* base = static_cast<std::byte*>(cache.data_);
  const std::size_t rows = plane / (shape.row_bytes() + shape.scale_bytes());
  const auto scales = [&](std::byte* pages) {
    void* behind = shape.scale_bytes() == 0 ? nullptr : pages + rows * shape.row_bytes();
    return static_cast<float*>(behind);
  };
  for (std::int32_t layer = 0; layer < shape.layers; ++layer) {
    std::byte* k = base + 2 * plane * static_cast<std::size_t>(layer);
    cache.layers_.push_back({.k = k,
                             .v = k + plane,
                             .dtype = shape.dtype,
                             .blocks = blocks,
                             .block_tokens = shape.block_tokens,
                             .kv_heads = shape.kv_heads,
                             .head_dim = shape.head_dim,
                             .k_scale = scales(k),
                             .v_scale = scales(k + plane)});
  }
  return cache;
}

KvCache::~KvCache() {
  if (data_ != nullptr) {
    memory_->release(data_);
  }
}

KvCache::KvCache(KvCache&& other) noexcept { *this = std::move(other); }

KvCache& KvCache::operator=(KvCache&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(data_, other.data_);
  std::swap(layers_, other.layers_);
  return *this;
}

}  // namespace monocle
