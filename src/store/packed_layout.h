// SPDX-License-Identifier: Apache-2.0
// The bytes of a packed file's header: planned, encoded and decoded here, used by packed_file
// (read) and packed_writer (write). Pure functions over memory; no file is touched. All integers
// are little-endian.
//
//   0   magic        8 bytes "MONOCLE\n"
//   8   version      u32 = kPackedVersion
//   12  flags        u32 = 0
//   16  file_bytes   u64, the size of the whole file
//   24  header_bytes u64, this block and the directory behind it, without padding
//   32  header_hash  u64, XXH3-64 of those bytes with this field as zero
//   40  documents    u32
//   44  tensors      u32
//   48  reserved     16 zero bytes
//   64  directory: per document: name, offset u64, bytes u64, hash u64
//                  per tensor: name, format name, rank u8, i64 dimensions[rank], data offset u64,
//                  data bytes u64,
//                              aux offset u64, aux bytes u64, hash u64 (XXH3-64 of data, then of
//                              aux seeded by it)
//                  a name is u16 length and its bytes
//
// Sections begin at multiples of 4096 in directory order, without gaps beyond that. An aux part of
// 0 bytes has offset 0. Formats are stored by name: an enum value may change between builds, the
// name of a layout may not.
//
// When to raise kPackedVersion: whenever a file written before the change would be read wrongly, or
// one written after it would be accepted by an older build that reads it wrongly. That includes a
// change of a format's layout under its old name. A new format needs no new version (an old build
// refuses the unknown name). There is no conversion between versions: a packed file is a cache of a
// published checkpoint and is made again from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "quant/format.h"

namespace monocle {

inline constexpr std::uint32_t kPackedVersion = 1;
inline constexpr std::uint64_t kPackedAlignment = 4096;
inline constexpr std::uint64_t kMaxPackedHeaderBytes = std::uint64_t{1} << 26;

struct PackedSection {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct PackedDocumentEntry {
  std::string name;  // a file name of kDocuments
  PackedSection section;
  std::uint64_t hash = 0;
};

struct PackedTensorEntry {
  std::string name;
  QuantFormat format = QuantFormat::kF32;
  std::vector<std::int64_t> shape;  // [outputs, inputs...]; see matrix_shape()
  PackedSection data;
  PackedSection aux;
  std::uint64_t hash = 0;
};

struct PackedDirectory {
  std::vector<PackedDocumentEntry> documents;
  std::vector<PackedTensorEntry> tensors;
  std::uint64_t file_bytes = 0;
};

// A tensor as a weight matrix: [n] is one row, [a, b, c...] is a rows of b*c*... columns.
struct MatrixShape {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
};
MatrixShape matrix_shape(std::span<const std::int64_t> shape);

// Fills in every section's place and size (documents need their bytes set) and file_bytes.
void place_sections(PackedDirectory& directory);

std::vector<std::byte> encode_header(const PackedDirectory& directory);

// Checks everything that can be checked without reading the sections. `file` is the whole mapped
// file.
Result<PackedDirectory> decode_header(std::span<const std::byte> file);

bool has_packed_magic(std::span<const std::byte> file);

}  // namespace monocle
