// SPDX-License-Identifier: Apache-2.0
// Loops that do nothing but what a roof counts: reading memory, and arithmetic on registers.

// The compiler must take `v` for changed: otherwise one product would serve all chains.
#undef MONOCLE_KEEP
#if MONOCLE_CPU_X86
#define MONOCLE_KEEP(v) asm volatile("" : "+v"(v))
#elif defined(__aarch64__)
#define MONOCLE_KEEP(v) asm volatile("" : "+w"(v))
#else
#define MONOCLE_KEEP(v) asm volatile("" : "+m"(v))
#endif

// The largest float; four streams a page apart keep more misses in flight than one.
float roof_read(const std::byte* data, std::int64_t bytes) {
  constexpr std::int64_t kLine = 64;
  constexpr std::int64_t kStreams = 4;
  const std::int64_t stretch = bytes / kStreams / kLine * kLine;
  VF sum[kStreams] = {vzero(), vzero(), vzero(), vzero()};
  for (std::int64_t at = 0; at < stretch; at += kLine) {
    for (std::int64_t s = 0; s < kStreams; ++s) {
      const float* line =
          static_cast<const float*>(static_cast<const void*>(data + s * stretch + at));
      for (int lane = 0; lane < kLine / 4; lane += kLanes) {
        sum[s] = vmax(sum[s], vload(line + lane));
      }
    }
  }
  return vsum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

// Enough independent accumulators to cover the latency of any FMA, few enough for 16 registers.
inline constexpr int kRoofChains = 12;

float roof_f32(std::int64_t rounds) {
  VF acc[kRoofChains];
#pragma GCC unroll 12
  for (int i = 0; i < kRoofChains; ++i) {
    acc[i] = vset(static_cast<float>(i));
  }
  VF a = vset(0.5F);
  VF b = vset(1e-7F);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kRoofChains; ++i) {
      MONOCLE_KEEP(a);
      acc[i] = vfma(a, b, acc[i]);
    }
  }
  VF total = vzero();
#pragma GCC unroll 12
  for (int i = 0; i < kRoofChains; ++i) {
    total = total + acc[i];
  }
  return vsum(total);
}
std::int64_t roof_f32_flops(std::int64_t rounds) { return rounds * kRoofChains * kLanes * 2; }

float roof_bf16(std::int64_t rounds) {
  if (!kBF16Products) {  // computed by widening
    return roof_f32(rounds);
  }
  VF acc[kRoofChains];
#pragma GCC unroll 12
  for (int i = 0; i < kRoofChains; ++i) {
    acc[i] = vset(static_cast<float>(i));
  }
  std::uint16_t factors[2][2 * kLanes];
  std::fill_n(factors[0], 2 * kLanes, std::uint16_t{0x3f00});
  std::fill_n(factors[1], 2 * kLanes, std::uint16_t{0x3300});
  VB a = bload(factors[0]);
  const VB b = bload(factors[1]);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kRoofChains; ++i) {
      MONOCLE_KEEP(a);
      acc[i] = bdot(acc[i], a, b);
    }
  }
  VF total = vzero();
#pragma GCC unroll 12
  for (int i = 0; i < kRoofChains; ++i) {
    total = total + acc[i];
  }
  return vsum(total);
}
std::int64_t roof_bf16_flops(std::int64_t rounds) {
  return rounds * kRoofChains * kLanes * (kBF16Products ? 4 : 2);
}

float roof_int8(std::int64_t rounds) {
  VI acc[kRoofChains] = {};
  VX a = xset(3);
  VX b = xset(5);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kRoofChains; ++i) {
      MONOCLE_KEEP(a);
      acc[i] = idot(acc[i], a, b);
    }
  }
  std::int64_t total = 0;
#pragma GCC unroll 12
  for (int i = 0; i < kRoofChains; ++i) {
    total += isum(acc[i]);
  }
  return static_cast<float>(total);
}
std::int64_t roof_int8_flops(std::int64_t rounds) { return rounds * kRoofChains * kIntStep * 2; }
