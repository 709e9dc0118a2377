// SPDX-License-Identifier: Apache-2.0
#include "service/loop_guard.h"

namespace monocle::service {

bool LoopGuard::push(std::int32_t token) {
  bool loops = false;
  for (std::size_t p = 0; p < kPeriod; ++p) {
    const bool known = count_ > p;
    const bool same = known && tokens_[(count_ - p - 1) % kWindow] == token;
    run_[p] = same ? run_[p] + 1 : 0;
    loops = loops || run_[p] + p + 1 >= kWindow;
  }
  tokens_[count_ % kWindow] = token;
  ++count_;
  return loops;
}

}  // namespace monocle::service
