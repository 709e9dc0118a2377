// SPDX-License-Identifier: Apache-2.0
#include "cpu/linear_table.h"

#include <gtest/gtest.h>

#include <string>

namespace monocle::cpu {
namespace {

TEST(LinearTableTest, EveryCombinationHasAKernel) {
  for (int isa = 0; isa < kIsaCount; ++isa) {
    for (const FormatInfo& info : formats()) {
      for (DType x : {DType::kF32, DType::kBF16}) {
        for (std::int64_t m : {1, 8, 9, 4096}) {
          const LinearKernel kernel = linear_kernel({info.format, x, static_cast<Isa>(isa), m});
          EXPECT_NE(kernel.function, nullptr) << info.name;
          EXPECT_NE(std::string(kernel.name), "");
        }
      }
    }
  }
}

TEST(LinearTableTest, NamesSayWhatRuns) {
  const auto name = [](QuantFormat format, DType x, Isa isa, std::int64_t m) {
    return std::string(linear_kernel({format, x, isa, m}).name);
  };
  EXPECT_EQ(name(QuantFormat::kBF16, DType::kBF16, Isa::kAvx512, 1), "dot bf16 x bf16");
  EXPECT_EQ(name(QuantFormat::kBF16, DType::kBF16, Isa::kAvx2, 1), "dot bf16 x bf16, both widened");
  EXPECT_EQ(name(QuantFormat::kBF16, DType::kBF16, Isa::kAvx2Vnni, 1),
            "dot bf16 x bf16, both widened");
  EXPECT_EQ(name(QuantFormat::kBF16, DType::kBF16, Isa::kNeon, 512), "dot bf16 x bf16");
  EXPECT_EQ(name(QuantFormat::kBF16, DType::kF32, Isa::kAmx, 512), "dot f32 x bf16 widened");
  EXPECT_EQ(name(QuantFormat::kInt8Channel, DType::kF32, Isa::kAvx2, 3), "dot int8 x int8");
  EXPECT_EQ(name(QuantFormat::kF16, DType::kBF16, Isa::kAvx512, 3), "rows unpacked, dot f32 x f32");
  EXPECT_EQ(name(QuantFormat::kBF16, DType::kBF16, Isa::kAmx, 4), "dot bf16 x bf16");
  if (isa_supported(Isa::kAvx512)) {
    EXPECT_EQ(name(QuantFormat::kBF16, DType::kBF16, Isa::kAvx512, 32), "dot bf16 x bf16");
    EXPECT_EQ(name(QuantFormat::kBF16, DType::kBF16, Isa::kAvx512, 33), "panel bf16 x bf16");
    EXPECT_EQ(name(QuantFormat::kBF16, DType::kF32, Isa::kAvx512, 33), "dot f32 x bf16 widened");
    EXPECT_EQ(name(QuantFormat::kInt8Channel, DType::kF32, Isa::kAvx512, 33), "panel int8 x int8");
    EXPECT_EQ(name(QuantFormat::kInt4Group, DType::kF32, Isa::kAvx512, 33),
              "panel int4 groups x int8");
  }
  if (isa_supported(Isa::kAmx)) {
    EXPECT_EQ(name(QuantFormat::kBF16, DType::kBF16, Isa::kAmx, 5), "amx bf16 x bf16");
    EXPECT_EQ(name(QuantFormat::kInt8Channel, DType::kF32, Isa::kAmx, 512), "amx int8 x int8");
  }
  EXPECT_EQ(name(QuantFormat::kInt4Group, DType::kBF16, Isa::kAvx2, 16), "int4 groups x int8");
  EXPECT_EQ(name(QuantFormat::kInt4Group, DType::kBF16, Isa::kAmx, 17),
            "int4 groups expanded, int8 x int8");
  EXPECT_FALSE(linear_native(QuantFormat::kF16));
  EXPECT_TRUE(linear_native(QuantFormat::kBF16));
  EXPECT_TRUE(linear_native(QuantFormat::kInt8Channel));
}

// One body for both tiers would pass every comparison with the reference.
TEST(LinearTableTest, TiersThatDifferHaveKernelsOfTheirOwn) {
  const auto function = [](QuantFormat format, Isa isa) {
    return linear_kernel({format, DType::kF32, isa, 1}).function;
  };
  const Isa narrow = isa_built(Isa::kNeon) ? Isa::kPortable : Isa::kAvx2;
  const Isa wide = isa_built(Isa::kNeon) ? Isa::kNeon : Isa::kAvx2Vnni;
  if (!isa_built(wide)) {
    GTEST_SKIP() << "a build of portable alone";
  }
  for (QuantFormat format : {QuantFormat::kInt8Channel, QuantFormat::kInt4Group}) {
    EXPECT_NE(function(format, narrow), function(format, wide)) << format_info(format).name;
  }
}

// What a server relies on: one kernel for a row alone and a row among many.
TEST(LinearTableTest, BatchInvariantMeansOneKernelForBf16) {
  for (int isa = 0; isa < kIsaCount; ++isa) {
    const auto kernel = [&](std::int64_t m) {
      return linear_kernel({.format = QuantFormat::kBF16,
                            .x = DType::kBF16,
                            .isa = static_cast<Isa>(isa),
                            .m = m,
                            .batch_invariant = true})
          .function;
    };
    for (const std::int64_t m : {2, 4, 5, 16, 32, 33, 128, 4096}) {
      EXPECT_EQ(kernel(1), kernel(m)) << "isa " << isa << ", " << m << " rows";
    }
  }
}

}  // namespace
}  // namespace monocle::cpu
