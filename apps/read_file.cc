// SPDX-License-Identifier: Apache-2.0
#include "read_file.h"

#include "store/mapped_file.h"

namespace monocle::app {

Result<std::vector<std::byte>> read_file(const std::string& path, std::size_t max_bytes) {
  MONOCLE_ASSIGN(const MappedFile file, MappedFile::open(path, MapAdvice::kNormal, max_bytes));
  // Copied, so that a file that shrinks while it is decoded cannot take the process down.
  return std::vector<std::byte>(file.bytes().begin(), file.bytes().end());
}

}  // namespace monocle::app
