// SPDX-License-Identifier: Apache-2.0
// attend_paged for single queries in bf16: y = sum_p softmax(scale q k_p) v_p, all query heads of a
// group together; with the rope_append that makes them, in one launch.
//
// Reads every visible key and value once: 4 D bytes per key and kv head. blockIdx.x = query row
// times block of the cluster, .y = kv head; the blocks of a cluster share out the keys. A block of
// 4 warps brings 64 keys and values at a time into shared memory, two stages, by asynchronous
// 16-byte copies; where a key's row lies is looked up earlier still. A warp takes 16 of the 64
// keys; the products run on the tensor cores with the query heads as (up to 8) rows, since scalar
// products would cost more instructions than the memory leaves time for. Warps meet in shared
// memory, blocks in the cluster's. The grid depends on the number of rows only, never on lengths.
//
// With rope_append fused, the keys before the current token do not depend on the launch ahead; the
// first two tiles of them are on their way before it has ended (`early`: it is a linear_stream, so
// everything ahead of it, this step's integers too, is complete). The current token's key and value
// never pass through memory: the block that owns the last key puts them into its tile, and stores
// them to the cache as well.
#include "cuda/kernels/attend_splits.cuh"
#include "cuda/kernels/attend_tiles.cuh"
#include "cuda/kernels/cluster.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kThreads = kTileThreads;
constexpr int kWarps = kThreads / 32;
constexpr int kHeads = 8;  // query heads of a block
constexpr int kStages = 2;
constexpr int kSplitKeys = 16;  // a block's share of the keys is a multiple
constexpr int kNowhere = -1;    // zeros instead of a key
constexpr int kFresh = -2;      // the current token's: not in memory yet

struct StepArgs {
  AttendPagedArgs attend;
  RopeAppendArgs rope;
  bool has_rope;
  bool early;
  bool singles_only;  // the row is a sequence; those with more than one query are left out
  int cluster;
};

template <int kD>
struct Room {
  using Shape = TileShape<kD>;
  static constexpr int kRecord = kD + 2;  // {maximum, mass, sum of kD channels}
  alignas(16) std::uint8_t tiles[kStages][2 * Shape::kPlane];
  alignas(16) std::uint16_t q[kHeads][kD];
  alignas(16) std::uint16_t fresh[2][kD];  // key, value
  int rows[kStages + 1][kTileKeys];        // of the cache, by tile

  // The tiles, once used up, hold the results of the warps and behind them the block's.
  __device__ float* warp_record(int warp, int head) {
    return reinterpret_cast<float*>(tiles) + (warp * kHeads + head) * kRecord;
  }
  __device__ float* record(int head) { return warp_record(kWarps, head); }
  static_assert(sizeof(float) * (kWarps + 1) * kHeads * kRecord <= 2 * kStages * Shape::kPlane);
};

// This block's part of the keys one query sees.
struct Share {
  Visible seen;
  int kv_head;
  int begin;
  int end;
  int fresh;  // index of the current token, or -1

  __device__ int tiles() const {
    return begin < end ? (end - begin + kTileKeys - 1) / kTileKeys : 0;
  }
  // Row of the cache of key `index`.
  __device__ int row(const AttendPagedArgs& a, int index) const {
    if (index >= end) {
      return kNowhere;
    }
    if (index == fresh) {
      return kFresh;
    }
    const int shift = 31 - __clz(a.kv.block_tokens);
    const int position = seen.position(index);
    const int block =
        __ldcg(a.block_table + std::int64_t{seen.sequence} * a.max_blocks + (position >> shift));
    return block < 0 ? kNowhere
                     : ((block * a.kv.kv_heads + kv_head) << shift) +
                           (position & (a.kv.block_tokens - 1));
  }
};

template <int kD>
__device__ inline void copy_tile(const AttendPagedArgs& a, const int (&rows)[kTileKeys],
                                 std::uint32_t to) {
  constexpr int kPieces = kD / 8;
  const int c = static_cast<int>(threadIdx.x) % kPieces * 8;
#pragma unroll
  for (int key = static_cast<int>(threadIdx.x) / kPieces; key < kTileKeys;
       key += kThreads / kPieces) {
    const int row = rows[key];
    if (row == kFresh) {
      continue;
    }
    const std::int64_t at = row >= 0 ? std::int64_t{row} * kD + c : 0;
    const std::uint32_t place =
        to + static_cast<std::uint32_t>(key * TileShape<kD>::kPitch + 2 * c);
    copy16(place, static_cast<const std::uint16_t*>(a.kv.k) + at, row >= 0);
    copy16(place + TileShape<kD>::kPlane, static_cast<const std::uint16_t*>(a.kv.v) + at, row >= 0);
  }
}

