// SPDX-License-Identifier: Apache-2.0
// Notices an answer that goes in circles: a grammar may allow for ever what a model never ends,
// such as another item of a list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace monocle::service {

class LoopGuard {
 public:
  // True once the last kWindow tokens repeat with a period of at most kPeriod.
  bool push(std::int32_t token);

  static constexpr std::size_t kWindow = 256;
  static constexpr std::size_t kPeriod = 32;

 private:
  std::array<std::int32_t, kWindow> tokens_{};  // a ring
  std::size_t count_ = 0;
  // run_[p]: how many of the latest tokens equal the one p + 1 before them.
  std::array<std::size_t, kPeriod> run_{};
};

}  // namespace monocle::service
