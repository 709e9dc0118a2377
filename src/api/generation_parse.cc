// SPDX-License-Identifier: Apache-2.0
#include "api/generation_parse.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <utility>

#include "text/stream_decoder.h"

namespace monocle::api {
namespace {

std::int64_t last_id(const ParseLimits& limits) {
  return limits.vocab_size > 0 ? limits.vocab_size - 1 : kMaxInt32;
}

std::optional<std::int32_t> int32(const Fields& body, std::string_view key, std::int64_t low,
                                  std::int64_t high) {
  const auto value = body.integer(key, low, high);
  return value ? std::optional(static_cast<std::int32_t>(*value)) : std::nullopt;
}

void add_stop(const Json& value, const std::string& path, Problem& problem,
              std::vector<std::string>& out) {
  const std::string* text = value.string();
  if (text == nullptr) {
    problem.wrong_type(path, value, "a string");
  } else if (text->empty() || text->size() > kMaxStopBytes) {
    problem.add(path,
                fmt::format("{} has {} bytes, a stop string has 1 to {}", path, text->size(),
                            kMaxStopBytes),
                "invalid_value");
  } else {
    out.push_back(*text);
  }
}

void parse_stop(const Fields& body, std::vector<std::string>& out) {
  const Json* stop = body.find("stop");
  if (stop == nullptr) {
    return;
  }
  if (stop->string() != nullptr) {
    // Some clients send "" for none.
    if (!stop->string()->empty()) {
      add_stop(*stop, body.path("stop"), body.problem(), out);
    }
    return;
  }
  if (const Json::Array* items = body.array("stop", kMaxStopStrings)) {
    for (std::size_t i = 0; i < items->size(); ++i) {
      add_stop((*items)[i], at(body.path("stop"), i), body.problem(), out);
    }
  }
}

void parse_stop_ids(const Fields& body, const ParseLimits& limits, std::vector<std::int32_t>& out) {
  if (const Json::Array* items = body.array("stop_token_ids", kMaxStopIds)) {
    for (std::size_t i = 0; i < items->size(); ++i) {
      const auto id = integer_of((*items)[i], at(body.path("stop_token_ids"), i), 0,
                                 last_id(limits), body.problem());
      out.push_back(static_cast<std::int32_t>(id.value_or(0)));
    }
  }
}

void parse_logit_bias(const Fields& body, const ParseLimits& limits, Generation& out) {
  const Json* bias = body.object("logit_bias");
  if (bias == nullptr) {
    return;
  }
  const Json::Object& entries = *bias->object();
  if (entries.size() > kMaxLogitBias) {
    body.problem().add(
        "logit_bias",
        fmt::format("logit_bias has {} entries, the limit is {}", entries.size(), kMaxLogitBias),
        "invalid_value");
    return;
  }
  const Fields fields(*bias, "logit_bias", body.problem());
  for (const JsonMember& entry : entries) {
    std::int64_t id = -1;
    const char* end = entry.key.data() + entry.key.size();
    const auto read = std::from_chars(entry.key.data(), end, id);
    if (read.ec != std::errc() || read.ptr != end || id < 0 || id > last_id(limits)) {
      body.problem().add("logit_bias",
                         fmt::format("logit_bias has the key \"{}\", a token id from 0 to {} is "
                                     "needed",
                                     entry.key.substr(0, 32), last_id(limits)),
                         "invalid_value");
      return;
    }
    const auto value = fields.number(entry.key, -100, 100);
    if (value) {
      out.logit_bias.emplace_back(static_cast<std::int32_t>(id), *value);
    }
  }
}

}  // namespace

void parse_sampling(const Fields& body, const ParseLimits& limits, Generation& out) {
  out.temperature = body.number("temperature", 0, 2);
  out.top_p = body.number("top_p", 0, 1);
  out.min_p = body.number("min_p", 0, 1);
  out.top_k = int32(body, "top_k", -1, kMaxInt32);
  if (out.top_k == -1) {
    out.top_k = 0;  // both mean off
  }
  out.repetition_penalty = body.number("repetition_penalty", 0.01, 10);
  out.presence_penalty = body.number("presence_penalty", -2, 2);
  out.frequency_penalty = body.number("frequency_penalty", -2, 2);
  parse_logit_bias(body, limits, out);
  const auto seed = body.integer("seed", std::numeric_limits<std::int64_t>::min(),
                                 std::numeric_limits<std::int64_t>::max());
  if (seed) {
    out.seed = static_cast<std::uint64_t>(*seed);
  }
  parse_stop(body, out.stop);
  parse_stop_ids(body, limits, out.stop_token_ids);
  out.include_stop = body.boolean_or("include_stop_str_in_output", false);
  out.ignore_eos = body.boolean_or("ignore_eos", false);
  out.skip_special_tokens = body.boolean_or("skip_special_tokens", true);
  out.n = int32(body, "n", 1, kMaxAnswers).value_or(1);
  out.priority = int32(body, "priority", -kMaxInt32, kMaxInt32).value_or(0);
}

void parse_stream(const Fields& body, StreamSettings& out) {
  out.stream = body.boolean_or("stream", false);
  if (const Json* options = body.object("stream_options")) {
    const Fields fields(*options, "stream_options", body.problem());
    out.include_usage = fields.boolean_or("include_usage", false);
    out.continuous_usage = fields.boolean_or("continuous_usage_stats", false);
  }
}

}  // namespace monocle::api