// Sine and cosine of channels lane + 32 i of a half.
template <int kD>
struct Turn {
  float sine[kD / 64];
  float cosine[kD / 64];

  __device__ void load(const RopeAppendArgs& a, int row) {
#pragma unroll
    for (int i = 0; i < kD / 64; ++i) {
      const int c = static_cast<int>(threadIdx.x % 32) + 32 * i;
      const auto position =
          static_cast<float>(__ldcg(a.positions + a.rope.axis[c] * a.qkv.rows + row));
      sincosf(position * a.rope.inv_freq[c], &sine[i], &cosine[i]);
      sine[i] *= a.rope.scale;
      cosine[i] *= a.rope.scale;
    }
  }
};

// One head of q, k or v by one warp: norm, rotation, to shared memory and to `out`.
template <int kD>
__device__ inline void make_head(const float* x, const float* weight, float eps,
                                 const Turn<kD>& turn, std::uint16_t* shared, std::uint16_t* out) {
  constexpr int kEach = kD / 64;
  const int lane = static_cast<int>(threadIdx.x % 32);
  float low[kEach];
  float high[kEach];
  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    low[i] = __ldcg(x + lane + 32 * i);
    high[i] = __ldcg(x + lane + 32 * i + kD / 2);
    squares += low[i] * low[i] + high[i] * high[i];
  }
  if (weight != nullptr) {
    const float factor = 1.0F / sqrtf(warp_sum(squares) / static_cast<float>(kD) + eps);
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const int c = lane + 32 * i;
      const float first = __ldg(weight + c) * low[i] * factor;
      const float second = __ldg(weight + c + kD / 2) * high[i] * factor;
      low[i] = first * turn.cosine[i] - second * turn.sine[i];
      high[i] = second * turn.cosine[i] + first * turn.sine[i];
    }
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const int c = lane + 32 * i;
    shared[c] = to_bf16(low[i]);
    shared[c + kD / 2] = to_bf16(high[i]);
    if (out != nullptr) {
      out[c] = shared[c];
      out[c + kD / 2] = shared[c + kD / 2];
    }
  }
}

// The query heads of the group, and in the block that owns the last key the current key and value.
template <int kD>
__device__ inline void make_heads(const StepArgs& args, const Share& share, int row, int rank,
                                  const Turn<kD>& turn, Room<kD>& room) {
  const RopeAppendArgs& a = args.rope;
  const int heads = args.attend.heads;
  const int group = heads / a.kv.kv_heads;
  const bool owner = share.begin <= share.fresh && share.fresh < share.end;
  const float* x = static_cast<const float*>(a.qkv.data) + row * a.qkv.row_stride;
  for (int job = static_cast<int>(threadIdx.x / 32); job < group + (owner ? 2 : 0); job += kWarps) {
    if (job < group) {
      const int head = share.kv_head * group + job;
      auto* q = static_cast<std::uint16_t*>(a.q.data) + row * a.q.row_stride + head * kD;
      make_head<kD>(x + head * kD, a.q_norm, a.eps, turn, room.q[job], rank == 0 ? q : nullptr);
      continue;
    }
    const bool is_key = job == group;
    const std::int64_t slot = __ldcg(a.slots.data() + row);
    std::uint16_t* out = nullptr;
    if (slot >= 0) {
      const std::int64_t at =
          (slot / a.kv.block_tokens * a.kv.kv_heads + share.kv_head) * a.kv.block_tokens +
          slot % a.kv.block_tokens;
      out = static_cast<std::uint16_t*>(is_key ? a.kv.k : a.kv.v) + at * kD;
    }
    const int head = heads + (is_key ? 0 : a.kv.kv_heads) + share.kv_head;
    make_head<kD>(x + head * kD, is_key ? a.k_norm : nullptr, a.eps, turn, room.fresh[job - group],
                  out);
  }
}

// The query heads as the first eight rows of the first operand; rows behind the group are zero.
template <int kD, bool kShared>
__device__ inline void load_heads(const std::uint16_t* heads, int group,
                                  std::uint32_t (&q)[kD / 16][2]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
  for (int c = 0; c < kD / 16; ++c) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int at = lane / 4 * kD + 16 * c + lane % 4 * 2 + 8 * i;
      const auto* pair = reinterpret_cast<const std::uint32_t*>(heads + at);
      q[c][i] = lane / 4 >= group ? 0U : kShared ? *pair : __ldcg(pair);
    }
  }
}

