// SPDX-License-Identifier: Apache-2.0
// Text pieces of one answer in, content and tool calls out, as the text arrives. Says the same as
// parse_tool_calls (text/tool_calls.h) about the whole text, however it was cut: a call is
// announced when its block is complete, what cannot be read as a call is content, and no part of a
// tag is content before that is decided. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace monocle::api {

struct ToolEvent {
  enum class Kind : std::uint8_t {
    kText,       // text: content
    kBegin,      // text: the function's name
    kArguments,  // text: a piece of the arguments' JSON text
  };
  Kind kind = Kind::kText;
  std::int32_t call_index = 0;  // kBegin, kArguments
  std::string text;
};

class ToolStream {
 public:
  std::vector<ToolEvent> push(std::string_view piece);
  // The end of the answer: what was held back.
  std::vector<ToolEvent> finish();

  [[nodiscard]] std::int32_t calls() const { return calls_; }

 private:
  void scan(bool at_end, std::vector<ToolEvent>& events);
  void content(std::string_view text, std::vector<ToolEvent>& events);

  std::string held_;          // undecided text
  std::string space_;         // content behind a call that so far is white space only
  std::size_t searched_ = 0;  // held_ before this holds no end of the block
  std::size_t tried_ = 0;     // blocks looked at
  std::int32_t calls_ = 0;
};

}  // namespace monocle::api
