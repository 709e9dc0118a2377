// SPDX-License-Identifier: Apache-2.0
// Times of the CUDA kernels that prefill and the vision tower live on, one by one, as one JSON
// object: the shapes of the 2B model, every kernel and tile that fits a shape. Random operands;
// weights rotate through more memory than the cache holds, as they do in a model.
//   cuda_kernel_bench [linear|attend|all]
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "cuda/check.h"
#include "cuda/kernels/kernels.h"
#include "cuda/linear_table.h"

namespace {

using namespace monocle;
using namespace monocle::cuda;
using Json = nlohmann::ordered_json;

constexpr int kRepeats = 9;
constexpr std::size_t kCacheBytes = std::size_t{128} << 20;

std::uint16_t bf16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<std::uint16_t>(bits >> 16);
}

// Device memory of random numbers; freed at the end of the program.
template <class T>
T* random_memory(std::size_t count) {
  static std::mt19937 engine(7);
  std::vector<T> block(std::size_t{1} << 16);
  for (T& value : block) {
    const float number = static_cast<float>(engine() % 4096) / 2048.0F - 1.0F;
    if constexpr (sizeof(T) == 1) {
      value = static_cast<T>(number * 127.0F);
    } else if constexpr (sizeof(T) == 2) {
      value = bf16(number);
    } else {
      value = number;
    }
  }
  void* memory = nullptr;
  MONOCLE_CUDA_CHECK(cudaMalloc(&memory, (count + 8) * sizeof(T)));
  for (std::size_t done = 0; done < count; done += block.size()) {
    MONOCLE_CUDA_CHECK(cudaMemcpy(static_cast<T*>(memory) + done, block.data(),
                                  std::min(block.size(), count - done) * sizeof(T),
                                  cudaMemcpyHostToDevice));
  }
  return static_cast<T*>(memory);
}

class Device {
 public:
  Device() {
    cudaDeviceProp properties{};
    MONOCLE_CUDA_CHECK(cudaGetDeviceProperties(&properties, 0));
    name = properties.name;
    hopper = properties.major == 9;
    launch.multiprocessors = properties.multiProcessorCount;
    launch.overlap = hopper;
    launch.scratch_floats = kScratchFloats;
    void* memory = nullptr;
    MONOCLE_CUDA_CHECK(cudaMalloc(&memory, kScratchFloats * sizeof(float)));
    launch.scratch = static_cast<float*>(memory);
    MONOCLE_CUDA_CHECK(cudaMalloc(&memory, kCounters * sizeof(std::uint32_t)));
    MONOCLE_CUDA_CHECK(cudaMemset(memory, 0, kCounters * sizeof(std::uint32_t)));
    launch.counters = static_cast<std::uint32_t*>(memory);
    MONOCLE_CUDA_CHECK(cudaStreamCreateWithFlags(&launch.stream, cudaStreamNonBlocking));
    MONOCLE_CUDA_CHECK(cudaEventCreate(&start_));
    MONOCLE_CUDA_CHECK(cudaEventCreate(&stop_));
  }

  // Median microseconds of one call among `calls` in a row; call(i) may use other operands for each
  // i.
  double time(int calls, const std::function<void(int)>& call) {
    std::vector<double> samples;
    for (int repeat = -2; repeat < kRepeats; ++repeat) {
      MONOCLE_CUDA_CHECK(cudaEventRecord(start_, launch.stream));
      for (int i = 0; i < calls; ++i) {
        call(i);
      }
      MONOCLE_CUDA_CHECK(cudaEventRecord(stop_, launch.stream));
      MONOCLE_CUDA_CHECK(cudaEventSynchronize(stop_));
      float milliseconds = 0;
      MONOCLE_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, start_, stop_));
      if (repeat >= 0) {
        samples.push_back(1e3 * static_cast<double>(milliseconds) / calls);
      }
    }
    std::ranges::sort(samples);
    return samples[samples.size() / 2];
  }

  Launch launch;
  std::string name;
  bool hopper = false;

 private:
  cudaEvent_t start_ = nullptr;
  cudaEvent_t stop_ = nullptr;
};

