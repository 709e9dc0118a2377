// SPDX-License-Identifier: Apache-2.0
// How much memory the process took, at its peak, since a point in time. Under AddressSanitizer
// every allocation is counted, touched or not; elsewhere resident pages are. One meter at a time.
#pragma once

#include <cstddef>

namespace monocle::fuzz {

class MemoryMeter {
 public:
  MemoryMeter();
  [[nodiscard]] std::size_t peak_bytes() const;  // above the start

 private:
  std::size_t start_ = 0;
};

}  // namespace monocle::fuzz
