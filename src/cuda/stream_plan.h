// SPDX-License-Identifier: Apache-2.0
// How linear_stream divides its work: a pure host function of shapes and of the device, so that a
// test without a GPU can read it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/int4_tiles.h"
#include "ops/args.h"

namespace monocle::cuda {

struct StreamDevice {
  std::size_t shared_bytes = 0;  // what a block may use at most
  int multiprocessors = 0;
  bool clusters = false;  // blocks can read each other's shared memory: compute capability 9
};

inline constexpr int kStreamRows = 64;  // of x, at most
inline constexpr int kMaxCluster = 8;
inline constexpr int kStreamWarps = 8;
inline constexpr int kStreamSegment = 256;    // columns of x that a warp loads at a time
inline constexpr int kStreamTokenPitch = 20;  // floats between rows of x in the partial sums

// The ring through which a warp's part of W passes: stages of 16 rows of so many bytes.
struct StreamRing {
  int row_bytes;
  int stages;
  int int4_stages;  // of 256 columns each
};
inline constexpr StreamRing kNarrowRing{256, 3, 5};
inline constexpr StreamRing kWideRing{128, 3, 3};  // x needs room as well
inline constexpr int kInt4StageColumns = 256;
inline constexpr int kInt4StageBytes = 4 * kInt4BlockBytes;  // 16 rows
constexpr int stream_stages(const StreamRing& ring, QuantFormat format) {
  return format == QuantFormat::kInt4Group ? ring.int4_stages : ring.stages;
}

// A tile is 16 rows of W whose columns the 8 warps of a block share out (narrow), or 128 rows, 16
// per warp, whose columns the blocks of a cluster share out (wide). For SwiGLU half of each 16 rows
// are gate rows, half the same rows of up.
struct StreamPlan {
  bool fits = false;
  bool narrow = false;
  int token_tiles = 1;  // of 8 rows of x: 1, 2, 4 or 8
  int cluster = 1;      // blocks that share a tile's columns
  int slice = 0;        // columns of a block
  int chunks = 0;       // of a warp per tile
  int pitch = 0;        // elements between rows of x in shared memory
  int tiles = 0;
  int groups = 0;  // clusters that run, each over every groups-th tile
  std::size_t shared_bytes = 0;
};
StreamPlan plan_stream(const LinearArgs& args, const StreamDevice& device);

}  // namespace monocle::cuda
