// SPDX-License-Identifier: Apache-2.0
#include "ops/reference/reference_backend.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <unordered_set>

#include "ops/reference/verbs.h"
#include "ops/validate.h"

namespace monocle {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t free_bytes() {
  const long pages = sysconf(_SC_AVPHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(page)
                               : 0;
}

class HeapMemory final : public Memory {
 public:
  HeapMemory() = default;
  HeapMemory(const HeapMemory&) = delete;
  HeapMemory& operator=(const HeapMemory&) = delete;
  ~HeapMemory() override {
    for (void* pointer : live_) {
      std::free(pointer);
    }
  }

  Result<void*> allocate(std::size_t bytes) override {
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
  void release(void* pointer) override {
    MONOCLE_CHECK(pointer == nullptr || live_.erase(pointer) == 1);
    std::free(pointer);
  }
  void write(void* device, const void* host, std::size_t bytes) override {
    copy(device, host, bytes);
  }
  void read(void* host, const void* device, std::size_t bytes) override {
    copy(host, device, bytes);
  }
  Result<WeightView> place(const WeightView& host) override { return host; }

 private:
  static void copy(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) {  // memcpy must not see the null pointers of an empty copy
      std::memcpy(to, from, bytes);
    }
  }

  std::unordered_set<void*> live_;
};

template <class Args>
void checked(const Args& args, void (*verb)(const Args&)) {
  validate(args);
  if constexpr (requires { validate_contents(args); }) {
    validate_contents(args);
  }
  verb(args);
}

}  // namespace

ReferenceBackend::ReferenceBackend() : memory_(std::make_unique<HeapMemory>()) {
  capabilities_.name = "reference";
  capabilities_.native = [](QuantFormat) { return true; };
}
ReferenceBackend::~ReferenceBackend() = default;

void ReferenceBackend::embed(const EmbedArgs& args) { checked(args, reference::embed); }
void ReferenceBackend::norm(const NormArgs& args) { checked(args, reference::norm); }
void ReferenceBackend::linear(const LinearArgs& args) { checked(args, reference::linear); }
void ReferenceBackend::rope_append(const RopeAppendArgs& args) {
  checked(args, reference::rope_append);
}
void ReferenceBackend::attend_paged(const AttendPagedArgs& args) {
  checked(args, reference::attend_paged);
}
void ReferenceBackend::attend_packed(const AttendPackedArgs& args) {
  checked(args, reference::attend_packed);
}
void ReferenceBackend::add_rows(const AddRowsArgs& args) { checked(args, reference::add_rows); }
void ReferenceBackend::gather_rows(const GatherRowsArgs& args) {
  checked(args, reference::gather_rows);
}
void ReferenceBackend::blend_rows(const BlendRowsArgs& args) {
  checked(args, reference::blend_rows);
}
void ReferenceBackend::sample(const SampleArgs& args) { checked(args, reference::sample); }

}  // namespace monocle
