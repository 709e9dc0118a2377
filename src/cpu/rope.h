// SPDX-License-Identifier: Apache-2.0
// The verb rope_append on the CPU: norm and rotation of q and k, and the store of k and v into
// their cache slots. Angles are computed once per (token, channel) for all heads.
#pragma once

#include "cpu/context.h"
#include "ops/args.h"

namespace monocle::cpu {

// What all heads of a token share. cosine and sine: [head_dim / 2], the table's scale in them.
struct RopeHead {
  const float* weight = nullptr;  // [head_dim]
  const float* cosine = nullptr;
  const float* sine = nullptr;
  float eps = 1e-6F;
  int head_dim = 0;
};

void rope_append(Context& context, const RopeAppendArgs& args);

}  // namespace monocle::cpu
