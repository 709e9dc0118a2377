// SPDX-License-Identifier: Apache-2.0
// Replies of /v1/responses: one object, or the stream of named events with sequence numbers. Feed a
// ResponsesStream in the order begin, (text | tool_call_*)*, then finish or fail exactly once. One
// thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/responses_item.h"
#include "api/types.h"

namespace monocle::api {

std::string format_response(const ReplyHead& head, const ResponsesEcho& echo, const Choice& choice,
                            const Usage& usage, const Timing& timing);

// Each call returns the complete SSE bytes to send, possibly several events. There is no [DONE].
class ResponsesStream {
 public:
  ResponsesStream(ReplyHead head, ResponsesEcho echo);

  std::string begin();
  std::string text(std::string_view piece, std::span<const TokenLogprob> logprobs);
  std::string tool_call_begin(std::string_view call_id, std::string_view name);
  std::string tool_call_arguments(std::string_view piece);
  // `reason` as in Choice: "length" makes the response incomplete.
  std::string finish(std::string_view reason, const Usage& usage, const Timing& timing);
  std::string fail(const ApiError& error);

 private:
  std::string event(std::string_view name, std::string_view rest);
  std::string response_event(std::string_view name, std::string_view status, const ApiError* error,
                             const Usage* usage, const Timing* timing);
  std::string item_event(std::string_view name, std::string_view status);
  std::string part_event(std::string_view name);
  std::string open_message();
  std::string close_item(std::string_view status);
  void place(JsonWriter& json) const;

  ReplyHead head_;
  ResponsesEcho echo_;
  std::int64_t sequence_ = 0;
  std::vector<ResponsesItem> items_;  // only the last may be open
  bool item_open_ = false;
};

}  // namespace monocle::api
