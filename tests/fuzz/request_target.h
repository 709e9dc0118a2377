// SPDX-License-Identifier: Apache-2.0
// One body through every parser of the API: what is accepted keeps to the limits, what is refused
// says so in an error of the right shape. Shared by the mutation test and the libFuzzer target.
#pragma once

#include <cstdlib>
#include <span>
#include <string_view>

#include "api/chat_parse.h"
#include "api/completion_parse.h"
#include "api/embedding_parse.h"
#include "api/errors.h"
#include "api/json.h"
#include "api/responses_parse.h"
#include "api/tokenize_parse.h"
#include "base/check.h"

namespace monocle::fuzz {

inline void check_refusal(const api::ApiError& error) {
  MONOCLE_CHECK(error.status == 400 || error.status == 413);
  MONOCLE_CHECK(!error.message.empty());
  MONOCLE_CHECK(api::parse_json(api::format_error(error)).has_value());
}

inline void check_generation(const api::Generation& g) {
  MONOCLE_CHECK(g.n >= 1 && g.n <= api::kMaxAnswers);
  MONOCLE_CHECK(g.top_logprobs >= 0 && g.top_logprobs <= api::kMaxTopLogprobs);
  MONOCLE_CHECK(!g.max_tokens || *g.max_tokens >= 1);
  MONOCLE_CHECK(!g.temperature || (*g.temperature >= 0 && *g.temperature <= 2));
  MONOCLE_CHECK(g.stop.size() <= 16);
}

inline void check_chat(const api::ChatRequest& request, const api::ParseLimits& limits) {
  check_generation(request.generation);
  MONOCLE_CHECK(!request.messages.empty() && request.messages.size() <= limits.max_messages);
  std::size_t pictures = 0;
  for (const ChatMessage& message : request.messages) {
    for (const ContentPart& part : message.parts) {
      pictures += part.kind == ContentPart::Kind::kImage ? 1U : 0U;
    }
  }
  MONOCLE_CHECK(pictures == request.images.size() && pictures <= limits.max_images);
  for (const api::EncodedImage& image : request.images) {
    MONOCLE_CHECK(!image.bytes.empty() && !image.path.empty());
  }
}

// True: one of the dialects took it.
inline bool check_request(std::span<const std::byte> bytes) {
  const std::string_view body(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  api::ParseLimits limits;
  limits.vocab_size = 151'936;
  const auto chat = api::parse_chat(body, limits);
  chat ? check_chat(*chat, limits) : check_refusal(chat.error());
  const auto responses = api::parse_responses(body, limits);
  responses ? check_chat(responses->chat, limits) : check_refusal(responses.error());
  const auto completion = api::parse_completion(body, limits);
  completion ? check_generation(completion->generation) : check_refusal(completion.error());
  const auto embedding = api::parse_embedding(body, limits);
  if (!embedding) {
    check_refusal(embedding.error());
  }
  const auto tokenize = api::parse_tokenize(body, limits);
  if (!tokenize) {
    check_refusal(tokenize.error());
  }
  const auto detokenize = api::parse_detokenize(body, limits);
  if (!detokenize) {
    check_refusal(detokenize.error());
  }
  return chat || responses || completion || embedding || tokenize || detokenize;
}

}  // namespace monocle::fuzz
