// SPDX-License-Identifier: Apache-2.0
// attend_paged for single queries in bf16 (a cache of int8: attend_step_int8.cu): y = sum_p
// softmax(scale q k_p) v_p, all query heads of a group together; with the rope_append that makes
// them, in one launch.
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
#include "cuda/kernels/attend_step_join.cuh"

namespace monocle::cuda {
namespace {

using namespace step;  // NOLINT(google-build-using-namespace): the other half of this file

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

// Where a warp's 16 keys of a tile lie.
template <int kD>
struct TileKeys {
  int row0 = static_cast<int>(threadIdx.x / 32) * 16;
  std::uint32_t tile;

  __device__ explicit TileKeys(std::uint32_t at) : tile(at) {}
  __device__ std::uint32_t key(int row, int piece) const {
    return tile + static_cast<std::uint32_t>((row0 + row) * TileShape<kD>::kPitch + piece * 16);
  }
  __device__ std::uint32_t value(int row, int piece) const {
    return key(row, piece) + TileShape<kD>::kPlane;
  }
};

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
    const TileKeys<kD> keys(shared_address(room.tiles[stage]));
    if (share.end - first > keys.row0) {
      attend_16<kD>(q, keys, share.end - first - keys.row0, a.scale * kLog2E, running);
    }
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
    make_heads<kD>(heads_of(args, row, rank == 0), a.kv, share, turn, room.q, room.fresh);
    __syncthreads();
    load_heads<kD, true>(&room.q[0][0], group, q);
  } else {
    load_heads<kD, false>(
        static_cast<const std::uint16_t*>(a.q.data) + row * a.q.row_stride + head0 * kD, group, q);
  }
  Running<kD> running;
  attend_share<kD>(a, share, q, room, running);
  join_warps(running, group, room);
  __syncthreads();
  if (args.cluster == 1) {
    store_heads(args, row, head0, group, rank, room);
    return;
  }
  cluster_arrive();
  cluster_wait();
  store_heads(args, row, head0, group, rank, room);
  __syncthreads();
  cluster_arrive_read();
  cluster_wait();
}

void launch_step(const Launch& at, const StepArgs& args) {
  if (args.attend.q.rows == 0) {
    return;
  }
  if (args.attend.kv.dtype == DType::kI8) {
    attend_step_int8(at, args);
  } else if (args.attend.kv.head_dim == 64) {
    launch_step<Room<64>>(at, attend_step_kernel<64>, args);
  } else {
    launch_step<Room<128>>(at, attend_step_kernel<128>, args);
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
