// SPDX-License-Identifier: Apache-2.0
// RGB8 -> JPEG bytes: for reports and load, never on a model's path. Pure, any thread.
#pragma once

#include <string>

#include "media/image.h"

namespace monocle {

// `image` is not empty, its sides are at most 65500; quality from 1 to 100.
std::string encode_jpeg(const Image& image, int quality);

}  // namespace monocle