// What a warp has seen so far; rows g are query heads, their maxima in powers of two.
template <int kD>
struct Running {
  float best = kNever;
  float mass = 0.0F;
  float sum[kD / 8][4] = {};
};

// One warp's 16 keys of a tile; `left` of the tile's keys are inside the share.
template <int kD>
__device__ inline void attend_16(const std::uint32_t (&q)[kD / 16][2], std::uint32_t keys, int left,
                                 float scale_log2, Running<kD>& seen) {
  using Shape = TileShape<kD>;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int row0 = static_cast<int>(threadIdx.x / 32) * 16;
  if (row0 >= left) {
    return;
  }
  float s[2][4] = {};
#pragma unroll
  for (int c = 0; c < kD / 16; ++c) {
    std::uint32_t k[4];
    const int row = row0 + lane / 16 * 8 + lane % 8;
    load_matrices(
        k, keys + static_cast<std::uint32_t>(row * Shape::kPitch + (2 * c + lane / 8 % 2) * 16));
    const std::uint32_t heads[4] = {q[c][0], 0U, q[c][1], 0U};
    const std::uint32_t k0[2] = {k[0], k[1]};
    const std::uint32_t k1[2] = {k[2], k[3]};
    mma_bf16(s[0], heads, k0);
    mma_bf16(s[1], heads, k1);
  }
  float top = kNever;
#pragma unroll
  for (int n = 0; n < 2; ++n) {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      s[n][e] = row0 + 8 * n + lane % 4 * 2 + e < left ? s[n][e] * scale_log2 : -INFINITY;
      top = fmaxf(top, s[n][e]);
    }
  }
  top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 1));
  top = fmaxf(seen.best, fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 2)));
  const float decay = power_of_two(seen.best - top);
  seen.best = top;
  const std::uint32_t p[4] = {
      to_bf16_pair(power_of_two(s[0][0] - top), power_of_two(s[0][1] - top)), 0U,
      to_bf16_pair(power_of_two(s[1][0] - top), power_of_two(s[1][1] - top)), 0U};
  seen.mass =
      seen.mass * decay + bf16_low(p[0]) + bf16_high(p[0]) + bf16_low(p[2]) + bf16_high(p[2]);
#pragma unroll
  for (int n = 0; n < kD / 8; ++n) {
    seen.sum[n][0] *= decay;
    seen.sum[n][1] *= decay;
  }
#pragma unroll
  for (int n = 0; n < kD / 8; n += 2) {
    std::uint32_t v[4];
    const int row = row0 + lane / 8 % 2 * 8 + lane % 8;
    load_matrices_transposed(
        v, keys + Shape::kPlane +
               static_cast<std::uint32_t>(row * Shape::kPitch + (n + lane / 16) * 16));
    const std::uint32_t v0[2] = {v[0], v[1]};
    const std::uint32_t v1[2] = {v[2], v[3]};
    mma_bf16(seen.sum[n], p, v0);
    mma_bf16(seen.sum[n + 1], p, v1);
  }
}

template <int kD>
__device__ inline void start_copies(const AttendPagedArgs& a, const Share& share, Room<kD>& room) {
  static_assert(kStages * kTileKeys == kThreads);
  const int key = static_cast<int>(threadIdx.x);
  room.rows[key / kTileKeys][key % kTileKeys] = share.row(a, share.begin + key);
  __syncthreads();
#pragma unroll
  for (int stage = 0; stage < kStages; ++stage) {
    if (stage < share.tiles()) {
      copy_tile<kD>(a, room.rows[stage], shared_address(room.tiles[stage]));
    }
    copy_commit();
  }
}

template <int kD>
__device__ inline void put_fresh(const Share& share, int first, Room<kD>& room, int stage) {
  constexpr int kPieces = kD / 8;
  const int c = static_cast<int>(threadIdx.x);
  if (share.fresh < first || share.fresh >= first + kTileKeys || share.fresh >= share.end ||
      c >= 2 * kPieces) {
    return;
  }
  std::uint8_t* to = room.tiles[stage] + c / kPieces * TileShape<kD>::kPlane +
                     (share.fresh - first) * TileShape<kD>::kPitch + c % kPieces * 16;
  *reinterpret_cast<uint4*>(to) =
      *reinterpret_cast<const uint4*>(room.fresh[c / kPieces] + c % kPieces * 8);
}