struct Shape {
  const char* name;
  std::int64_t m;
  std::vector<std::int64_t> parts;
  std::int64_t k;
  Epilogue epilogue = Epilogue::kNone;
  bool bias = false;
  bool residual = false;
  DType x = DType::kBF16;
  DType y = DType::kF32;
  QuantFormat format = QuantFormat::kBF16;
};

struct Operands {
  LinearArgs args;
  std::vector<std::vector<const void*>> weights;  // rotations of parts
};

Operands make_operands(const Shape& shape) {
  Operands out;
  const auto m = static_cast<std::size_t>(shape.m);
  const auto k = static_cast<std::size_t>(shape.k);
  std::int64_t n = 0;
  for (const std::int64_t rows : shape.parts) {
    n += rows;
  }
  const std::size_t element = shape.format == QuantFormat::kBF16 ? 2 : 1;
  const std::size_t bytes = static_cast<std::size_t>(n) * k * element;
  const std::size_t copies = std::clamp(kCacheBytes / bytes + 1, std::size_t{1}, std::size_t{8});
  for (std::size_t i = 0; i < copies; ++i) {
    auto& parts = out.weights.emplace_back();
    for (const std::int64_t rows : shape.parts) {
      const std::size_t count = static_cast<std::size_t>(rows) * k;
      parts.push_back(element == 2 ? static_cast<void*>(random_memory<std::uint16_t>(count))
                                   : static_cast<void*>(random_memory<std::int8_t>(count)));
    }
  }
  LinearArgs& args = out.args;
  args.x = {shape.x == DType::kBF16 ? static_cast<void*>(random_memory<std::uint16_t>(m * k))
                                    : static_cast<void*>(random_memory<float>(m * k)),
            shape.x, shape.m, shape.k};
  for (std::size_t i = 0; i < shape.parts.size(); ++i) {
    args.w.part[i] = {nullptr, random_memory<float>(static_cast<std::size_t>(2 * shape.parts[i])),
                      shape.format, shape.parts[i], shape.k};
  }
  args.w.parts = static_cast<int>(shape.parts.size());
  args.epilogue = shape.epilogue;
  const std::int64_t width = shape.epilogue == Epilogue::kSwiGlu ? n / 2 : n;
  args.bias = shape.bias ? random_memory<float>(static_cast<std::size_t>(width)) : nullptr;
  args.y = {random_memory<float>(m * static_cast<std::size_t>(width)), shape.y, shape.m, width};
  if (shape.residual) {
    args.residual = args.y;
  }
  return out;
}

void free_operands(const Operands& operands) {
  for (const auto& parts : operands.weights) {
    for (const void* part : parts) {
      cudaFree(const_cast<void*>(part));
    }
  }
  cudaFree(const_cast<void*>(operands.args.x.data));
  cudaFree(operands.args.y.data);
}

Json time_linear(Device& device, const Shape& shape) {
  Operands operands = make_operands(shape);
  const LinearArgs& base = operands.args;
  std::int64_t n = base.w.rows();
  Json out = {{"what", shape.name},
              {"m", shape.m},
              {"n", n},
              {"k", shape.k},
              {"format", shape.format == QuantFormat::kBF16 ? "bf16" : "int8"}};
  const double flops = 2.0 * static_cast<double>(shape.m * n) * static_cast<double>(shape.k);
  const auto add = [&](const std::string& kernel,
                       const std::function<void(const LinearArgs&)>& run) {
    const double us = device.time(8, [&](int i) {
      LinearArgs args = base;
      const auto& parts = operands.weights[static_cast<std::size_t>(i) % operands.weights.size()];
      for (std::size_t p = 0; p < parts.size(); ++p) {
        args.w.part[p].data = parts[p];
      }
      run(args);
    });
    out[kernel] = {{"us", us}, {"tflop_s", flops / us * 1e-6}};
  };
  if (shape.x == DType::kBF16 && shape.format == QuantFormat::kBF16) {
    add("tiles", [&](const LinearArgs& args) { linear_tiles(device.launch, args); });
  }
  if (device.hopper) {
    for (const Sm90Tiling& tiling : {Sm90Tiling{64, 1}, Sm90Tiling{128, 1}, Sm90Tiling{128, 2},
                                     Sm90Tiling{256, 1}, Sm90Tiling{256, 4}}) {
      if (tiling.splits == 1 || shape.m <= 1024) {
        add(fmt::format("sm90_{}_{}", tiling.rows, tiling.splits),
            [&](const LinearArgs& args) { linear_sm90(device.launch, args, tiling); });
      }
    }
    const Sm90Tiling chosen = linear_sm90_tiling(base, device.launch.multiprocessors);
    out["chosen"] = fmt::format("sm90_{}_{}", chosen.rows, chosen.splits);
  }
  free_operands(operands);
  std::fprintf(stderr, "%s\n", out.dump().c_str());
  return out;
}

