// SPDX-License-Identifier: Apache-2.0
#include "store/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "store/json_text.h"
#include "store/safetensors_header.h"

namespace monocle {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are stored little-endian and used where they lie");

struct NamedType {
  const char* name;
  DType type;
};
constexpr NamedType kTypes[] = {
    {"F32", DType::kF32}, {"F16", DType::kF16}, {"BF16", DType::kBF16}, {"F8_E4M3", DType::kF8E4M3},
    {"I8", DType::kI8},   {"U8", DType::kU8},   {"I32", DType::kI32},   {"I64", DType::kI64}};

const NamedType* find_type(std::string_view name) {
  const auto* found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                   [&](const auto& t) { return name == t.name; });
  return found == std::end(kTypes) ? nullptr : found;
}

// The header's text: after the length word, inside the file.
Result<std::string_view> header_text(std::span<const std::byte> file) {
  if (file.size() < 8) {
    return fail(ErrorCode::kInvalidArgument, "{} bytes are too few for a safetensors header",
                file.size());
  }
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof(length));
  if (length > kMaxSafetensorsHeaderBytes) {
    return fail(ErrorCode::kTooLarge, "the header claims {} bytes, the limit is {}", length,
                kMaxSafetensorsHeaderBytes);
  }
  if (length > file.size() - 8) {
    return fail(ErrorCode::kInvalidArgument,
                "the header claims {} bytes, the file has {} after the length word", length,
                file.size() - 8);
  }
  return as_text(file.subspan(8, length));
}

Result<TensorInfo> checked_tensor(SafetensorsEntry& entry, std::span<const std::byte> data) {
  const std::string shown = printable(entry.name);
  const NamedType* type = find_type(entry.dtype);
  if (type == nullptr) {
    return fail(ErrorCode::kUnsupported, "tensor '{}': dtype {} is not supported", shown,
                printable(entry.dtype, 32));
  }
  const auto [begin, end] = entry.offsets;
  if (begin > end) {
    return fail(ErrorCode::kInvalidArgument, "tensor '{}': data begins at {}, after its end {}",
                shown, begin, end);
  }
  if (end > data.size()) {
    return fail(ErrorCode::kInvalidArgument,
                "tensor '{}': data ends at {}, the file holds {} bytes of data", shown, end,
                data.size());
  }
  const auto count = element_count(entry.shape);
  if (!count) {
    return prefixed(fmt::format("tensor '{}'", shown), count.error());
  }
  const auto elements = static_cast<std::uint64_t>(*count);
  const std::uint64_t size = dtype_size(type->type);
  if (elements > std::numeric_limits<std::uint64_t>::max() / size ||
      elements * size != end - begin) {
    return fail(ErrorCode::kInvalidArgument,
                "tensor '{}': shape {} of {} does not fill its {} bytes", shown,
                shape_text(entry.shape), type->name, end - begin);
  }
  return TensorInfo{std::move(entry.name), type->type, std::move(entry.shape),
                    data.subspan(begin, end - begin)};
}

Status check_names(std::span<const TensorInfo> tensors) {
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const TensorInfo& tensor : tensors) {
    names.push_back(tensor.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    return fail(ErrorCode::kInvalidArgument, "tensor '{}' is named twice", printable(*twice));
  }
  return {};
}

// In file order each tensor must begin where the one before ended.
Status check_coverage(std::span<const TensorInfo> tensors, std::span<const std::byte> data) {
  std::vector<const TensorInfo*> order;
  order.reserve(tensors.size());
  for (const TensorInfo& tensor : tensors) {
    order.push_back(&tensor);
  }
  std::sort(order.begin(), order.end(), [](const TensorInfo* a, const TensorInfo* b) {
    return std::pair(a->bytes.data(), a->bytes.size()) <
           std::pair(b->bytes.data(), b->bytes.size());
  });
  const std::byte* covered = data.data();
  for (const TensorInfo* tensor : order) {
    if (tensor->bytes.data() < covered) {
      return fail(ErrorCode::kInvalidArgument, "tensor '{}' overlaps another tensor",
                  printable(tensor->name));
    }
    if (tensor->bytes.data() > covered) {
      return fail(ErrorCode::kInvalidArgument, "{} bytes before tensor '{}' belong to no tensor",
                  tensor->bytes.data() - covered, printable(tensor->name));
    }
    covered += tensor->bytes.size();
  }
  if (covered != data.data() + data.size()) {
    return fail(ErrorCode::kInvalidArgument, "{} bytes after the last tensor belong to no tensor",
                data.data() + data.size() - covered);
  }
  return {};
}

Result<std::vector<TensorInfo>> parse(std::span<const std::byte> file) {
  MONOCLE_ASSIGN(const std::string_view text, header_text(file));
  MONOCLE_ASSIGN(std::vector<SafetensorsEntry> entries, parse_safetensors_header(text));
  const std::span<const std::byte> data = file.subspan(8 + text.size());
  std::vector<TensorInfo> tensors;
  tensors.reserve(entries.size());
  for (SafetensorsEntry& entry : entries) {
    MONOCLE_ASSIGN(TensorInfo tensor, checked_tensor(entry, data));
    tensors.push_back(std::move(tensor));
  }
  MONOCLE_TRY(check_names(tensors));
  MONOCLE_TRY(check_coverage(tensors, data));
  return tensors;
}

}  // namespace

Result<std::int64_t> element_count(std::span<const std::int64_t> shape) {
  std::int64_t bound = 1;  // with zeros taken as ones, so that [0, 2^62, 2^62] is refused as well
  bool empty = false;
  for (const std::int64_t dimension : shape) {
    if (dimension < 0) {
      return fail(ErrorCode::kInvalidArgument, "shape {} has a negative dimension",
                  shape_text(shape));
    }
    empty = empty || dimension == 0;
    if (__builtin_mul_overflow(bound, std::max<std::int64_t>(dimension, 1), &bound)) {
      return fail(ErrorCode::kInvalidArgument, "shape {} has more than 2^63 elements",
                  shape_text(shape));
    }
  }
  return empty ? 0 : bound;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Result<std::vector<TensorInfo>> parse_safetensors(std::span<const std::byte> file,
                                                  std::string_view what) {
  auto tensors = parse(file);
  if (!tensors) {
    return prefixed(std::string(what), std::move(tensors).error());
  }
  return tensors;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string& path, MapAdvice advice) {
  SafetensorsFile opened;
  MONOCLE_ASSIGN(opened.file_, MappedFile::open(path, advice, kMaxWeightFileBytes));
  MONOCLE_ASSIGN(opened.tensors_, parse_safetensors(opened.file_.bytes(), path));
  return opened;
}

const char* safetensors_dtype_name(DType type) {
  const auto* found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                   [&](const auto& t) { return type == t.type; });
  return found == std::end(kTypes) ? nullptr : found->name;
}

}  // namespace monocle
