// SPDX-License-Identifier: Apache-2.0
#include "api/completion_format.h"

#include "api/reply_parts.h"

namespace monocle::api {
namespace {

// Code points: what text_offset counts.
std::int64_t characters(std::string_view text) {
  std::int64_t count = 0;
  for (const char c : text) {
    count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  }
  return count;
}

void write_top(JsonWriter& json, const TokenLogprob& token) {
  json.open_object();
  // Two candidates may print alike; the object's keys must not repeat.
  std::map<std::string_view, float> seen;
  for (const TokenLogprob& other : token.top) {
    if (seen.emplace(other.bytes, other.logprob).second) {
      json.key(other.bytes).number(static_cast<double>(other.logprob));
    }
  }
  if (seen.emplace(token.bytes, token.logprob).second) {
    json.key(token.bytes).number(static_cast<double>(token.logprob));
  }
  json.close_object();
}

void write_old_logprobs(JsonWriter& json, std::span<const TokenLogprob> tokens,
                        std::int64_t offset) {
  json.key("logprobs");
  if (tokens.empty()) {
    json.null();
    return;
  }
  json.open_object().key("tokens").open_array();
  for (const TokenLogprob& token : tokens) {
    json.string(token.bytes);
  }
  json.close_array().key("token_logprobs").open_array();
  for (const TokenLogprob& token : tokens) {
    json.number(static_cast<double>(token.logprob));
  }
  json.close_array().key("top_logprobs").open_array();
  for (const TokenLogprob& token : tokens) {
    write_top(json, token);
  }
  json.close_array().key("text_offset").open_array();
  for (const TokenLogprob& token : tokens) {
    json.integer(offset);
    offset += characters(token.bytes);
  }
  json.close_array().close_object();
}

}  // namespace

std::string format_completion(const ReplyHead& head, std::span<const Choice> choices,
                              const Usage& usage, const Timing& timing) {
  JsonWriter json;
  open_reply(json, head, "text_completion");
  json.key("choices").open_array();
  for (const Choice& choice : choices) {
    json.open_object().key("index").integer(choice.index).key("text").string(choice.content);
    write_old_logprobs(json, choice.logprobs, 0);
    json.key("finish_reason").string(choice.finish_reason).close_object();
  }
  json.close_array().key("usage");
  write_usage(json, usage);
  json.key("timing_ms");
  write_timing(json, timing);
  return json.close_object().take();
}

CompletionChunks::CompletionChunks(ReplyHead head, StreamSettings settings) : settings_(settings) {
  JsonWriter json;
  open_reply(json, head, "text_completion");
  head_ = json.take() + ",\"choices\":";
}

std::string CompletionChunks::chunk(std::int32_t index, std::string_view piece,
                                    std::span<const TokenLogprob> logprobs,
                                    std::string_view reason) const {
  JsonWriter json;
  const auto offset = offsets_.find(index);
  json.open_array().open_object().key("index").integer(index).key("text").string(piece);
  write_old_logprobs(json, logprobs, offset == offsets_.end() ? 0 : offset->second);
  json.key("finish_reason");
  write_or_null(json, reason);
  json.close_object().close_array();
  if (settings_.include_usage || settings_.continuous_usage) {
    json.key("usage");
    if (settings_.continuous_usage) {
      write_usage(json, so_far_);
    } else {
      json.null();
    }
  }
  return head_ + json.take() + "}";
}

std::string CompletionChunks::text(std::int32_t index, std::string_view piece,
                                   std::span<const TokenLogprob> logprobs) {
  std::string out = chunk(index, piece, logprobs, "");
  offsets_[index] += characters(piece);
  return out;
}

std::string CompletionChunks::finish(std::int32_t index, std::string_view reason) const {
  return chunk(index, "", {}, reason);
}

std::string CompletionChunks::usage(const Usage& usage, const Timing& timing) const {
  JsonWriter json;
  json.open_array().close_array().key("usage");
  write_usage(json, usage);
  json.key("timing_ms");
  write_timing(json, timing);
  return head_ + json.take() + "}";
}

}  // namespace monocle::api
