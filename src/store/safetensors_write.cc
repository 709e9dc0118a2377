// SPDX-License-Identifier: Apache-2.0
#include "store/safetensors_write.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "store/file_writer.h"
#include "store/json_text.h"

namespace monocle {
namespace {

Status check_tensor(const TensorInfo& tensor) {
  if (tensor.name.empty() || tensor.name.size() > kMaxTensorNameBytes ||
      tensor.name == "__metadata__") {
    return fail(ErrorCode::kInvalidArgument, "'{}' cannot be a tensor name",
                printable(tensor.name));
  }
  if (safetensors_dtype_name(tensor.dtype) == nullptr || tensor.shape.size() > kMaxTensorRank) {
    return fail(ErrorCode::kInvalidArgument,
                "tensor '{}' has a type or rank that safetensors does not hold", tensor.name);
  }
  MONOCLE_ASSIGN(const std::int64_t count, element_count(tensor.shape));
  if (static_cast<std::uint64_t>(count) != tensor.bytes.size() / dtype_size(tensor.dtype) ||
      tensor.bytes.size() % dtype_size(tensor.dtype) != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "tensor '{}' has {} bytes, its shape {} needs another number", tensor.name,
                tensor.bytes.size(), shape_text(tensor.shape));
  }
  return {};
}

std::string header_of(std::span<const TensorInfo* const> order,
                      const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) {
    header["__metadata__"] = metadata;
  }
  std::uint64_t offset = 0;
  for (const TensorInfo* tensor : order) {
    nlohmann::ordered_json& entry = header[tensor->name];
    entry["dtype"] = safetensors_dtype_name(tensor->dtype);
    entry["shape"] = tensor->shape;
    entry["data_offsets"] = {offset, offset + tensor->bytes.size()};
    offset += tensor->bytes.size();
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');  // the data starts at a multiple of 8
  return text;
}

}  // namespace

Status write_safetensors(const std::string& path, std::span<const TensorInfo> tensors,
                         const std::map<std::string, std::string>& metadata) {
  std::vector<const TensorInfo*> order;
  for (const TensorInfo& tensor : tensors) {
    MONOCLE_TRY(check_tensor(tensor));
    order.push_back(&tensor);
  }
  std::sort(order.begin(), order.end(), [](const TensorInfo* a, const TensorInfo* b) {
    const auto a_size = dtype_size(a->dtype);
    const auto b_size = dtype_size(b->dtype);
    return a_size != b_size ? a_size > b_size : a->name < b->name;
  });
  std::vector<std::string_view> names;
  for (const TensorInfo* tensor : order) {
    names.push_back(tensor->name);
  }
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
    return fail(ErrorCode::kInvalidArgument, "tensor '{}' is given twice", *twice);
  }
  const std::string header = header_of(order, metadata);
  const std::uint64_t length = header.size();
  MONOCLE_ASSIGN(FileWriter writer, FileWriter::create(path, 0));
  MONOCLE_TRY(writer.write_at(0, std::as_bytes(std::span(&length, 1))));
  MONOCLE_TRY(writer.write_at(8, as_bytes(header)));
  std::uint64_t offset = 8 + length;
  for (const TensorInfo* tensor : order) {
    MONOCLE_TRY(writer.write_at(offset, tensor->bytes));
    offset += tensor->bytes.size();
  }
  return writer.commit();
}

}  // namespace monocle
