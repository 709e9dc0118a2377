// SPDX-License-Identifier: Apache-2.0
// The web page's files as they travel: compressed once at build time, placed in the program's
// read-only data. Everything here is constant and lives as long as the program; any thread may read
// it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace monocle {

struct PageFile {
  std::string_view path;            // "/index.html", "/assets/index-Bx3k9_aQ.js"
  std::string_view mime;            // value of Content-Type
  std::string_view etag;            // quoted, from the SHA-256 of the uncompressed bytes
  std::span<const std::byte> gzip;  // what a client that accepts gzip is sent
  std::size_t raw_bytes;            // size once inflated
};

// All files, sorted by path; besides index.html everything lies under /assets/. Never empty:
// without a built page it holds the small one of web/fallback.
std::span<const PageFile> page_files();

// The file for a request path without query, or nullptr. "/" is "/index.html".
const PageFile* find_page_file(std::string_view path);

// Files whose name carries a hash of their content never change: a client may keep them for ever.
bool page_file_is_immutable(const PageFile& file);

}  // namespace monocle
