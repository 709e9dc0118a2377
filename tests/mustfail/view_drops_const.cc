// SPDX-License-Identifier: Apache-2.0
// expect: (could not convert .readable.|no viable conversion|no matching function)
// A mapped checkpoint is read-only memory: a view of it must never become one that may be written.
#include "tensor/view.h"

namespace monocle {
void read(ConstTensorView view);
void write(TensorView view);

void use(TensorView writable, ConstTensorView readable) {
  write(writable);
  read(writable);
  read(readable);
#ifdef MUST_FAIL
  write(readable);
#endif
}
}  // namespace monocle
