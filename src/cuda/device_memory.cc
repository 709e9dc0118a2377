// SPDX-License-Identifier: Apache-2.0
#include "cuda/device_memory.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/int4_tiles.h"
#include "quant/format.h"

namespace monocle::cuda {
namespace {

constexpr std::size_t kSmallWrite = 64 * 1024;
// Larger ones would push everything else out of the pinned memory, and are rare.
constexpr std::size_t kMediumWrite = std::size_t{4} << 20;
constexpr std::size_t kGranule = 256;  // what the copy engine wants of its matrices, and more

// Code of the kernels, loaded when they first run, and recorded steps: 10 MB were taken by a server
// with 256 sequences.
constexpr std::size_t kLater = std::size_t{16} << 20;

std::size_t round_up(std::size_t bytes) { return (bytes + kGranule - 1) / kGranule * kGranule; }

bool word_aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % 4 == 0;
}

}  // namespace

DeviceMemory::DeviceMemory(int device, const Launch& launch, bool keeps_int4, HostRing ring,
                           std::function<void()> before_access)
    : device_(device),
      launch_(launch),
      keeps_int4_(keeps_int4),
      ring_(std::move(ring)),
      before_access_(std::move(before_access)) {
  const MemoryInfo now = info();
  held_ = now.total - now.free;
}

DeviceMemory::~DeviceMemory() {
  if (reserved_ != nullptr) {
    cudaFree(reserved_);
    return;
  }
  for (void* pointer : live_) {
    cudaFree(pointer);
  }
}

MemoryInfo DeviceMemory::info() const {
  bind_device(device_);
  MemoryInfo info{.held = held_, .later = kLater, .granule = kGranule};
  MONOCLE_CUDA_CHECK(cudaMemGetInfo(&info.free, &info.total));
  return info;
}

Status DeviceMemory::reserve(std::size_t bytes) {
  MONOCLE_CHECK(reserved_ == nullptr && live_.empty());
  MONOCLE_ASSIGN(void* memory, allocate(bytes));
  live_.erase(memory);
  reserved_ = static_cast<std::byte*>(memory);
  reserved_bytes_ = bytes;
  return {};
}

Result<void*> DeviceMemory::take_reserved(std::size_t bytes) {
  if (bytes > reserved_bytes_ - reserved_used_) {
    return fail(ErrorCode::kTooLarge, "{} bytes asked of the {} that are left of the planned {}",
                bytes, reserved_bytes_ - reserved_used_, reserved_bytes_);
  }
  void* pointer = reserved_ + reserved_used_;
  reserved_used_ += bytes;
  live_.insert(pointer);
  return pointer;  // zeroed by reserve(): nothing is given out twice
}

Result<void*> DeviceMemory::allocate(std::size_t bytes) {
  bind_device(device_);
  const std::size_t rounded = round_up(std::max(bytes, std::size_t{1}));
  if (reserved_ != nullptr) {
    return take_reserved(rounded);
  }
  void* pointer = nullptr;
  const cudaError_t error = cudaMalloc(&pointer, rounded);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // not sticky
    std::size_t free = 0;
    std::size_t total = 0;
    MONOCLE_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    return fail(ErrorCode::kTooLarge, "{} bytes asked of the GPU, {} of {} bytes free", bytes, free,
                total);
  }
  check(error, "cudaMalloc");
  live_.insert(pointer);
  MONOCLE_CUDA_CHECK(cudaMemsetAsync(pointer, 0, rounded, launch_.stream));
  return pointer;
}

// Called by destructors: nothing is thrown, whatever has become of the device.
void DeviceMemory::release(void* pointer) {
  MONOCLE_CHECK(pointer == nullptr || live_.erase(pointer) == 1);
  try {
    before_access_();
    flush();
  } catch (const DeviceError&) {
    waiting_.count = 0;  // the verb before this one has thrown it already
  }
  if (reserved_ != nullptr) {
    return;
  }
  cudaFree(pointer);  // waits for the verbs; an error here was or will be reported by one of them
}

