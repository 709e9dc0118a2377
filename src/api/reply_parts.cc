// SPDX-License-Identifier: Apache-2.0
#include "api/reply_parts.h"

#include <cmath>

namespace monocle::api {
namespace {

// Microseconds are enough, and keep the text short.
double rounded(double ms) { return std::round(ms * 1000.0) / 1000.0; }

void write_token(JsonWriter& json, const TokenLogprob& token) {
  json.key("token").string(token.bytes);
  json.key("logprob").number(static_cast<double>(token.logprob));
  json.key("bytes").open_array();
  for (const char c : token.bytes) {
    json.integer(static_cast<unsigned char>(c));
  }
  json.close_array();
}

}  // namespace

void write_usage(JsonWriter& json, const Usage& usage) {
  json.open_object();
  json.key("prompt_tokens").integer(usage.prompt_tokens);
  json.key("completion_tokens").integer(usage.completion_tokens);
  json.key("total_tokens").integer(usage.prompt_tokens + usage.completion_tokens);
  json.key("prompt_tokens_details").open_object();
  json.key("cached_tokens").integer(usage.cached_tokens);
  json.key("image_tokens").integer(usage.image_tokens);
  json.key("video_tokens").integer(usage.video_tokens);
  json.close_object().close_object();
}

void write_timing(JsonWriter& json, const Timing& timing) {
  json.open_object();
  json.key("upload").number(rounded(timing.upload));
  json.key("media").number(rounded(timing.media));
  json.key("queue").number(rounded(timing.queue));
  json.key("vision").number(rounded(timing.vision));
  json.key("prefill").number(rounded(timing.prefill));
  json.key("decode").number(rounded(timing.decode));
  json.key("first_token").number(rounded(timing.first_token));
  json.close_object();
}

void write_logprobs(JsonWriter& json, std::span<const TokenLogprob> tokens) {
  json.open_array();
  for (const TokenLogprob& token : tokens) {
    json.open_object();
    write_token(json, token);
    json.key("top_logprobs").open_array();
    for (const TokenLogprob& other : token.top) {
      json.open_object();
      write_token(json, other);
      json.close_object();
    }
    json.close_array().close_object();
  }
  json.close_array();
}

void write_or_null(JsonWriter& json, std::string_view text) {
  text.empty() ? json.null() : json.string(text);
}

void open_reply(JsonWriter& json, const ReplyHead& head, std::string_view object) {
  json.open_object();
  json.key("id").string(head.id);
  json.key("object").string(object);
  json.key("created").integer(head.created);
  json.key("model").string(head.model);
  json.key("system_fingerprint");
  write_or_null(json, head.fingerprint);
}

}  // namespace monocle::api
