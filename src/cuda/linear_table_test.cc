// SPDX-License-Identifier: Apache-2.0
#include "cuda/linear_table.h"

#include <gtest/gtest.h>

#include <array>

namespace monocle::cuda {
namespace {

constexpr std::size_t kShared = 227 * 1024;
alignas(16) std::array<std::byte, 64> memory;

LinearArgs args_of(std::int64_t rows, std::int64_t cols, QuantFormat format = QuantFormat::kBF16) {
  LinearArgs args;
  args.x = {memory.data(), DType::kBF16, rows, cols};
  args.w.part[0] = {memory.data(), nullptr, format, 64, cols};
  args.w.parts = 1;
  args.y = {memory.data(), DType::kF32, rows, 64};
  return args;
}

TEST(LinearTable, FewRowsStreamManyRowsTile) {
  EXPECT_EQ(choose_linear(args_of(1, 2048), kShared), LinearKernel::kSkinny);
  EXPECT_EQ(choose_linear(args_of(16, 2048), kShared), LinearKernel::kSkinny);
  EXPECT_EQ(choose_linear(args_of(17, 2048), kShared), LinearKernel::kTiles);
}

TEST(LinearTable, RowsThatDoNotFitSharedMemoryTile) {
  EXPECT_EQ(choose_linear(args_of(16, 6144), kShared), LinearKernel::kSkinny);
  EXPECT_EQ(choose_linear(args_of(16, 6144), 100 * 1024), LinearKernel::kTiles);
  EXPECT_EQ(choose_linear(args_of(16, 25600), kShared), LinearKernel::kTiles);
}

TEST(LinearTable, WhatCannotBeReadInSixteenBytesIsSimple) {
  EXPECT_EQ(choose_linear(args_of(1, 2044), kShared), LinearKernel::kSimple);
  EXPECT_EQ(choose_linear(args_of(1, 2048, QuantFormat::kInt8Channel), kShared),
            LinearKernel::kSimple);
  LinearArgs wide = args_of(1, 2048);
  wide.x.dtype = DType::kF32;
  EXPECT_EQ(choose_linear(wide, kShared), LinearKernel::kSimple);
  LinearArgs strided = args_of(3, 2048);
  strided.x.row_stride = 2049;
  EXPECT_EQ(choose_linear(strided, kShared), LinearKernel::kSimple);
  LinearArgs shifted = args_of(1, 2048);
  shifted.w.part[0].data = memory.data() + 2;
  EXPECT_EQ(choose_linear(shifted, kShared), LinearKernel::kSimple);
}

TEST(LinearTable, OnlyTheNormThatMakesXIsFused) {
  alignas(16) static std::array<float, 16> hidden;
  alignas(16) static std::array<float, 16> sums;
  LinearArgs linear = args_of(1, 2048);
  linear.y.data = sums.data();
  NormArgs norm;
  norm.x = {hidden.data(), DType::kF32, 1, 2048};
  norm.weight = hidden.data();
  norm.y = {memory.data(), DType::kBF16, 1, 2048};
  EXPECT_TRUE(fuses_norm(norm, linear, kShared));
  NormArgs layer = norm;
  layer.kind = NormKind::kLayer;
  EXPECT_FALSE(fuses_norm(layer, linear, kShared));
  NormArgs other = norm;
  other.y.data = memory.data() + 16;
  EXPECT_FALSE(fuses_norm(other, linear, kShared));
  linear.y.data = hidden.data();  // would overwrite what other blocks still read
  EXPECT_FALSE(fuses_norm(norm, linear, kShared));
}

}  // namespace
}  // namespace monocle::cuda
