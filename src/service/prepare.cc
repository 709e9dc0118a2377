// SPDX-License-Identifier: Apache-2.0
#include "service/prepare.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <utility>

#include "api/errors.h"
#include "model/qwen3_vl/prompt.h"
#include "service/output_form.h"
#include "service/sampling.h"
#include "text/chat_template.h"

namespace monocle::service {
namespace {

using api::ApiResult;
using Clock = std::chrono::steady_clock;

std::vector<ChatSegment> segments_of(const api::ChatRequest& request) {
  std::vector<std::string> tools;
  if (tools_active(request)) {
    for (const api::ToolDefinition& tool : request.tools) {
      tools.push_back(tool.json);
    }
  }
  if (!request.continue_final_message) {
    return render_chat(request.messages, tools, request.chat);
  }
  // The answer begins with the last message's text, so that message is left open.
  ChatOptions options = request.chat;
  options.add_generation_prompt = true;
  const std::span<const ChatMessage> all(request.messages);
  std::vector<ChatSegment> segments = render_chat(all.first(all.size() - 1), tools, options);
  std::string beginning;
  for (const ContentPart& part : all.back().parts) {
    beginning += part.text;
  }
  segments.push_back({ChatSegment::Kind::kUserText, std::move(beginning), 0});
  return segments;
}

void apply_generation(const Served& served, const api::Generation& generation, Request& request) {
  request.sampling = resolve_sampling(generation, *served.generation);
  if (!generation.ignore_eos) {
    request.stop_token_ids = served.generation->eos_token_ids;
  }
  request.stop_token_ids.insert(request.stop_token_ids.end(), generation.stop_token_ids.begin(),
                                generation.stop_token_ids.end());
  request.priority = generation.priority;
}

}  // namespace

ApiResult<void> fit_context(const Served& served, const api::Generation& generation,
                            Request& request) {
  const std::int64_t limit = served.context_tokens();
  const std::int64_t prompt = std::ssize(request.prompt.token_ids);
  const std::int64_t wanted = generation.max_tokens.value_or(0);
  if (prompt + std::max<std::int64_t>(wanted, 1) > limit) {
    return tl::unexpected(api::context_length_exceeded(limit, prompt, wanted));
  }
  std::int64_t most = limit - prompt;
  if (served.default_tokens > 0) {
    most = std::min(most, served.default_tokens);
  }
  request.max_tokens = static_cast<std::int32_t>(wanted > 0 ? wanted : most);
  return {};
}

ApiResult<Prepared> prepare_chat(const Served& served, const api::ChatRequest& request,
                                 MediaUse use) {
  Prepared prepared;
  const Clock::time_point begun = Clock::now();
  auto loaded = load_media(served, request, use);
  if (!loaded) {
    return tl::unexpected(std::move(loaded).error());
  }
  prepared.images = std::move(loaded->images);
  prepared.video_tokens = loaded->video_tokens;
  prepared.media_ms = std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
  Result<Prompt> prompt = qwen3_vl::build_prompt(*served.config, *served.tokenizer,
                                                 segments_of(request), loaded->media, {});
  if (!prompt) {
    return tl::unexpected(api::from_error(prompt.error(), "messages"));
  }
  prepared.request.prompt = std::move(*prompt);
  apply_generation(served, request.generation, prepared.request);
  return prepared;
}

ApiResult<Prepared> prepare_text(const Served& served, const api::TextInput& input,
                                 const api::Generation& generation) {
  Prepared prepared;
  Prompt& prompt = prepared.request.prompt;
  prompt.token_ids = input.token_ids.empty()
                         ? served.tokenizer->encode(input.text, SpecialTokens::kAsText)
                         : input.token_ids;
  if (prompt.token_ids.empty()) {
    return tl::unexpected(api::bad_request("prompt", "prompt must not be empty"));
  }
  const std::size_t count = prompt.token_ids.size();
  prompt.positions.resize(3 * count);
  for (std::size_t i = 0; i < 3 * count; ++i) {
    prompt.positions[i] = static_cast<std::int32_t>(i % count);
  }
  apply_generation(served, generation, prepared.request);
  return prepared;
}

}  // namespace monocle::service
