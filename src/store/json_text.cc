// SPDX-License-Identifier: Apache-2.0
#include "store/json_text.h"

#include <set>
#include <vector>

namespace monocle {
namespace {

using Json = nlohmann::json;

// Walks the text once without building anything.
class LimitCheck final : public nlohmann::json_sax<Json> {
 public:
  std::string problem;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return enter();
  }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) {
      problem = fmt::format("the key '{}' appears twice in one object", printable(name));
      return false;
    }
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    problem = fmt::format("not valid JSON at byte {}", position);
    return false;
  }

 private:
  bool enter() {
    if (++depth_ > kMaxJsonDepth) {
      problem = fmt::format("nested deeper than {} levels", kMaxJsonDepth);
      return false;
    }
    return true;
  }

  int depth_ = 0;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  std::string out(text.substr(0, limit));
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      c = '?';
    }
  }
  if (text.size() > limit) {
    out += "...";
  }
  return out;
}

Result<nlohmann::json> parse_json_object(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return fail(ErrorCode::kTooLarge, "the text has {} bytes, the limit is {}", text.size(),
                max_bytes);
  }
  LimitCheck check;
  if (!Json::sax_parse(text, &check)) {
    return fail(ErrorCode::kInvalidArgument, "{}", check.problem);
  }
  Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "the document is not an object");
  }
  return document;
}

}  // namespace monocle
