// SPDX-License-Identifier: Apache-2.0
// What a client asks and what it is told, as plain values: the JSON of every dialect (chat
// completions, completions, responses) becomes these on the way in and is made of these on the way
// out. No sockets, no model, no tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/chat_template.h"

namespace monocle::api {

// The four keys of an OpenAI error object and the status it travels with.
struct ApiError {
  int status = 400;
  std::string message;
  std::string type = "invalid_request_error";
  std::string param;  // JSON path of the field, "" = null
  std::string code;   // "" = null
  std::optional<int> retry_after_ms;
};

template <class T>
using ApiResult = tl::expected<T, ApiError>;

// A picture as it arrived: still encoded.
struct EncodedImage {
  std::string bytes;
  std::string path;  // JSON path, for errors: messages[2].content[0].image_url.url
  std::optional<std::int64_t> min_pixels;
  std::optional<std::int64_t> max_pixels;
};

// A video as it arrived: frames that the client cut, still encoded.
struct EncodedVideo {
  std::vector<std::string> frames;
  std::vector<double> seconds;  // when each was taken; empty: as many a second as in training
  std::string path;             // JSON path, for errors
};

struct ToolDefinition {
  std::string name;
  std::string json;        // the whole definition, as the chat template shows it
  std::string parameters;  // JSON schema of the arguments, "" = any object
  bool strict = false;
};

struct ToolChoice {
  enum class Kind : std::uint8_t { kAuto, kNone, kRequired, kNamed };
  Kind kind = Kind::kAuto;
  std::string name;  // kNamed
};

struct OutputFormat {
  enum class Kind : std::uint8_t { kText, kJsonObject, kJsonSchema, kRegex, kEbnf, kChoice };
  Kind kind = Kind::kText;
  std::string text;                  // JSON schema, regular expression or EBNF
  std::vector<std::string> choices;  // kChoice
  bool strict = true;
  std::string path;  // JSON path, for errors
};

// How to generate; what is absent is the model's default. Every number was checked against its
// bounds.
struct Generation {
  std::optional<float> temperature, top_p, min_p;
  std::optional<std::int32_t> top_k;
  std::optional<float> repetition_penalty, presence_penalty, frequency_penalty;
  std::vector<std::pair<std::int32_t, float>> logit_bias;
  std::optional<std::uint64_t> seed;
  std::optional<std::int32_t> max_tokens;  // absent: what is left of the context
  std::vector<std::string> stop;
  std::vector<std::int32_t> stop_token_ids;
  bool include_stop = false;
  bool ignore_eos = false;
  bool skip_special_tokens = true;
  std::int32_t n = 1;
  bool logprobs = false;
  std::int32_t top_logprobs = 0;
  std::int32_t priority = 0;  // smaller runs first
};

struct StreamSettings {
  bool stream = false;
  bool include_usage = false;
  bool continuous_usage = false;
};

struct ChatRequest {
  std::string model;  // "" = the served one
  std::vector<ChatMessage> messages;
  std::vector<EncodedImage> images;  // in order of the image parts
  std::vector<EncodedVideo> videos;  // in order of the video parts
  std::vector<ToolDefinition> tools;
  ToolChoice tool_choice;
  bool parallel_tool_calls = true;
  OutputFormat format;
  Generation generation;
  StreamSettings stream;
  ChatOptions chat;                     // add_generation_prompt and the like
  bool continue_final_message = false;  // the last assistant message is the answer's beginning
  std::vector<std::string> warnings;    // for the client, one line each: sent as x-monocle-warning
};

struct TextInput {
  std::string text;
  std::vector<std::int32_t> token_ids;  // used when not empty
};

// The text dialect.
struct CompletionRequest {
  std::string model;
  std::vector<TextInput> prompts;
  bool echo = false;
  OutputFormat format;
  Generation generation;
  StreamSettings stream;
};

struct EmbeddingRequest {
  std::string model;
  std::vector<TextInput> inputs;    // empty with `chat`
  std::optional<ChatRequest> chat;  // one embedding of a conversation, pictures included
  std::optional<std::int64_t> dimensions;
  bool base64 = false;
};

// What a response object of /v1/responses repeats of its request. The *_json members are JSON text.
struct ResponsesEcho {
  std::string instructions_json = "null";
  std::string metadata_json = "{}";
  std::string tools_json = "[]";
  std::string tool_choice_json = "\"auto\"";
  std::string text_json = R"({"format":{"type":"text"}})";
  std::optional<std::int32_t> max_output_tokens;
  std::optional<float> temperature, top_p;
  bool parallel_tool_calls = true;
  bool report_logprobs = false;  // include: ["message.output_text.logprobs"]
};

// What every reply to one request repeats.
struct ReplyHead {
  std::string id;
  std::int64_t created = 0;  // seconds since 1970
  std::string model;
  std::string fingerprint;
};

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t image_tokens = 0;
  std::int64_t video_tokens = 0;
};

// Where a request's time went; reported as "timing_ms".
struct Timing {
  double upload = 0, media = 0, queue = 0, vision = 0, prefill = 0, decode = 0, first_token = 0;
};

struct TokenLogprob {
  std::string bytes;  // may be part of a character
  std::int32_t token_id = 0;
  float logprob = 0.0F;
  std::vector<TokenLogprob> top;
};

struct Choice {
  std::int32_t index = 0;
  std::string content;
  std::vector<ToolCall> tool_calls;    // with ids made by the formatter: see call_id()
  std::vector<TokenLogprob> logprobs;  // reported when asked for
  std::string finish_reason;           // stop, length, tool_calls, content_filter
};

}  // namespace monocle::api