void text_linears(Device& device, Json& out) {
  for (const std::int64_t m : {96, 128, 256, 512, 1024, 4096, 16384}) {
    out.push_back(time_linear(device, {"qkv", m, {2048, 1024, 1024}, 2048}));
    out.push_back(
        time_linear(device, {.name = "o", .m = m, .parts = {2048}, .k = 2048, .residual = true}));
    out.push_back(time_linear(device, {.name = "gate_up",
                                       .m = m,
                                       .parts = {6144, 6144},
                                       .k = 2048,
                                       .epilogue = Epilogue::kSwiGlu,
                                       .y = DType::kBF16}));
    out.push_back(time_linear(
        device, {.name = "down", .m = m, .parts = {2048}, .k = 6144, .residual = true}));
  }
}

void vision_linears(Device& device, Json& out) {
  for (const std::int64_t m : {4096, 16384}) {
    out.push_back(time_linear(device, {.name = "vision patch",
                                       .m = m,
                                       .parts = {1024},
                                       .k = 1536,
                                       .bias = true,
                                       .x = DType::kF32}));
    out.push_back(time_linear(
        device, {.name = "vision qkv", .m = m, .parts = {3072}, .k = 1024, .bias = true}));
    out.push_back(time_linear(device, {.name = "vision proj",
                                       .m = m,
                                       .parts = {1024},
                                       .k = 1024,
                                       .bias = true,
                                       .residual = true}));
    out.push_back(time_linear(device, {.name = "vision fc1",
                                       .m = m,
                                       .parts = {4096},
                                       .k = 1024,
                                       .epilogue = Epilogue::kGeluTanh,
                                       .bias = true,
                                       .y = DType::kBF16}));
    out.push_back(time_linear(device, {.name = "vision fc2",
                                       .m = m,
                                       .parts = {1024},
                                       .k = 4096,
                                       .bias = true,
                                       .residual = true}));
  }
}

void int8_linears(Device& device, Json& out) {
  for (const std::int64_t m : {512, 16384}) {
    const QuantFormat int8 = QuantFormat::kInt8Channel;
    out.push_back(time_linear(
        device, {.name = "qkv", .m = m, .parts = {2048, 1024, 1024}, .k = 2048, .format = int8}));
    out.push_back(time_linear(device, {.name = "gate_up",
                                       .m = m,
                                       .parts = {6144, 6144},
                                       .k = 2048,
                                       .epilogue = Epilogue::kSwiGlu,
                                       .y = DType::kBF16,
                                       .format = int8}));
    out.push_back(time_linear(
        device,
        {.name = "down", .m = m, .parts = {2048}, .k = 6144, .residual = true, .format = int8}));
  }
}

Json linears(Device& device) {
  Json out = Json::array();
  text_linears(device, out);
  vision_linears(device, out);
  int8_linears(device, out);
  return out;
}

