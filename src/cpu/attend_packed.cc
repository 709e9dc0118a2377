// SPDX-License-Identifier: Apache-2.0
#include "cpu/attend_packed.h"

#include <type_traits>

#include "cpu/attend_types.h"
#include "cpu/simd_includes.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/attend_packed-inl.h"
#include "cpu/foreach_isa-inl.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/attend_packed-inl.h"
#include "cpu/amx_region-inl.h"

namespace monocle::cpu {
namespace {

template <class T, class Out>
struct Kernels {
  int (*tile)() = nullptr;
  std::size_t (*worker_bytes)(int depth, int width) = nullptr;
  void (*enter)() = nullptr;  // per worker, before and after its tasks
  void (*leave)() = nullptr;
  void (*pack)(const PackedHead<T>&, const PackedSegment&, std::int64_t first) = nullptr;
  void (*attend)(const PackedHead<T>&, const PackedSegment&, std::int64_t first, std::byte* memory,
                 const PackedOut<Out>&) = nullptr;
};

#define MONOCLE_PACKED_KERNELS(T, Out, region)                                                  \
  Kernels<T, Out> {                                                                             \
    &region::tile_queries, &region::attend_scratch_bytes<T>, &region::enter_attend,             \
        &region::leave_attend, &region::pack_key_block<T>, &region::attend_packed_tiles<T, Out> \
  }

template <class Out>
Kernels<float, Out> kernels_f32(Isa isa) {
#if MONOCLE_CPU_X86
  if (vector_isa(isa) == Isa::kAvx512) {
    return MONOCLE_PACKED_KERNELS(float, Out, avx512);
  }
  if (vector_isa(isa) == Isa::kAvx2) {
    return MONOCLE_PACKED_KERNELS(float, Out, avx2);
  }
#elif MONOCLE_CPU_ARM
  if (isa == Isa::kNeon) {
    return MONOCLE_PACKED_KERNELS(float, Out, neon);
  }
#endif
  static_cast<void>(isa);
  return MONOCLE_PACKED_KERNELS(float, Out, portable);
}

#if MONOCLE_CPU_X86
Kernels<std::uint16_t, std::uint16_t> kernels_bf16(Isa isa) {
  if (isa == Isa::kAmx && amx_attention()) {
    return MONOCLE_PACKED_KERNELS(std::uint16_t, std::uint16_t, amx);
  }
  return MONOCLE_PACKED_KERNELS(std::uint16_t, std::uint16_t, avx512);
}
#endif
#undef MONOCLE_PACKED_KERNELS

// Packed K and V of the heads of one pass stay below this, unless one head alone is larger.
constexpr std::int64_t kPassBytes = std::int64_t{64} << 20;

// cos and sin of position * inv_freq: a float product as in the model, then exact to rounding.
void angle_row(std::int32_t position, const float* inv_freq, std::int64_t count, float* cosine,
               float* sine) {
  for (std::int64_t c = 0; c < count; ++c) {
    const float angle = static_cast<float>(position) * inv_freq[c];
    cosine[c] = std::cos(angle);
    sine[c] = std::sin(angle);
  }
}

// Everything shared by the heads, laid out in the context's scratch.
struct Plan {
  std::int64_t patches = 0;
  std::int64_t segments = 0;
  std::int64_t padded = 0;  // rows of packed K and V
  std::int64_t blocks = 0;  // per head
  std::int64_t tasks = 0;
  std::int64_t pass_heads = 0;
  PackedSegment* segment = nullptr;
  float* cosine = nullptr;
  float* sine = nullptr;
  std::byte* packed = nullptr;
};

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

void add_segments(const AttendPackedArgs& args, std::int64_t task_queries, Plan& plan) {
  for (std::int64_t s = 0; s < plan.segments; ++s) {
    const auto i = static_cast<std::size_t>(s);
    const std::int64_t count = args.segments[i + 1] - args.segments[i];
    const std::int64_t padded = ceil_div(count, kKeyPad) * kKeyPad;
    if (plan.segment != nullptr) {
      plan.segment[s] = {args.segments[i], count, plan.padded, padded, plan.blocks, plan.tasks};
    }
    plan.padded += padded;
    plan.blocks += ceil_div(padded, kKeyBlock);
    plan.tasks += ceil_div(count, task_queries);
  }
}

Plan make_plan(Context& context, const AttendPackedArgs& args, std::int64_t task_queries,
               std::size_t element) {
  Plan plan;
  plan.patches = args.qkv.rows;
  plan.segments = static_cast<std::int64_t>(args.segments.size()) - 1;
  Plan sizes = plan;
  add_segments(args, task_queries, sizes);
  const std::int64_t row = 2 * attend_depth(args.head_dim) + attend_width(args.head_dim);
  const std::int64_t head_bytes = sizes.padded * row * static_cast<std::int64_t>(element);
  plan.pass_heads =
      std::clamp<std::int64_t>(kPassBytes / std::max<std::int64_t>(head_bytes, 1), 1, args.heads);
  const auto line = [](std::int64_t bytes) { return ceil_div(bytes, 64) * 64; };
  const std::int64_t segment_bytes =
      line(plan.segments * static_cast<std::int64_t>(sizeof(PackedSegment)));
  const std::int64_t angle_bytes =
      line(plan.patches * (args.head_dim / 2) * static_cast<std::int64_t>(sizeof(float)));
  const std::int64_t total = segment_bytes + 2 * angle_bytes + plan.pass_heads * head_bytes;
  std::byte* memory = context.shared(static_cast<std::size_t>(total));
  plan.segment = static_cast<PackedSegment*>(static_cast<void*>(memory));
  plan.cosine = static_cast<float*>(static_cast<void*>(memory + segment_bytes));
  plan.sine = static_cast<float*>(static_cast<void*>(memory + segment_bytes + angle_bytes));
  plan.packed = memory + segment_bytes + 2 * angle_bytes;
  add_segments(args, task_queries, plan);
  return plan;
}

// Neighbouring patches share a row or a column, but which ones depends on the merge order: a patch
// whose coordinate equals its predecessor's copies it, the rest is computed.
void fill_angles(Context& context, const AttendPackedArgs& args, const Plan& plan) {
  const std::int64_t quarter = args.head_dim / 4;
  context.pool().parallel_for(plan.patches, 256, [&](std::int64_t begin, std::int64_t end, int) {
    const auto fill = [&](std::span<const std::int32_t> position, std::int64_t column) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int32_t here = position[static_cast<std::size_t>(i)];
        float* cosine = plan.cosine + i * 2 * quarter + column;
        float* sine = plan.sine + i * 2 * quarter + column;
        std::int64_t same = i - 1;
        const std::int64_t oldest = std::max(begin, i - 8);
        while (same >= oldest && position[static_cast<std::size_t>(same)] != here) {
          --same;
        }
        if (same >= oldest) {
          const std::int64_t back = (i - same) * 2 * quarter;
          std::copy_n(cosine - back, quarter, cosine);
          std::copy_n(sine - back, quarter, sine);
        } else {
          angle_row(here, args.inv_freq, quarter, cosine, sine);
        }
      }
    };
    fill(args.row, 0);
    fill(args.col, quarter);
  });
}

