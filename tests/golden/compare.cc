// SPDX-License-Identifier: Apache-2.0
#include "compare.h"

#include <cmath>
#include <cstring>
#include <map>

#include "store/safetensors.h"

namespace monocle::golden {
namespace {

using Tensors = std::map<std::string, TensorInfo>;

Tensors by_name(const SafetensorsFile& file) {
  Tensors out;
  for (const TensorInfo& tensor : file.tensors()) {
    out[tensor.name] = tensor;
  }
  return out;
}

std::vector<double> values(const TensorInfo& tensor) {
  const std::size_t width = dtype_size(tensor.dtype);
  std::vector<double> out(tensor.bytes.size() / width);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::byte* at = tensor.bytes.data() + i * width;
    if (tensor.dtype == DType::kI64) {
      std::int64_t value = 0;
      std::memcpy(&value, at, sizeof(value));
      out[i] = static_cast<double>(value);
    } else {
      float value = 0;
      std::memcpy(&value, at, sizeof(value));
      out[i] = static_cast<double>(value);
    }
  }
  return out;
}

// Which cell of the [rows, length] mask an element belongs to, or -1 when the tensor has no such
// cells.
std::ptrdiff_t mask_cell(const TensorInfo& tensor, std::size_t element, std::size_t cells) {
  std::size_t inner = 1;
  if (tensor.name.starts_with("lm.")) {
    inner = static_cast<std::size_t>(tensor.shape.back());
  } else if (tensor.name != "position_ids") {
    return -1;
  }
  return static_cast<std::ptrdiff_t>(element / inner % cells);
}

Difference difference(const TensorInfo& actual, const TensorInfo& expected,
                      const std::vector<double>& mask) {
  const std::vector<double> a = values(actual);
  const std::vector<double> e = values(expected);
  Difference out{.key = expected.name, .integers = expected.dtype == DType::kI64};
  double count = 0;
  double sum = 0;
  double squares = 0;
  double errors = 0;
  for (std::size_t i = 0; i < e.size(); ++i) {
    const std::ptrdiff_t cell = mask_cell(expected, i, mask.size());
    if (cell >= 0 && mask[static_cast<std::size_t>(cell)] == 0) {
      continue;
    }
    const double error = a[i] - e[i];
    // NaN must not pass as small
    out.max_abs = std::isnan(error) ? INFINITY : std::max(out.max_abs, std::fabs(error));
    ++count;
    sum += e[i];
    squares += e[i] * e[i];
    errors += error * error;
  }
  if (count > 0) {
    out.rms = std::sqrt(errors / count);
    out.deviation = std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
  }
  return out;
}

}  // namespace

Result<std::vector<Difference>> compare_traces(const std::string& actual,
                                               const std::string& expected) {
  MONOCLE_ASSIGN(const SafetensorsFile actual_file,
                 SafetensorsFile::open(actual, MapAdvice::kNormal));
  MONOCLE_ASSIGN(const SafetensorsFile expected_file,
                 SafetensorsFile::open(expected, MapAdvice::kNormal));
  const Tensors ours = by_name(actual_file);
  const Tensors theirs = by_name(expected_file);
  const std::vector<double> mask = values(theirs.at("in.attention_mask"));
  std::vector<Difference> out;
  for (const auto& [name, tensor] : theirs) {
    const auto found = ours.find(name);
    if (found == ours.end()) {
      return fail(ErrorCode::kNotFound, "{} is missing", name);
    }
    if (found->second.shape != tensor.shape || found->second.dtype != tensor.dtype) {
      return fail(ErrorCode::kInvalidArgument, "{} has shape {}, the reference {}", name,
                  shape_text(found->second.shape), shape_text(tensor.shape));
    }
    out.push_back(difference(found->second, tensor, mask));
  }
  return out;
}

}  // namespace monocle::golden
