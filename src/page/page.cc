// SPDX-License-Identifier: Apache-2.0
#include "page/page.h"

#include <algorithm>

namespace monocle {

const PageFile* find_page_file(std::string_view path) {
  if (path == "/") path = "/index.html";
  const std::span<const PageFile> files = page_files();
  const auto at = std::lower_bound(
      files.begin(), files.end(), path,
      [](const PageFile& file, std::string_view wanted) { return file.path < wanted; });
  return at != files.end() && at->path == path ? &*at : nullptr;
}

bool page_file_is_immutable(const PageFile& file) {
  // The bundler's names: "index-" and eight characters of the hash, which may hold a '-'
  // themselves.
  constexpr std::size_t kHashLength = 8;
  const std::size_t dot = file.path.rfind('.');
  const std::size_t name = file.path.rfind('/') + 1;
  return file.path.starts_with("/assets/") && dot != file.path.npos &&
         dot > name + kHashLength + 1 && file.path[dot - kHashLength - 1] == '-';
}

}  // namespace monocle
