// SPDX-License-Identifier: Apache-2.0
// A video of a message, as the frames that the client cut and their times. Nothing is decoded here
// but base64. Internal to the room's parsers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/field.h"
#include "api/parse_limits.h"
#include "api/types.h"

namespace monocle::api {

struct VideoDefaults {
  const ParseLimits& limits;
  std::optional<double> fps;  // of videos that name no times
};

// Under `key` of a part: "data:video/jpeg;base64,FRAME,FRAME,..." (alone or as "url" of an object),
// or an array of data: URIs of pictures. When each frame was taken stands beside it: "timestamps",
// one number of seconds a frame, or "fps" (also called "sample_fps"). Neither, and no
// default: as many frames a second as the model was trained on, and a warning.
void parse_video(const Fields& part, std::string_view key, const VideoDefaults& defaults,
                 std::vector<EncodedVideo>& out, std::vector<std::string>& warnings);

}  // namespace monocle::api
