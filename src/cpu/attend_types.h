// SPDX-License-Identifier: Apache-2.0
// Constants and plain structs of the attention verbs that mean the same in every target region, so
// that the driver outside can fill what a kernel inside reads. Owns nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace monocle::cpu {

inline constexpr int kKeyBlock = 128;  // keys per round: S, P, K and V of a round stay in L1 and L2
inline constexpr int kKeyPad =
    32;  // blocks are padded to this: two rows of pairs of AMX, whole panels elsewhere
inline constexpr int kTilesPerTask =
    4;  // query tiles that share a block of K and V while it is in cache
inline constexpr int kMaxHeadDim = 256;
inline constexpr float kLog2e = 1.44269504F;

constexpr int round_up(int value, int unit) { return (value + unit - 1) / unit * unit; }
// Operands of G1 are summed along head_dim in steps of 32 (an AMX tile), the rows of G2 come in
// panels of 16.
constexpr int attend_depth(int head_dim) { return round_up(head_dim, 32); }
constexpr int attend_width(int head_dim) { return round_up(head_dim, 16); }

// One segment of packed patches and where its padded keys and its work begin in a head.
struct PackedSegment {
  std::int64_t begin = 0;  // first patch
  std::int64_t count = 0;
  std::int64_t padded_begin = 0;
  std::int64_t padded_count = 0;  // a multiple of kKeyPad
  std::int64_t first_block = 0;   // key blocks and query tasks of the segments before
  std::int64_t first_task = 0;
};

// A run of heads of the qkv rows with the angles of each patch, and the packed operands of the
// first.
template <class T>
struct PackedHead {
  const float* qkv = nullptr;  // column 0 of q of this head
  std::int64_t row_stride = 0;
  std::int64_t part_stride = 0;   // columns from q to k and from k to v
  const float* cosine = nullptr;  // [N, D / 2]
  const float* sine = nullptr;
  T* q = nullptr;                // [padded N][depth]
  T* k = nullptr;                // [padded N][depth]
  T* v = nullptr;                // per key block [keys][width] in f32, [width][keys] in bf16
  std::int64_t head_stride = 0;  // elements from an operand of one head to that of the next
  int heads = 1;
  int head_dim = 0;
  int depth = 0;
  int width = 0;
  float scale = 1.0F;
};

// Where a head's output goes.
template <class Out>
struct PackedOut {
  Out* y = nullptr;  // row 0, column 0 of the head
  std::int64_t stride = 0;
};

// A run of queries of one sequence against one kv head: rows are (query, head of the group), query
// major.
struct PrefillTask {
  std::int64_t sequence = 0;
  std::int32_t kv_head = 0;
  std::int64_t first_row = 0;
};

// One sequence's single query against kSplitKeys keys of one kv head.
struct DecodeTask {
  std::int64_t sequence = 0;
  std::int32_t kv_head = 0;
  std::int32_t split = 0;
  float* partial = nullptr;  // per head of the group: partial_floats(head_dim)
};

// Fixed, so that the order of the sums, and with it every bit of the result, does not depend on the
// threads.
inline constexpr int kSplitKeys = 256;

// Result of one split and head: maximum (log2 units), sum, padding to a line, then the weighted sum
// of V.
inline constexpr int kPartialHeader = 16;
constexpr int partial_floats(int head_dim) { return kPartialHeader + round_up(head_dim, 32); }

// True when the bf16 attention kernels of the amx tier run here: their exponential needs VBMI too.
bool amx_attention();

}  // namespace monocle::cpu
