// SPDX-License-Identifier: Apache-2.0
// Linear layers in the shapes of the 2B model, per tier. Weights rotate through more memory than
// the last-level cache, so that every call reads them from memory as a decode step does. Counters:
// bytes of W per second and FLOP/s, each with its share of the roof that the same process measured
// first. MONOCLE_BENCH_THREADS sets the workers.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cpu/linear.h"
#include "cpu/roof.h"
#include "tensor/buffer.h"

namespace {

using monocle::Buffer;
using monocle::DType;
using monocle::QuantFormat;
using monocle::cpu::Context;
using monocle::cpu::Isa;
using monocle::cpu::Roof;

int threads() {
  const char* value = std::getenv("MONOCLE_BENCH_THREADS");
  return value == nullptr ? monocle::usable_cpus() : std::max(1, std::atoi(value));
}

const Roof& roof_of(Isa isa) {
  static std::array<Roof, monocle::cpu::kIsaCount> roofs;
  Roof& roof = roofs[static_cast<std::size_t>(isa)];
  if (roof.read_gb_s == 0) {
    Context context(threads(), false, isa);
    roof = monocle::cpu::measure_roof(context, {});
  }
  return roof;
}

struct Case {
  Isa isa;
  QuantFormat format;
  DType x;
  std::int64_t n;
  std::int64_t k;
};

// One process-wide pool of weights: filling a gigabyte for each case would take longer than
// measuring it.
const Buffer& weight_memory() {
  static const Buffer buffer = [] {
    constexpr std::size_t kBytes = std::size_t{1} << 30;
    Buffer filled(kBytes);
    auto* words = static_cast<std::uint32_t*>(static_cast<void*>(filled.data()));
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < kBytes / 4; ++i) {
      state = state * 1664525U + 1013904223U;
      words[i] = (state & 0x807f807fU) | 0x3d003d00U;  // ordinary small numbers in every format
    }
    return filled;
  }();
  return buffer;
}

double peak(const Case& c, const Roof& roof) {
  if (monocle::format_info(c.format).unpack_int8 != nullptr) {
    return roof.int8_gops;
  }
  return c.x == DType::kBF16 && c.format == QuantFormat::kBF16 ? roof.bf16_gflops : roof.f32_gflops;
}

void linear(benchmark::State& state, const Case& c) {
  const std::int64_t m = state.range(0);
  const Roof& roof = roof_of(c.isa);
  Context context(threads(), false, c.isa);
  const monocle::FormatInfo& info = monocle::format_info(c.format);
  const std::size_t bytes = info.data_bytes(c.n, c.k);
  const std::size_t copies = weight_memory().size() / bytes;
  const Buffer aux(info.aux_bytes(c.n, c.k) + 64);
  const Buffer x(static_cast<std::size_t>(m * c.k) * sizeof(float));
  const Buffer y(static_cast<std::size_t>(m * c.n) * sizeof(float));
  std::memset(x.data(), 1, x.size());  // untouched pages are one page of zeros
  std::memset(y.data(), 1, y.size());
  monocle::LinearArgs args;
  args.x = monocle::ConstTensorView(x.data(), c.x, m, c.k);
  args.y = monocle::TensorView(y.data(), DType::kF32, m, c.n);
  args.w.parts = 1;
  std::size_t turn = 0;
  for (auto _ : state) {
    args.w.part[0] = {weight_memory().data() + turn++ % copies * bytes, aux.data(), c.format, c.n,
                      c.k};
    monocle::cpu::linear(args, context);
  }
  const double calls = static_cast<double>(state.iterations());
  const auto share = [&](double total, double per_second) {
    return benchmark::Counter(100.0 * total * calls * 1e-9 / per_second,
                              benchmark::Counter::kIsRate);
  };
  const double flops = 2.0 * static_cast<double>(m * c.n * c.k);
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(bytes) * calls * 1e-9, benchmark::Counter::kIsRate);
  state.counters["%mem"] = share(static_cast<double>(bytes), roof.read_gb_s);
  state.counters["GFLOP/s"] = benchmark::Counter(flops * calls * 1e-9, benchmark::Counter::kIsRate);
  state.counters["%peak"] = share(flops, peak(c, roof));
}

const bool kRegistered = [] {
  struct Kind {
    QuantFormat format;
    DType x;
    const char* name;
  };
  constexpr Kind kKinds[] = {{QuantFormat::kBF16, DType::kBF16, "bf16"},
                             {QuantFormat::kInt8Channel, DType::kBF16, "int8"},
                             {QuantFormat::kInt4Group, DType::kBF16, "int4"},
                             {QuantFormat::kBF16, DType::kF32, "widened"},
                             {QuantFormat::kF32, DType::kF32, "f32"}};
  constexpr std::array<std::int64_t, 2> kShapes[] = {
      {2048, 2048}, {6144, 2048}, {2048, 6144}, {151936, 2048},  // the decoder
      {3072, 1024}, {1024, 1024}, {4096, 1024}, {1024, 4096}};   // the vision tower
  for (int isa = monocle::cpu::kIsaCount - 1; isa >= 0; --isa) {
    if (!monocle::cpu::isa_supported(static_cast<Isa>(isa))) {
      continue;
    }
    for (const Kind& kind : kKinds) {
      for (const auto& [n, k] : kShapes) {
        const Case c{static_cast<Isa>(isa), kind.format, kind.x, n, k};
        const std::string name = std::string("linear/") + monocle::cpu::isa_name(c.isa) + "/" +
                                 kind.name + "/" + std::to_string(n) + "x" + std::to_string(k);
        auto* registered = benchmark::RegisterBenchmark(name.c_str(), linear, c)
                               ->ArgName("m")
                               ->UseRealTime()
                               ->Unit(benchmark::kMillisecond);
        if (std::min(n, k) < 2048) {
          registered->Arg(4096);
          continue;
        }
        registered->Arg(1);
        if (n < 100000) {
          registered->Arg(2)->Arg(8)->Arg(64)->Arg(512);
        }
      }
    }
  }
  return true;
}();

}  // namespace
