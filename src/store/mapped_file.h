// SPDX-License-Identifier: Apache-2.0
// A whole file mapped read-only. Owns the mapping; spans of bytes() live as long as the object
// (moving it keeps them valid). Any thread may read. Only regular files are mapped: a pipe or a
// device has no size to check against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace monocle {

enum class MapAdvice : std::uint8_t {
  kNormal,
  kSequential,  // read once from front to back: conversion, verification
  kWillNeed,    // start reading ahead now: weights that the first step touches anyway
};

class MappedFile {
 public:
  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Refuses a file of more than max_bytes before mapping it.
  static Result<MappedFile> open(const std::string& path, MapAdvice advice,
                                 std::uint64_t max_bytes);

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace monocle
