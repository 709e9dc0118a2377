// SPDX-License-Identifier: Apache-2.0
#include "memory_meter.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MONOCLE_COUNT_ALLOCATIONS 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define MONOCLE_COUNT_ALLOCATIONS 1
#endif

#ifdef MONOCLE_COUNT_ALLOCATIONS
// Debian's GCC has these in its runtime but does not ship sanitizer/allocator_interface.h.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                              void (*on_free)(const volatile void*));
std::size_t __sanitizer_get_allocated_size(const volatile void* pointer);
}
#endif

namespace monocle::fuzz {
namespace {

#ifdef MONOCLE_COUNT_ALLOCATIONS

std::atomic<std::size_t> live_bytes{0};
std::atomic<std::size_t> peak_live_bytes{0};

void on_malloc(const volatile void* /*pointer*/, std::size_t size) {
  const std::size_t live = live_bytes.fetch_add(size) + size;
  std::size_t peak = peak_live_bytes.load();
  while (live > peak && !peak_live_bytes.compare_exchange_weak(peak, live)) {
  }
}

void on_free(const volatile void* pointer) {
  if (pointer != nullptr) {
    // Blocks from before the hooks were installed are unknown here: never below zero.
    const std::size_t size = __sanitizer_get_allocated_size(pointer);
    live_bytes.fetch_sub(std::min(size, live_bytes.load()));
  }
}

// Returns the bytes held now and forgets earlier peaks.
std::size_t start_measuring() {
  static const bool installed = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) > 0;
  if (!installed) {
    std::abort();
  }
  const std::size_t live = live_bytes.load();
  peak_live_bytes.store(live);
  return live;
}

std::size_t peak_now() { return peak_live_bytes.load(); }

#else

// "VmHWM:   1234 kB" -> bytes
std::size_t status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) {
      return std::strtoull(line.c_str() + key.size(), nullptr, 10) * 1024;
    }
  }
  return 0;
}

std::size_t start_measuring() {
  std::ofstream("/proc/self/clear_refs") << 5;  // resets the peak
  return status_bytes("VmRSS:");
}

std::size_t peak_now() { return status_bytes("VmHWM:"); }

#endif

}  // namespace

MemoryMeter::MemoryMeter() : start_(start_measuring()) {}

std::size_t MemoryMeter::peak_bytes() const {
  const std::size_t peak = peak_now();
  return peak > start_ ? peak - start_ : 0;
}

}  // namespace monocle::fuzz
