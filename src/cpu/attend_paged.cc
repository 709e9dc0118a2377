// SPDX-License-Identifier: Apache-2.0
#include "cpu/attend_paged.h"

#include <type_traits>

#include "cpu/attend_types.h"
#include "cpu/simd_includes.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/attend_decode_int8-inl.h"
#include "cpu/foreach_isa-inl.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/attend_paged-inl.h"
#include "cpu/amx_region-inl.h"

namespace monocle::cpu {
namespace {

struct Kernels {
  int (*tile)() = nullptr;
  std::size_t (*prefill_bytes)(int depth, int width) = nullptr;
  void (*enter)() = nullptr;  // per worker, before and after its tasks
  void (*leave)() = nullptr;
  void (*prefill)(const AttendPagedArgs&, const PrefillTask&, std::byte* memory) = nullptr;
  std::size_t (*decode_bytes)(int head_dim, int group) = nullptr;
  void (*decode)(const AttendPagedArgs&, const DecodeTask&, std::byte* memory) = nullptr;
  void (*combine)(const AttendPagedArgs&, const float* partial, int splits, std::int64_t stride,
                  std::int64_t y_first) = nullptr;
};

Kernels pick(Isa isa, const AttendPagedArgs& args) {
  Kernels out;
  out.tile = MONOCLE_CPU_PICK(isa, tile_queries);
  out.prefill_bytes = MONOCLE_CPU_PICK(isa, prefill_scratch_bytes<float>);
  out.enter = MONOCLE_CPU_PICK(isa, enter_attend);
  out.leave = MONOCLE_CPU_PICK(isa, leave_attend);
  out.prefill = MONOCLE_CPU_PICK(isa, prefill_task<float>);
  out.decode_bytes = MONOCLE_CPU_PICK(isa, decode_scratch_bytes);
  switch (args.kv.dtype) {
    case DType::kI8:
      out.decode_bytes = MONOCLE_CPU_PICK(isa, decode_int8_scratch_bytes);
      out.decode = MONOCLE_CPU_PICK(isa, decode_int8_task);
      break;
    case DType::kBF16:
      out.decode = MONOCLE_CPU_PICK(isa, decode_task<std::uint16_t>);
      break;
    default:
      out.decode = MONOCLE_CPU_PICK(isa, decode_task<float>);
  }
  out.combine = MONOCLE_CPU_PICK(isa, combine_head);
#if MONOCLE_CPU_X86
  const bool f32_cache = args.kv.dtype == DType::kF32;
  if (!f32_cache && args.q.dtype == DType::kBF16 && vector_isa(isa) == Isa::kAvx512) {
    const bool tiles = isa == Isa::kAmx && amx_attention();
    out.prefill_bytes = &avx512::prefill_scratch_bytes<std::uint16_t>;
    out.prefill = tiles ? &amx::prefill_task<std::uint16_t> : &avx512::prefill_task<std::uint16_t>;
    out.enter = tiles ? &amx::enter_attend : out.enter;
    out.leave = tiles ? &amx::leave_attend : out.leave;
  }
#endif
  return out;
}

// The work of one sequence: tasks [first_task, next sequence's), and where its partial results
// begin.
struct SequenceWork {
  std::int64_t first_task = 0;
  std::int64_t first_partial = 0;  // in splits
  std::int32_t units = 0;          // splits or runs of tiles per kv head
  bool decode = false;
};

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

SequenceWork work_of(const AttendPagedArgs& args, std::size_t b, std::int64_t task_rows) {
  const std::int64_t queries = args.query_start[b + 1] - args.query_start[b];
  const std::int64_t rows = queries * (args.heads / args.kv.kv_heads);
  SequenceWork out;
  out.decode = queries == 1;
  out.units = static_cast<std::int32_t>(out.decode ? ceil_div(args.context[b], kSplitKeys)
                                                   : ceil_div(rows, task_rows));
  return out;
}

struct Plan {
  std::int64_t sequences = 0;
  std::int64_t tasks = 0;
  std::int64_t partials = 0;  // splits of all decoding sequences
  SequenceWork* work = nullptr;
  float* partial = nullptr;  // [partials][heads][partial_floats]
};

Plan make_plan(Context& context, const AttendPagedArgs& args, std::int64_t task_rows) {
  Plan plan;
  plan.sequences = static_cast<std::int64_t>(args.context.size());
  std::int64_t splits = 0;
  for (std::size_t b = 0; b < args.context.size(); ++b) {
    const SequenceWork work = work_of(args, b, task_rows);
    splits += work.decode ? work.units : 0;
  }
  const std::int64_t head_bytes =
      std::int64_t{partial_floats(args.kv.head_dim)} * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t work_bytes =
      ceil_div(plan.sequences * static_cast<std::int64_t>(sizeof(SequenceWork)), 64) * 64;
  std::byte* memory =
      context.shared(static_cast<std::size_t>(work_bytes + splits * args.heads * head_bytes));
  plan.work = static_cast<SequenceWork*>(static_cast<void*>(memory));
  plan.partial = static_cast<float*>(static_cast<void*>(memory + work_bytes));
  for (std::int64_t b = 0; b < plan.sequences; ++b) {
    SequenceWork work = work_of(args, static_cast<std::size_t>(b), task_rows);
    work.first_task = plan.tasks;
    work.first_partial = plan.partials;
    plan.tasks += std::int64_t{work.units} * args.kv.kv_heads;
    plan.partials += work.decode ? work.units : 0;
    plan.work[b] = work;
  }
  return plan;
}

void run_task(const AttendPagedArgs& args, const Kernels& kernels, const Plan& plan,
              std::int64_t index, std::byte* memory) {
  const SequenceWork* after = std::upper_bound(
      plan.work, plan.work + plan.sequences, index,
      [](std::int64_t value, const SequenceWork& work) { return value < work.first_task; });
  const SequenceWork& work = after[-1];
  const std::int64_t sequence = after - 1 - plan.work;
  const auto unit = static_cast<std::int32_t>((index - work.first_task) % work.units);
  const auto kv_head = static_cast<std::int32_t>((index - work.first_task) / work.units);
  if (!work.decode) {
    kernels.prefill(args, {sequence, kv_head, std::int64_t{unit} * kTilesPerTask * kernels.tile()},
                    memory);
    return;
  }
  const std::int64_t first_head = std::int64_t{kv_head} * (args.heads / args.kv.kv_heads);
  float* partial = plan.partial + ((work.first_partial + unit) * args.heads + first_head) *
                                      partial_floats(args.kv.head_dim);
  kernels.decode(args, {sequence, kv_head, unit, partial}, memory);
}

void combine_sequence(const AttendPagedArgs& args, const Kernels& kernels, const Plan& plan,
                      std::int64_t sequence) {
  const SequenceWork& work = plan.work[sequence];
  if (!work.decode) {
    return;
  }
  const std::int64_t head_floats = partial_floats(args.kv.head_dim);
  const std::int64_t row = args.query_start[static_cast<std::size_t>(sequence)];
  for (std::int64_t h = 0; h < args.heads; ++h) {
    kernels.combine(args, plan.partial + (work.first_partial * args.heads + h) * head_floats,
                    work.units, args.heads * head_floats,
                    row * args.y.row_stride + h * args.kv.head_dim);
  }
}

}  // namespace

void attend_paged(Context& context, const AttendPagedArgs& args) {
  MONOCLE_CHECK(args.kv.head_dim <= kMaxHeadDim);
  const Kernels kernels = pick(context.isa(), args);
  const int depth = attend_depth(args.kv.head_dim);
  const int width = attend_width(args.kv.head_dim);
  context.reserve_workers(
      std::max(kernels.prefill_bytes(depth, width),
               kernels.decode_bytes(args.kv.head_dim, args.heads / args.kv.kv_heads)));
  const Plan plan = make_plan(context, args, std::int64_t{kTilesPerTask} * kernels.tile());
  context.pool().parallel_for(plan.tasks, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
    kernels.enter();
    for (std::int64_t i = begin; i < end; ++i) {
      run_task(args, kernels, plan, i, context.worker(worker));
    }
    kernels.leave();
  });
  if (plan.partials > 0) {
    context.pool().parallel_for(plan.sequences, 8, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t b = begin; b < end; ++b) {
        combine_sequence(args, kernels, plan, b);
      }
    });
  }
}

}  // namespace monocle::cpu
