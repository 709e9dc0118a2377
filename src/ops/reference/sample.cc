// SPDX-License-Identifier: Apache-2.0
// What a draw means is defined, and shared by all host backends, in ops/sampling.h.
#include "ops/sampling.h"

#include "ops/reference/verbs.h"

namespace monocle::reference {

void sample(const SampleArgs& args) {
  Sampler sampler;
  for (std::size_t s = 0; s < args.rows.size(); ++s) {
    const float* logits = args.logits.row<float>(static_cast<std::int64_t>(s));
    args.out[s] = sampler.sample({logits, static_cast<std::size_t>(args.vocab)}, args.rows[s]);
  }
}

}  // namespace monocle::reference
