// SPDX-License-Identifier: Apache-2.0
// Activations made ready for a dot-product kernel: rows of the factor type, padded with zeros to
// whole steps.

// One row of x as float, whatever its type; `out` has room for whole vectors.
inline void float_row(const ConstTensorView& x, std::int64_t row, float* out) {
  if (x.dtype == DType::kF32) {
    std::memcpy(out, x.row<float>(row), static_cast<std::size_t>(x.cols) * sizeof(float));
    return;
  }
  const std::uint16_t* in = x.row<std::uint16_t>(row);
  std::int64_t i = 0;
  for (; i + kLanes <= x.cols; i += kLanes) {
    vstore(out + i, vload_bf16(in + i));
  }
  const int rest = static_cast<int>(x.cols - i);
  vstore_n(out + i, vload_bf16_n(in + i, rest), rest);
}

// kLanes elements of row `in` from i on, zeros behind the end.
template <class T>
inline VF load_some(const T* in, std::int64_t i, std::int64_t count) {
  const int rest = static_cast<int>(std::min<std::int64_t>(kLanes, count - i));
  if constexpr (std::is_same_v<T, float>) {
    return rest == kLanes ? vload(in + i) : vload_n(in + i, rest);
  } else {
    return rest == kLanes ? vload_bf16(in + i) : vload_bf16_n(in + i, rest);
  }
}

// Symmetric int8: returns the scale amax / 127. Zero rows and rows with NaN or infinity get scale
// amax / 127 as it comes out, so that a broken input is seen in the output. Writes whole vectors up
// to `padded`.
template <class T, class Store>
inline float quantise(const T* in, std::int64_t count, std::int64_t padded, Store store) {
  VF largest = vzero();
  for (std::int64_t i = 0; i < count; i += kLanes) {
    largest = vmax(largest, vabs(load_some(in, i, count)));
  }
  const float amax = vmax_lanes(largest);
  const VF inverse = vset(amax > 0.0F ? 127.0F / amax : 0.0F);
  std::int64_t i = 0;
  for (; i < count; i += kLanes) {
    // The clamp matters only for subnormal rows, where 127 / amax overflows.
    const VF scaled = load_some(in, i, count) * inverse;
    store(i, vmin(vset(127.0F), vmax(vset(-127.0F), scaled)));
  }
  for (; i < padded; i += kLanes) {
    store(i, vzero());
  }
  return amax / 127.0F;
}

inline float quantise_row(const ConstTensorView& x, std::int64_t row, IntX* out,
                          std::int64_t padded) {
  const auto store = [out](std::int64_t i, VF v) { vstore_int8(out + i, v); };
  if (x.dtype == DType::kF32) {
    return quantise(x.row<float>(row), x.cols, padded, store);
  }
  return quantise(x.row<std::uint16_t>(row), x.cols, padded, store);
}
