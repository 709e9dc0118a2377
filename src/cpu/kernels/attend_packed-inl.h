// SPDX-License-Identifier: Apache-2.0
// Attention among the patches of one segment (attend_core-inl.h does the arithmetic). Q, K and V of
// a group of heads are rotated, narrowed and packed once, then every task takes kTilesPerTask query
// tiles of one (segment, head) over all keys. Per head and segment of n patches: 4 n² D flops; K
// and V are read n / (kTilesPerTask kTile) times, from cache.

#include "cpu/kernels/attend_core-inl.h"

// out[0, D) = x rotated: channel j pairs with j + D / 2.
template <class T>
inline void rotate_row(const float* x, const float* cosine, const float* sine, int head_dim,
                       T* out) {
  const int half = head_dim / 2;
  each_vector(half, [&](std::int64_t j, int lanes) {
    const VF low = vload_n(x + j, lanes);
    const VF high = vload_n(x + half + j, lanes);
    const VF c = vload_n(cosine + j, lanes);
    const VF s = vload_n(sine + j, lanes);
    vput_n(out + j, low * c - high * s, lanes);
    vput_n(out + half + j, vfma(high, c, low * s), lanes);
  });
}

// Patches are taken row by row over all heads, so that the wide qkv rows stream; the values of a
// row are asked for early because they are read 32 rows at a time.
template <class T>
inline void pack_patches(const PackedHead<T>& head, const PackedSegment& segment,
                         std::int64_t first, int count) {
  const std::int64_t angles = head.head_dim / 2;
  const auto tail = static_cast<std::size_t>(head.depth - head.head_dim) * sizeof(T);
  for (int i = 0; i < kKeyPad; ++i) {
    const std::int64_t patch = segment.begin + first + i;
    T* q = head.q + (segment.padded_begin + first + i) * head.depth;
    T* k = head.k + (segment.padded_begin + first + i) * head.depth;
    const float* x = head.qkv + patch * head.row_stride;
    for (int h = 0; h < head.heads;
         ++h, q += head.head_stride, k += head.head_stride, x += head.head_dim) {
      if (i >= count) {
        std::memset(q, 0, static_cast<std::size_t>(head.depth) * sizeof(T));
        std::memset(k, 0, static_cast<std::size_t>(head.depth) * sizeof(T));
        continue;
      }
      const float* cosine = head.cosine + patch * angles;
      const float* sine = head.sine + patch * angles;
      rotate_row(x, cosine, sine, head.head_dim, q);
      rotate_row(x + head.part_stride, cosine, sine, head.head_dim, k);
      std::memset(q + head.head_dim, 0, tail);
      std::memset(k + head.head_dim, 0, tail);
      for (int c = 0; c < head.head_dim; c += 16) {
        __builtin_prefetch(x + 2 * head.part_stride + c);
      }
    }
  }
}

// Keys [first, first + kKeyBlock) of a segment, all heads of the pass.
template <class T>
inline void pack_key_block(const PackedHead<T>& head, const PackedSegment& segment,
                           std::int64_t first) {
  const int keys =
      static_cast<int>(std::min<std::int64_t>(kKeyBlock, segment.padded_count - first));
  for (int key = 0; key < keys; key += kKeyPad) {
    const int real =
        static_cast<int>(std::clamp<std::int64_t>(segment.count - first - key, 0, kKeyPad));
    pack_patches(head, segment, first + key, real);
    const float* rows[kKeyPad] = {};
    for (int h = 0; h < head.heads; ++h) {
      for (int i = 0; i < real; ++i) {
        rows[i] = head.qkv + (segment.begin + first + key + i) * head.row_stride +
                  2 * head.part_stride + h * head.head_dim;
      }
      T* v = head.v + h * head.head_stride + (segment.padded_begin + first) * head.width;
      transpose_values(rows, head.head_dim, head.width, keys, value_columns(v, key, head.width));
    }
  }
}

template <class T, class Out>
inline void attend_packed_tiles(const PackedHead<T>& head, const PackedSegment& segment,
                                std::int64_t first, std::byte* memory, const PackedOut<Out>& out) {
  AttendScratch<T> scratch(memory, head.depth, head.width);
  int tiles = 0;
  for (std::int64_t q = first; tiles < kTilesPerTask && q < segment.count; q += kTile, ++tiles) {
    scratch.tiles[tiles].queries =
        static_cast<int>(std::min<std::int64_t>(kTile, segment.count - q));
    start_tile(scratch.tiles[tiles], head.width);
    transpose_queries(head.q + (segment.padded_begin + q) * head.depth, head.depth,
                      scratch.tiles[tiles].q);
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
    attend_tiles(block, scratch.tiles, tiles);
  }
  for (int t = 0; t < tiles; ++t) {
    for (int lane = 0; lane < scratch.tiles[t].queries; lane += 16) {
      Out* rows[16] = {};
      for (int i = 0; i < std::min(16, scratch.tiles[t].queries - lane); ++i) {
        rows[i] = out.y + (segment.begin + first + t * kTile + lane + i) * out.stride;
      }
      finish_lanes(scratch.tiles[t], lane, head.head_dim, rows);
    }
  }
}
