// SPDX-License-Identifier: Apache-2.0
// Reader of the safetensors layout: u64 header length, a JSON header, the data. The header is
// hostile until every check has passed: after parse_safetensors() each span lies inside the file,
// has exactly the bytes its shape and type need, and overlaps no other; the spans cover the data
// without holes. `__metadata__` is ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"
#include "store/mapped_file.h"

namespace monocle {

inline constexpr std::uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;
inline constexpr std::size_t kMaxTensorsPerFile = 200'000;
inline constexpr std::size_t kMaxTensorNameBytes = 512;
inline constexpr std::size_t kMaxTensorRank = 8;
inline constexpr std::uint64_t kMaxWeightFileBytes = std::uint64_t{1} << 42;  // 4 TiB

struct TensorInfo {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;   // empty: a scalar
  std::span<const std::byte> bytes;  // where it lies; not necessarily aligned to the element
};

// The tensors in header order. `file` is the whole file; `what` starts every message.
Result<std::vector<TensorInfo>> parse_safetensors(std::span<const std::byte> file,
                                                  std::string_view what);

// Product of the dimensions, or an error when one is negative or the product leaves 63 bits. A zero
// dimension is allowed but does not excuse an absurd one beside it.
Result<std::int64_t> element_count(std::span<const std::int64_t> shape);

// "[1024, 3, 2, 16, 16]"
std::string shape_text(std::span<const std::int64_t> shape);

class SafetensorsFile {
 public:
  static Result<SafetensorsFile> open(const std::string& path, MapAdvice advice);

  [[nodiscard]] std::span<const TensorInfo> tensors() const { return tensors_; }
  [[nodiscard]] std::uint64_t size() const { return file_.size(); }

 private:
  MappedFile file_;
  std::vector<TensorInfo> tensors_;  // spans into file_
};

// The name of a type in a safetensors header ("BF16"); nullptr when the layout has none for it.
const char* safetensors_dtype_name(DType type);

}  // namespace monocle
