// SPDX-License-Identifier: Apache-2.0
// The backends under test, by name. A new backend is one line in backends.cc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "ops/backend.h"

namespace monocle::parity {

std::vector<std::string> backend_names();

// kUnsupported when this machine cannot run it. `threads` is ignored by backends that have none.
Result<std::unique_ptr<Backend>> make_backend(const std::string& name, int threads);

}  // namespace monocle::parity
