// SPDX-License-Identifier: Apache-2.0
// One reply in its dialect's words: chat, completions or responses. Pure text; one thread at a
// time. An Answer drives it either as a stream (begin, then the others as they happen, then end or
// error) or once at the end (whole).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "api/types.h"

namespace monocle::service {

class ReplyWriter {
 public:
  virtual ~ReplyWriter() = default;

  // Bytes for the socket, SSE frames included; may be empty.
  virtual std::string begin(std::int32_t choices) = 0;
  virtual std::string text(std::int32_t index, std::string_view piece,
                           std::span<const api::TokenLogprob> logprobs) = 0;
  virtual std::string call_begin(std::int32_t index, std::int32_t call, std::string_view name) = 0;
  virtual std::string call_arguments(std::int32_t index, std::int32_t call,
                                     std::string_view piece) = 0;
  virtual std::string finish(std::int32_t index, std::string_view reason) = 0;
  virtual std::string end(const api::Usage& usage, const api::Timing& timing) = 0;
  virtual std::string error(const api::ApiError& error) = 0;
  // What chunks report until the next call, where the request asked for it.
  virtual void count(const api::Usage& /*so_far*/) {}

  // The JSON of a reply that is not a stream.
  virtual std::string whole(std::span<const api::Choice> choices, const api::Usage& usage,
                            const api::Timing& timing) = 0;
};

std::unique_ptr<ReplyWriter> chat_writer(api::ReplyHead head, api::StreamSettings settings);
std::unique_ptr<ReplyWriter> completion_writer(api::ReplyHead head, api::StreamSettings settings);
std::unique_ptr<ReplyWriter> responses_writer(api::ReplyHead head, api::ResponsesEcho echo);

}  // namespace monocle::service
