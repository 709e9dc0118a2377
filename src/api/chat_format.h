// SPDX-License-Identifier: Apache-2.0
// Chat replies: one object, or the chunks of a stream. Strings that are not valid UTF-8 are written
// with U+FFFD. A ChatChunks belongs to one reply; one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "api/types.h"

namespace monocle::api {

std::string format_chat(const ReplyHead& head, std::span<const Choice> choices, const Usage& usage,
                        const Timing& timing);

// The JSON text of each chunk, without the SSE frame (sse.h).
class ChatChunks {
 public:
  ChatChunks(ReplyHead head, StreamSettings settings);

  // The first chunk of a choice: role and empty content.
  [[nodiscard]] std::string role(std::int32_t index) const;
  [[nodiscard]] std::string text(std::int32_t index, std::string_view piece,
                                 std::span<const TokenLogprob> logprobs) const;
  [[nodiscard]] std::string tool_call_begin(std::int32_t index, std::int32_t call_index,
                                            std::string_view id, std::string_view name) const;
  [[nodiscard]] std::string tool_call_arguments(std::int32_t index, std::int32_t call_index,
                                                std::string_view piece) const;
  [[nodiscard]] std::string finish(std::int32_t index, std::string_view reason) const;
  // The last chunk, without choices; send it only when settings.include_usage.
  [[nodiscard]] std::string usage(const Usage& usage, const Timing& timing) const;

  // What chunks report from now on with settings.continuous_usage.
  void count(const Usage& so_far) { so_far_ = so_far; }

 private:
  [[nodiscard]] std::string chunk(std::int32_t index, std::string_view delta,
                                  std::span<const TokenLogprob> logprobs,
                                  std::string_view finish_reason) const;

  std::string head_;  // everything before "choices", the same in every chunk
  StreamSettings settings_;
  Usage so_far_;
};

}  // namespace monocle::api
