// SPDX-License-Identifier: Apache-2.0
// The id of a vocabulary entry. Signed, because the model's id tensors are and -1 says "none".
#pragma once

#include <cstdint>

namespace monocle {

using TokenId = std::int32_t;

}  // namespace monocle
