// SPDX-License-Identifier: Apache-2.0
// Writes named tensors as a safetensors file (traces, goldens of tests). Tensors are laid out by
// falling element size and then by name, so that each one is aligned although the layout allows no
// padding between them.
#pragma once

#include <map>
#include <span>
#include <string>

#include "base/result.h"
#include "store/safetensors.h"

namespace monocle {

// Byte counts must fit the shapes and names must be unique, as in a file that is read. `metadata`
// may be empty.
Status write_safetensors(const std::string& path, std::span<const TensorInfo> tensors,
                         const std::map<std::string, std::string>& metadata);

}  // namespace monocle
