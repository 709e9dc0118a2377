// SPDX-License-Identifier: Apache-2.0
// expect: deleted (member function .data|function .*Buffer::data)
// A view into a buffer that dies at the end of the statement would dangle from its first use.
#include "tensor/buffer.h"
#include "tensor/view.h"

namespace monocle {
Buffer planned();

TensorView use(const Buffer& kept) {
#ifdef MUST_FAIL
  return {planned().data(), DType::kF32, 1, 4};
#else
  return {kept.data(), DType::kF32, 1, 4};
#endif
}
}  // namespace monocle
