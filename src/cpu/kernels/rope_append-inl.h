// SPDX-License-Identifier: Apache-2.0
// One head of one token: RMS norm, rotation (channel j pairs with j + D/2), one rounding at the
// store. Moves 4 D bytes in, 1, 2 or 4 D out; the norm weights and the token's angles stay in L1.

#include "cpu/kernels/linear_prepare-inl.h"

#include "cpu/kernels/norm-inl.h"

template <class Out>
inline void norm_rotate_head(const float* x, const RopeHead& head, void* out) {
  Out* y = static_cast<Out*>(out);
  const int half = head.head_dim / 2;
  const float mean_square =
      square_sum_of_row(x, head.head_dim, 0.0F) / static_cast<float>(head.head_dim);
  const VF factor = vset(1.0F / std::sqrt(mean_square + head.eps));
  each_vector(half, [&](std::int64_t j, int lanes) {
    const VF low = vload_n(x + j, lanes) * factor * vload_n(head.weight + j, lanes);
    const VF high = vload_n(x + half + j, lanes) * factor * vload_n(head.weight + half + j, lanes);
    const VF c = vload_n(head.cosine + j, lanes);
    const VF s = vload_n(head.sine + j, lanes);
    vput_n(y + j, low * c - high * s, lanes);
    vput_n(y + half + j, vfma(high, c, low * s), lanes);
  });
}

template <class Out>
inline void store_head(const float* x, const RopeHead& head, void* out) {
  Out* y = static_cast<Out*>(out);
  each_vector(head.head_dim,
              [&](std::int64_t j, int lanes) { vput_n(y + j, vload_n(x + j, lanes), lanes); });
}

// A finished row as int8; returns its scale. quantise() writes whole vectors, `out` has none to
// spare.
inline float quantise_head(const float* x, const RopeHead& head, void* out) {
  alignas(64) std::int8_t codes[kMaxHeadDim + kLanes];
  const float scale = quantise(x, head.head_dim, head.head_dim,
                               [&](std::int64_t i, VF v) { vstore_signed(codes + i, v); });
  std::memcpy(out, codes, static_cast<std::size_t>(head.head_dim));
  return scale;
}

inline float norm_rotate_quantise_head(const float* x, const RopeHead& head, void* out) {
  alignas(64) float row[kMaxHeadDim];
  norm_rotate_head<float>(x, head, row);
  return quantise_head(row, head, out);
}
