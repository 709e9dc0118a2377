// SPDX-License-Identifier: Apache-2.0
// A packed model opened for use: header checked, weights used where they are mapped. Owns the
// mapping; views and documents live as long as the object (moving it keeps them valid). Any thread
// may read. Layout: packed_layout.h, reasons: docs/adr/0006-own-packed-file.md.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "store/document.h"
#include "store/mapped_file.h"
#include "store/packed_layout.h"

namespace monocle {

class PackedFile {
 public:
  static Result<PackedFile> open(const std::string& path, MapAdvice advice);

  [[nodiscard]] std::span<const PackedTensorEntry> tensors() const { return directory_.tensors; }
  // The tensor's weight where it lies. Refuses one whose scales are not finite numbers.
  [[nodiscard]] Result<WeightView> view(const PackedTensorEntry& tensor) const;
  [[nodiscard]] std::optional<std::span<const std::byte>> document(Document document) const;
  [[nodiscard]] std::uint64_t size() const { return file_.size(); }

  // Reads the whole file and compares every section with its stored hash.
  [[nodiscard]] Status verify() const;

 private:
  [[nodiscard]] std::span<const std::byte> section(const PackedSection& section) const;

  std::string path_;
  MappedFile file_;
  PackedDirectory directory_;
};

}  // namespace monocle
