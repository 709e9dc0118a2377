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

#include "text/chat_template.h"

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
  enum class Verdict : std::uint8_t { kWait, kText, kCall };

  void scan(bool at_end, std::vector<ToolEvent>& events);
  bool enter_block(bool at_end, std::vector<ToolEvent>& events);
  Verdict follow(bool at_end);
  Verdict look(bool at_end, ToolCall& call);
  void release(std::size_t count, std::vector<ToolEvent>& events);

  std::string held_;       // undecided text; a block begins at block_
  std::string space_;      // white space behind a call, content only if more comes
  bool speaking_ = false;  // the content since the last call has been more than white space
  bool in_block_ = false;
  std::size_t block_ = 0;       // offset of the tag: 1 behind its line break, else 0
  std::size_t block_end_ = 0;   // behind the block, once it is a call
  std::size_t cursor_ = 0;      // next byte of the block's object to look at
  std::size_t object_end_ = 0;  // behind its last bracket, 0 = not yet there
  std::int32_t depth_ = 0;      // open brackets at the cursor
  bool in_string_ = false;
  std::size_t tried_ = 0;  // blocks looked at
  std::int32_t calls_ = 0;
};

}  // namespace monocle::api
