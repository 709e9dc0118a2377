// SPDX-License-Identifier: Apache-2.0
// The variants of linear_stream, and which rows of W a warp takes.
#pragma once

#include "cuda/kernels/linear_stream_x.cuh"

namespace monocle::cuda {

// Spreads the pieces of a stage's rows over the banks: eight neighbouring rows differ, and two
// neighbouring ones by four.
__device__ constexpr int stream_swizzle(int row) { return (row & 1) << 2 | (row >> 1 & 3); }

// kSharing: warps that share a tile's columns.
template <int kSharing_, int kTokenTiles_, bool kSwiGlu_, QuantFormat kFormat_, int kRowBytes_,
          int kStages_>
struct StreamKind {
  static constexpr int kSharing = kSharing_;
  static constexpr int kTokenTiles = kTokenTiles_;
  static constexpr bool kSwiGlu = kSwiGlu_;
  static constexpr QuantFormat kFormat = kFormat_;
  static constexpr bool kBytes = is_byte_channel(kFormat);
  static constexpr bool kInt4 = kFormat == QuantFormat::kInt4Group;
  static constexpr int kRowBytes = kRowBytes_;  // of a row of a stage
  static constexpr int kStages = kStages_;
  static constexpr int kElement = kBytes || kInt4 ? 1 : 2;  // int4: bytes are columns
  static constexpr int kPieces = kRowBytes / 16;
  static constexpr int kRowsAtOnce = 32 / kPieces;
  static constexpr int kCopies = 16 / kRowsAtOnce;  // of a lane per stage
  static constexpr int kRowPitch = kRowBytes;       // in shared memory
  static constexpr int kStageBytes = kInt4 ? kInt4StageBytes : 16 * kRowPitch;
  static constexpr int kRingBytes = kStreamWarps * kStages * kStageBytes;
  static constexpr int kColumns = kInt4 ? kInt4StageColumns : kRowBytes / kElement;
  static constexpr int kOut = kSwiGlu ? 8 : 16;                          // results of 16 rows of W
  static constexpr int kTileOut = kOut * (kStreamWarps / kSharing);      // of a block's tile
  static constexpr int kWarpRoom = 8 * kTokenTiles * kStreamTokenPitch;  // floats
  static constexpr int kRoom = kStreamWarps * kWarpRoom;
  using Sums = float[2][kTokenTiles][4];  // two chains of products are half as long
  static_assert(kRowsAtOnce == 2 || kRowsAtOnce == 4);

  // Where 16 bytes of a row lie in a stage.
  __device__ static constexpr int place(int row, int piece) {
    return row * kRowBytes + (piece ^ stream_swizzle(row % 8)) * 16;
  }
};

// Rows 8 h to 8 h + 7 of a warp's 16 of a tile: where they lie in which part, and how many exist.
template <class K>
struct EightRows {
  int part;
  int row;
  int valid;

  __device__ EightRows(const StreamArgs& a, int tile, int h) {
    const int warp = static_cast<int>(threadIdx.x / 32);
    const int unit = K::kSharing > 1 ? tile : tile * kStreamWarps + warp;
    part = K::kSwiGlu ? h : 0;
    row = K::kSwiGlu ? unit * 8 : unit * 16 + h * 8;
    int end = a.part_end[0];
    if (!K::kSwiGlu && row >= a.part_end[0]) {
      part = row < a.part_end[1] ? 1 : 2;
      end = a.part_end[part] - a.part_end[part - 1];
      row -= a.part_end[part - 1];
    }
    valid = tile < a.plan.tiles && row < end ? end - row : 0;
    part = valid > 0 ? part : 0;
  }
};

}  // namespace monocle::cuda
