// SPDX-License-Identifier: Apache-2.0
#include "ops/reference/heap_memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
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
  for (const auto& [pointer, block] : live_) {
    std::free(block);
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

// calloc, because it leaves fresh pages to the system, which fills them with zeros when they are
// first used: room for the longest context or the largest picture costs nothing until one comes.
Result<void*> HeapMemory::allocate(std::size_t bytes) {
  const std::size_t padded = bytes + kAlignment;
  // A size near the top of the range wraps to something smaller.
  void* block = padded > bytes ? std::calloc(padded, 1) : nullptr;
  if (block == nullptr) {
    return fail(ErrorCode::kTooLarge, "{} bytes asked of the reference backend, {} bytes free",
                bytes, free_bytes());
  }
  const std::size_t past = reinterpret_cast<std::uintptr_t>(block) % kAlignment;
  void* pointer = static_cast<std::byte*>(block) + (kAlignment - past) % kAlignment;
  live_.emplace(pointer, block);
  return pointer;
}

void HeapMemory::release(void* pointer) {
  if (pointer == nullptr) {
    return;
  }
  const auto found = live_.find(pointer);
  MONOCLE_CHECK(found != live_.end());
  std::free(found->second);
  live_.erase(found);
}

void HeapMemory::write(void* device, const void* host, std::size_t bytes) {
  copy(device, host, bytes);
}

void HeapMemory::read(void* host, const void* device, std::size_t bytes) {
  copy(host, device, bytes);
}

}  // namespace monocle
