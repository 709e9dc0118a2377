// SPDX-License-Identifier: Apache-2.0
// What the fuzzers of weight files and configurations do with one input. Beyond "no crash": a
// refusal is one printable sentence that blames the input, and what is accepted can be used to its
// last byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "base/result.h"
#include "store/packed_layout.h"
#include "store/safetensors.h"
#include "tensor/buffer.h"

namespace monocle::fuzz {

inline void check_refusal(const Error& error) {
  MONOCLE_CHECK(!error.message.empty() && error.code != ErrorCode::kInternal);
  for (const char c : error.message) {
    MONOCLE_CHECK(c >= 0x20 && c < 0x7f);
  }
}

// Keeps the compiler from dropping a read of the memory that a view promises.
inline void touch(std::span<const std::byte> bytes) {
  if (!bytes.empty()) {
    [[maybe_unused]] volatile std::byte sink = bytes.front();
    sink = bytes.back();
  }
}

inline void check_safetensors(std::span<const std::byte> file) {
  const auto tensors = parse_safetensors(file, "input");
  if (!tensors) {
    check_refusal(tensors.error());
    return;
  }
  std::size_t total = 0;
  for (const TensorInfo& tensor : *tensors) {
    MONOCLE_CHECK(tensor.shape.size() <= kMaxTensorRank &&
                  tensor.name.size() <= kMaxTensorNameBytes);
    const auto elements = element_count(tensor.shape);
    MONOCLE_CHECK(elements && static_cast<std::size_t>(*elements) * dtype_size(tensor.dtype) ==
                                  tensor.bytes.size());
    touch(tensor.bytes);
    total += tensor.bytes.size();
  }
  MONOCLE_CHECK(total <= file.size());
}

inline void check_packed_file(std::span<const std::byte> file) {
  const auto directory = decode_header(file);
  if (!directory) {
    check_refusal(directory.error());
    return;
  }
  for (const PackedDocumentEntry& document : directory->documents) {
    touch(file.subspan(document.section.offset, document.section.bytes));
  }
  std::vector<float> row;
  for (const PackedTensorEntry& tensor : directory->tensors) {
    const FormatInfo& format = format_info(tensor.format);
    const auto [rows, cols] = matrix_shape(tensor.shape);
    const auto data = file.subspan(tensor.data.offset, tensor.data.bytes);
    const auto aux = file.subspan(tensor.aux.offset, tensor.aux.bytes);
    MONOCLE_CHECK(data.size() == format.data_bytes(rows, cols) &&
                  aux.size() == format.aux_bytes(rows, cols));
    const WeightView view{data.data(), aux.data(), tensor.format, rows, cols};
    if (rows > 0 && (format.aux_valid == nullptr || format.aux_valid(view))) {
      row.resize(static_cast<std::size_t>(cols));
      format.unpack_row(view, 0, row.data());
      format.unpack_row(view, rows - 1, row.data());
    }
  }
}

// The input is a header; the file behind it is zeros. It is read as it stands, where the checksum
// stops nearly every change, and again with the fields repaired that would hide the rest of the
// reader.
inline void check_packed(std::span<const std::byte> header) {
  constexpr std::size_t kFixed = 64;
  constexpr std::uint64_t kMostBytes = 1 << 16;
  std::uint64_t claimed = 0;
  if (header.size() >= kFixed) {
    std::memcpy(&claimed, header.data() + 16, sizeof(claimed));
  }
  // The last page is as long as the header says, so that a section may end exactly at the end of
  // the memory.
  const std::uint64_t size =
      claimed >= header.size() && claimed <= kMostBytes ? claimed : header.size();
  Buffer memory((size + kPackedAlignment - 1) / kPackedAlignment *
                kPackedAlignment);  // aligned like a mapping
  const std::span<std::byte> file = memory.bytes().first(size);
  if (!header.empty()) {
    std::memcpy(file.data(), header.data(), header.size());
  }
  check_packed_file(file);
  if (header.size() < kFixed) {
    return;
  }
  const std::uint64_t header_bytes = header.size();
  std::memcpy(file.data(), "MONOCLE\n", 8);
  std::memcpy(file.data() + 8, &kPackedVersion, sizeof(kPackedVersion));
  std::memset(file.data() + 12, 0, 4);
  std::memcpy(file.data() + 16, &size, sizeof(size));
  std::memcpy(file.data() + 24, &header_bytes, sizeof(header_bytes));
  std::memset(file.data() + 32, 0, 8);
  std::memset(file.data() + 48, 0, 16);
  const std::uint64_t hash = hash64(file.first(header_bytes));
  std::memcpy(file.data() + 32, &hash, sizeof(hash));
  check_packed_file(file);
}

}  // namespace monocle::fuzz
