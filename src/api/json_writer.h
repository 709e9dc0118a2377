// SPDX-License-Identifier: Apache-2.0
// JSON text, appended piece by piece: replies are written directly, without a document tree,
// because each token of each stream is one. Strings that are not valid UTF-8 get U+FFFD.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace monocle::api {

void append_string(std::string& out, std::string_view text);  // with quotes
// The shortest text that reads back as the same float or double; null if it is not finite.
void append_number(std::string& out, double value);
void append_number(std::string& out, float value);

// Writes members and items with their commas; the caller opens and closes in pairs.
class JsonWriter {
 public:
  JsonWriter& open_object();
  JsonWriter& close_object();
  JsonWriter& open_array();
  JsonWriter& close_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& integer(std::int64_t value);
  JsonWriter& number(double value);
  JsonWriter& number(float value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // JSON text as it stands

  [[nodiscard]] const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  void separate();

  std::string out_;
  bool comma_ = false;
};

}  // namespace monocle::api
