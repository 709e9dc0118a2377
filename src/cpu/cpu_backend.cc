// SPDX-License-Identifier: Apache-2.0
#include "cpu/cpu_backend.h"

#include <string>

#include "cpu/attend_packed.h"
#include "cpu/attend_paged.h"
#include "cpu/context.h"
#include "cpu/linear.h"
#include "cpu/linear_table.h"
#include "cpu/norm.h"
#include "cpu/rope.h"
#include "cpu/rows.h"
#include "cpu/sample.h"
#include "ops/reference/heap_memory.h"
#include "ops/validate.h"

namespace monocle::cpu {
namespace {

class CpuBackend final : public Backend {
 public:
  CpuBackend(const CpuOptions& options, Isa isa)
      : context_(options.threads, options.pin, isa, options.batch_invariant),
        sampler_(context_.pool().size()) {
    capabilities_.name = std::string("cpu ") + isa_name(isa);
    // Where there is no bf16 product both factors would be widened first, for nothing.
    capabilities_.activation = bf16_products(isa) ? DType::kBF16 : DType::kF32;
    capabilities_.kv = DType::kBF16;
    capabilities_.int8_kv = true;
    capabilities_.int4 = true;
    capabilities_.native = linear_native;
  }

  const Capabilities& capabilities() const override { return capabilities_; }
  Memory& memory() override { return memory_; }

  void embed(const EmbedArgs& args) override { run(args, cpu::embed); }
  void norm(const NormArgs& args) override { run(args, cpu::norm); }
  void linear(const LinearArgs& args) override {
    validate(args);
    cpu::linear(args, context_);
  }
  void rope_append(const RopeAppendArgs& args) override { run(args, cpu::rope_append); }
  void attend_paged(const AttendPagedArgs& args) override { run(args, cpu::attend_paged); }
  void attend_packed(const AttendPackedArgs& args) override { run(args, cpu::attend_packed); }
  void add_rows(const AddRowsArgs& args) override { run(args, cpu::add_rows); }
  void gather_rows(const GatherRowsArgs& args) override { run(args, cpu::gather_rows); }
  void blend_rows(const BlendRowsArgs& args) override { run(args, cpu::blend_rows); }
  void expand_pixels(const ExpandPixelsArgs& args) override { run(args, cpu::expand_pixels); }
  void sample(const SampleArgs& args) override {
    validate(args);
    sampler_.sample(context_, args);
  }

  // Verbs are done when they return: nothing to wait for, nothing worth recording.
  Ticket mark() override { return 0; }
  void wait(Ticket) override {}
  void replay(GraphKey, FunctionRef<void()> enqueue) override { enqueue(); }

 private:
  template <class Args>
  void run(const Args& args, void (*verb)(Context&, const Args&)) {
    validate(args);
    verb(context_, args);
  }

  Capabilities capabilities_;
  HeapMemory memory_;
  Context context_;
  RowSampler sampler_;
};

}  // namespace

Result<std::unique_ptr<Backend>> make_cpu_backend(const CpuOptions& options) {
  Isa isa = Isa::kPortable;
  if (options.isa) {
    MONOCLE_ASSIGN(isa, choose_isa(isa_name(*options.isa)));
  } else {
    MONOCLE_ASSIGN(isa, choose_isa(isa_from_environment()));
  }
  return std::make_unique<CpuBackend>(options, isa);
}

}  // namespace monocle::cpu
