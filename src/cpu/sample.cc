// SPDX-License-Identifier: Apache-2.0
#include "cpu/sample.h"

#include "cpu/simd_includes.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/sample-inl.h"
#include "cpu/foreach_isa-inl.h"

namespace monocle::cpu {
namespace {

bool plain_greedy(const SampleRow& row) {
  const bool penalties = row.repetition_penalty != 1.0F || row.presence_penalty != 0.0F ||
                         row.frequency_penalty != 0.0F;
  return row.temperature <= 0.0F && row.top_logprobs == 0 && row.allowed == nullptr &&
         row.bias.empty() && (!penalties || row.seen.empty());
}

SampledToken greedy(Isa isa, const float* logits, std::int32_t vocab) {
  SampledToken out;
  const float best = MONOCLE_CPU_PICK(isa, best_logit)(logits, vocab);
  if (best == -std::numeric_limits<float>::infinity()) {
    out.id = -1;
    out.logprob = best;
    return out;
  }
  while (!(logits[out.id] >= best)) {  // the first; >= because +inf stands for the largest float
    ++out.id;
  }
  out.logprob = static_cast<float>(-std::log(MONOCLE_CPU_PICK(isa, exp_sum)(logits, vocab, best)));
  return out;
}

}  // namespace

void RowSampler::sample(Context& context, const SampleArgs& args) {
  const auto rows = static_cast<std::int64_t>(args.rows.size());
  context.pool().parallel_for(rows, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto s = static_cast<std::size_t>(i);
      const float* logits = args.logits.row<float>(i);
      if (plain_greedy(args.rows[s])) {
        args.out[s] = greedy(context.isa(), logits, args.vocab);
      } else {
        Sampler& sampler = samplers_[static_cast<std::size_t>(worker)];
        args.out[s] = sampler.sample({logits, static_cast<std::size_t>(args.vocab)}, args.rows[s]);
      }
    }
  });
}

}  // namespace monocle::cpu
