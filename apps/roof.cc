// SPDX-License-Identifier: Apache-2.0
#include "roof.h"

#include <cstdlib>

#include "cpu/context.h"
#include "cpu/isa.h"
#ifdef MONOCLE_CUDA
#include "cuda/cuda_backend.h"
#endif

namespace monocle::app {
namespace {

#ifdef MONOCLE_CUDA
constexpr std::string_view kCudaPrefix = "cuda:";

Result<cpu::Roof> measure_cuda(std::string_view backend) {
  const int device = std::atoi(backend.substr(kCudaPrefix.size()).data());
  MONOCLE_ASSIGN(const cuda::CudaRoof roof, cuda::measure_roof({.device = device}));
  return cpu::Roof{.read_gb_s = roof.read_gb_s,
                   .f32_gflops = roof.f32_tflop_s * 1e3,
                   .bf16_gflops = roof.bf16_tflop_s * 1e3,
                   .int8_gops = roof.int8_top_s * 1e3};
}
#endif

}  // namespace

Result<cpu::Roof> measure_roof(const DeviceOptions& device,
                               [[maybe_unused]] std::string_view backend) {
#ifdef MONOCLE_CUDA
  if (backend.starts_with(kCudaPrefix)) {
    return measure_cuda(backend);
  }
#endif
  MONOCLE_ASSIGN(const cpu::Isa isa, cpu::choose_isa(cpu::isa_from_environment()));
  cpu::Context context(device.resolved_threads(), device.pin, isa);
  return cpu::measure_roof(context, {});
}

double measure_read_gb_s(const DeviceOptions& device, [[maybe_unused]] std::string_view backend) {
#ifdef MONOCLE_CUDA
  if (backend.starts_with(kCudaPrefix)) {
    const auto roof = measure_cuda(backend);
    return roof ? roof->read_gb_s : 0.0;
  }
#endif
  const auto isa = cpu::choose_isa(cpu::isa_from_environment());
  if (!isa) {
    return 0.0;
  }
  cpu::Context context(device.resolved_threads(), device.pin, *isa);
  return cpu::measure_read_gb_s(context, {});
}

std::unique_ptr<MemoryProbe> MemoryProbe::create(const DeviceOptions& device,
                                                 std::string_view backend) {
  const auto isa = cpu::choose_isa(cpu::isa_from_environment());
  if (!isa || !backend.starts_with("cpu")) {
    return nullptr;
  }
  return std::unique_ptr<MemoryProbe>(new MemoryProbe(device, *isa));
}

}  // namespace monocle::app
