// SPDX-License-Identifier: Apache-2.0
#include "cpu/rope.h"

#include <type_traits>

#include "cpu/attend_types.h"
#include "cpu/simd_includes.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/rope_append-inl.h"
#include "cpu/foreach_isa-inl.h"

namespace monocle::cpu {
namespace {

using HeadFunction = void (*)(const float* x, const RopeHead& head, void* out);
using QuantiseFunction = float (*)(const float* x, const RopeHead& head, void* out);

struct Kernels {
  HeadFunction query = nullptr;
  HeadFunction key = nullptr;
  HeadFunction value = nullptr;
  QuantiseFunction int8_key = nullptr;  // these return the scale of the row
  QuantiseFunction int8_value = nullptr;
};

Kernels pick(Isa isa, DType query, DType kv) {
  Kernels out;
  out.query = query == DType::kF32 ? MONOCLE_CPU_PICK(isa, norm_rotate_head<float>)
                                   : MONOCLE_CPU_PICK(isa, norm_rotate_head<std::uint16_t>);
  out.key = kv == DType::kF32 ? MONOCLE_CPU_PICK(isa, norm_rotate_head<float>)
                              : MONOCLE_CPU_PICK(isa, norm_rotate_head<std::uint16_t>);
  out.value = kv == DType::kF32 ? MONOCLE_CPU_PICK(isa, store_head<float>)
                                : MONOCLE_CPU_PICK(isa, store_head<std::uint16_t>);
  out.int8_key = MONOCLE_CPU_PICK(isa, norm_rotate_quantise_head);
  out.int8_value = MONOCLE_CPU_PICK(isa, quantise_head);
  return out;
}

// The angle is a float product, as the model defines it; libm's sine and cosine are good to half an
// ulp at any size.
void fill_angles(const RopeAppendArgs& args, std::int64_t token, float* cosine, float* sine) {
  const std::int64_t tokens = args.qkv.rows;
  for (std::int64_t c = 0; c < args.kv.head_dim / 2; ++c) {
    const float angle = static_cast<float>(args.positions[args.rope.axis[c] * tokens + token]) *
                        args.rope.inv_freq[c];
    cosine[c] = std::cos(angle) * args.rope.scale;
    sine[c] = std::sin(angle) * args.rope.scale;
  }
}

// One token: its angles lie in the worker's scratch while its heads use them.
void append_token(const RopeAppendArgs& args, const Kernels& kernels, std::int64_t token,
                  float* angles) {
  const KvView& kv = args.kv;
  const std::int64_t d = kv.head_dim;
  const std::int64_t heads = args.q.cols / d;
  fill_angles(args, token, angles, angles + d / 2);
  RopeHead head{args.q_norm, angles, angles + d / 2, args.eps, kv.head_dim};
  const float* x = args.qkv.row<float>(token);
  const auto q_size = static_cast<std::int64_t>(dtype_size(args.q.dtype));
  auto* q = static_cast<std::byte*>(args.q.data) + token * args.q.row_stride * q_size;
  for (std::int64_t h = 0; h < heads; ++h) {
    kernels.query(x + h * d, head, q + h * d * q_size);
  }
  const std::int64_t slot = args.slots[static_cast<std::size_t>(token)];
  if (slot < 0) {
    return;
  }
  head.weight = args.k_norm;
  const auto kv_size = static_cast<std::int64_t>(dtype_size(kv.dtype));
  for (std::int64_t h = 0; h < kv.kv_heads; ++h) {
    const std::int64_t row =
        (slot / kv.block_tokens * kv.kv_heads + h) * kv.block_tokens + slot % kv.block_tokens;
    const float* key = x + (heads + h) * d;
    const float* value = key + kv.kv_heads * d;
    std::byte* k = static_cast<std::byte*>(kv.k) + row * d * kv_size;
    std::byte* v = static_cast<std::byte*>(kv.v) + row * d * kv_size;
    if (kv.dtype == DType::kI8) {
      kv.k_scale[row] = kernels.int8_key(key, head, k);
      kv.v_scale[row] = kernels.int8_value(value, head, v);
    } else {
      kernels.key(key, head, k);
      kernels.value(value, head, v);
    }
  }
}

}  // namespace

void rope_append(Context& context, const RopeAppendArgs& args) {
  MONOCLE_CHECK(args.kv.head_dim <= kMaxHeadDim);
  const Kernels kernels = pick(context.isa(), args.q.dtype, args.kv.dtype);
  context.reserve_workers(static_cast<std::size_t>(args.kv.head_dim) * sizeof(float));
  context.pool().parallel_for(
      args.qkv.rows, 4, [&](std::int64_t begin, std::int64_t end, int worker) {
        auto* angles = static_cast<float*>(static_cast<void*>(context.worker(worker)));
        for (std::int64_t t = begin; t < end; ++t) {
          append_token(args, kernels, t, angles);
        }
      });
}

}  // namespace monocle::cpu
