// SPDX-License-Identifier: Apache-2.0
// Every instruction set against the plain definition of the sums.
#include "media/resize_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace monocle::media {
namespace {

std::vector<std::uint8_t> noise(std::size_t size, std::uint32_t seed) {
  std::vector<std::uint8_t> values(size);
  std::uint32_t state = seed;
  for (std::uint8_t& value : values) {
    state = state * 1664525U + 1013904223U;
    // Many extremes: they are what overflows.
    const std::uint32_t kind = state >> 30;
    value = static_cast<std::uint8_t>(kind == 0 ? 0 : kind == 1 ? 255 : (state >> 16) & 255);
  }
  return values;
}

// sum over taps of weight * in[(first + tap) * step], rounded and clamped, in 64 bits
std::uint8_t exact(const AxisTaps& taps, std::size_t i, const std::uint8_t* in, std::size_t step) {
  std::int64_t sum = std::int64_t{1} << (taps.bits - 1);
  for (std::int32_t tap = 0; tap < taps.count[i]; ++tap) {
    sum += std::int64_t{taps.weights_of(i)[tap]} *
           in[static_cast<std::size_t>(taps.first[i] + tap) * step];
  }
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum >> taps.bits, 0, 255));
}

class Kernels : public testing::TestWithParam<ResizeKernels> {};

TEST_P(Kernels, ColumnsEqualTheDefinition) {
  for (const ResizeForm form : {ResizeForm::kTorchvision, ResizeForm::kPillow}) {
    for (const auto& [in, out] : {std::pair{40, 17}, {17, 40}, {1, 5}, {300, 2}}) {
      const AxisTaps taps = make_taps(in, out, form);
      constexpr std::size_t kStep = 3 * kResizeLanes;
      const auto columns = noise(static_cast<std::size_t>(in) * kStep, 1);
      std::vector<std::uint8_t> result(static_cast<std::size_t>(out) * kStep);
      GetParam().filter_columns(columns.data(), taps, result.data());
      for (std::size_t i = 0; i < result.size(); ++i) {
        ASSERT_EQ(result[i], exact(taps, i / kStep, columns.data() + i % kStep, kStep));
      }
    }
  }
}

TEST_P(Kernels, RowsEqualTheDefinitionAtEveryWidth) {
  const AxisTaps taps = make_taps(23, 9, ResizeForm::kTorchvision);
  for (const std::size_t width : {1U, 15U, 16U, 63U, 64U, 65U, 80U, 128U, 200U}) {
    const auto rows = noise(23 * width, 2);
    std::vector<std::uint8_t> result(width);
    for (std::size_t y = 0; y < 9; ++y) {
      GetParam().filter_row(rows.data() + static_cast<std::size_t>(taps.first[y]) * width, width,
                            taps, y, result.data());
      for (std::size_t x = 0; x < width; ++x) {
        ASSERT_EQ(result[x], exact(taps, y, rows.data() + x, width));
      }
    }
  }
}

TEST_P(Kernels, Transpose) {
  const auto block = noise(kResizeLanes * 20, 3);
  const std::uint8_t* rows[kResizeLanes];
  for (std::size_t row = 0; row < kResizeLanes; ++row) {
    rows[row] = block.data() + row * 20;
  }
  std::vector<std::uint8_t> result(kResizeLanes * kResizeLanes);
  GetParam().transpose(rows, result.data());
  for (std::size_t i = 0; i < result.size(); ++i) {
    ASSERT_EQ(result[i], rows[i % kResizeLanes][i / kResizeLanes]);
  }
}

std::string isa_name(const testing::TestParamInfo<ResizeKernels>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Isa, Kernels,
                         testing::ValuesIn(resize_kernels().begin(), resize_kernels().end()),
                         isa_name);

}  // namespace
}  // namespace monocle::media
