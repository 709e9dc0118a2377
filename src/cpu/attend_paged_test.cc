// SPDX-License-Identifier: Apache-2.0
#include "cpu/attend_paged.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "cpu/test_isa.h"
#include "ops/reference/verbs.h"

namespace monocle::cpu {
namespace {

struct Sequence {
  std::int32_t queries = 1;
  std::int32_t context = 1;
};

struct Case {
  std::string name;
  std::vector<Sequence> sequences;
  int heads = 4;
  int kv_heads = 2;
  int head_dim = 64;
  int block_tokens = 16;
  int window = 0;
  int sinks = 0;
  bool free_unseen = false;  // give back the blocks that no query of this step sees
};

struct Types {
  DType q = DType::kF32;
  DType kv = DType::kF32;
};

// Values of `type` in memory.
std::vector<std::byte> noise(std::size_t count, DType type, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 1.3F);
  std::vector<std::byte> out(count * dtype_size(type));
  for (std::size_t i = 0; i < count; ++i) {
    const float value = normal(random);
    if (type == DType::kI8) {
      out[i] = static_cast<std::byte>(static_cast<std::int8_t>(value * 25.0F));
      continue;
    }
    const std::uint16_t bits = float_to_bf16(value);
    std::memcpy(out.data() + i * dtype_size(type),
                type == DType::kF32 ? static_cast<const void*>(&value) : &bits, dtype_size(type));
  }
  return out;
}

struct Problem {
  Problem(const Case& shape, Types types, DType y_type) {
    start.push_back(0);
    std::int32_t longest = 0;
    for (const Sequence& sequence : shape.sequences) {
      start.push_back(start.back() + sequence.queries);
      context.push_back(sequence.context);
      longest = std::max(longest, sequence.context);
    }
    const std::int32_t per_sequence = (longest + shape.block_tokens - 1) / shape.block_tokens;
    const auto sequences = static_cast<std::int32_t>(context.size());
    const std::int32_t blocks = per_sequence * sequences;
    for (std::int32_t i = 0; i < blocks; ++i) {
      const std::int32_t lowest_query =
          context[static_cast<std::size_t>(i / per_sequence)] -
          shape.sequences[static_cast<std::size_t>(i / per_sequence)].queries;
      const std::int32_t first = i % per_sequence * shape.block_tokens;
      const bool unseen =
          first >= shape.sinks && first + shape.block_tokens - 1 <= lowest_query - shape.window;
      table.push_back(shape.free_unseen && unseen ? -1 : blocks - 1 - i);
    }
    const std::size_t elements = static_cast<std::size_t>(blocks) *
                                 static_cast<std::size_t>(shape.kv_heads) *
                                 static_cast<std::size_t>(shape.block_tokens * shape.head_dim);
    k = noise(elements, types.kv, 1);
    v = noise(elements, types.kv, 2);
    const std::int64_t cols = std::int64_t{shape.heads} * shape.head_dim;
    q = noise(static_cast<std::size_t>(start.back() * cols), types.q, 3);
    y.resize(static_cast<std::size_t>(start.back() * cols) * dtype_size(y_type));
    args.q = ConstTensorView(q.data(), types.q, start.back(), cols);
    args.kv = {k.data(),           v.data(),       types.kv,      blocks,
               shape.block_tokens, shape.kv_heads, shape.head_dim};
    if (types.kv == DType::kI8) {
      for (std::size_t row = 0; row < elements / static_cast<std::size_t>(shape.head_dim); ++row) {
        k_scale.push_back(0.02F + 0.003F * static_cast<float>(row % 13));
        v_scale.push_back(0.05F - 0.002F * static_cast<float>(row % 17));
      }
      args.kv.k_scale = k_scale.data();
      args.kv.v_scale = v_scale.data();
    }
    args.heads = shape.heads;
    args.scale = 1.0F / std::sqrt(static_cast<float>(shape.head_dim));
    args.query_start = start;
    args.context = context;
    args.block_table = table.data();
    args.max_blocks = per_sequence;
    args.window = shape.window;
    args.sinks = shape.sinks;
    args.y = TensorView(y.data(), y_type, start.back(), cols);
  }

  [[nodiscard]] float at(std::size_t i) const {
    float value = 0.0F;
    std::uint16_t bits = 0;
    if (args.y.dtype == DType::kF32) {
      std::memcpy(&value, y.data() + i * 4, 4);
      return value;
    }
    std::memcpy(&bits, y.data() + i * 2, 2);
    return bf16_to_float(bits);
  }

  std::vector<std::int32_t> start, context, table;
  std::vector<std::byte> k, v, q, y;
  std::vector<float> k_scale, v_scale;
  AttendPagedArgs args;
};

class AttendPaged : public testing::TestWithParam<std::tuple<Isa, Case>> {
 protected:
  void SetUp() override {
    if (!isa_supported(isa())) {
      GTEST_SKIP() << "this machine has no " << isa_name(isa());
    }
  }
  static Isa isa() { return std::get<0>(GetParam()); }
  static const Case& shape() { return std::get<1>(GetParam()); }

