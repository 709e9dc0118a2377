// SPDX-License-Identifier: Apache-2.0
// The oracle as a Backend: every verb runs at once, on the calling thread, from ops/reference.
// Memory is the heap; weights are used where they lie. Slow by design.
#pragma once

#include <memory>

#include "ops/backend.h"

namespace monocle {

class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend();
  ~ReferenceBackend() override;

  const Capabilities& capabilities() const override { return capabilities_; }
  Memory& memory() override { return *memory_; }

  void embed(const EmbedArgs& args) override;
  void norm(const NormArgs& args) override;
  void linear(const LinearArgs& args) override;
  void rope_append(const RopeAppendArgs& args) override;
  void attend_paged(const AttendPagedArgs& args) override;
  void attend_packed(const AttendPackedArgs& args) override;
  void add_rows(const AddRowsArgs& args) override;
  void gather_rows(const GatherRowsArgs& args) override;
  void blend_rows(const BlendRowsArgs& args) override;
  void expand_pixels(const ExpandPixelsArgs& args) override;
  void sample(const SampleArgs& args) override;

  // Verbs are done when they return, so there is nothing to wait for and nothing worth recording.
  Ticket mark() override { return 0; }
  void wait(Ticket) override {}
  void replay(GraphKey, FunctionRef<void()> enqueue) override { enqueue(); }

 private:
  Capabilities capabilities_;
  std::unique_ptr<Memory> memory_;
};

}  // namespace monocle
