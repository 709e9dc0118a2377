// SPDX-License-Identifier: Apache-2.0
// Writes a new file that is complete or absent: bytes go to a hidden neighbour, commit() makes them
// durable and renames it over the target. Without commit() the neighbour is removed. One thread at
// a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace monocle {

class FileWriter {
 public:
  FileWriter() = default;
  ~FileWriter();
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&& other) noexcept;
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // bytes > 0 reserves the disk space, so that a full disk is known before hours of work, not
  // after.
  static Result<FileWriter> create(const std::string& path, std::uint64_t bytes);

  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  Status commit();

 private:
  int fd_ = -1;
  std::string path_;
  std::string temporary_;
};

}  // namespace monocle
