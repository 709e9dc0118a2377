// SPDX-License-Identifier: Apache-2.0
// The filter weights of one axis in fixed point. Internal to resize.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "media/resize.h"

namespace monocle::media {

struct AxisTaps {
  int bits = 0;                       // weights are scaled by 2^bits
  int stride = 0;                     // weights per output position, the unused ones zero
  std::vector<std::int32_t> first;    // [out] first input position
  std::vector<std::int32_t> count;    // [out] used weights, >= 1
  std::vector<std::int32_t> weights;  // [out, stride]

  [[nodiscard]] const std::int32_t* weights_of(std::size_t out) const {
    return weights.data() + out * static_cast<std::size_t>(stride);
  }
};

AxisTaps make_taps(int in, int out, ResizeForm form);

}  // namespace monocle::media
