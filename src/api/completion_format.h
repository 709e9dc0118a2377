// SPDX-License-Identifier: Apache-2.0
// Replies of /v1/completions: text_completion objects with log probabilities in the old shape. An
// echoed prompt is text like any other: the caller puts it in front. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "api/types.h"

namespace monocle::api {

// Choice::content is the text; tool calls do not exist here.
std::string format_completion(const ReplyHead& head, std::span<const Choice> choices,
                              const Usage& usage, const Timing& timing);

class CompletionChunks {
 public:
  CompletionChunks(ReplyHead head, StreamSettings settings);

  std::string text(std::int32_t index, std::string_view piece,
                   std::span<const TokenLogprob> logprobs);
  [[nodiscard]] std::string finish(std::int32_t index, std::string_view reason) const;
  // The last chunk, without choices; send it only when settings.include_usage.
  [[nodiscard]] std::string usage(const Usage& usage, const Timing& timing) const;
  // What chunks report from now on with settings.continuous_usage.
  void count(const Usage& so_far) { so_far_ = so_far; }

 private:
  [[nodiscard]] std::string chunk(std::int32_t index, std::string_view piece,
                                  std::span<const TokenLogprob> logprobs,
                                  std::string_view reason) const;

  std::string head_;
  StreamSettings settings_;
  Usage so_far_;
  std::map<std::int32_t, std::int64_t> offsets_;  // characters sent so far, by choice: text_offset
};

}  // namespace monocle::api