void DeviceMemory::write(void* device, const void* host, std::size_t bytes) {
  if (bytes == 0) {
    return;
  }
  before_access_();
  if (bytes > kMediumWrite) {
    write_at_once(device, host, bytes);
    return;
  }
  void* pinned = take_pinned(bytes);
  std::memcpy(pinned, host, bytes);
  if (bytes > kSmallWrite || !word_aligned(device)) {
    flush();  // in order
    MONOCLE_CUDA_CHECK(
        cudaMemcpyAsync(device, pinned, bytes, cudaMemcpyHostToDevice, launch_.stream));
    return;
  }
  if (waiting_.count == kMaxHostCopies) {
    flush();
  }
  waiting_.entry[waiting_.count++] = {device, pinned, static_cast<std::uint32_t>(bytes)};
}

void DeviceMemory::write_at_once(void* device, const void* host, std::size_t bytes) {
  flush();
  MONOCLE_CUDA_CHECK(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, launch_.stream));
  MONOCLE_CUDA_CHECK(cudaStreamSynchronize(launch_.stream));  // the host side may be reused now
}

void DeviceMemory::read(void* host, const void* device, std::size_t bytes) {
  if (bytes == 0) {
    return;
  }
  before_access_();
  flush();
  MONOCLE_CUDA_CHECK(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, launch_.stream));
  MONOCLE_CUDA_CHECK(cudaStreamSynchronize(launch_.stream));
}

// Kernels read weights before they wait for the launch ahead of them, so no launch may write them.
Result<WeightView> DeviceMemory::place(const WeightView& host) {
  if (host.format == QuantFormat::kInt4Group) {
    return keeps_int4_ ? place_int4(host) : place_as_int8(host);
  }
  return place_bytes(host, format_info(host.format).data_bytes(host.rows, host.cols));
}

Result<WeightView> DeviceMemory::place_bytes(const WeightView& host, std::size_t data_bytes) {
  const std::size_t aux_bytes = format_info(host.format).aux_bytes(host.rows, host.cols);
  WeightView out = host;
  MONOCLE_ASSIGN(void* data, allocate(data_bytes));
  write_at_once(data, host.data, data_bytes);
  out.data = data;
  if (aux_bytes > 0) {
    MONOCLE_ASSIGN(void* aux, allocate(aux_bytes));
    write_at_once(aux, host.aux, aux_bytes);
    out.aux = aux;
  }
  return out;
}

Result<WeightView> DeviceMemory::place_int4(const WeightView& host) {
  std::vector<std::byte> tiles(int4_device_bytes(host.rows, host.cols));
  make_int4_tiles(host, tiles.data());
  WeightView in_tiles = host;
  in_tiles.data = tiles.data();
  return place_bytes(in_tiles, tiles.size());
}

// The int8 rows that 4-bit groups stand for are exact.
Result<WeightView> DeviceMemory::place_as_int8(const WeightView& host) {
  const FormatInfo& info = format_info(host.format);
  std::vector<std::int8_t> rows(static_cast<std::size_t>(host.rows * host.cols));
  for (std::int64_t r = 0; r < host.rows; ++r) {
    info.unpack_int8(host, r, rows.data() + r * host.cols);
  }
  WeightView as_int8 = host;
  as_int8.data = rows.data();
  as_int8.format = QuantFormat::kInt8Channel;
  return place(as_int8);
}

void DeviceMemory::flush() {
  if (waiting_.count > 0) {
    copy_from_host(launch_, waiting_);
    waiting_.count = 0;
  }
}

void* DeviceMemory::take_pinned(std::size_t bytes) {
  MONOCLE_CHECK(bytes <= ring_.capacity());
  void* out = ring_.take(bytes);
  if (out == nullptr) {
    flush();
    MONOCLE_CUDA_CHECK(cudaStreamSynchronize(launch_.stream));
    ring_.reset();
    out = ring_.take(bytes);
  }
  return out;
}

}  // namespace monocle::cuda
