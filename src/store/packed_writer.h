// SPDX-License-Identifier: Apache-2.0
// Writes a packed model tensor by tensor: the plan (names, formats, shapes) is known first, so
// every section has its place before a byte is written, and no more than one tensor is ever in
// memory. The target appears only when finish() succeeds. One thread at a time.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "store/document.h"
#include "store/file_writer.h"
#include "store/packed_layout.h"

namespace monocle {

struct PackedTensorPlan {
  std::string name;
  QuantFormat format = QuantFormat::kF32;
  std::vector<std::int64_t> shape;
};

struct PackedDocument {
  Document document = Document::kConfig;
  std::span<const std::byte> bytes;
};

class PackedWriter {
 public:
  // Writes the documents at once. The plan is held to the limits of the reader.
  static Result<PackedWriter> create(const std::string& path,
                                     std::span<const PackedTensorPlan> plan,
                                     std::span<const PackedDocument> documents);

  // Each tensor of the plan once, in any order. data and aux have the sizes the format gives for
  // the shape.
  Status write(std::size_t index, std::span<const std::byte> data, std::span<const std::byte> aux);
  // Every tensor of the plan must have been written.
  Status finish();

  [[nodiscard]] std::uint64_t file_bytes() const { return directory_.file_bytes; }

 private:
  PackedDirectory directory_;
  std::vector<bool> written_;
  FileWriter file_;
};

}  // namespace monocle
