// SPDX-License-Identifier: Apache-2.0
#include "media/resize_kernels.h"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace monocle::media {

typedef std::uint8_t Bytes16 __attribute__((vector_size(16)));
typedef std::int32_t Ints16 __attribute__((vector_size(64)));

// Bytes to integers and back. Written out because GCC 12 takes vectors apart, element by element,
// in __builtin_convertvector between these two.
namespace portable {

inline void widen(const std::uint8_t* from, Ints16& to) {
  Bytes16 bytes;
  std::memcpy(&bytes, from, kResizeLanes);
  const Bytes16 zero{};
  const Bytes16 low =
      __builtin_shufflevector(bytes, zero, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const Bytes16 high = __builtin_shufflevector(bytes, zero, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                               13, 29, 14, 30, 15, 31);
  Bytes16 parts[4];
  parts[0] =
      __builtin_shufflevector(low, zero, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
  parts[1] = __builtin_shufflevector(low, zero, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14,
                                     15, 30, 31);
  parts[2] =
      __builtin_shufflevector(high, zero, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
  parts[3] = __builtin_shufflevector(high, zero, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14,
                                     15, 30, 31);
  std::memcpy(&to, parts, sizeof to);
}

inline void narrow(const Ints16& from, std::uint8_t* to) {
  for (std::size_t i = 0; i < kResizeLanes; ++i) {
    to[i] = static_cast<std::uint8_t>(from[i]);
  }
}

}  // namespace portable

#if defined(__x86_64__)
namespace avx2 {

[[gnu::target("avx2")]] inline void widen(const std::uint8_t* from, Ints16& to) {
  __m256i parts[2];
  for (std::size_t i = 0; i < 2; ++i) {
    parts[i] =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + i * 8)));
  }
  std::memcpy(&to, parts, sizeof to);
}

[[gnu::target("avx2")]] inline void narrow(const Ints16& from, std::uint8_t* to) {
  __m128i parts[4];
  std::memcpy(parts, &from, sizeof parts);
  const __m128i words[2] = {_mm_packus_epi32(parts[0], parts[1]),
                            _mm_packus_epi32(parts[2], parts[3])};
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words[0], words[1]));
}

}  // namespace avx2

namespace avx512 {

[[gnu::target("avx512f,avx512bw,avx512vl")]] inline void widen(const std::uint8_t* from,
                                                               Ints16& to) {
  const __m512i wide =
      _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  std::memcpy(&to, &wide, sizeof to);
}

[[gnu::target("avx512f,avx512bw,avx512vl")]] inline void narrow(const Ints16& from,
                                                                std::uint8_t* to) {
  __m512i wide;
  std::memcpy(&wide, &from, sizeof wide);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(wide));
}

}  // namespace avx512
#endif

}  // namespace monocle::media

#define MONOCLE_RESIZE_ISA portable
#define MONOCLE_RESIZE_NAME "portable"
#define MONOCLE_RESIZE_TARGET
#include "media/resize_kernels-inl.h"
#undef MONOCLE_RESIZE_ISA
#undef MONOCLE_RESIZE_NAME
#undef MONOCLE_RESIZE_TARGET

#if defined(__x86_64__)
#define MONOCLE_RESIZE_ISA avx2
#define MONOCLE_RESIZE_NAME "avx2"
#define MONOCLE_RESIZE_TARGET [[gnu::target("avx2")]]
#include "media/resize_kernels-inl.h"
#undef MONOCLE_RESIZE_ISA
#undef MONOCLE_RESIZE_NAME
#undef MONOCLE_RESIZE_TARGET

#define MONOCLE_RESIZE_ISA avx512
#define MONOCLE_RESIZE_NAME "avx512"
#define MONOCLE_RESIZE_TARGET [[gnu::target("avx512f,avx512bw,avx512vl")]]
#include "media/resize_kernels-inl.h"
#undef MONOCLE_RESIZE_ISA
#undef MONOCLE_RESIZE_NAME
#undef MONOCLE_RESIZE_TARGET
#endif

namespace monocle::media {

std::span<const ResizeKernels> resize_kernels() {
#if defined(__x86_64__)
  static constexpr std::array<ResizeKernels, 3> kAll = {portable::kKernels, avx2::kKernels,
                                                        avx512::kKernels};
  const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") != 0 &&
                          __builtin_cpu_supports("avx512bw") != 0 &&
                          __builtin_cpu_supports("avx512vl") != 0;
  return std::span(kAll).first(has_avx512 ? 3 : has_avx2 ? 2 : 1);
#else
  static constexpr std::array<ResizeKernels, 1> kAll = {portable::kKernels};
  return kAll;
#endif
}

}  // namespace monocle::media
