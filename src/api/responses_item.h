// SPDX-License-Identifier: Apache-2.0
// One item of a response's output: the message or a function call. Internal to the room.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_writer.h"
#include "api/types.h"

namespace monocle::api {

struct ResponsesItem {
  std::string id;
  std::string call_id, name;           // calls; a message has none
  std::string text;                    // the message's text or the call's arguments
  std::vector<TokenLogprob> logprobs;  // messages

  static ResponsesItem message(std::string_view reply_id, std::size_t index);
  static ResponsesItem call(std::string_view reply_id, std::size_t index, std::string call_id,
                            std::string name);

  [[nodiscard]] bool is_call() const { return !call_id.empty(); }

  // The whole item; in progress, it is shown without its content.
  void write(JsonWriter& json, std::string_view status) const;
  // A message's only part, as it is now.
  void write_part(JsonWriter& json) const;
};

}  // namespace monocle::api
