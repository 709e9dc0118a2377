// SPDX-License-Identifier: Apache-2.0
// expect: deleted (function .*Buffer::Buffer|constructor of .Buffer)
// A copied buffer would be gigabytes by accident; ownership moves or a view is passed.
#include <utility>

#include "tensor/buffer.h"

namespace monocle {
Buffer use(Buffer& owned) {
#ifdef MUST_FAIL
  return owned;
#else
  return std::move(owned);
#endif
}
}  // namespace monocle