// The segment in which block or task `index` of a head lies.
template <std::int64_t PackedSegment::* kFirst>
const PackedSegment& segment_of(const Plan& plan, std::int64_t index) {
  const PackedSegment* after = std::upper_bound(
      plan.segment, plan.segment + plan.segments, index,
      [](std::int64_t value, const PackedSegment& segment) { return value < segment.*kFirst; });
  return after[-1];
}

template <class T, class Out>
void run(Context& context, const AttendPackedArgs& args, const Kernels<T, Out>& kernels) {
  const std::int64_t task_queries = std::int64_t{kTilesPerTask} * kernels.tile();
  PackedHead<T> head;
  head.head_dim = args.head_dim;
  head.depth = attend_depth(args.head_dim);
  head.width = attend_width(args.head_dim);
  head.row_stride = args.qkv.row_stride;
  head.part_stride = std::int64_t{args.heads} * args.head_dim;
  head.scale = args.scale;
  context.reserve_workers(kernels.worker_bytes(head.depth, head.width));
  const Plan plan = make_plan(context, args, task_queries, sizeof(T));
  fill_angles(context, args, plan);
  head.cosine = plan.cosine;
  head.sine = plan.sine;
  head.head_stride = plan.padded * (2 * head.depth + head.width);
  const auto at = [&](std::int64_t first_head, std::int64_t index) {
    PackedHead<T> out = head;
    out.qkv = static_cast<const float*>(args.qkv.data) + (first_head + index) * args.head_dim;
    out.q = static_cast<T*>(static_cast<void*>(plan.packed)) + index * head.head_stride;
    out.k = out.q + plan.padded * head.depth;
    out.v = out.k + plan.padded * head.depth;
    return out;
  };
  for (std::int64_t first = 0; first < args.heads; first += plan.pass_heads) {
    const std::int64_t heads = std::min<std::int64_t>(plan.pass_heads, args.heads - first);
    PackedHead<T> all = at(first, 0);
    all.heads = static_cast<int>(heads);
    context.pool().parallel_for(plan.blocks, 1, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t block = begin; block < end; ++block) {
        const PackedSegment& segment = segment_of<&PackedSegment::first_block>(plan, block);
        kernels.pack(all, segment, (block - segment.first_block) * kKeyBlock);
      }
    });
    context.pool().parallel_for(
        heads * plan.tasks, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
          kernels.enter();
          for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t task = i % plan.tasks;
            const std::int64_t index = i / plan.tasks;
            const PackedSegment& segment = segment_of<&PackedSegment::first_task>(plan, task);
            const PackedOut<Out> out{
                static_cast<Out*>(args.y.data) + (first + index) * args.head_dim,
                args.y.row_stride};
            kernels.attend(at(first, index), segment, (task - segment.first_task) * task_queries,
                           context.worker(worker), out);
          }
          kernels.leave();
        });
  }
}

}  // namespace

void attend_packed(Context& context, const AttendPackedArgs& args) {
  MONOCLE_CHECK(args.head_dim <= kMaxHeadDim && args.qkv.dtype == DType::kF32);
  if (args.qkv.rows == 0 || args.segments.size() < 2) {
    return;
  }
  if (args.y.dtype == DType::kF32) {
    run(context, args, kernels_f32<float>(context.isa()));
    return;
  }
#if MONOCLE_CPU_X86
  if (vector_isa(context.isa()) == Isa::kAvx512) {
    run(context, args, kernels_bf16(context.isa()));
    return;
  }
#endif
  run(context, args, kernels_f32<std::uint16_t>(context.isa()));
}

bool amx_attention() {
#if MONOCLE_CPU_X86
  return __builtin_cpu_supports("avx512vbmi") > 0;
#else
  return false;
#endif
}

}  // namespace monocle::cpu
