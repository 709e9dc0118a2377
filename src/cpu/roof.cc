// SPDX-License-Identifier: Apache-2.0
#include "cpu/roof.h"

#include <chrono>

#include "cpu/amx.h"
#include "cpu/simd_includes.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/roof-inl.h"
#include "cpu/foreach_isa-inl.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/roof-inl.h"
#include "cpu/avx2vnni_region-inl.h"

#if MONOCLE_CPU_X86
MONOCLE_AMX_REGION_BEGIN
namespace monocle::cpu::amx {
// Four independent accumulators hide the latency of a tile product (52 cycles against a rate of one
// in 16).
float roof_bf16(std::int64_t rounds) {
  _tile_loadconfig(&kTileConfig);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  for (std::int64_t r = 0; r < rounds; ++r) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 5);
    _tile_dpbf16ps(2, 4, 5);
    _tile_dpbf16ps(3, 4, 5);
  }
  _tile_release();
  return 0.0F;
}
std::int64_t roof_bf16_flops(std::int64_t rounds) { return rounds * 4 * 16 * 16 * 32 * 2; }

float roof_int8(std::int64_t rounds) {
  _tile_loadconfig(&kTileConfig);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  for (std::int64_t r = 0; r < rounds; ++r) {
    _tile_dpbssd(0, 4, 5);
    _tile_dpbssd(1, 4, 5);
    _tile_dpbssd(2, 4, 5);
    _tile_dpbssd(3, 4, 5);
  }
  _tile_release();
  return 0.0F;
}
std::int64_t roof_int8_flops(std::int64_t rounds) { return rounds * 4 * 16 * 16 * 64 * 2; }
}  // namespace monocle::cpu::amx
MONOCLE_AMX_REGION_END
#endif

namespace monocle::cpu {
namespace {

using Clock = std::chrono::steady_clock;

struct Loop {
  float (*body)(std::int64_t rounds);
  std::int64_t (*work)(std::int64_t rounds);
};

double seconds_of(Context& context, FunctionRef<void(int)> task) {
  const auto start = Clock::now();
  context.pool().run(task);
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Rate of `work` per second in units of 1e9: the best of repeats that together last `seconds`.
double rate(Context& context, const Loop& loop, double seconds) {
  constexpr std::int64_t kRounds = 200'000;
  double best = 0;
  double spent = 0;
  std::vector<float> sink(static_cast<std::size_t>(context.pool().size()) * 16);
  while (spent < seconds) {
    const double took = seconds_of(context, [&](int worker) {
      sink[static_cast<std::size_t>(worker) * 16] = loop.body(kRounds);
    });
    spent += took;
    best = std::max(best,
                    static_cast<double>(loop.work(kRounds)) * context.pool().size() / took * 1e-9);
  }
  return best;
}

}  // namespace

ReadProbe::ReadProbe(Context& context, std::size_t buffer_bytes)
    : context_(context),
      each_(buffer_bytes / static_cast<std::size_t>(context.pool().size()) / 4096 * 4096),
      buffer_(each_ * static_cast<std::size_t>(context.pool().size())) {
  // Untouched pages are all the same zero page, which would measure the cache.
  context_.pool().run([&](int worker) {
    std::memset(buffer_.data() + static_cast<std::size_t>(worker) * each_, worker + 1, each_);
  });
}

double ReadProbe::sample() {
  const auto read = MONOCLE_CPU_PICK(context_.isa(), roof_read);
  std::vector<float> sink(static_cast<std::size_t>(context_.pool().size()) * 16);
  const double took = seconds_of(context_, [&](int worker) {
    const auto at = static_cast<std::size_t>(worker);
    sink[at * 16] = read(buffer_.data() + at * each_, static_cast<std::int64_t>(each_));
  });
  return static_cast<double>(buffer_.size()) / took * 1e-9;
}

double measure_read_gb_s(Context& context, const RoofOptions& options) {
  ReadProbe probe(context, options.buffer_bytes);
  const auto start = Clock::now();
  double best = 0;
  do {
    best = std::max(best, probe.sample());
  } while (std::chrono::duration<double>(Clock::now() - start).count() < options.seconds);
  return best;
}

Roof measure_roof(Context& context, const RoofOptions& options) {
  const Isa isa = context.isa();
  const Loop f32{MONOCLE_CPU_PICK(isa, roof_f32), MONOCLE_CPU_PICK(isa, roof_f32_flops)};
  Loop bf16{MONOCLE_CPU_PICK(isa, roof_bf16), MONOCLE_CPU_PICK(isa, roof_bf16_flops)};
  Loop int8{MONOCLE_CPU_PICK(isa, roof_int8), MONOCLE_CPU_PICK(isa, roof_int8_flops)};
#if MONOCLE_CPU_X86
  if (isa == Isa::kAvx2Vnni) {
    int8 = {avx2vnni::roof_int8, avx2vnni::roof_int8_flops};
  }
  if (isa == Isa::kAmx) {
    bf16 = {amx::roof_bf16, amx::roof_bf16_flops};
    int8 = {amx::roof_int8, amx::roof_int8_flops};
  }
#endif
  Roof roof;
  roof.f32_gflops = rate(context, f32, options.seconds);
  roof.bf16_gflops = rate(context, bf16, options.seconds);
  roof.int8_gops = rate(context, int8, options.seconds);
  roof.read_gb_s = measure_read_gb_s(context, options);
  return roof;
}

}  // namespace monocle::cpu