  static void check(Types types, DType y_type, float tolerance) {
    Problem want(shape(), types, DType::kF32);
    Problem got(shape(), types, y_type);
    reference::attend_paged(want.args);
    Context context(2, false, isa());
    attend_paged(context, got.args);
    for (std::size_t i = 0; i < want.y.size() / 4; ++i) {
      ASSERT_NEAR(got.at(i), want.at(i), tolerance * (1.0F + std::fabs(want.at(i))))
          << "element " << i;
    }
  }
};

TEST_P(AttendPaged, FloatMatchesTheReference) {
  check({DType::kF32, DType::kF32}, DType::kF32, 6e-6F);
}

// The cache is exact in float: only P is rounded, and only where the bf16 kernels run.
TEST_P(AttendPaged, FloatQueriesReadABf16Cache) {
  check({DType::kF32, DType::kBF16}, DType::kF32, 6e-6F);
}

// Where bytes have a product (the tiers that have one of bf16), a single query is taken as 14-bit
// numbers, and so are the weights of V.
TEST_P(AttendPaged, FloatQueriesReadAnInt8Cache) {
  check({DType::kF32, DType::kI8}, DType::kF32, bf16_products(isa()) ? 1e-3F : 6e-6F);
}

// Here the keys and values of a chunk are narrowed to bf16 as well, which a cache of bf16 spares.
// The tiles of amx take keys and values as bf16 only: those of int8 are rounded once more on the
// way.
TEST_P(AttendPaged, Bf16QueriesReadAnInt8Cache) {
  check({DType::kBF16, DType::kI8}, DType::kBF16, isa() == Isa::kAmx ? 0x1p-6F : 0x1.cp-7F);
}

TEST_P(AttendPaged, Bf16IsWithinItsRounding) {
  check({DType::kBF16, DType::kBF16}, DType::kBF16, 0x1p-7F);
}

TEST_P(AttendPaged, Bf16QueriesReadAFloatCache) {
  check({DType::kBF16, DType::kF32}, DType::kBF16, 0x1p-8F);
}

TEST_P(AttendPaged, ThreadsDoNotChangeABit) {
  for (const DType kv : {DType::kF32, DType::kBF16, DType::kI8}) {
    const DType type = kv == DType::kF32 ? DType::kF32 : DType::kBF16;
    Problem one(shape(), {type, kv}, type);
    Problem three(shape(), {type, kv}, type);
    Context context1(1, false, isa());
    Context context3(3, false, isa());
    attend_paged(context1, one.args);
    attend_paged(context3, three.args);
    attend_paged(context3, three.args);
    EXPECT_EQ(one.y, three.y);
  }
}

const Case kCases[] = {
    {"DecodeOne", {{1, 1}}},
    {"DecodeShort", {{1, 15}, {1, 16}, {1, 17}, {1, 300}}, 4, 2, 128},
    {"DecodeSplitEdges", {{1, 255}, {1, 256}, {1, 257}, {1, 513}}, 8, 1, 64},
    {"DecodeOddGroup", {{1, 100}}, 7, 1, 80},
    {"DecodeNoGroup", {{1, 40}}, 3, 3, 16},
    {"DecodeWide", {{1, 777}, {1, 3}}, 24, 2, 256},
    {"DecodeWindow", {{1, 700}, {1, 20}, {1, 64}}, 4, 2, 64, 16, 50, 0, true},
    {"DecodeWindowSinks", {{1, 700}, {1, 20}, {1, 54}, {1, 55}}, 4, 2, 64, 16, 50, 4, true},
    {"DecodeBlocksOfThree", {{1, 31}}, 2, 1, 32, 3},
    {"PrefillTwo", {{2, 2}}},
    {"PrefillPrime", {{37, 37}}, 4, 2, 128},
    {"PrefillTile", {{31, 31}, {32, 32}, {33, 33}}, 2, 2, 64},
    {"PrefillChunk", {{50, 300}}, 8, 2, 64},
    {"PrefillManyTiles", {{150, 290}}, 4, 2, 48},
    {"PrefillDim72", {{20, 140}}, 2, 1, 72},
    {"PrefillWindow", {{40, 400}}, 4, 2, 64, 16, 33, 0, true},
    {"PrefillWindowSinks", {{200, 300}}, 2, 1, 64, 16, 40, 5, true},
    {"PrefillBlocksOfFive", {{9, 77}}, 2, 1, 32, 5},
    {"Mixed", {{1, 300}, {17, 40}, {0, 12}, {1, 1}, {5, 5}}, 4, 2, 128},
    {"NoQueries", {{0, 5}}},
};

INSTANTIATE_TEST_SUITE_P(
    Isa, AttendPaged, testing::Combine(testing::ValuesIn(tested_isas()), testing::ValuesIn(kCases)),
    [](const auto& param) {
      return std::string(isa_name(std::get<0>(param.param))) + "_" + std::get<1>(param.param).name;
    });

}  // namespace
}  // namespace monocle::cpu
