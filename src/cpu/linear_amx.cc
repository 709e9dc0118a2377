// SPDX-License-Identifier: Apache-2.0
#include "cpu/linear_kernels.h"

namespace monocle::cpu {
LinearFunction amx_function(LinearKind) { return nullptr; }
}  // namespace monocle::cpu
