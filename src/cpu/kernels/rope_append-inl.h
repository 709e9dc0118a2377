// SPDX-License-Identifier: Apache-2.0
// One head of one token: RMS norm, rotation (channel j pairs with j + D/2), one rounding at the
// store. Moves 4 D bytes in, 2 or 4 D out; the norm weights and the token's angles stay in L1.

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
