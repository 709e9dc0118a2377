// SPDX-License-Identifier: Apache-2.0
// The tiers that the suites of this room run on.
#pragma once

#include <vector>

#include "cpu/isa.h"

namespace monocle::cpu {

#ifdef __SANITIZE_THREAD__
inline constexpr bool kChecksThreads = true;
#else
inline constexpr bool kChecksThreads = false;
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kChecksMemory = true;
#else
inline constexpr bool kChecksMemory = false;
#endif

// Whether it is worth a suite that takes long when every access is checked: the plainest tier and
// the widest one.
inline bool is_plainest_or_widest(Isa isa) { return isa == Isa::kPortable || isa == best_isa(); }

// Every tier of this build; one that the machine lacks shows as skipped. How work is split among
// threads does not depend on the tier, so that races are looked for in the plainest and the widest
// only.
inline std::vector<Isa> tested_isas() {
  std::vector<Isa> tiers;
  for (int i = 0; i < kIsaCount; ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (isa_built(isa) && (!kChecksThreads || is_plainest_or_widest(isa))) {
      tiers.push_back(isa);
    }
  }
  return tiers;
}

}  // namespace monocle::cpu
