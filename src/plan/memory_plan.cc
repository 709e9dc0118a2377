// SPDX-License-Identifier: Apache-2.0
#include "plan/memory_plan.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace monocle {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

std::string gib(std::size_t bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / kGiB);
}

double unit_of(char suffix) {
  switch (suffix) {
    case 'K':
    case 'k':
      return 1024.0;
    case 'M':
    case 'm':
      return 1024.0 * 1024.0;
    case 'G':
    case 'g':
      return kGiB;
    default:
      return 0;
  }
}

}  // namespace

Result<std::size_t> parse_memory_limit(const std::string& text, std::size_t total,
                                       double fallback) {
  if (text.empty()) {
    return static_cast<std::size_t>(static_cast<double>(total) * fallback);
  }
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string suffix(end);
  double bytes = number;
  if (suffix.empty() && number <= 1.0) {
    bytes = number * static_cast<double>(total);
  } else if (!suffix.empty()) {
    const bool known = suffix.size() == 1 || suffix.substr(1) == "iB" || suffix.substr(1) == "B";
    bytes = known ? number * unit_of(suffix.front()) : 0;
  }
  if (end == text.c_str() || !std::isfinite(number) || !(bytes >= 1)) {
    return fail(ErrorCode::kInvalidArgument,
                "memory limit '{}' is neither bytes (6G, 5500M) nor a share (0.9)", text);
  }
  if (bytes > static_cast<double>(total)) {
    return fail(ErrorCode::kTooLarge, "memory limit '{}' is more than the {} that there are", text,
                gib(total));
  }
  return static_cast<std::size_t>(bytes);
}

std::vector<MemoryPlan::Line> MemoryPlan::lines() const {
  std::vector<Line> out;
  const Line parts[] = {
      {"context", context},
      {"weights", needs.weights},
      {fmt::format("keys and values, {} tokens", kv_blocks * needs.block_tokens), kv()},
      {"workspace", needs.workspace},
      {"logits", needs.logits},
      {"encoded pictures", needs.media},
      {"recorded steps, kernels", needs.recordings},
  };
  std::ranges::copy_if(parts, std::back_inserter(out), [](const Line& l) { return l.bytes > 0; });
  out.push_back({"together", total()});
  return out;
}

Result<MemoryPlan> plan_memory(const MemoryNeeds& needs, const MemoryBudget& budget) {
  const std::size_t rest = std::min(budget.limit, budget.free + budget.context);
  const std::size_t least = budget.context + needs.fixed() +
                            static_cast<std::size_t>(needs.kv_blocks_least) * needs.kv_block;
  if (least > rest) {
    const bool held = budget.limit > rest;
    return fail(ErrorCode::kTooLarge,
                "{} of memory are needed (weights {}, workspace and logits {}, pictures {}, one "
                "request of {} tokens {}, the rest {}) and {} {}: give more, or lower "
                "--max-model-len, --max-image-tokens, --max-num-batched-tokens or --max-num-seqs, "
                "or choose --quant int8",
                gib(least), gib(needs.weights), gib(needs.workspace + needs.logits),
                gib(needs.media), needs.kv_blocks_least * needs.block_tokens,
                gib(static_cast<std::size_t>(needs.kv_blocks_least) * needs.kv_block),
                gib(budget.context + needs.recordings), gib(rest),
                held ? "are free" : "are allowed");
  }
  MemoryPlan plan{.needs = needs, .context = budget.context, .limit = budget.limit};
  const std::size_t for_kv = rest - budget.context - needs.fixed();
  plan.kv_blocks = needs.kv_blocks_wanted;
  if (needs.kv_block > 0) {
    plan.kv_blocks =
        std::min(needs.kv_blocks_wanted, static_cast<std::int64_t>(for_kv / needs.kv_block));
  }
  plan.kv_blocks = std::max(plan.kv_blocks, needs.kv_blocks_least);
  return plan;
}

}  // namespace monocle
