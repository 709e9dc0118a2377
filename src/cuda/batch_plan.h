// SPDX-License-Identifier: Apache-2.0
// How linear_batch divides its work: a pure host function of shapes and of the device, so that a
// test without a GPU can read it.
#pragma once

#include <cstdint>

#include "ops/args.h"

namespace monocle::cuda {

inline constexpr int kBatchCluster = 4;  // blocks that share out the columns of a tile
inline constexpr int kBatchMostRows = 64;
inline constexpr int kBatchBox = 64;  // rows of W, and columns, of one copy
// Up to so many rows of x a cluster stays for several tiles; with more, one takes one.
inline constexpr int kBatchStayTokens = 32;
inline constexpr int kSquareParts = 256;  // of a row's sum of squares, at most

// A tile is 128 rows of W (wide) or 64; a cluster computes it for all rows of x.
// For SwiGLU the halves of a wide tile are gate rows and the same rows of up.
struct BatchPlan {
  bool fits = false;
  bool wide = false;
  int tokens = 0;  // rows of x there is room for: 32 or 64
  int tiles = 0;
  int groups = 0;  // clusters that run, each over every groups-th
  int slice = 0;   // columns of a block
};

// Both are 0 where its code or the driver for it is missing, or it is not wanted.
struct BatchDevice {
  int multiprocessors = 0;
  // That run side by side with a multiprocessor for each block: where four lie close together.
  int clusters = 0;
};

BatchPlan plan_batch(const LinearArgs& args, const BatchDevice& device);

// The parts in which linear_batch leaves a row's sum of squares of y, one after the other.
int square_parts(const BatchPlan& plan);

}  // namespace monocle::cuda
