// SPDX-License-Identifier: Apache-2.0
// Causal attention of a chunk of queries over the paged cache (attend_core-inl.h does the
// arithmetic). The lanes of a tile are (query, head of the kv group), so each key and value is
// fetched once for all heads that share it. A task packs kKeyBlock keys and values from their cache
// blocks and uses them for kTilesPerTask tiles.

#include "cpu/kernels/attend_core-inl.h"

// A row of `count` elements of either type as floats, zero up to `padded`.
inline void read_row(const void* data, DType type, std::int64_t first, int count, float* out) {
  each_vector(count, [&](std::int64_t c, int lanes) {
    const VF v = type == DType::kF32
                     ? vload_n(static_cast<const float*>(data) + first + c, lanes)
                     : vload_bf16_n(static_cast<const std::uint16_t*>(data) + first + c, lanes);
    vstore_n(out + c, v, lanes);
  });
}

// Where position `key` of a sequence lies, in elements; -1 in a freed block.
inline std::int64_t kv_element(const AttendPagedArgs& args, std::int64_t sequence,
                               std::int32_t kv_head, std::int64_t key) {
  const KvView& kv = args.kv;
  const std::int64_t block = args.block_table[sequence * args.max_blocks + key / kv.block_tokens];
  return block < 0 ? -1
                   : ((block * kv.kv_heads + kv_head) * kv.block_tokens + key % kv.block_tokens) *
                         kv.head_dim;
}

// The tiles of a task and the position of the query in each lane, as a float: exact below 2^24.
template <class T>
struct PrefillTiles {
  AttendScratch<T> scratch;
  float* position = nullptr;  // [kTilesPerTask][kTile]
  T* k = nullptr;             // [kKeyBlock][depth]
  T* v = nullptr;
  int tiles = 0;

  PrefillTiles(std::byte* memory, int depth, int width)
      : scratch(memory, depth, width),
        position(static_cast<float*>(static_cast<void*>(scratch.rest))),
        k(static_cast<T*>(static_cast<void*>(position + kTilesPerTask * kTile))),
        v(k + kKeyBlock * depth) {}
};

template <class T>
std::size_t prefill_scratch_bytes(int depth, int width) {
  return AttendScratch<T>::bytes(depth, width) + kTilesPerTask * kTile * sizeof(float) +
         static_cast<std::size_t>(depth + width) * kKeyBlock * sizeof(T);
}

template <class T>
inline void load_queries(const AttendPagedArgs& args, const PrefillTask& task, int depth,
                         PrefillTiles<T>& tiles) {
  const auto b = static_cast<std::size_t>(task.sequence);
  const int group = args.heads / args.kv.kv_heads;
  const std::int64_t begin = args.query_start[b];
  const std::int64_t queries = args.query_start[b + 1] - begin;
  const std::int64_t rows = queries * group;
  alignas(64) float row[kMaxHeadDim];
  for (std::int64_t first = task.first_row; tiles.tiles < kTilesPerTask && first < rows;
       first += kTile) {
    AttendTile<T>& tile = tiles.scratch.tiles[tiles.tiles];
    float* position = tiles.position + tiles.tiles * kTile;
    tile.queries = static_cast<int>(std::min<std::int64_t>(kTile, rows - first));
    start_tile(tile, attend_width(args.kv.head_dim));
    for (int lane = 0; lane < kTile; ++lane) {
      const std::int64_t r = first + std::min(lane, tile.queries - 1);  // idle lanes copy the last
      position[lane] = static_cast<float>(args.context[b] - queries + r / group);
      const std::int64_t head = task.kv_head * group + r % group;
      read_row(args.q.data, args.q.dtype,
               (begin + r / group) * args.q.row_stride + head * args.kv.head_dim, args.kv.head_dim,
               row);
      pack_row(row, args.kv.head_dim, depth,
               tiles.k + lane * depth);  // k is free until the first block
    }
    transpose_queries(tiles.k, depth, tile.q);
    ++tiles.tiles;
  }
}

// A row of int8 with its scale as floats; `count` elements.
inline void widen_row(const std::int8_t* in, float scale, int count, float* out) {
  const VF s = vset(scale);
  int c = 0;
  for (; c + kLanes <= count; c += kLanes) {
    vstore(out + c, vload_i8(in + c) * s);
  }
  for (; c < count; ++c) {
    out[c] = static_cast<float>(in[c]) * scale;
  }
}

// Rows of the cache as the packing reads them: where they lie, int8 widened into a scratch row.
template <class Kv>
struct PackedRow {
  using In = Kv;
  static const In* at(const void* pages, const float*, std::int64_t first, int, float*) {
    return static_cast<const Kv*>(pages) + first;
  }
};
template <>
struct PackedRow<std::int8_t> {
  using In = float;
  static const In* at(const void* pages, const float* scales, std::int64_t first, int head_dim,
                      float* room) {
    widen_row(static_cast<const std::int8_t*>(pages) + first, scales[first / head_dim], head_dim,
              room);
    return room;
  }
};

