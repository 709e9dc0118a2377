// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_cache.h"

#include <gtest/gtest.h>

#include "ops/reference/heap_memory.h"

namespace monocle {
namespace {

const std::byte* at(const void* pointer) { return static_cast<const std::byte*>(pointer); }

TEST(KvCache, PlanesOfInt8HaveTheirScalesBehindThem) {
  HeapMemory memory;
  const KvShape shape{DType::kI8, 16, 3, 2, 64};
  EXPECT_EQ(shape.token_bytes(), 2U * 3 * 2 * (64 + 4));
  const auto cache = KvCache::allocate(memory, shape, 5);
  ASSERT_TRUE(cache.has_value());
  ASSERT_EQ(cache->layers().size(), 3U);
  const std::ptrdiff_t rows = 5 * 2 * 16;
  const std::byte* next = at(cache->layers()[0].k);
  for (const KvView& layer : cache->layers()) {
    EXPECT_EQ(at(layer.k), next);
    EXPECT_EQ(at(layer.k_scale), at(layer.k) + rows * 64);
    EXPECT_EQ(at(layer.v), at(layer.k_scale) + rows * 4);
    EXPECT_EQ(at(layer.v_scale), at(layer.v) + rows * 64);
    next = at(layer.v_scale) + rows * 4;
  }
}

TEST(KvCache, FloatsHaveNoScales) {
  HeapMemory memory;
  const auto cache = KvCache::allocate(memory, {DType::kBF16, 16, 1, 2, 64}, 5);
  ASSERT_TRUE(cache.has_value());
  const KvView& layer = cache->layers()[0];
  EXPECT_EQ(layer.k_scale, nullptr);
  EXPECT_EQ(layer.v_scale, nullptr);
  EXPECT_EQ(at(layer.v), at(layer.k) + std::ptrdiff_t{5} * 2 * 16 * 64 * 2);
}

}  // namespace
}  // namespace monocle
