// SPDX-License-Identifier: Apache-2.0
// A whole file in memory, with a limit.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace monocle::app {

Result<std::vector<std::byte>> read_file(const std::string& path, std::size_t max_bytes);

}  // namespace monocle::app
