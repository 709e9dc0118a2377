// SPDX-License-Identifier: Apache-2.0
#include "api/embedding_format.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "api/base64.h"
#include "api/reply_parts.h"

namespace monocle::api {
namespace {

std::string little_endian(std::span<const float> values) {
  std::string bytes;
  bytes.reserve(values.size() * sizeof(float));
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) {
      bytes += static_cast<char>((bits >> shift) & 0xFF);
    }
  }
  return bytes;
}

void write_vector(JsonWriter& json, std::span<const float> values, bool base64) {
  if (base64) {
    json.string(encode_base64(little_endian(values)));
    return;
  }
  json.open_array();
  for (const float value : values) {
    json.number(value);
  }
  json.close_array();
}

}  // namespace

std::optional<std::vector<float>> unit_embedding(std::span<const float> state,
                                                 std::optional<std::int64_t> dimensions) {
  const auto size = static_cast<std::size_t>(dimensions.value_or(std::ssize(state)));
  std::vector<float> out(state.begin(),
                         state.begin() + static_cast<std::ptrdiff_t>(std::min(size, state.size())));
  double squares = 0;
  for (const float value : out) {
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  if (!(squares > 0) || !std::isfinite(squares)) {
    return std::nullopt;
  }
  const double length = std::sqrt(squares);
  for (float& value : out) {
    value = static_cast<float>(static_cast<double>(value) / length);
  }
  return out;
}

std::string format_embeddings(const EmbeddingForm& form,
                              std::span<const std::vector<float>> embeddings, const Usage& usage) {
  JsonWriter json;
  json.open_object().key("object").string("list").key("data").open_array();
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    json.open_object().key("object").string("embedding");
    json.key("index").integer(static_cast<std::int64_t>(i)).key("embedding");
    write_vector(json, embeddings[i], form.base64);
    json.close_object();
  }
  json.close_array().key("model").string(form.model).key("usage");
  write_usage(json, usage);
  return json.close_object().take();
}

}  // namespace monocle::api
