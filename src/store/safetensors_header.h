// SPDX-License-Identifier: Apache-2.0
// The JSON half of a safetensors header, parsed as a stream: nothing is built for it but these
// entries, so a header cannot cost more memory than its own size allows, and a key given twice is
// seen. Offsets are not yet checked.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace monocle {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::array<std::uint64_t, 2> offsets{};  // from the first byte after the header
};

Result<std::vector<SafetensorsEntry>> parse_safetensors_header(std::string_view json);

}  // namespace monocle
