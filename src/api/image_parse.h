// SPDX-License-Identifier: Apache-2.0
// A picture of a message: the data: URI, the detail and pixel budgets. Nothing is decoded here but
// base64. Internal to the room's parsers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/field.h"
#include "api/parse_limits.h"
#include "api/types.h"

namespace monocle::api {

struct PixelBudget {
  std::optional<std::int64_t> min_pixels;
  std::optional<std::int64_t> max_pixels;
};

// mm_processor_kwargs: what holds for every picture and video that says nothing of its own.
struct ProcessorKwargs {
  PixelBudget pixels;         // of a picture
  std::optional<double> fps;  // of a video's frames as they are sent
};
ProcessorKwargs parse_processor_kwargs(const Fields& body);

// {"image_url": "data:..." | {"url", "detail", "min_pixels", "max_pixels"}} under `key` of a part.
// In the Responses dialect `detail` stands beside it.
void parse_image(const Fields& part, std::string_view key, const PixelBudget& budget,
                 const ParseLimits& limits, std::vector<EncodedImage>& out);

}  // namespace monocle::api
