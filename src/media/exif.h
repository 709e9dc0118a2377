// SPDX-License-Identifier: Apache-2.0
// The one EXIF tag that changes pixels: orientation (0x0112). Internal to the media room.
#pragma once

#include "media/codec.h"
#include "media/image.h"

namespace monocle::media {

// tiff: a TIFF block ("II*\0" or "MM\0*"), optionally behind "Exif\0\0". Returns 1..8; 1 when the
// tag is missing or the block is damaged, because a picture must not be refused for its metadata.
int exif_orientation(Bytes tiff);

// orientation 1..8. Takes the image by value: orientation 1 costs nothing.
Image apply_orientation(Image image, int orientation);

}  // namespace monocle::media
