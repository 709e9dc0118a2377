// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_settings.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include "text/pretokenizer.h"
#include "text/tokenizer_file.h"

namespace monocle {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLongestShown = 120;

Result<Json> parse_value(std::string_view name, std::string_view text) {
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    return fail(ErrorCode::kInvalidArgument, "{} is not valid JSON", name);
  }
  return value;
}

// For messages: long values are cut, and never inside a character since dump() is asked for ASCII.
std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true);
  return text.size() <= kLongestShown ? text : text.substr(0, kLongestShown) + "…";
}

tl::unexpected<Error> unsupported(std::string_view name, const Json& value,
                                  std::string_view supported) {
  return fail(ErrorCode::kUnsupported, "{} is {}, only {} is supported", name, shown(value),
              supported);
}

// A member that must be there with this very value.
bool has(const Json& object, const char* key, const Json& wanted) {
  return object.is_object() && object.contains(key) && object.at(key) == wanted;
}

// As decoder and as post-processor its flags change nothing but offsets, which are not computed
// here.
Status check_byte_level(std::string_view name, const Json& value) {
  return has(value, "type", "ByteLevel") ? Status() : unsupported(name, value, "ByteLevel");
}

Status check_pre_tokenizer(const Json& value) {
  const Json* parts =
      value.is_object() && value.contains("pretokenizers") ? &value.at("pretokenizers") : nullptr;
  if (!has(value, "type", "Sequence") || parts == nullptr || !parts->is_array() ||
      parts->size() != 2) {
    return unsupported("pre_tokenizer", value, "a Sequence of Split and ByteLevel");
  }
  const Json& split = parts->at(0);
  if (!has(split, "type", "Split") || !has(split, "behavior", "Isolated") ||
      !has(split, "invert", false)) {
    return unsupported("pre_tokenizer.pretokenizers[0]", split, "an isolated Split, not inverted");
  }
  if (!has(split, "pattern", Json{{"Regex", std::string(kSplitPattern)}})) {
    return fail(ErrorCode::kUnsupported,
                "pre_tokenizer.pretokenizers[0].pattern is not the split pattern of Qwen2: {}",
                split.contains("pattern") ? shown(split.at("pattern")) : "missing");
  }
  const Json& bytes = parts->at(1);
  if (!has(bytes, "type", "ByteLevel") || !has(bytes, "add_prefix_space", false) ||
      !has(bytes, "use_regex", false)) {
    return unsupported("pre_tokenizer.pretokenizers[1]", bytes,
                       "a ByteLevel with add_prefix_space and use_regex false");
  }
  return {};
}

Result<AddedToken> parse_added_token(const Json& value, std::size_t index) {
  const std::string where = fmt::format("added_tokens[{}]", index);
  const auto member = [&value](const char* key) {
    return value.is_object() && value.contains(key) ? value.at(key) : Json();
  };
  const Json id = member("id");
  const Json content = member("content");
  const Json special = member("special");
  if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kMaxTokens) {
    return fail(ErrorCode::kInvalidArgument, "{}.id is {}, it must be an integer below {}", where,
                shown(id), kMaxTokens);
  }
  if (!content.is_string()) {
    return fail(ErrorCode::kInvalidArgument, "{}.content is {}, it must be a string", where,
                shown(content));
  }
  std::string text = content.get<std::string>();
  if (text.empty() || text.size() > kMaxTokenBytes) {
    return fail(ErrorCode::kInvalidArgument, "{}.content has {} bytes, it must have 1 to {}", where,
                text.size(), kMaxTokenBytes);
  }
  if (!special.is_boolean()) {
    return fail(ErrorCode::kInvalidArgument, "{}.special is {}, it must be true or false", where,
                shown(special));
  }
  for (const char* key : {"single_word", "lstrip", "rstrip", "normalized"}) {
    if (!has(value, key, false)) {
      return unsupported(fmt::format("{}.{}", where, key), member(key), "false");
    }
  }
  return AddedToken{static_cast<TokenId>(id.get<std::uint64_t>()), std::move(text),
                    special.get<bool>()};
}

}  // namespace

Status check_tokenizer_field(std::string_view name, std::string_view text) {
  MONOCLE_ASSIGN(const Json value, parse_value(name, text));
  if (name == "version") {
    return value == "1.0" ? Status() : unsupported(name, value, "\"1.0\"");
  }
  if (name == "truncation" || name == "padding") {
    return value.is_null() ? Status() : unsupported(name, value, "null");
  }
  if (name == "normalizer") {
    return value == Json{{"type", "NFC"}} ? Status() : unsupported(name, value, "NFC");
  }
  if (name == "pre_tokenizer") {
    return check_pre_tokenizer(value);
  }
  if (name == "post_processor") {
    return value.is_null() ? Status() : check_byte_level(name, value);
  }
  if (name == "decoder") {
    return check_byte_level(name, value);
  }
  return fail(ErrorCode::kUnsupported, "the field \"{}\" is not supported", name);
}

Status check_model_field(std::string_view name, std::string_view text) {
  const std::string full = fmt::format("model.{}", name);
  MONOCLE_ASSIGN(const Json value, parse_value(full, text));
  if (name == "type") {
    return value == "BPE" ? Status() : unsupported(full, value, "\"BPE\"");
  }
  if (name == "dropout") {
    return value.is_null() || value == 0.0 ? Status() : unsupported(full, value, "null");
  }
  if (name == "unk_token") {
    return value.is_null() ? Status() : unsupported(full, value, "null");
  }
  if (name == "continuing_subword_prefix" || name == "end_of_word_suffix") {
    return value.is_null() || value == Json("") ? Status()
                                                : unsupported(full, value, "null or \"\"");
  }
  if (name == "byte_fallback" || name == "ignore_merges" || name == "fuse_unk") {
    return value == false ? Status() : unsupported(full, value, "false");
  }
  return fail(ErrorCode::kUnsupported, "the field \"{}\" is not supported", full);
}

Result<std::vector<AddedToken>> parse_added_tokens(std::string_view text) {
  MONOCLE_ASSIGN(const Json value, parse_value("added_tokens", text));
  if (!value.is_array() || value.size() > kMaxAddedTokens) {
    return fail(ErrorCode::kInvalidArgument, "added_tokens must be an array of at most {} entries",
                kMaxAddedTokens);
  }
  std::vector<AddedToken> tokens;
  tokens.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    MONOCLE_ASSIGN(AddedToken token, parse_added_token(value.at(i), i));
    tokens.push_back(std::move(token));
  }
  const auto repeated = [&tokens](auto key) {
    std::vector<std::decay_t<decltype(key(tokens[0]))>> keys;
    for (const AddedToken& token : tokens) {
      keys.push_back(key(token));
    }
    std::sort(keys.begin(), keys.end());
    return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
  };
  if (repeated([](const AddedToken& t) { return t.id; }) ||
      repeated([](const AddedToken& t) { return t.text; })) {
    return fail(ErrorCode::kInvalidArgument, "added_tokens gives an id or a content twice");
  }
  return tokens;
}

}  // namespace monocle
