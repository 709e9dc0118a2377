// SPDX-License-Identifier: Apache-2.0
// What the attend_step kernels share behind the keys: the results of a block's warps and of a
// cluster's blocks become y. A Room has kD, kWarps,
// kThreads, warp_record(warp, head) and the block's record(head).
#pragma once

#include "cuda/kernels/attend_step.cuh"

namespace monocle::cuda::step {

// Of a kernel that starts early also before the wait.
__device__ inline HeadsOf heads_of(const StepArgs& args, int row, bool store_q) {
  const RopeAppendArgs& a = args.rope;
  HeadsOf of{};
  of.x = static_cast<const float*>(a.qkv.data) + row * a.qkv.row_stride;
  of.heads = args.attend.heads;
  of.q_norm = a.q_norm;
  of.k_norm = a.k_norm;
  of.eps = a.eps;
  of.q = store_q ? static_cast<std::uint16_t*>(a.q.data) + row * a.q.row_stride : nullptr;
  of.k = a.kv.k;
  of.v = a.kv.v;
  of.slot = __ldcg(a.slots.data() + row);
  of.k_scale = a.kv.k_scale;
  of.v_scale = a.kv.v_scale;
  return of;
}

// The warps' results become the block's record.
template <class Running, class Room>
__device__ inline void join_warps(Running& running, int group, Room& room) {
  const int thread = static_cast<int>(threadIdx.x);
  running.store(room.warp_record(thread / 32, thread % 32 / 4));
  __syncthreads();
  for (int i = thread; i < group * Room::kD; i += Room::kThreads) {
    const int h = i / Room::kD;
    const int c = i % Room::kD;
    const float3 all =
        join_records<Room::kWarps>([&](int warp) { return room.warp_record(warp, h); }, c);
    if (c == 0) {
      room.record(h)[0] = all.x;
      room.record(h)[1] = all.y;
    }
    room.record(h)[2 + c] = all.z;
  }
}

// Channel c of head h over all blocks of the cluster.
template <class Room>
__device__ inline float join_blocks(Room& room, int h, int c, int cluster) {
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

template <class Room>
__device__ inline void store_heads(const StepArgs& args, int row, int head0, int group, int rank,
                                   Room& room) {
  constexpr int kD = Room::kD;
  const AttendPagedArgs& a = args.attend;
  auto* y = static_cast<std::uint16_t*>(a.y.data) + row * a.y.row_stride + head0 * kD;
  const int share = group * kD / args.cluster;
  for (int i = static_cast<int>(threadIdx.x); i < share; i += Room::kThreads) {
    const int item = rank * share + i;
    const int h = item / kD;
    const int c = item % kD;
    y[item] = to_bf16(args.cluster == 1 ? room.record(h)[2 + c] / room.record(h)[1]
                                        : join_blocks(room, h, c, args.cluster));
  }
}

// As many blocks per row and kv head as keep the multiprocessors busy, within a cluster.
inline int blocks_per_item(const Launch& at, std::int64_t items) {
  if (at.batch_invariant) {
    return at.clusters ? kMaxCluster / 2 : 1;
  }
  int cluster = 1;
  while (at.clusters && cluster < kMaxCluster && items * cluster * 2 <= 2 * at.multiprocessors) {
    cluster *= 2;
  }
  return cluster;
}

template <class Room>
void launch_step(const Launch& at, void (*kernel)(StepArgs), StepArgs args) {
  const std::int64_t rows = args.singles_only
                                ? static_cast<std::int64_t>(args.attend.context.size())
                                : args.attend.q.rows;
  args.cluster = blocks_per_item(at, rows * args.attend.kv.kv_heads);
  allow_shared(kernel, sizeof(Room));
  launch(at, kernel,
         {dim3(static_cast<unsigned>(rows * args.cluster),
               static_cast<unsigned>(args.attend.kv.kv_heads)),
          dim3(Room::kThreads), sizeof(Room), static_cast<unsigned>(args.cluster)},
         args);
}

}  // namespace monocle::cuda::step