template <int kD>
__device__ inline void attend_share(const AttendPagedArgs& a, const Share& share,
                                    const std::uint32_t (&q)[kD / 16][2], Room<kD>& room,
                                    Running<kD>& running) {
  const int tiles = share.tiles();
  const int thread = static_cast<int>(threadIdx.x);
  // Rows are looked up a tile before their copies are asked for: nobody waits for them.
  const auto look_up = [&](int tile) {
    return tile < tiles && thread < kTileKeys
               ? share.row(a, share.begin + tile * kTileKeys + thread)
               : kNowhere;
  };
  int next = look_up(kStages);
  for (int tile = 0; tile < tiles; ++tile) {
    const int stage = tile % kStages;
    const int first = share.begin + tile * kTileKeys;
    const bool more = tile + kStages < tiles;
    const int ahead = next;
    next = look_up(tile + kStages + 1);
    copy_wait<kStages - 1>();
    put_fresh<kD>(share, first, room, stage);
    __syncthreads();
    attend_16<kD>(q, shared_address(room.tiles[stage]), share.end - first, a.scale * kLog2E,
                  running);
    int(&rows)[kTileKeys] = room.rows[(tile + kStages) % (kStages + 1)];
    if (more && thread < kTileKeys) {
      rows[thread] = ahead;
    }
    __syncthreads();
    if (more) {
      copy_tile<kD>(a, rows, shared_address(room.tiles[stage]));
    }
    copy_commit();
  }
  running.mass += __shfl_xor_sync(0xffffffffU, running.mass, 1);
  running.mass += __shfl_xor_sync(0xffffffffU, running.mass, 2);
}

// The warps' results become the block's record.
template <int kD>
__device__ inline void join_warps(const Running<kD>& running, int group, Room<kD>& room) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  float* mine = room.warp_record(static_cast<int>(threadIdx.x / 32), lane / 4);
  if (lane % 4 == 0) {
    mine[0] = running.best;
    mine[1] = running.mass;
  }
#pragma unroll
  for (int n = 0; n < kD / 8; ++n) {
    mine[2 + 8 * n + lane % 4 * 2] = running.sum[n][0];
    mine[3 + 8 * n + lane % 4 * 2] = running.sum[n][1];
  }
  __syncthreads();
  const int c = static_cast<int>(threadIdx.x);
  for (int h = 0; h < group && c < kD; ++h) {
    float top = kNever;
    float total = 0.0F;
    float value = 0.0F;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      top = fmaxf(top, room.warp_record(w, h)[0]);
    }
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      const float* part = room.warp_record(w, h);
      const float scale = power_of_two(part[0] - top);
      total += scale * part[1];
      value += scale * part[2 + c];
    }
    if (c == 0) {
      room.record(h)[0] = top;
      room.record(h)[1] = total;
    }
    room.record(h)[2 + c] = value;
  }
}

// Channel c of head h over all blocks of the cluster.
template <int kD>
__device__ inline float join_blocks(Room<kD>& room, int h, int c, int cluster) {
  float best[kMaxCluster];
  float mass[kMaxCluster];
  float sum[kMaxCluster];
  float top = kNever;
#pragma unroll
  for (int rank = 0; rank < kMaxCluster; ++rank) {
    const bool there = rank < cluster;
    best[rank] = there ? load_peer(room.record(h), rank) : kNever;
    mass[rank] = there ? load_peer(room.record(h) + 1, rank) : 0.0F;
    sum[rank] = there ? load_peer(room.record(h) + 2 + c, rank) : 0.0F;
  }
#pragma unroll
  for (int rank = 0; rank < kMaxCluster; ++rank) {
    top = fmaxf(top, best[rank]);
  }
  float all_mass = 0.0F;
  float all = 0.0F;
#pragma unroll
  for (int rank = 0; rank < kMaxCluster; ++rank) {
    const float scale = power_of_two(best[rank] - top);
    all_mass += scale * mass[rank];
    all += scale * sum[rank];
  }
  return all / all_mass;
}

template <int kD>
__device__ inline void store_heads(const StepArgs& args, int row, int head0, int group, int rank,
                                   Room<kD>& room) {
  const AttendPagedArgs& a = args.attend;
  auto* y = static_cast<std::uint16_t*>(a.y.data) + row * a.y.row_stride + head0 * kD;
  const int share = group * kD / args.cluster;
  for (int i = static_cast<int>(threadIdx.x); i < share; i += kThreads) {
    const int item = rank * share + i;
    const int h = item / kD;
    const int c = item % kD;
    y[item] = to_bf16(args.cluster == 1 ? room.record(h)[2 + c] / room.record(h)[1]
                                        : join_blocks<kD>(room, h, c, args.cluster));
  }
}

