// SPDX-License-Identifier: Apache-2.0
#include "api/tool_stream.h"

#include <algorithm>
#include <utility>

#include "text/tool_calls.h"

namespace monocle::api {
namespace {

constexpr std::string_view kOpen = "<tool_call>";
constexpr std::string_view kOpenOnNewLine = "\n<tool_call>";  // the line break belongs to the tag
constexpr std::string_view kClose = "</tool_call>";
constexpr std::string_view kSpace = " \t\r\n";
constexpr std::size_t kMaxBlocks = 256;  // as parse_tool_calls

// Bytes at the end of `text` that may turn out to be the beginning of a tag.
std::size_t undecided(std::string_view text) {
  for (std::size_t n = std::min(text.size(), kOpenOnNewLine.size() - 1); n > 0; --n) {
    const std::string_view tail = text.substr(text.size() - n);
    if (kOpen.starts_with(tail) || kOpenOnNewLine.starts_with(tail)) {
      return n;
    }
  }
  return 0;
}

}  // namespace

std::vector<ToolEvent> ToolStream::push(std::string_view piece) {
  held_ += piece;
  std::vector<ToolEvent> events;
  scan(false, events);
  return events;
}

std::vector<ToolEvent> ToolStream::finish() {
  std::vector<ToolEvent> events;
  scan(true, events);
  return events;
}

void ToolStream::scan(bool at_end, std::vector<ToolEvent>& events) {
  while (true) {
    if (!in_block_ && !enter_block(at_end, events)) {
      return;
    }
    ToolCall call;
    switch (look(at_end, call)) {
      case Verdict::kWait:
        return;
      case Verdict::kText:
        release(block_ + kOpen.size(), events);
        break;
      case Verdict::kCall:
        space_.clear();
        speaking_ = false;
        held_.erase(0, block_end_);
        events.push_back({ToolEvent::Kind::kBegin, calls_, std::move(call.name)});
        events.push_back({ToolEvent::Kind::kArguments, calls_, std::move(call.arguments)});
        ++calls_;
    }
    in_block_ = false;
  }
}

bool ToolStream::enter_block(bool at_end, std::vector<ToolEvent>& events) {
  const bool more = tried_ < kMaxBlocks;
  const std::size_t tag = more ? held_.find(kOpen) : std::string::npos;
  if (tag == std::string::npos) {
    release(held_.size() - (more && !at_end ? undecided(held_) : 0), events);
    return false;
  }
  ++tried_;
  block_ = tag > 0 && held_[tag - 1] == '\n' ? 1 : 0;
  release(tag - block_, events);
  in_block_ = true;
  cursor_ = block_ + kOpen.size();
  object_end_ = 0;
  depth_ = 0;
  in_string_ = false;
  return true;
}

// Follows the brackets to the end of the block's object; each byte is looked at once.
ToolStream::Verdict ToolStream::follow(bool at_end) {
  if (object_end_ > 0) {
    return Verdict::kCall;
  }
  for (; cursor_ < held_.size(); ++cursor_) {
    const char c = held_[cursor_];
    if (in_string_) {
      if (c == '\\') {
        if (cursor_ + 1 == held_.size()) {
          break;  // the escaped character is still to come
        }
        ++cursor_;
      }
      in_string_ = c != '"';
      continue;
    }
    if (depth_ == 0 && c != '{') {
      if (kSpace.find(c) == std::string_view::npos) {
        return Verdict::kText;
      }
      continue;
    }
    in_string_ = c == '"';
    depth_ += c == '{' || c == '[' ? 1 : 0;
    depth_ -= c == '}' || c == ']' ? 1 : 0;
    if (depth_ == 0) {
      object_end_ = cursor_ + 1;
      return Verdict::kCall;
    }
  }
  return at_end ? Verdict::kText : Verdict::kWait;
}

ToolStream::Verdict ToolStream::look(bool at_end, ToolCall& call) {
  const Verdict brackets = follow(at_end);
  if (brackets != Verdict::kCall) {
    return brackets;
  }
  const std::string_view text = held_;
  const std::size_t after = std::min(text.find_first_not_of(kSpace, object_end_), text.size());
  const std::string_view rest = text.substr(after);
  if (!at_end && (kClose.starts_with(rest) || kOpen.starts_with(rest)) && rest != kClose &&
      rest != kOpen) {
    return Verdict::kWait;
  }
  const bool closed = rest.starts_with(kClose);
  if (!closed && !rest.empty() && !rest.starts_with(kOpen)) {
    return Verdict::kText;
  }
  block_end_ = after + (closed ? kClose.size() : 0);
  ToolReply reply = parse_tool_calls(std::string(text.substr(block_, object_end_ - block_)) +
                                     std::string(kClose));
  if (reply.calls.size() != 1 || !reply.content.empty()) {
    return Verdict::kText;
  }
  call = std::move(reply.calls.front());
  return Verdict::kCall;
}

void ToolStream::release(std::size_t count, std::vector<ToolEvent>& events) {
  space_.append(held_, 0, count);
  held_.erase(0, count);
  // White space alone behind a call is layout, and dropped when the next call or the end comes.
  if (calls_ > 0 && !speaking_ && space_.find_first_not_of(kSpace) == std::string::npos) {
    return;
  }
  speaking_ = true;
  if (!space_.empty()) {
    events.push_back({ToolEvent::Kind::kText, 0, std::exchange(space_, {})});
  }
}

}  // namespace monocle::api