// Keys [first, first + block.real) of the task's kv head, then zeros up to block.keys; freed blocks
// are zero too.
template <class T, class Kv>
inline void pack_paged_block(const AttendPagedArgs& args, const PrefillTask& task,
                             std::int64_t first, const AttendBlock<T>& block, T* k, T* v) {
  const int d = args.kv.head_dim;
  using Row = PackedRow<Kv>;
  using In = typename Row::In;
  alignas(64) float room[std::is_same_v<In, Kv> ? 1 : kKeyPad + 1][kMaxHeadDim];
  constexpr int kStep = std::is_same_v<In, Kv> ? 0 : 1;
  for (int key = 0; key < block.keys; key += kKeyPad) {
    const In* rows[kKeyPad] = {};
    for (int i = 0; i < kKeyPad; ++i) {
      const std::int64_t at = key + i < block.real
                                  ? kv_element(args, task.sequence, task.kv_head, first + key + i)
                                  : -1;
      const In* key_row = nullptr;
      if (at >= 0) {
        key_row = Row::at(args.kv.k, args.kv.k_scale, at, d, room[0]);
        rows[i] = Row::at(args.kv.v, args.kv.v_scale, at, d, room[kStep * (i + 1)]);
      }
      pack_row(key_row, d, block.depth, k + (key + i) * block.depth);
    }
    transpose_values(rows, d, block.width, block.keys, value_columns(v, key, block.width));
  }
}

// Which keys of a block a range of query positions sees.
enum class Sight { kNone, kSome, kAll };
inline Sight sight(const AttendPagedArgs& args, std::int64_t first, int keys, std::int64_t lowest,
                   std::int64_t highest) {
  const std::int64_t last = first + keys - 1;
  const bool windowed = args.window > 0 && last >= args.sinks;
  if (first > highest || (windowed && first >= args.sinks && last <= lowest - args.window)) {
    return Sight::kNone;
  }
  const bool all = last <= lowest && (!windowed || first > highest - args.window);
  return all ? Sight::kAll : Sight::kSome;
}

// -inf where the query of a lane does not see the key of a row.
inline void mask_keys(const AttendPagedArgs& args, std::int64_t first, int keys,
                      const float* position, float* s) {
  const VF never = vset(-std::numeric_limits<float>::infinity());
  for (int r = 0; r < keys; ++r) {
    const VF key = vset(static_cast<float>(first + r));
    const bool windowed = args.window > 0 && first + r >= args.sinks;
    for (int h = 0; h < kTile; h += kLanes) {
      const VF at = vload(position + h);
      VF score = vless_select(at, key, never, vload(s + r * kTile + h));
      if (windowed) {
        score = vless_select(at - vset(static_cast<float>(args.window)), key, score, never);
      }
      vstore(s + r * kTile + h, score);
    }
  }
}

template <class T, class Out>
inline void store_tiles(const AttendPagedArgs& args, const PrefillTask& task,
                        const PrefillTiles<T>& tiles) {
  const int group = args.heads / args.kv.kv_heads;
  const std::int64_t begin = args.query_start[static_cast<std::size_t>(task.sequence)];
  const int d = args.kv.head_dim;
  for (int t = 0; t < tiles.tiles; ++t) {
    const AttendTile<T>& tile = tiles.scratch.tiles[t];
    for (int lane = 0; lane < tile.queries; lane += 16) {
      Out* rows[16] = {};
      for (int i = 0; i < std::min(16, tile.queries - lane); ++i) {
        const std::int64_t r = task.first_row + t * kTile + lane + i;
        rows[i] = static_cast<Out*>(args.y.data) + (begin + r / group) * args.y.row_stride +
                  (task.kv_head * group + r % group) * d;
      }
      finish_lanes(tile, lane, d, rows);
    }
  }
}

template <class T>
inline void prefill_task(const AttendPagedArgs& args, const PrefillTask& task, std::byte* memory) {
  AttendBlock<T> block;
  block.depth = attend_depth(args.kv.head_dim);
  block.width = attend_width(args.kv.head_dim);
  block.scale_log2 = args.scale * kLog2e;
  PrefillTiles<T> tiles(memory, block.depth, block.width);
  load_queries(args, task, block.depth, tiles);
  block.s = tiles.scratch.s;
  block.p = tiles.scratch.p;
  block.k = tiles.k;
  block.v = tiles.v;
  const auto lowest = static_cast<std::int64_t>(tiles.position[0]);
  const auto highest = static_cast<std::int64_t>(tiles.position[tiles.tiles * kTile - 1]);
  for (std::int64_t first = 0; first <= highest; first += kKeyBlock) {
    block.real = static_cast<int>(std::min<std::int64_t>(kKeyBlock, highest + 1 - first));
    block.keys = round_up(block.real, kKeyPad);
    if (sight(args, first, block.real, lowest, highest) == Sight::kNone) {
      continue;
    }
    if (args.kv.dtype == DType::kF32) {
      pack_paged_block<T, float>(args, task, first, block, tiles.k, tiles.v);
    } else if (args.kv.dtype == DType::kI8) {
      pack_paged_block<T, std::int8_t>(args, task, first, block, tiles.k, tiles.v);
    } else {
      pack_paged_block<T, std::uint16_t>(args, task, first, block, tiles.k, tiles.v);
    }
    for (int t = 0; t < tiles.tiles; ++t) {
      const float* position = tiles.position + t * kTile;
      const Sight seen = sight(args, first, block.real, static_cast<std::int64_t>(position[0]),
                               static_cast<std::int64_t>(position[kTile - 1]));
      if (seen == Sight::kNone) {
        continue;
      }
      attend_g1(block, tiles.scratch.tiles[t].q);
      if (seen == Sight::kSome) {
        mask_keys(args, first, block.real, position, block.s);
      }
      attend_softmax(block, tiles.scratch.tiles[t]);
      attend_g2(block, tiles.scratch.tiles[t].out);
    }
  }
  if (args.y.dtype == DType::kF32) {
    store_tiles<T, float>(args, task, tiles);
  } else {
    store_tiles<T, std::uint16_t>(args, task, tiles);
  }
}
