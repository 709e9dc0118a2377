// SPDX-License-Identifier: Apache-2.0
#include "ops/reference/reference_backend.h"

#include "ops/reference/heap_memory.h"
#include "ops/reference/verbs.h"
#include "ops/validate.h"

namespace monocle {
namespace {

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
  capabilities_.int8_kv = true;
  capabilities_.int4 = true;
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
void ReferenceBackend::expand_pixels(const ExpandPixelsArgs& args) {
  checked(args, reference::expand_pixels);
}
void ReferenceBackend::sample(const SampleArgs& args) { checked(args, reference::sample); }

}  // namespace monocle
