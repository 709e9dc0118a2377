// SPDX-License-Identifier: Apache-2.0
#include "text/python_json.h"

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_set>
#include <utility>
#include <vector>

namespace monocle {
namespace {

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

// Writes while parsing: a DOM would lose long integers and search objects linearly to keep the key
// order.
class Writer : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return literal("null"); }
  bool boolean(bool value) override { return literal(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return literal(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return literal(std::to_string(value)); }
  bool number_float(number_float_t value, const string_t& written) override {
    // The parser reports integers beyond 64 bits as floats, with their text.
    return literal(written.find_first_of(".eE") == string_t::npos ? written : python_float(value));
  }
  bool string(string_t& value) override {
    separate();
    append_string(out_, value);
    return true;
  }
  bool binary(binary_t& /*value*/) override { return false; }  // does not occur in JSON text
  bool start_object(std::size_t /*size*/) override { return open('{'); }
  bool key(string_t& name) override {
    if (!levels_.back().keys.insert(name).second) {
      error_ = fmt::format("an object has the key \"{}\" twice", name);
      return false;
    }
    separate();
    append_string(out_, name);
    out_ += ": ";
    levels_.back().after_key = true;
    return true;
  }
  bool end_object() override { return close('}'); }
  bool start_array(std::size_t /*size*/) override { return open('['); }
  bool end_array() override { return close(']'); }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*e*/) override {
    error_ = fmt::format("not valid JSON at byte {}", position);
    return false;
  }

  std::string out_;
  std::string error_;

 private:
  struct Level {
    bool empty = true;
    bool after_key = false;
    std::unordered_set<std::string> keys;
  };

  void separate() {
    if (levels_.empty()) {
      return;
    }
    Level& level = levels_.back();
    if (!level.after_key && !level.empty) {
      out_ += ", ";
    }
    level.after_key = false;
    level.empty = false;
  }
  bool literal(std::string_view text) {
    separate();
    out_ += text;
    return true;
  }
  bool open(char bracket) {
    if (levels_.size() == kMaxJsonDepth) {
      error_ = fmt::format("nested deeper than {}", kMaxJsonDepth);
      return false;
    }
    separate();
    out_ += bracket;
    levels_.emplace_back();
    return true;
  }
  bool close(char bracket) {
    levels_.pop_back();
    out_ += bracket;
    return true;
  }

  std::vector<Level> levels_;
};

}  // namespace

std::string python_float(double value) {
  // Shortest digits that round-trip, as d.ddde[+-]xx; only the layout is Python's own.
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value),
                                 std::chars_format::scientific)
                       .ptr;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) {
    digits += text.substr(2, e - 2);
  }
  const int exponent = std::atoi(text.data() + e + 1);
  std::string out = std::signbit(value) ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (digits.size() > 1) {
      out += '.';
      out += digits.substr(1);
    }
    return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) {
    return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    return out + digits + std::string(whole - digits.size(), '0') + ".0";
  }
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

Result<std::string> to_python_json(std::string_view json) {
  if (json.size() > kMaxJsonBytes) {
    return fail(ErrorCode::kTooLarge, "the JSON text has {} bytes, the limit is {}", json.size(),
                kMaxJsonBytes);
  }
  Writer writer;
  if (!nlohmann::json::sax_parse(json, &writer)) {
    return fail(ErrorCode::kInvalidArgument, "{}",
                writer.error_.empty() ? "not valid JSON" : writer.error_);
  }
  return std::move(writer.out_);
}

}  // namespace monocle
