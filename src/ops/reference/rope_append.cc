// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "ops/reference/elements.h"
#include "ops/reference/verbs.h"

namespace monocle::reference {
namespace {

// x <- RMS(x; weight)
void rms(std::span<float> x, const float* weight, float eps) {
  const auto d = static_cast<std::int64_t>(x.size());
  const double mean_square = dot(x.data(), x.data(), d) / static_cast<double>(d);
  const double factor = 1.0 / std::sqrt(mean_square + static_cast<double>(eps));
  for (std::size_t c = 0; c < x.size(); ++c) {
    x[c] = static_cast<float>(static_cast<double>(weight[c]) * static_cast<double>(x[c]) * factor);
  }
}

// The angle is a float product, as in the model's definition (at positions near a million its
// rounding shows); its cosine and sine are exact.
void rotate(std::span<float> x, const RopeAppendArgs& args, std::int64_t token) {
  const std::size_t half = x.size() / 2;
  const std::int64_t tokens = args.qkv.rows;
  for (std::size_t c = 0; c < half; ++c) {
    const std::int32_t position = args.positions[args.rope.axis[c] * tokens + token];
    const float angle = static_cast<float>(position) * args.rope.inv_freq[c];
    const double cosine =
        std::cos(static_cast<double>(angle)) * static_cast<double>(args.rope.scale);
    const double sine = std::sin(static_cast<double>(angle)) * static_cast<double>(args.rope.scale);
    const auto low = static_cast<double>(x[c]);
    const auto high = static_cast<double>(x[c + half]);
    x[c] = static_cast<float>(low * cosine - high * sine);
    x[c + half] = static_cast<float>(high * cosine + low * sine);
  }
}

// Element index of channel 0 of (slot, kv head) in k and in v.
std::int64_t kv_offset(const KvView& kv, std::int64_t slot, std::int64_t head) {
  const std::int64_t block = slot / kv.block_tokens;
  const std::int64_t token = slot % kv.block_tokens;
  return ((block * kv.kv_heads + head) * kv.block_tokens + token) * kv.head_dim;
}

// One row of keys or values to where it lies in the cache.
void store_row(const KvView& kv, void* pages, float* scales, std::int64_t at,
               std::span<const float> x) {
  if (kv.dtype != DType::kI8) {
    for (std::size_t c = 0; c < x.size(); ++c) {
      store(pages, kv.dtype, at + static_cast<std::int64_t>(c), static_cast<double>(x[c]));
    }
    return;
  }
  scales[at / kv.head_dim] = quantise_row(x, static_cast<std::int8_t*>(pages) + at);
}

}  // namespace

void rope_append(const RopeAppendArgs& args) {
  const std::int64_t d = args.kv.head_dim;
  const std::int64_t kv_heads = args.kv.kv_heads;
  const std::int64_t heads = args.q.cols / d;
  std::vector<float> head(static_cast<std::size_t>(d));
  const auto read_head = [&](std::int64_t token, std::int64_t index) {
    for (std::int64_t c = 0; c < d; ++c) {
      head[static_cast<std::size_t>(c)] = load(args.qkv, token, index * d + c);
    }
  };
  for (std::int64_t t = 0; t < args.qkv.rows; ++t) {
    for (std::int64_t h = 0; h < heads; ++h) {
      read_head(t, h);
      rms(head, args.q_norm, args.eps);
      rotate(head, args, t);
      for (std::int64_t c = 0; c < d; ++c) {
        store(args.q, t, h * d + c, static_cast<double>(head[static_cast<std::size_t>(c)]));
      }
    }
    const std::int64_t slot = args.slots[static_cast<std::size_t>(t)];
    for (std::int64_t h = 0; slot >= 0 && h < kv_heads; ++h) {
      const std::int64_t at = kv_offset(args.kv, slot, h);
      read_head(t, heads + h);
      rms(head, args.k_norm, args.eps);
      rotate(head, args, t);
      store_row(args.kv, args.kv.k, args.kv.k_scale, at, head);
      read_head(t, heads + kv_heads + h);
      store_row(args.kv, args.kv.v, args.kv.v_scale, at, head);
    }
  }
}

}  // namespace monocle::reference
