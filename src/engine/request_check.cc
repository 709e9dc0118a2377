// SPDX-License-Identifier: Apache-2.0
#include "engine/request_check.h"

#include <cmath>

#include "ops/args.h"

namespace monocle {
namespace {

Status check_ids(const Request& request, std::int64_t vocab) {
  const auto known = [&](std::int32_t id) { return id >= 0 && id < vocab; };
  if (request.prompt.token_ids.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the prompt is empty");
  }
  for (const std::int32_t id : request.prompt.token_ids) {
    if (!known(id)) {
      return fail(ErrorCode::kInvalidArgument, "prompt token {} is outside the vocabulary of {}",
                  id, vocab);
    }
  }
  for (const LogitBiasEntry& entry : request.sampling.logit_bias) {
    if (!known(entry.token_id) || !std::isfinite(entry.bias)) {
      return fail(ErrorCode::kInvalidArgument,
                  "logit_bias of token {} with value {} is not possible", entry.token_id,
                  entry.bias);
    }
  }
  return {};
}

// Every row of every medium is used exactly once, by spans that do not overlap: otherwise a row
// would be read that the tower never wrote.
Status check_media(const Prompt& prompt, const RequestBounds& bounds) {
  for (const MediaItem& item : prompt.media) {
    const GridThw& grid = item.patches->grid;
    if (grid.patches() < 1 || grid.patches() > bounds.patches) {
      return fail(ErrorCode::kTooLarge, "a picture of {} x {} x {} patches exceeds the limit of {}",
                  grid.t, grid.h, grid.w, bounds.patches);
    }
  }
  std::vector<std::int64_t> used(prompt.media.size(), 0);
  std::int64_t end = 0;
  for (const MediaSpan& span : prompt.spans) {
    const bool known = span.item >= 0 && span.item < std::ssize(prompt.media);
    if (!known || span.count < 1 || span.offset < end ||
        span.offset + span.count > std::ssize(prompt.token_ids) ||
        span.first_row != used[static_cast<std::size_t>(span.item)]) {
      return fail(ErrorCode::kInvalidArgument,
                  "media span at token {} of {} tokens does not fit the prompt", span.offset,
                  span.count);
    }
    used[static_cast<std::size_t>(span.item)] += span.count;
    end = span.offset + span.count;
  }
  for (std::size_t i = 0; i < prompt.media.size(); ++i) {
    const std::int64_t tokens = prompt.media[i].patches->grid.tokens(bounds.merge);
    if (used[i] != tokens) {
      return fail(ErrorCode::kInvalidArgument,
                  "medium {} has {} tokens, the prompt has places for {}", i, tokens, used[i]);
    }
  }
  return {};
}

Status check_range(const char* field, double value, double low, double high) {
  if (!(value >= low && value <= high)) {  // also refuses NaN
    return fail(ErrorCode::kInvalidArgument, "{} is {}, allowed is {} to {}", field, value, low,
                high);
  }
  return {};
}

Status check_sampling(const SamplingParams& sampling) {
  MONOCLE_TRY(check_range("temperature", sampling.temperature, 0, 100));
  MONOCLE_TRY(check_range("top_p", sampling.top_p, 0, 1));
  MONOCLE_TRY(check_range("min_p", sampling.min_p, 0, 1));
  MONOCLE_TRY(check_range("top_k", sampling.top_k, 0, 1 << 30));
  MONOCLE_TRY(check_range("repetition_penalty", sampling.repetition_penalty, 0.01, 100));
  MONOCLE_TRY(check_range("presence_penalty", sampling.presence_penalty, -100, 100));
  MONOCLE_TRY(check_range("frequency_penalty", sampling.frequency_penalty, -100, 100));
  return check_range("top_logprobs", sampling.top_logprobs, 0, kMaxTopLogprobs);
}

}  // namespace

Status check_request(const Request& request, const RequestBounds& bounds) {
  MONOCLE_TRY(check_ids(request, bounds.vocab));
  if (request.prompt.positions.size() != 3 * request.prompt.token_ids.size()) {
    return fail(ErrorCode::kInvalidArgument, "the prompt has {} positions for {} tokens",
                request.prompt.positions.size(), request.prompt.token_ids.size());
  }
  if (request.max_tokens < 1 && !request.embed) {
    return fail(ErrorCode::kInvalidArgument, "max_tokens is {}, at least 1 is needed",
                request.max_tokens);
  }
  MONOCLE_TRY(check_media(request.prompt, bounds));
  return check_sampling(request.sampling);
}

}  // namespace monocle
