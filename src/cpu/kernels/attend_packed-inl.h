// SPDX-License-Identifier: Apache-2.0
// Attention among the patches of one segment (attend_core-inl.h does the arithmetic). K and V of a head are rotated,
// narrowed and packed once, then every task takes kTilesPerTask query tiles of one (segment, head) over all keys.
// Per head and segment of n patches: 4 n² D flops; K and V are read n / (kTilesPerTask kTile) times, from cache.

#include "cpu/kernels/attend_core-inl.h"

// out[0, D) = x rotated: channel j pairs with j + D / 2.
inline void rotate_row(const float* x, const float* cosine, const float* sine, int head_dim, float* out) {
  const int half = head_dim / 2;
  for (int j = 0; j < half; j += kLanes) {
    const int lanes = std::min(kLanes, half - j);
    const VF low = vload_n(x + j, lanes);
    const VF high = vload_n(x + half + j, lanes);
    const VF c = vload_n(cosine + j, lanes);
    const VF s = vload_n(sine + j, lanes);
    vstore_n(out + j, low * c - high * s, lanes);
    vstore_n(out + half + j, vfma(high, c, low * s), lanes);
  }
}

// Rows [first, first + keys) of the packed K and V; first counts from the segment's begin and starts a key block.
template <class T>
inline void pack_key_block(const PackedHead<T>& head, const PackedSegment& segment, std::int64_t first) {
  const int keys = static_cast<int>(std::min<std::int64_t>(kKeyBlock, segment.padded_count - first));
  const int real = static_cast<int>(std::min<std::int64_t>(keys, segment.count - first));
  T* k = head.k + (segment.padded_begin + first) * head.depth;
  T* v = head.v + (segment.padded_begin + first) * head.width;
  std::memset(k, 0, static_cast<std::size_t>(keys) * static_cast<std::size_t>(head.depth) * sizeof(T));
  std::memset(v, 0, static_cast<std::size_t>(keys) * static_cast<std::size_t>(head.width) * sizeof(T));
  alignas(64) float rotated[kMaxHeadDim];
  const std::int64_t angles = head.head_dim / 2;
  for (int i = 0; i < real; ++i) {
    const std::int64_t patch = segment.begin + first + i;
    const float* x = head.qkv + patch * head.row_stride + head.part_stride;
    rotate_row(x, head.cosine + patch * angles, head.sine + patch * angles, head.head_dim, rotated);
    store_row(rotated, head.head_dim, k + i * head.depth);
    const float* value = x + head.part_stride;
    for (int d = 0; d < head.head_dim; ++d) {
      put_value(v, i, d, head.width, keys, value[d]);
    }
  }
}

template <class T, class Out>
inline void attend_packed_tiles(const PackedHead<T>& head, const PackedSegment& segment, std::int64_t first,
                                std::byte* memory, const PackedOut<Out>& out) {
  AttendScratch<T> scratch(memory, head.depth, head.width);
  alignas(64) float row[kMaxHeadDim];
  const std::int64_t angles = head.head_dim / 2;
  int tiles = 0;
  for (std::int64_t q = first; tiles < kTilesPerTask && q < segment.count; q += kTile, ++tiles) {
    AttendTile<T>& tile = scratch.tiles[tiles];
    tile.queries = static_cast<int>(std::min<std::int64_t>(kTile, segment.count - q));
    start_tile(tile, head.width);
    std::memset(tile.q, 0, static_cast<std::size_t>(head.depth) * kTile * sizeof(T));
    for (int lane = 0; lane < tile.queries; ++lane) {
      const std::int64_t patch = segment.begin + q + lane;
      rotate_row(head.qkv + patch * head.row_stride, head.cosine + patch * angles, head.sine + patch * angles,
                 head.head_dim, row);
      for (int d = 0; d < head.head_dim; ++d) {
        put_query(tile.q, lane, d, row[d]);
      }
    }
  }
  AttendBlock<T> block;
  block.s = scratch.s;
  block.p = scratch.p;
  block.depth = head.depth;
  block.width = head.width;
  block.scale_log2 = head.scale * kLog2e;
  for (std::int64_t key = 0; key < segment.padded_count; key += kKeyBlock) {
    block.keys = static_cast<int>(std::min<std::int64_t>(kKeyBlock, segment.padded_count - key));
    block.real = static_cast<int>(std::min<std::int64_t>(block.keys, segment.count - key));
    block.k = head.k + (segment.padded_begin + key) * head.depth;
    block.v = head.v + (segment.padded_begin + key) * head.width;
    for (int t = 0; t < tiles; ++t) {
      attend_g1(block, scratch.tiles[t].q);
      attend_softmax(block, scratch.tiles[t]);
      attend_g2(block, scratch.tiles[t].out);
    }
  }
  for (int t = 0; t < tiles; ++t) {
    for (int lane = 0; lane < scratch.tiles[t].queries; ++lane) {
      finish_lane(scratch.tiles[t], lane, head.head_dim, row);
      store_row(row, head.head_dim, out.y + (segment.begin + first + t * kTile + lane) * out.stride);
    }
  }
}
