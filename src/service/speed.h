// SPDX-License-Identifier: Apache-2.0
// How fast this server has been lately: averages over finished requests, for estimates of the next.
// Any thread.
#pragma once

#include <cstdint>
#include <mutex>

#include "monocle/event.h"

namespace monocle::service {

// Times in milliseconds; 0 = nothing measured yet.
struct Rates {
  double vision_ms_per_token = 0;
  double prefill_ms_per_token = 0;
  double decode_ms_per_token = 0;
};

class Speed {
 public:
  // A finished request: what the prefix cache had was not computed and is left out.
  void note(const RequestUsage& usage, const RequestTiming& timing);
  [[nodiscard]] Rates rates() const;

 private:
  mutable std::mutex mutex_;
  Rates rates_;
};

}  // namespace monocle::service
