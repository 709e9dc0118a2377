// SPDX-License-Identifier: Apache-2.0
#include "ops/reference/heap_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "base/check.h"

namespace monocle {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t meminfo_bytes(std::string_view key) {
  std::ifstream info("/proc/meminfo");
  for (std::string word; info >> word;) {
    std::size_t kilobytes = 0;
    if (word == key && info >> kilobytes) {
      return kilobytes * 1024;
    }
  }
  return 0;
}

// What the kernel gives without swapping: pages of cached files count as free.
std::size_t free_bytes() { return meminfo_bytes("MemAvailable:"); }

void copy(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) {  // memcpy must not see the null pointers of an empty copy
    std::memcpy(to, from, bytes);
  }
}

}  // namespace

HeapMemory::~HeapMemory() {
  for (void* pointer : live_) {
    std::free(pointer);
  }
}

MemoryInfo HeapMemory::info() const {
  MemoryInfo info{.total = meminfo_bytes("MemTotal:"), .free = free_bytes(), .granule = kAlignment};
  std::ifstream container("/sys/fs/cgroup/memory.max");  // "max" does not parse
  if (std::size_t limit = 0; container >> limit) {
    info.total = std::min(info.total, limit);
    info.free = std::min(info.free, limit);
  }
  return info;
}

Result<void*> HeapMemory::allocate(std::size_t bytes) {
  const std::size_t rounded =
      (std::max(bytes, std::size_t{1}) + kAlignment - 1) / kAlignment * kAlignment;
  // A size near the top of the range wraps to something smaller.
  void* pointer = rounded >= bytes ? std::aligned_alloc(kAlignment, rounded) : nullptr;
  if (pointer == nullptr) {
    return fail(ErrorCode::kTooLarge, "{} bytes asked of the reference backend, {} bytes free",
                bytes, free_bytes());
  }
  std::memset(pointer, 0, rounded);
  live_.insert(pointer);
  return pointer;
}

void HeapMemory::release(void* pointer) {
  MONOCLE_CHECK(pointer == nullptr || live_.erase(pointer) == 1);
  std::free(pointer);
}

void HeapMemory::write(void* device, const void* host, std::size_t bytes) {
  copy(device, host, bytes);
}

void HeapMemory::read(void* host, const void* device, std::size_t bytes) {
  copy(host, device, bytes);
}

}  // namespace monocle
