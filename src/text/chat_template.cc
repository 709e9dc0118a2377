// SPDX-License-Identifier: Apache-2.0
#include "text/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace monocle {
namespace {

constexpr std::string_view kToolsIntro =
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";
constexpr std::string_view kToolsOutro =
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments "
    "within "
    "<tool_call></tool_call> XML tags:\n<tool_call>\n"
    "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>";
constexpr std::string_view kImageTriple = "<|vision_start|><|image_pad|><|vision_end|>";
constexpr std::string_view kVideoTriple = "<|vision_start|><|video_pad|><|vision_end|>";

class Renderer {
 public:
  explicit Renderer(const ChatOptions& options) : options_(options) {}

  void system_block(std::span<const ChatMessage> messages, std::span<const std::string> tools) {
    const bool system_first = !messages.empty() && messages.front().role == Role::kSystem;
    if (!system_first && tools.empty()) {
      return;
    }
    control("<|im_start|>system\n");
    if (system_first) {
      texts(messages.front());
      control(tools.empty() ? "" : "\n\n");
    }
    if (!tools.empty()) {
      control(kToolsIntro);
      for (const std::string& tool : tools) {
        control("\n");
        user(tool);
      }
      control(kToolsOutro);
    }
    control("<|im_end|>\n");
  }

  void message(std::span<const ChatMessage> messages, std::size_t i) {
    const ChatMessage& m = messages[i];
    switch (m.role) {
      case Role::kSystem:
        return;
      case Role::kUser:
        control("<|im_start|>user\n");
        content(m);
        control("<|im_end|>\n");
        return;
      case Role::kAssistant:
        assistant(m);
        return;
      case Role::kTool: {
        const bool first = i == 0 || messages[i - 1].role != Role::kTool;
        const bool last = i + 1 == messages.size() || messages[i + 1].role != Role::kTool;
        control(first ? "<|im_start|>user\n<tool_response>\n" : "\n<tool_response>\n");
        content(m);
        control(last ? "\n</tool_response><|im_end|>\n" : "\n</tool_response>");
        return;
      }
    }
  }

  void generation_prompt() {
    if (options_.add_generation_prompt) {
      control(options_.open_thinking ? "<|im_start|>assistant\n<think>\n"
                                     : "<|im_start|>assistant\n");
    }
  }

  std::vector<ChatSegment> take() && { return std::move(segments_); }

 private:
  void text(ChatSegment::Kind kind, std::string_view piece) {
    if (piece.empty()) {
      return;
    }
    if (segments_.empty() || segments_.back().kind != kind) {
      segments_.push_back({kind, {}, 0});
    }
    segments_.back().text += piece;
  }
  void control(std::string_view piece) { text(ChatSegment::Kind::kControl, piece); }
  void user(std::string_view piece) { text(ChatSegment::Kind::kUserText, piece); }

  void texts(const ChatMessage& m) {
    for (const ContentPart& part : m.parts) {
      if (part.kind == ContentPart::Kind::kText) {
        user(part.text);
      }
    }
  }

  void content(const ChatMessage& m) {
    for (const ContentPart& part : m.parts) {
      switch (part.kind) {
        case ContentPart::Kind::kText:
          user(part.text);
          break;
        case ContentPart::Kind::kImage:
          media(ChatSegment::Kind::kImage, "Picture", images_++);
          break;
        case ContentPart::Kind::kVideo:
          media(ChatSegment::Kind::kVideo, "Video", videos_++);
          break;
      }
    }
  }

  void media(ChatSegment::Kind kind, std::string_view label, std::size_t index) {
    if (options_.add_vision_id) {
      control(fmt::format("{} {}: ", label, index + 1));
    }
    segments_.push_back({kind, {}, index});
  }

  void assistant(const ChatMessage& m) {
    control("<|im_start|>assistant\n");
    texts(m);
    // "Has content" is asked of the message as it came: a part that is not text counts although it
    // is not rendered.
    bool newline = std::any_of(m.parts.begin(), m.parts.end(), [](const ContentPart& part) {
      return part.kind != ContentPart::Kind::kText || !part.text.empty();
    });
    for (const ToolCall& call : m.tool_calls) {
      control(newline ? "\n<tool_call>\n{\"name\": \"" : "<tool_call>\n{\"name\": \"");
      user(call.name);
      control("\", \"arguments\": ");
      user(call.arguments);
      control("}\n</tool_call>");
      newline = true;
    }
    control("<|im_end|>\n");
  }

  ChatOptions options_;
  std::vector<ChatSegment> segments_;
  std::size_t images_ = 0;
  std::size_t videos_ = 0;
};

}  // namespace

std::vector<ChatSegment> render_chat(std::span<const ChatMessage> messages,
                                     std::span<const std::string> tools,
                                     const ChatOptions& options) {
  Renderer renderer(options);
  renderer.system_block(messages, tools);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    renderer.message(messages, i);
  }
  renderer.generation_prompt();
  return std::move(renderer).take();
}

std::vector<TextSpan> to_spans(std::span<const ChatSegment> segments) {
  std::vector<TextSpan> spans;
  for (const ChatSegment& segment : segments) {
    switch (segment.kind) {
      case ChatSegment::Kind::kControl:
        spans.push_back({segment.text, TextOwner::kTemplate});
        break;
      case ChatSegment::Kind::kUserText:
        spans.push_back({segment.text, TextOwner::kUser});
        break;
      case ChatSegment::Kind::kImage:
        spans.push_back({std::string(kImageTriple), TextOwner::kTemplate});
        break;
      case ChatSegment::Kind::kVideo:
        spans.push_back({std::string(kVideoTriple), TextOwner::kTemplate});
        break;
    }
  }
  return spans;
}

std::string to_text(std::span<const ChatSegment> segments) {
  std::string text;
  for (const TextSpan& span : to_spans(segments)) {
    text += span.text;
  }
  return text;
}

}  // namespace monocle
