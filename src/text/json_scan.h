// SPDX-License-Identifier: Apache-2.0
// A pull scanner for the two big tables of tokenizer.json, where a general JSON library would take
// a third of the start-up budget. It walks objects and arrays in order and hands out raw strings
// and raw values; small values go to a real parser from there. The first error sticks and says
// where it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace monocle {

class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : text_(text) {}

  // Skips white space, then takes `c` or fails.
  bool expect(char c);
  // Skips white space, then takes `c` if it is next.
  bool accept(char c);
  // The characters between the quotes, escapes not undone.
  bool raw_string(std::string_view& out);
  // A number of digits only, at most `limit`.
  bool unsigned_integer(std::uint32_t limit, std::uint32_t& out);
  // One whole value as it stands in the text: brackets balanced, not otherwise checked.
  bool raw_value(std::string_view& out);
  // White space up to the end of the text, or fails.
  bool expect_end();

  [[nodiscard]] std::size_t offset() const { return pos_; }
  [[nodiscard]] const std::string& error() const { return error_; }  // empty: none

 private:
  void skip_space();
  bool wrong(std::string_view what);

  std::string_view text_;
  std::size_t pos_ = 0;
  std::string error_;
};

// Undoes the escapes of a raw string; false when one is malformed (a lone surrogate is).
bool json_unescape(std::string_view raw, std::string& out);

}  // namespace monocle
