// SPDX-License-Identifier: Apache-2.0
// The memory behind the paged KV cache: one allocation, two planes (k, v) per layer, each with its
// scales behind it where the dtype has them. See KvView for the layout.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "ops/backend.h"

namespace monocle {

struct KvShape {
  DType dtype = DType::kBF16;
  std::int32_t block_tokens = 16;
  std::int32_t layers = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;

  static KvShape of(const ModelFacts& facts, DType dtype, std::int32_t block_tokens) {
    return {dtype, block_tokens, facts.layers, facts.kv_heads, facts.head_dim};
  }
  // Keys and values of one token, all layers.
  [[nodiscard]] std::size_t token_bytes() const {
    return 2 * static_cast<std::size_t>(layers) * static_cast<std::size_t>(kv_heads) *
           (row_bytes() + scale_bytes());
  }
  // Elements and scale of one token and head.
  [[nodiscard]] std::size_t row_bytes() const {
    return static_cast<std::size_t>(head_dim) * dtype_size(dtype);
  }
  [[nodiscard]] std::size_t scale_bytes() const { return dtype == DType::kI8 ? sizeof(float) : 0; }
  [[nodiscard]] std::size_t block_bytes() const {
    return token_bytes() * static_cast<std::size_t>(block_tokens);
  }
};

class KvCache {
 public:
  static Result<KvCache> allocate(Memory& memory, const KvShape& shape, std::int32_t blocks);
  ~KvCache();
  KvCache(KvCache&& other) noexcept;
  KvCache& operator=(KvCache&& other) noexcept;
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  [[nodiscard]] std::span<const KvView> layers() const { return layers_; }

 private:
  KvCache() = default;
  Memory* memory_ = nullptr;
  void* data_ = nullptr;
  std::vector<KvView> layers_;
};

}  // namespace monocle
