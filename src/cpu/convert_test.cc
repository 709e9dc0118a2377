// SPDX-License-Identifier: Apache-2.0
#include "cpu/convert.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "base/dtype.h"
#include "cpu/simd_includes.h"

namespace monocle::cpu {
namespace {

class ConvertTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!isa_supported(GetParam())) {
      GTEST_SKIP() << "this machine lacks " << isa_name(GetParam());
    }
  }
};

// Values around every rounding and class boundary: halves, subnormals, NaNs, infinities, both
// signs.
std::vector<float> awkward_values(std::size_t count) {
  std::vector<float> values;
  std::uint32_t state = 12345;
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    const std::uint32_t low = i % 3 == 0 ? 0x8000U : (i % 3 == 1 ? 0x7fffU : state & 0xffffU);
    values.push_back(std::bit_cast<float>((state & 0xffff0000U) | low));
  }
  return values;
}

TEST_P(ConvertTest, BFloat16MatchesTheScalarConversionForEveryLength) {
  const ConvertKernels kernels = convert_kernels(GetParam());
  const std::vector<float> in = awkward_values(5000);
  for (std::size_t count : {0U, 1U, 3U, 7U, 8U, 15U, 16U, 17U, 31U, 33U, 5000U}) {
    std::vector<std::uint16_t> out(count + 1, 0xabcdU);
    kernels.bf16_from_float(in.data(), out.data(), static_cast<std::int64_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(out[i], float_to_bf16(in[i])) << "element " << i << " of " << count;
    }
    ASSERT_EQ(out[count], 0xabcdU) << "wrote past the end at " << count;
    std::vector<float> back(count + 1, 42.0F);
    kernels.float_from_bf16(out.data(), back.data(), static_cast<std::int64_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(back[i]), std::uint32_t{out[i]} << 16);
    }
    ASSERT_EQ(back[count], 42.0F);
  }
}

TEST_P(ConvertTest, ExpIsAccurateOverItsRangeAndExactAtItsEnds) {
  const ConvertKernels kernels = convert_kernels(GetParam());
  std::vector<float> in;
  for (float x = -87.3F; x < 88.36F; x += 0.0137F) {
    in.push_back(x);
  }
  std::vector<float> out(in.size());
  kernels.exp(in.data(), out.data(), static_cast<std::int64_t>(in.size()));
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double exact = std::exp(static_cast<double>(in[i]));
    ASSERT_LT(std::fabs(static_cast<double>(out[i]) - exact), 2.5e-7 * exact) << in[i];
  }
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> ends = {0.0F,      -kInfinity, -100.0F,      -1e30F,
                                   kInfinity, 89.0F,      std::nanf("")};
  std::vector<float> got(ends.size());
  kernels.exp(ends.data(), got.data(), static_cast<std::int64_t>(ends.size()));
  EXPECT_EQ(got[0], 1.0F);
  EXPECT_EQ(got[1], 0.0F);
  EXPECT_EQ(got[2], 0.0F);
  EXPECT_EQ(got[3], 0.0F);
  EXPECT_EQ(got[4], kInfinity);
  EXPECT_EQ(got[5], kInfinity);
  EXPECT_TRUE(std::isnan(got[6]));
}

INSTANTIATE_TEST_SUITE_P(Isa, ConvertTest,
                         testing::Values(Isa::kPortable, Isa::kAvx2, Isa::kAvx512, Isa::kNeon),
                         [](const auto& param) { return isa_name(param.param); });

TEST(IsaTest, ForcedTiers) {
  EXPECT_EQ(choose_isa("").value(), best_isa());
  EXPECT_EQ(choose_isa("portable").value(), Isa::kPortable);
  const auto unknown = choose_isa("sse9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(unknown.error().message.find("sse9"), std::string::npos);
  EXPECT_TRUE(isa_supported(best_isa()));
  for (int i = 0; i < kIsaCount; ++i) {
    const Isa isa = static_cast<Isa>(i);
    EXPECT_LE(isa_supported(isa), isa_built(isa)) << isa_name(isa);
    EXPECT_FALSE(isa_supported(isa) && isa > best_isa()) << isa_name(isa);
    const auto chosen = choose_isa(isa_name(isa));
    EXPECT_EQ(chosen.has_value(), isa_supported(isa));
    if (!chosen) {
      EXPECT_EQ(chosen.error().code, ErrorCode::kUnsupported);
    }
  }
}

#if MONOCLE_CPU_X86 && !MONOCLE_CPU_VNNI_EVEX
// Machines of avx2vnni have VPDPBUSD behind a VEX prefix only, and most that run this test cannot
// execute that: VEX.256.66.0F38.W0 50 /r, as inline assembly with the tier's spelling comes out.
TEST(IsaTest, TheProductOfBytesHasTheEncodingOfAvxVnni) {
  const std::uint8_t* code = nullptr;
  asm("jmp 2f\n"
      "1: " MONOCLE_VPDPBUSD
      " %%ymm2, %%ymm1, %%ymm0\n"
      "2: leaq 1b(%%rip), %0"
      : "=r"(code));
  const std::vector<std::uint8_t> expected = {0xc4, 0xe2, 0x75, 0x50, 0xc2};
  EXPECT_EQ(std::vector<std::uint8_t>(code, code + expected.size()), expected);
}
#endif

}  // namespace
}  // namespace monocle::cpu
