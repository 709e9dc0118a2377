// SPDX-License-Identifier: Apache-2.0
#include "cuda/linear_table.h"

#include <gtest/gtest.h>

#include <array>

#include "cuda/test_linear.h"

namespace monocle::cuda {
namespace {

constexpr LinearDevice kOld{{227 * 1024, 132, false}, false};
constexpr LinearDevice kHopper{{227 * 1024, 132, true}, true};

LinearArgs args_of(std::int64_t rows, std::int64_t cols, QuantFormat format = QuantFormat::kBF16) {
  return test::args_of(rows, cols, {64}, format);
}

TEST(LinearTable, FewRowsStreamManyRowsTile) {
  EXPECT_EQ(choose_linear(args_of(1, 2048), kOld), LinearKernel::kStream);
  EXPECT_EQ(choose_linear(args_of(16, 2048), kOld), LinearKernel::kStream);
  EXPECT_EQ(choose_linear(args_of(64, 2048), kOld), LinearKernel::kTiles);
  EXPECT_EQ(choose_linear(args_of(64, 2048), kHopper), LinearKernel::kStream);
  EXPECT_EQ(choose_linear(args_of(65, 2048), kOld), LinearKernel::kTiles);
}

TEST(LinearTable, RowsThatDoNotFitSharedMemoryTile) {
  EXPECT_EQ(choose_linear(args_of(8, 6144), kOld), LinearKernel::kStream);
  EXPECT_EQ(choose_linear(args_of(8, 6144), LinearDevice{{100 * 1024, 132, false}, false}),
            LinearKernel::kTiles);
  EXPECT_EQ(choose_linear(args_of(16, 25600), kOld), LinearKernel::kTiles);
}

TEST(LinearTable, WhatCannotBeReadInSixteenBytesIsSimple) {
  EXPECT_EQ(choose_linear(args_of(1, 2044), kOld), LinearKernel::kSimple);
  for (const QuantFormat format : {QuantFormat::kInt8Channel, QuantFormat::kFp8Channel}) {
    EXPECT_EQ(choose_linear(args_of(1, 2048, format), kOld), LinearKernel::kStream);
    EXPECT_EQ(choose_linear(args_of(1, 2056, format), kOld), LinearKernel::kSimple);
  }
  LinearArgs wide = args_of(1, 2048);
  wide.x.dtype = DType::kF32;
  EXPECT_EQ(choose_linear(wide, kOld), LinearKernel::kSimple);
  LinearArgs strided = args_of(3, 2048);
  strided.x.row_stride = 2049;
  EXPECT_EQ(choose_linear(strided, kOld), LinearKernel::kSimple);
  LinearArgs shifted = args_of(1, 2048);
  shifted.w.part[0].data = test::memory.data() + 2;
  EXPECT_EQ(choose_linear(shifted, kOld), LinearKernel::kSimple);
}

TEST(LinearTable, ManyRowsGoToWhatHopperAdds) {
  EXPECT_EQ(choose_linear(args_of(65, 2048), kHopper), LinearKernel::kSm90);
  EXPECT_EQ(choose_linear(args_of(64, 2048), kHopper), LinearKernel::kStream);
  EXPECT_EQ(choose_linear(args_of(65, 2048), kOld), LinearKernel::kTiles);
  for (const QuantFormat format : {QuantFormat::kInt8Channel, QuantFormat::kFp8Channel}) {
    EXPECT_EQ(choose_linear(args_of(65, 2048, format), kHopper), LinearKernel::kSm90);
    EXPECT_EQ(choose_linear(args_of(65, 2056, format), kHopper), LinearKernel::kSimple);
    EXPECT_EQ(choose_linear(args_of(65, 2048, format), kOld), LinearKernel::kSlices);
    EXPECT_EQ(linear_slice(args_of(65, 2048, format), kOld.stream), 32);
    EXPECT_EQ(linear_slice(args_of(8, 2048, format), kOld.stream), 0);
    LinearArgs odd = args_of(65, 2048, format);
    odd.w.part[0].rows = 60;
    EXPECT_EQ(choose_linear(odd, kHopper), LinearKernel::kSlices);
  }
  // Above, 4-bit groups run as int8 rows.
  EXPECT_EQ(choose_linear(args_of(64, 2048, QuantFormat::kInt4Group), kHopper),
            LinearKernel::kStream);
  EXPECT_NE(choose_linear(args_of(65, 2048, QuantFormat::kInt4Group), kHopper),
            LinearKernel::kSm90);
  LinearArgs wide = args_of(65, 2048);
  wide.x.dtype = DType::kF32;
  EXPECT_EQ(choose_linear(wide, kHopper), LinearKernel::kSm90);
  LinearArgs strided = args_of(65, 2048);
  strided.y.row_stride = 69;
  EXPECT_EQ(choose_linear(strided, kHopper), LinearKernel::kTiles);
  LinearArgs odd = args_of(65, 2048);
  odd.w.part[0].rows = 60;
  EXPECT_EQ(choose_linear(odd, kHopper), LinearKernel::kTiles);
}

TEST(LinearTable, BatchesHaveTheirOwnWhereTheyFit) {
  LinearDevice device = kHopper;
  device.batch = {132, 30};
  EXPECT_EQ(choose_linear(args_of(16, 2048), device), LinearKernel::kStream);
  EXPECT_EQ(choose_linear(args_of(32, 2048), device), LinearKernel::kBatch);
  EXPECT_EQ(choose_linear(args_of(64, 2048), device), LinearKernel::kBatch);
  EXPECT_EQ(choose_linear(args_of(65, 2048), device), LinearKernel::kSm90);
  EXPECT_EQ(choose_linear(args_of(32, 2048, QuantFormat::kInt8Channel), device),
            LinearKernel::kStream);
}

TEST(LinearTable, BatchInvariantMeansOneKernelForAllRows) {
  for (LinearDevice device : {kOld, kHopper}) {
    device.batch_invariant = true;
    for (const QuantFormat format :
         {QuantFormat::kBF16, QuantFormat::kInt8Channel, QuantFormat::kInt4Group}) {
      const LinearKernel one = choose_linear(args_of(1, 2048, format), device);
      EXPECT_NE(one, LinearKernel::kStream);
      for (const std::int64_t rows : {2, 9, 64, 65, 1000}) {
        EXPECT_EQ(choose_linear(args_of(rows, 2048, format), device), one) << rows;
      }
    }
  }
  const Sm90Tiling one = linear_sm90_tiling(args_of(1, 6144), 132, true);
  const Sm90Tiling many = linear_sm90_tiling(args_of(16384, 6144), 132, true);
  EXPECT_EQ(one.rows, many.rows);
  EXPECT_EQ(one.splits, 1);
  EXPECT_EQ(many.splits, 1);
}

TEST(LinearTable, Sm90TilesFillTheGpu) {
  LinearArgs args = args_of(512, 2048);
  args.w.part[0].rows = 2048;
  EXPECT_EQ(linear_sm90_tiling(args, 132).rows, 64);  // 64 clusters of two blocks instead of 16
  EXPECT_EQ(linear_sm90_tiling(args, 132).splits, 1);
  args.x.cols = args.w.part[0].cols = 6144;
  EXPECT_EQ(linear_sm90_tiling(args, 132).rows, 128);
  EXPECT_EQ(linear_sm90_tiling(args, 132).splits, 2);  // wider tiles, and as many of them
  args.x.rows = 16384;
  EXPECT_EQ(linear_sm90_tiling(args, 132).rows, 256);
  EXPECT_EQ(linear_sm90_tiling(args, 132).splits, 1);
  args.x.cols = args.w.part[0].cols = 64;
  EXPECT_EQ(linear_sm90_tiling(args, 132).splits, 1);  // too short to split
  EXPECT_EQ(linear_sm90_columns(args, 256), 8);
  args.w.part[1] = args.w.part[0];
  args.w.part[1].rows = 8;
  args.w.parts = 2;
  EXPECT_EQ(linear_sm90_columns(args, 256), 9);  // a tile lies within one part
  args.w.part[1].rows = 2048;
  args.epilogue = Epilogue::kSwiGlu;
  EXPECT_EQ(linear_sm90_columns(args, 256), 16);
}

TEST(LinearTable, OnlyTheNormThatMakesXIsFused) {
  alignas(16) static std::array<float, 16> hidden;
  alignas(16) static std::array<float, 16> sums;
  LinearArgs linear = args_of(1, 2048);
  linear.y.data = sums.data();
  NormArgs norm;
  norm.x = {hidden.data(), DType::kF32, 1, 2048};
  norm.weight = hidden.data();
  norm.y = {test::memory.data(), DType::kBF16, 1, 2048};
  EXPECT_TRUE(fuses_norm(norm, linear, kOld));
  NormArgs layer = norm;
  layer.kind = NormKind::kLayer;
  EXPECT_FALSE(fuses_norm(layer, linear, kOld));
  NormArgs other = norm;
  other.y.data = test::memory.data() + 16;
  EXPECT_FALSE(fuses_norm(other, linear, kOld));
  linear.y.data = hidden.data();  // would overwrite what other blocks still read
  EXPECT_FALSE(fuses_norm(norm, linear, kOld));
}

}  // namespace
}  // namespace monocle::cuda
