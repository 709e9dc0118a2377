// SPDX-License-Identifier: Apache-2.0
// The same name for both element types of activations: vget reads floats whatever lies in memory,
// vput rounds once.

inline VF vget(const float* p) { return vload(p); }
inline VF vget(const std::uint16_t* p) { return vload_bf16(p); }
inline VF vget_n(const float* p, int n) { return vload_n(p, n); }
inline VF vget_n(const std::uint16_t* p, int n) { return vload_bf16_n(p, n); }
inline void vput(float* p, VF v) { vstore(p, v); }
inline void vput(std::uint16_t* p, VF v) { vstore_bf16(p, v); }
inline void vput_n(float* p, VF v, int n) { vstore_n(p, v, n); }
inline void vput_n(std::uint16_t* p, VF v, int n) { vstore_bf16_n(p, v, n); }

// body(column, vectors' lanes in use) over [0, count): whole vectors first, then the rest.
template <class Body>
inline void each_vector(std::int64_t count, Body body) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    body(i, kLanes);
  }
  if (i < count) {
    body(i, static_cast<int>(count - i));
  }
}
