// SPDX-License-Identifier: Apache-2.0
// Whole rows moved, added and widened. Bound by memory: each element is read and written once.

#include "cpu/kernels/elements-inl.h"

template <class In>
inline void widen_row(const void* in, float* out, std::int64_t count) {
  const In* x = static_cast<const In*>(in);
  each_vector(count,
              [&](std::int64_t c, int lanes) { vstore_n(out + c, vget_n(x + c, lanes), lanes); });
}

// out += weight * in
template <class In>
inline void add_row(const void* in, float weight, float* out, std::int64_t count) {
  const In* x = static_cast<const In*>(in);
  const VF w = vset(weight);
  each_vector(count, [&](std::int64_t c, int lanes) {
    vstore_n(out + c, vfma(w, vget_n(x + c, lanes), vload_n(out + c, lanes)), lanes);
  });
}

inline void dequantise_row(const std::int8_t* in, float scale, float* out, std::int64_t count) {
  const VF s = vset(scale);
  std::int64_t c = 0;
  for (; c + kLanes <= count; c += kLanes) {
    vstore(out + c, s * vload_i8(in + c));
  }
  for (; c < count; ++c) {
    out[c] = scale * static_cast<float>(in[c]);
  }
}