template <class T>
T* upload(const std::vector<T>& values) {
  void* memory = nullptr;
  MONOCLE_CUDA_CHECK(cudaMalloc(&memory, values.size() * sizeof(T) + 64));
  MONOCLE_CUDA_CHECK(
      cudaMemcpy(memory, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
  return static_cast<T*>(memory);
}

Json time_packed(Device& device, std::int32_t patches) {
  const std::int32_t heads = 16;
  const std::int32_t d = 64;
  std::vector<std::int32_t> zeros(static_cast<std::size_t>(patches));
  AttendPackedArgs args;
  args.qkv = {random_memory<float>(static_cast<std::size_t>(patches) * 3 * heads * d), DType::kF32,
              patches, 3 * heads * d};
  args.heads = heads;
  args.head_dim = d;
  args.row = {upload(zeros), zeros.size()};
  args.col = args.row;
  args.inv_freq = upload(std::vector<float>(d / 4, 0.5F));
  args.segments = {upload(std::vector<std::int32_t>{0, patches}), 2};
  args.scale = 0.125F;
  args.y = {random_memory<std::uint16_t>(static_cast<std::size_t>(patches) * heads * d),
            DType::kBF16, patches, heads * d};
  const double flops = 4.0 * patches * static_cast<double>(patches) * heads * d;
  Json out = {{"what", "attend_packed"}, {"patches", patches}};
  const auto add = [&](const char* kernel, const std::function<void(int)>& call) {
    const double us = device.time(4, call);
    out[kernel] = {{"us", us}, {"tflop_s", flops / us * 1e-6}};
  };
  add("turning", [&](int) { turn_packed(device.launch, args); });
  add("tiles", [&](int) { attend_packed_tiles(device.launch, args); });
  if (device.hopper) {
    add("sm90", [&](int) { attend_packed_sm90(device.launch, args); });
  }
  std::fprintf(stderr, "%s\n", out.dump().c_str());
  return out;
}

Json time_prefill(Device& device, std::int32_t sequences, std::int32_t tokens) {
  const std::int32_t heads = 16;
  const std::int32_t kv_heads = 8;
  const std::int32_t d = 128;
  const std::int32_t blocks = sequences * tokens / 16;
  const std::int64_t rows = std::int64_t{sequences} * tokens;
  std::vector<std::int32_t> table;
  for (std::int32_t i = 0; i < blocks; ++i) {
    table.push_back(i);
  }
  std::shuffle(table.begin(), table.end(), std::mt19937(3));
  std::vector<std::int32_t> start;
  for (std::int32_t i = 0; i <= sequences; ++i) {
    start.push_back(i * tokens);
  }
  AttendPagedArgs args;
  const std::size_t cache = static_cast<std::size_t>(rows) * kv_heads * d;
  args.q = {random_memory<std::uint16_t>(static_cast<std::size_t>(rows) * heads * d), DType::kBF16,
            rows, heads * d};
  args.kv = {random_memory<std::uint16_t>(cache),
             random_memory<std::uint16_t>(cache),
             DType::kBF16,
             blocks,
             16,
             kv_heads,
             d};
  args.heads = heads;
  args.scale = 0.088F;
  args.query_start = {upload(start), start.size()};
  args.context = {upload(std::vector<std::int32_t>(static_cast<std::size_t>(sequences), tokens)),
                  static_cast<std::size_t>(sequences)};
  args.block_table = upload(table);
  args.max_blocks = tokens / 16;
  args.y = {random_memory<std::uint16_t>(static_cast<std::size_t>(rows) * heads * d), DType::kBF16,
            rows, heads * d};
  const double flops = 2.0 * sequences * static_cast<double>(tokens) * (tokens + 1) * heads * d;
  Json out = {{"what", "attend_prefill"}, {"sequences", sequences}, {"tokens", tokens}};
  const auto add = [&](const char* kernel, const std::function<void(int)>& call) {
    const double us = device.time(8, call);
    out[kernel] = {{"us", us}, {"tflop_s", flops / us * 1e-6}};
  };
  add("tiles", [&](int) { attend_prefill(device.launch, args); });
  if (device.hopper) {
    add("sm90", [&](int) { attend_prefill_sm90(device.launch, args); });
  }
  std::fprintf(stderr, "%s\n", out.dump().c_str());
  return out;
}

Json attends(Device& device) {
  Json out = Json::array();
  out.push_back(time_packed(device, 1024));
  out.push_back(time_packed(device, 4096));
  out.push_back(time_packed(device, 16384));
  out.push_back(time_prefill(device, 1, 512));
  out.push_back(time_prefill(device, 32, 512));
  out.push_back(time_prefill(device, 4, 4096));
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  Json out;
  try {
    const std::string what = argc > 1 ? argv[1] : "all";
    Device device;
    out = {{"device", device.name}};
    if (what != "attend") {
      out["linear"] = linears(device);
    }
    if (what != "linear") {
      out["attend"] = attends(device);
    }
  } catch (const std::exception& error) {
    out["error"] = error.what();
  }
  std::printf("%s\n", out.dump(1).c_str());
  return out.contains("error") ? 1 : 0;
}
