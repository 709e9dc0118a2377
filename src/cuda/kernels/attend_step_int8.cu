// SPDX-License-Identifier: Apache-2.0
// attend_step.cu over a cache of int8: y = sum_p softmax(scale q k_p) v_p for single queries, with
// the rope_append that makes them.
//
// Reads every visible key and value once: 2 (D + 4) bytes per key and kv head. Blocks, clusters and
// what may be read early are as there. A warp takes 32 keys at a time, because a product of int8
// takes so many, through stages of its own, so that no barrier of the block stands between tiles.
#include "cuda/kernels/attend_int8.cuh"
#include "cuda/kernels/attend_step_join.cuh"

namespace monocle::cuda {
namespace {

using namespace step;  // NOLINT(google-build-using-namespace): the other half of this file

template <int kD_, int kWarps_>
struct Int8Room {
  static constexpr int kD = kD_;
  static constexpr int kWarps = kWarps_;
  static constexpr int kThreads = 32 * kWarps;
  static constexpr int kStageBytes = Int8Chunk<kD>::kBytes;
  alignas(16) std::uint8_t stages[kWarps][kStages][kStageBytes];
  alignas(16) std::uint16_t q[kHeads][kD];
  Int8Fresh<kD> fresh;

  // The stages, once used up, hold the results of the warps and, in the first warp's second stage,
  // the block's.
  __device__ float* warp_record(int warp, int head) {
    return reinterpret_cast<float*>(stages[warp][0]) + head * Int8Running<kD>::kRecord;
  }
  __device__ float* record(int head) {
    return reinterpret_cast<float*>(stages[0][1]) + head * Int8Running<kD>::kRecord;
  }
  static_assert(sizeof(float) * kHeads * Int8Running<kD>::kRecord <= kStageBytes);
};

template <class Room, int kBlocks>
__global__ __launch_bounds__(Room::kThreads, kBlocks) void attend_step_int8_kernel(
    const __grid_constant__ StepArgs args) {
  extern __shared__ uint4 shared[];
  constexpr int kD = Room::kD;
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
  constexpr int kKeys = Int8Chunk<kD>::kKeys;
  Share share{find_visible(a, row), static_cast<int>(blockIdx.y), 0, 0, -1};
  const int per_block =
      ((share.seen.count + args.cluster - 1) / args.cluster + kKeys - 1) / kKeys * kKeys;
  share.begin = rank * per_block;
  share.end = min(share.begin + per_block, share.seen.count);
  share.fresh = args.has_rope ? share.seen.count - 1 : -1;

  const Int8Keys<kD> keys{a, share, Room::kWarps};
  const Int8Planes cache{static_cast<const std::int8_t*>(a.kv.k),
                         static_cast<const std::int8_t*>(a.kv.v), a.kv.k_scale, a.kv.v_scale};
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
      keys.copy(cache, rows[i], shared_address(stages[i]));
    }
    copy_commit();
  }

  const int group = a.heads / a.kv.kv_heads;
  const int head0 = share.kv_head * group;
  Int8Heads<kD> heads;
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
    heads.template load<true>(&room.q[0][0], group);
  } else {
    heads.template load<false>(
        static_cast<const std::uint16_t*>(a.q.data) + row * a.q.row_stride + head0 * kD, group);
  }
  const float scale_log2 = a.scale * kLog2E * heads.scale;
  Int8Running<kD> running;
  int next = keys.look_up(kStages);
  for (int i = 0; i < chunks; ++i) {
    const int ahead = next;
    next = keys.look_up(i + kStages + 1);
    std::uint8_t* stage = stages[i % kStages];
    copy_wait<kStages - 1>();
    __syncwarp();
    keys.put_fresh(i, room.fresh, stage);
    __syncwarp();
    attend_32<kD>(heads, shared_address(stage), share.end - keys.first(i), scale_log2, running);
    __syncwarp();
    if (i + kStages < chunks) {
      keys.copy(cache, ahead, shared_address(stage));
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

template <int kWarps, int kBlocks>
void launch_int8(const Launch& at, const StepArgs& args) {
  if (args.attend.kv.head_dim == 64) {
    launch_step<Int8Room<64, kWarps>>(at, attend_step_int8_kernel<Int8Room<64, kWarps>, kBlocks>,
                                      args);
  } else {
    launch_step<Int8Room<128, kWarps>>(at, attend_step_int8_kernel<Int8Room<128, kWarps>, kBlocks>,
                                       args);
  }
}

}  // namespace

namespace step {

void attend_step_int8(const Launch& at, const StepArgs& args) {
  // Many items: smaller blocks, of which more run beside each other and fill the last round.
  const std::int64_t rows = args.singles_only
                                ? static_cast<std::int64_t>(args.attend.context.size())
                                : args.attend.q.rows;
  if (rows * args.attend.kv.kv_heads > std::int64_t{3} * at.multiprocessors &&
      !at.batch_invariant) {
    launch_int8<3, 4>(at, args);
  } else {
    launch_int8<4, 3>(at, args);
  }
}

}  // namespace step
}  // namespace monocle::cuda
