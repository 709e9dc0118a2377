// SPDX-License-Identifier: Apache-2.0
// The attention verbs in the shapes of the 2B model, per instruction set. FLOP/s counts the two
// products only; bytes/s counts the keys and values that are visible, once. Run with
// --benchmark_filter; MONOCLE_BENCH_THREADS sets the number of workers (default: the usable CPUs).
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "cpu/attend_packed.h"
#include "cpu/attend_paged.h"

namespace {

using monocle::DType;
using monocle::cpu::Context;
using monocle::cpu::Isa;

int threads() {
  const char* value = std::getenv("MONOCLE_BENCH_THREADS");
  return value == nullptr ? monocle::usable_cpus() : std::max(1, std::atoi(value));
}

// Cheap, well spread values in [-1, 1): the speed of attention does not depend on the distribution.
float value_at(std::size_t i) {
  return static_cast<float>((i * 2654435761U >> 7) & 0xffffU) / 32768.0F - 1.0F;
}

void packed(benchmark::State& state, Isa isa, DType type, std::int32_t patches, int head_dim) {
  const int heads = 16;
  Context context(threads(), false, isa);
  const auto n = static_cast<std::size_t>(patches);
  const auto part = static_cast<std::size_t>(heads * head_dim);
  std::vector<float> qkv(n * 3 * part);
  for (std::size_t i = 0; i < qkv.size(); ++i) {
    qkv[i] = value_at(i);
  }
  std::vector<std::byte> y(n * part * monocle::dtype_size(type));
  std::vector<std::int32_t> row(n);
  std::vector<std::int32_t> col(n);
  for (std::size_t i = 0; i < n; ++i) {
    row[i] = static_cast<std::int32_t>(i / 128 * 2 + (i / 2) % 2);
    col[i] = static_cast<std::int32_t>(i / 4 % 32 * 2 + i % 2);
  }
  std::vector<float> inv_freq;
  for (int c = 0; c < head_dim / 4; ++c) {
    inv_freq.push_back(
        std::pow(10000.0F, -4.0F * static_cast<float>(c) / static_cast<float>(head_dim)));
  }
  const std::vector<std::int32_t> segments{0, patches};
  monocle::AttendPackedArgs args;
  args.qkv =
      monocle::TensorView(qkv.data(), DType::kF32, patches, static_cast<std::int64_t>(3 * part));
  args.heads = heads;
  args.head_dim = head_dim;
  args.row = row;
  args.col = col;
  args.inv_freq = inv_freq.data();
  args.segments = segments;
  args.scale = 1.0F / std::sqrt(static_cast<float>(head_dim));
  args.y = monocle::TensorView(y.data(), type, patches, static_cast<std::int64_t>(part));
  for (auto _ : state) {
    attend_packed(context, args);
  }
  const double flops = 4.0 * patches * patches * head_dim * heads;
  state.counters["FLOP/s"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

struct PagedShape {
  std::int32_t queries;  // per sequence, its last tokens
  std::int32_t context;
  std::int32_t sequences;
  int heads;
  int kv_heads;
};

std::vector<std::byte> filled(std::size_t count, DType of) {
  const std::size_t size = monocle::dtype_size(of);
  std::vector<std::byte> out(count * size);
  for (std::size_t i = 0; i < count; ++i) {
    const float value = value_at(i);
    const std::uint16_t bits = monocle::float_to_bf16(value);
    const auto code = static_cast<std::int8_t>(value * 127.0F);
    const void* from = &bits;
    if (of != DType::kBF16) {
      from = of == DType::kF32 ? static_cast<const void*>(&value) : &code;
    }
    std::memcpy(out.data() + i * size, from, size);
  }
  return out;
}

void paged(benchmark::State& state, Isa isa, DType kv, PagedShape shape) {
  const DType type = kv == DType::kI8 ? DType::kBF16 : kv;
  constexpr int kHeadDim = 128;
  constexpr int kBlockTokens = 16;
  Context context(threads(), false, isa);
  const std::int32_t per_sequence = (shape.context + kBlockTokens - 1) / kBlockTokens;
  const std::int32_t blocks = per_sequence * shape.sequences;
  const std::size_t elements = static_cast<std::size_t>(blocks) * kBlockTokens *
                               static_cast<std::size_t>(shape.kv_heads * kHeadDim);
  std::vector<std::byte> k = filled(elements, kv);
  std::vector<std::byte> v = filled(elements, kv);
  std::vector<float> scale(elements / kHeadDim, 1.0F / 127.0F);
  const std::int64_t rows = std::int64_t{shape.queries} * shape.sequences;
  const std::int64_t cols = std::int64_t{shape.heads} * kHeadDim;
  std::vector<std::byte> q = filled(static_cast<std::size_t>(rows * cols), type);
  std::vector<std::byte> y(q.size());
  std::vector<std::int32_t> table(static_cast<std::size_t>(blocks));
  for (std::size_t i = 0; i < table.size(); ++i) {  // a permutation, as after some churn
    table[i] = static_cast<std::int32_t>((i * 7919U) % table.size());
  }
  std::vector<std::int32_t> start;
  for (std::int32_t b = 0; b <= shape.sequences; ++b) {
    start.push_back(b * shape.queries);
  }
  const std::vector<std::int32_t> contexts(static_cast<std::size_t>(shape.sequences),
                                           shape.context);
  monocle::AttendPagedArgs args;
  args.q = monocle::ConstTensorView(q.data(), type, rows, cols);
  args.kv = {k.data(), v.data(), kv, blocks, kBlockTokens, shape.kv_heads, kHeadDim};
  args.kv.k_scale = args.kv.v_scale = scale.data();
  args.heads = shape.heads;
  args.scale = 1.0F / std::sqrt(static_cast<float>(kHeadDim));
  args.query_start = start;
  args.context = contexts;
  args.block_table = table.data();
  args.max_blocks = per_sequence;
  args.y = monocle::TensorView(y.data(), type, rows, cols);
  for (auto _ : state) {
    attend_paged(context, args);
  }
  const double seen = shape.context - (shape.queries - 1) / 2.0;  // keys of an average query
  const double flops = 4.0 * seen * static_cast<double>(rows * cols);
  const double bytes = 2.0 * shape.sequences * shape.context * shape.kv_heads * kHeadDim *
                       static_cast<double>(monocle::dtype_size(kv));
  state.counters["FLOP/s"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["bytes/s"] =
      benchmark::Counter(bytes, benchmark::Counter::kIsIterationInvariantRate);
}

void add_all() {
  for (int i = 0; i < monocle::cpu::kIsaCount; ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (!isa_supported(isa)) {
      continue;
    }
    for (const DType type : {DType::kF32, DType::kBF16, DType::kI8}) {
      const std::string tail = std::string("/") + isa_name(isa) + "/" + monocle::dtype_name(type);
      const auto add = [&](const std::string& name, auto body) {
        benchmark::RegisterBenchmark((name + tail).c_str(), body)
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
      };
      if (type != DType::kI8) {  // a cache only
        add("packed/4096x16x64", [=](benchmark::State& s) { packed(s, isa, type, 4096, 64); });
        add("packed/4096x16x72", [=](benchmark::State& s) { packed(s, isa, type, 4096, 72); });
      }
      add("prefill/512in2048/16-8",
          [=](benchmark::State& s) { paged(s, isa, type, {512, 2048, 1, 16, 8}); });
      add("decode/2048/16-8",
          [=](benchmark::State& s) { paged(s, isa, type, {1, 2048, 1, 16, 8}); });
      add("decode/16384/16-8",
          [=](benchmark::State& s) { paged(s, isa, type, {1, 16384, 1, 16, 8}); });
      add("decode/2048x32/16-8",
          [=](benchmark::State& s) { paged(s, isa, type, {1, 2048, 32, 16, 8}); });
      add("decode/2048x32/64-8",
          [=](benchmark::State& s) { paged(s, isa, type, {1, 2048, 32, 64, 8}); });
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  add_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
