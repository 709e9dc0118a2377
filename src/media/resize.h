// SPDX-License-Identifier: Apache-2.0
// Antialiased bicubic resize of RGB8 in fixed point, equal bit by bit to what the reference
// processors run. Two 1-D passes with a uint8 picture between them. Pure; `pool` may be null,
// results do not depend on it.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "media/image.h"

namespace monocle {

enum class ResizeForm : std::uint8_t {
  kTorchvision,  // int16 weights, width first (torch on CPU)
  kPillow,       // 22-bit weights, width first (Pillow before 13)
  kPillow13,     // the same, but height first where that is less work by Pillow 13's rule
};

// size: both sides >= 1. A side that does not change is not filtered.
Image resize_bicubic(const Image& image, Size2d size, ResizeForm form, ThreadPool* pool);

}  // namespace monocle
