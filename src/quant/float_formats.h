// SPDX-License-Identifier: Apache-2.0
// The formats that checkpoints are published in: no scales, one element after the other.
#pragma once

#include "quant/format.h"

namespace monocle {

extern const FormatInfo kF32Info;
extern const FormatInfo kF16Info;
extern const FormatInfo kBF16Info;

}  // namespace monocle
