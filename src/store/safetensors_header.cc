// SPDX-License-Identifier: Apache-2.0
#include "store/safetensors_header.h"

#include <limits>
#include <utility>

#include "store/json_text.h"
#include "store/safetensors.h"

namespace monocle {
namespace {

using Json = nlohmann::json;

// Depth 1 is the root, 2 a tensor's object, 3 one of its two arrays. Inside `__metadata__` only
// depth is watched.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  std::vector<SafetensorsEntry> entries;
  std::string problem;

  bool null() override { return value("null"); }
  bool boolean(bool) override { return value("a boolean"); }
  bool number_float(number_float_t, const string_t& text) override {
    return value(fmt::format("the number {}", printable(text, 40)));
  }
  bool binary(binary_t&) override { return value("binary data"); }
  bool number_integer(number_integer_t number) override {
    return value(fmt::format("the negative number {}", number));
  }
  bool number_unsigned(number_unsigned_t number) override;
  bool string(string_t& text) override;
  bool key(string_t& name) override;
  bool start_object(std::size_t) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return stop(fmt::format("the header is not valid JSON at byte {}", position));
  }

 private:
  enum class Field : std::uint8_t { kNone, kDtype, kShape, kOffsets };

  bool stop(std::string text) {
    problem = std::move(text);
    return false;
  }
  bool stop_here(std::string_view text) {
    return stop(fmt::format("tensor '{}': {}",
                            printable(entries.empty() ? "" : entries.back().name), text));
  }
  // Inside __metadata__ anything goes; as its value only an object does (its end is what switches
  // back).
  bool metadata_value() { return depth_ > 1 || stop("__metadata__ is not an object"); }
  // A value of a kind that stands nowhere in a tensor's entry.
  bool value(std::string_view kind) {
    if (in_metadata_) {
      return metadata_value();
    }
    if (depth_ < 2) {
      return stop(fmt::format("the header holds {} where a tensor's object is expected", kind));
    }
    const char* name = field_ == Field::kDtype   ? "dtype"
                       : field_ == Field::kShape ? "shape"
                                                 : "data_offsets";
    return stop_here(fmt::format("{} holds {}", name, kind));
  }
  bool enter() { return ++depth_ <= kMaxJsonDepth || stop("the header is nested too deeply"); }

  int depth_ = 0;
  bool in_metadata_ = false;
  bool seen_metadata_ = false;
  bool in_array_ = false;
  Field field_ = Field::kNone;
  bool seen_[4] = {};  // by Field, of the current tensor
  std::size_t offsets_ = 0;
};

bool HeaderReader::number_unsigned(number_unsigned_t number) {
  if (in_metadata_) {
    return metadata_value();
  }
  if (!in_array_) {
    return value(fmt::format("the number {}", number));
  }
  SafetensorsEntry& entry = entries.back();
  if (field_ == Field::kOffsets) {
    if (offsets_ == entry.offsets.size()) {
      return stop_here("data_offsets has more than 2 numbers");
    }
    entry.offsets[offsets_++] = number;
    return true;
  }
  if (entry.shape.size() == kMaxTensorRank) {
    return stop_here(fmt::format("shape has more than {} dimensions", kMaxTensorRank));
  }
  if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return stop_here(fmt::format("the dimension {} is too large", number));
  }
  entry.shape.push_back(static_cast<std::int64_t>(number));
  return true;
}

bool HeaderReader::string(string_t& text) {
  if (in_metadata_) {
    return metadata_value();
  }
  if (depth_ == 2 && field_ == Field::kDtype) {
    entries.back().dtype = std::move(text);
    return true;
  }
  return value("a string");
}

bool HeaderReader::key(string_t& name) {
  if (in_metadata_) {
    return true;
  }
  if (depth_ == 1) {
    if (name == "__metadata__") {
      in_metadata_ = !std::exchange(seen_metadata_, true);
      return in_metadata_ || stop("__metadata__ appears twice");
    }
    if (name.empty() || name.size() > kMaxTensorNameBytes) {
      return stop(fmt::format("the tensor name '{}' has {} bytes, allowed are 1 to {}",
                              printable(name), name.size(), kMaxTensorNameBytes));
    }
    if (entries.size() == kMaxTensorsPerFile) {
      return stop(fmt::format("the header names more than {} tensors", kMaxTensorsPerFile));
    }
    entries.emplace_back().name = std::move(name);
    seen_[1] = seen_[2] = seen_[3] = false;
    offsets_ = 0;
    return true;
  }
  field_ = name == "dtype"          ? Field::kDtype
           : name == "shape"        ? Field::kShape
           : name == "data_offsets" ? Field::kOffsets
                                    : Field::kNone;
  if (field_ == Field::kNone) {
    return stop_here(fmt::format("the key '{}' is not known", printable(name)));
  }
  return !std::exchange(seen_[static_cast<int>(field_)], true) ||
         stop_here(fmt::format("{} is given twice", name));
}

bool HeaderReader::start_object(std::size_t) {
  if (!enter()) {
    return false;
  }
  return in_metadata_ || depth_ <= 2 || value("an object");
}

bool HeaderReader::end_object() {
  --depth_;
  if (depth_ != 1) {
    return true;
  }
  if (std::exchange(in_metadata_, false)) {
    return true;
  }
  if (!seen_[1] || !seen_[2] || !seen_[3]) {
    return stop_here(fmt::format("{} is missing", !seen_[1]   ? "dtype"
                                                  : !seen_[2] ? "shape"
                                                              : "data_offsets"));
  }
  return true;
}

bool HeaderReader::start_array(std::size_t) {
  if (in_metadata_ && !metadata_value()) {
    return false;
  }
  if (!enter()) {
    return false;
  }
  if (in_metadata_) {
    return true;
  }
  if (depth_ != 3 || (field_ != Field::kShape && field_ != Field::kOffsets)) {
    return value("an array");
  }
  in_array_ = true;
  return true;
}

bool HeaderReader::end_array() {
  --depth_;
  in_array_ = false;
  if (!in_metadata_ && field_ == Field::kOffsets && offsets_ != 2) {
    return stop_here("data_offsets does not have 2 numbers");
  }
  return true;
}

}  // namespace

Result<std::vector<SafetensorsEntry>> parse_safetensors_header(std::string_view json) {
  HeaderReader reader;
  if (json.empty() || json.front() != '{') {
    return fail(ErrorCode::kInvalidArgument, "the header is not a JSON object");
  }
  if (!Json::sax_parse(json, &reader)) {
    return fail(ErrorCode::kInvalidArgument, "{}", reader.problem);
  }
  return std::move(reader.entries);
}

}  // namespace monocle
