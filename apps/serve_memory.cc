// SPDX-License-Identifier: Apache-2.0
#include "serve_memory.h"

#include <algorithm>

#include "quant/format.h"

namespace monocle::app {
namespace {

// Of a GPU's memory, unless --gpu-memory says otherwise.
constexpr double kDefaultShare = 0.9;

Result<qwen3_vl::LoadPlan> load_plan(const ModelOptions& options, const OpenedModel& opened,
                                     Backend& backend) {
  MONOCLE_ASSIGN(const qwen3_vl::WeightOptions weights, options.weights());
  const auto stored = [&](std::string_view name) -> Result<QuantFormat> {
    const StoredTensor* tensor = opened.checkpoint->find(name);
    if (tensor == nullptr) {
      return fail(ErrorCode::kNotFound, "the checkpoint has no tensor {}", name);
    }
    const FormatInfo* format = find_format(tensor->format);
    return format != nullptr ? format->format : QuantFormat::kBF16;  // f8 is widened
  };
  return qwen3_vl::plan_load(opened.config, weights, options.precision(), stored, backend);
}

// Without a limit the host gives keys and values at most a quarter of what is free: other programs
// live there too.
Result<std::size_t> memory_limit(const ServeOptions& options, const MemoryNeeds& needs,
                                 const MemoryInfo& info, bool host) {
  if (host && options.memory.empty()) {
    const std::size_t least = static_cast<std::size_t>(needs.kv_blocks_least) * needs.kv_block;
    return info.held + needs.fixed() + std::max(info.free / 4, least);
  }
  return parse_memory_limit(options.memory, info.total, kDefaultShare);
}

class Planner {
 public:
  Planner(const ServeOptions& options, OpenedModel& opened) : options_(options), opened_(opened) {}

  Result<ServePlan> run() {
    MONOCLE_ASSIGN(load_, load_plan(options_.model, opened_, *opened_.backend));
    load_.kv = options_.model.kv_dtype(load_.kv);
    ServePlan plan;
    MONOCLE_ASSIGN(plan.limits, engine_limits(options_, opened_, load_));
    MONOCLE_TRY(add(*opened_.backend, plan));
    for (const Replica& replica : opened_.others) {
      MONOCLE_TRY(add(*replica.backend, plan));
    }
    // The engines are alike: the smallest device decides.
    std::int64_t blocks = plan.devices.front().memory.kv_blocks;
    for (const DevicePlan& device : plan.devices) {
      blocks = std::min(blocks, device.memory.kv_blocks);
    }
    plan.limits.kv_tokens = blocks * plan.limits.block_tokens;
    MONOCLE_TRY(reserve(*opened_.backend, blocks, plan.devices.front()));
    for (std::size_t i = 0; i < opened_.others.size(); ++i) {
      MONOCLE_TRY(reserve(*opened_.others[i].backend, blocks, plan.devices[i + 1]));
    }
    return plan;
  }

 private:
  Status add(Backend& backend, ServePlan& plan) const {
    MemoryInfo info = backend.memory().info();
    const bool host = backend.capabilities().host_memory;
    if (host) {
      info.free /= opened_.others.size() + 1;
    }
    const EngineMemory sizes = engine_memory(plan.limits, load_.facts);
    const auto rounded = [&](std::size_t bytes) {
      return (bytes + info.granule - 1) / info.granule * info.granule;
    };
    const std::size_t workspace =
        qwen3_vl::workspace_bytes(opened_.config, load_.activation, sizes.plan, backend);
    const bool asked = options_.kv_mib > 0;
    const MemoryNeeds needs{.weights = load_.memory,
                            .workspace = rounded(workspace),
                            .logits = rounded(sizes.logits) + rounded(sizes.hidden),
                            .media = rounded(sizes.media),
                            .recordings = info.later,
                            .kv_block = sizes.kv_block,
                            .kv_blocks_least = asked ? sizes.kv_blocks : sizes.kv_blocks_least,
                            .kv_blocks_wanted = sizes.kv_blocks,
                            .block_tokens = plan.limits.block_tokens};
    MONOCLE_ASSIGN(const std::size_t limit, memory_limit(options_, needs, info, host));
    Result<MemoryPlan> memory = plan_memory(
        needs, {.total = info.total, .free = info.free, .context = info.held, .limit = limit});
    const std::string& name = backend.capabilities().name;
    if (!memory) {
      return prefixed(name, std::move(memory).error());
    }
    plan.devices.push_back({name, host, std::move(*memory)});
    return {};
  }

  static Status reserve(Backend& backend, std::int64_t blocks, DevicePlan& device) {
    device.memory.kv_blocks = blocks;
    const std::size_t granule = backend.memory().info().granule;
    return backend.memory().reserve(device.memory.to_allocate() + granule);
  }

  const ServeOptions& options_;
  OpenedModel& opened_;
  qwen3_vl::LoadPlan load_;
};

}  // namespace

Result<ServePlan> plan_serve(const ServeOptions& options, OpenedModel& opened) {
  return Planner(options, opened).run();
}

}  // namespace monocle::app
