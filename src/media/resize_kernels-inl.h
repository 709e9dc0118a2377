// SPDX-License-Identifier: Apache-2.0
// Included by resize_kernels.cc once per instruction set: MONOCLE_RESIZE_ISA is the namespace,
// MONOCLE_RESIZE_TARGET the function attribute; widen() and narrow() exist there already. Vectors
// are wider than some targets have; the compiler splits them. No vector is passed by value, which
// would depend on the target's ABI.

namespace monocle::media::MONOCLE_RESIZE_ISA {

// sum += weight * pixels
MONOCLE_RESIZE_TARGET inline void accumulate(const std::uint8_t* pixels, std::int32_t weight,
                                             Ints16& sum) {
  Ints16 wide;
  widen(pixels, wide);
  sum += wide * weight;
}

MONOCLE_RESIZE_TARGET inline void store(const Ints16& sum, int bits, std::uint8_t* out) {
  Ints16 value = sum >> bits;
  value = value < 0 ? Ints16{} : value;
  value = value > 255 ? Ints16{} + 255 : value;
  narrow(value, out);
}

MONOCLE_RESIZE_TARGET void filter_columns(const std::uint8_t* in, const AxisTaps& taps,
                                          std::uint8_t* out) {
  constexpr std::size_t kPixel = 3 * kResizeLanes;
  const Ints16 half = Ints16{} + (1 << (taps.bits - 1));
  for (std::size_t x = 0; x < taps.first.size(); ++x, out += kPixel) {
    const std::uint8_t* from = in + static_cast<std::size_t>(taps.first[x]) * kPixel;
    const std::int32_t* weights = taps.weights_of(x);
    Ints16 red = half;
    Ints16 green = half;
    Ints16 blue = half;
    for (std::int32_t tap = 0; tap < taps.count[x]; ++tap, from += kPixel) {
      accumulate(from, weights[tap], red);
      accumulate(from + kResizeLanes, weights[tap], green);
      accumulate(from + 2 * kResizeLanes, weights[tap], blue);
    }
    store(red, taps.bits, out);
    store(green, taps.bits, out + kResizeLanes);
    store(blue, taps.bits, out + 2 * kResizeLanes);
  }
}

MONOCLE_RESIZE_TARGET void filter_row(const std::uint8_t* in, std::size_t row_bytes,
                                      const AxisTaps& taps, std::size_t y, std::uint8_t* out) {
  const std::int32_t* weights = taps.weights_of(y);
  const std::int32_t count = taps.count[y];
  const Ints16 half = Ints16{} + (1 << (taps.bits - 1));
  std::size_t at = 0;
  for (; at + 4 * kResizeLanes <= row_bytes; at += 4 * kResizeLanes) {
    Ints16 a = half;
    Ints16 b = half;
    Ints16 c = half;
    Ints16 d = half;
    const std::uint8_t* from = in + at;
    for (std::int32_t tap = 0; tap < count; ++tap, from += row_bytes) {
      accumulate(from, weights[tap], a);
      accumulate(from + kResizeLanes, weights[tap], b);
      accumulate(from + 2 * kResizeLanes, weights[tap], c);
      accumulate(from + 3 * kResizeLanes, weights[tap], d);
    }
    store(a, taps.bits, out + at);
    store(b, taps.bits, out + at + kResizeLanes);
    store(c, taps.bits, out + at + 2 * kResizeLanes);
    store(d, taps.bits, out + at + 3 * kResizeLanes);
  }
  for (; at < row_bytes; ++at) {
    std::int32_t sum = 1 << (taps.bits - 1);
    for (std::int32_t tap = 0; tap < count; ++tap) {
      sum += weights[tap] * in[static_cast<std::size_t>(tap) * row_bytes + at];
    }
    out[at] = static_cast<std::uint8_t>(std::clamp(sum >> taps.bits, 0, 255));
  }
}

// Interleaves row i with row i + 8. Four rounds transpose a 16x16 block. Unrolled, so that the rows
// stay in registers.
MONOCLE_RESIZE_TARGET inline void interleave(const Bytes16* a, Bytes16* b) {
#if !defined(__clang__)
#pragma GCC unroll 8
#endif
  for (std::size_t i = 0; i < kResizeLanes / 2; ++i) {
    b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,
                                       22, 7, 23);
    b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13,
                                           29, 14, 30, 15, 31);
  }
}

MONOCLE_RESIZE_TARGET void transpose(const std::uint8_t* const* in, std::uint8_t* out) {
  Bytes16 a[kResizeLanes];
  Bytes16 b[kResizeLanes];
  for (std::size_t row = 0; row < kResizeLanes; ++row) {
    std::memcpy(&a[row], in[row], kResizeLanes);
  }
  interleave(a, b);
  interleave(b, a);
  interleave(a, b);
  interleave(b, a);
  std::memcpy(out, a, sizeof a);
}

inline constexpr ResizeKernels kKernels = {MONOCLE_RESIZE_NAME, filter_columns, filter_row,
                                           transpose};

}  // namespace monocle::media::MONOCLE_RESIZE_ISA