template <int kD>
__global__ __launch_bounds__(kThreads,
                             3) void attend_step_kernel(const __grid_constant__ StepArgs args) {
  extern __shared__ uint4 shared[];
  auto& room = *reinterpret_cast<Room<kD>*>(shared);
  const AttendPagedArgs& a = args.attend;
  if (!args.early) {
    pdl_wait();
    pdl_launch_next();
  }
  const int rank = static_cast<int>(blockIdx.x) % args.cluster;
  const int index = static_cast<int>(blockIdx.x) / args.cluster;
  const int row = query_row(a, index, args.singles_only);
  if (row < 0) {
    return;
  }
  Share share{find_visible(a, row), static_cast<int>(blockIdx.y), 0, 0, -1};
  const int per_block = ((share.seen.count + args.cluster - 1) / args.cluster + kSplitKeys - 1) /
                        kSplitKeys * kSplitKeys;
  share.begin = rank * per_block;
  share.end = min(share.begin + per_block, share.seen.count);
  share.fresh = args.has_rope ? share.seen.count - 1 : -1;
  start_copies<kD>(a, share, room);

  const int group = a.heads / a.kv.kv_heads;
  const int head0 = share.kv_head * group;
  std::uint32_t q[kD / 16][2];
  if (args.has_rope) {
    Turn<kD> turn;
    turn.load(args.rope, row);
    if (args.early) {
      pdl_wait();
      pdl_launch_next();
    }
    make_heads<kD>(args, share, row, rank, turn, room);
    __syncthreads();
    load_heads<kD, true>(&room.q[0][0], group, q);
  } else {
    load_heads<kD, false>(
        static_cast<const std::uint16_t*>(a.q.data) + row * a.q.row_stride + head0 * kD, group, q);
  }
  Running<kD> running;
  attend_share<kD>(a, share, q, room, running);
  join_warps<kD>(running, group, room);
  __syncthreads();
  if (args.cluster == 1) {
    store_heads<kD>(args, row, head0, group, rank, room);
    return;
  }
  cluster_arrive();
  cluster_wait();
  store_heads<kD>(args, row, head0, group, rank, room);
  __syncthreads();
  cluster_arrive();
  cluster_wait();
}

// As many blocks per row and kv head as keep the multiprocessors busy, within a cluster.
int blocks_per_item(const Launch& at, std::int64_t items) {
  int cluster = 1;
  while (at.clusters && cluster < kMaxCluster && items * cluster * 2 <= 2 * at.multiprocessors) {
    cluster *= 2;
  }
  return cluster;
}

template <int kD>
void launch_step(const Launch& at, StepArgs args) {
  const std::int64_t rows = args.singles_only
                                ? static_cast<std::int64_t>(args.attend.context.size())
                                : args.attend.q.rows;
  args.cluster = blocks_per_item(at, rows * args.attend.kv.kv_heads);
  auto* kernel = attend_step_kernel<kD>;
  allow_shared(kernel, sizeof(Room<kD>));
  launch(at, kernel,
         {dim3(static_cast<unsigned>(rows * args.cluster),
               static_cast<unsigned>(args.attend.kv.kv_heads)),
          dim3(kThreads), sizeof(Room<kD>), static_cast<unsigned>(args.cluster)},
         args);
}

void launch_step(const Launch& at, const StepArgs& args) {
  if (args.attend.q.rows > 0) {
    args.attend.kv.head_dim == 64 ? launch_step<64>(at, args) : launch_step<128>(at, args);
  }
}

}  // namespace

bool attend_step_fits(const Launch& at, const AttendPagedArgs& args) {
  return at.clusters && attend_prefill_fits(args) && args.y.dtype == DType::kBF16 &&
         args.heads / args.kv.kv_heads <= kHeads &&
         std::int64_t{args.kv.blocks} * args.kv.kv_heads * args.kv.block_tokens < (1LL << 31);
}

bool rope_fits_attend_step(const RopeAppendArgs& rope, const AttendPagedArgs& args) {
  return rope.q.data == args.q.data && rope.q.rows == args.q.rows &&
         rope.q.row_stride == args.q.row_stride && rope.kv.k == args.kv.k &&
         rope.kv.v == args.kv.v && args.q.rows == static_cast<std::int64_t>(args.context.size());
}

void attend_step(const Launch& at, const AttendPagedArgs& args, bool singles_only) {
  launch_step(at, {args, {}, false, false, singles_only, 1});
}

void rope_attend_step(const Launch& at, const RopeAppendArgs& rope, const AttendPagedArgs& args,
                      bool early) {
  launch_step(at, {args, rope, true, early, false, 1});
}

}  // namespace monocle::cuda
