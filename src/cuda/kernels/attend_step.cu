// SPDX-License-Identifier: Apache-2.0
// attend_paged for single queries in bf16 (a cache of int8: attend_step_int8.cu): y = sum_p
// softmax(scale q k_p) v_p, all query heads of a group together; with the rope_append that makes
// them, in one launch.
//
// Reads every visible key and value once: 4 D bytes per key and kv head. blockIdx.x = query row
// times block of the cluster, .y = kv head; the blocks of a cluster share out the keys. Each of a
// block's 4 warps brings 16 keys and values at a time into two stages of its own by asynchronous
// 16-byte copies, so that no barrier of the block stands between them; where a key's row lies is
// looked up earlier still. The products run on the tensor cores with the query heads as (up to 8)
// rows, since scalar products would cost more instructions than the memory leaves time for. Warps
// meet in shared memory, blocks in the cluster's. The grid depends on the number of rows only,
// never on lengths.
//
// With rope_append fused, the keys before the current token do not depend on the launch ahead; the
// first two stages of them are on their way before it has ended (`early`: it is a linear_stream or
// linear_batch, so everything ahead of it, this step's integers too, is complete). The current
// token's key and value never pass through memory: the block that owns the last key puts them into
// its stage, and stores them to the cache as well.
#include "cuda/kernels/attend_step_join.cuh"

namespace monocle::cuda {
namespace {

using namespace step;  // NOLINT(google-build-using-namespace): the other half of this file

template <class Room>
__global__ __launch_bounds__(kThreads,
                             3) void attend_step_kernel(const __grid_constant__ StepArgs args) {
  constexpr int kD = Room::kD;
  extern __shared__ uint4 shared[];
  auto& room = *reinterpret_cast<Room*>(shared);
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
  const WarpKeys<kD> keys{a, share, Room::kWarps};
  std::uint8_t(&stages)[kStages][Room::kStageBytes] = room.stages[threadIdx.x / 32];
  const int chunks = keys.chunks();
  int rows[kStages];
#pragma unroll
  for (int i = 0; i < kStages; ++i) {
    rows[i] = keys.look_up(i);
  }
#pragma unroll
  for (int i = 0; i < kStages; ++i) {
    if (i < chunks) {
      keys.copy(a.kv.k, a.kv.v, rows[i], shared_address(stages[i]));
    }
    copy_commit();
  }
  const int group = a.heads / a.kv.kv_heads;
  const int head0 = share.kv_head * group;
  std::uint32_t q[kD / 16][2];
  if (args.has_rope) {
    Turn<kD> turn;
    turn.load(args.rope, row);
    const HeadsOf of = heads_of(args, row, rank == 0);
    if (args.early) {
      prefetch_norms<kD>(of.q_norm, of.k_norm);
      pdl_wait();
      pdl_launch_next();
    }
    make_heads<kD>(of, a.kv, share, turn, room.q, room.fresh);
    __syncthreads();
    load_heads<kD, true>(&room.q[0][0], group, q);
  } else {
    load_heads<kD, false>(
        static_cast<const std::uint16_t*>(a.q.data) + row * a.q.row_stride + head0 * kD, group, q);
  }
  Running<kD> running;
  int next = keys.look_up(kStages);
  int at = 0;  // stage
  for (int i = 0; i < chunks; ++i) {
    const int ahead = next;
    next = keys.look_up(i + kStages + 1);
    std::uint8_t* stage = stages[at];
    at = at + 1 == kStages ? 0 : at + 1;
    copy_wait<kStages - 1>();
    __syncwarp();
    keys.put_fresh(i, room.fresh, stage);
    __syncwarp();
    attend_16<kD>(q, Chunk<kD>{shared_address(stage)}, share.end - keys.first(i), a.scale * kLog2E,
                  running);
    __syncwarp();
    if (i + kStages < chunks) {
      keys.copy(a.kv.k, a.kv.v, ahead, shared_address(stage));
    }
    copy_commit();
  }
  __syncwarp();
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
    launch_step<Room<64>>(at, attend_step_kernel<Room<64>>, args);
  } else {
    launch_step<Room<128>>(at, attend_step_kernel<Room<128>>, args);
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
