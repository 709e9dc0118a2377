// SPDX-License-Identifier: Apache-2.0
// The Qwen3-VL chat template: messages in, segments out. A segment says who wrote its text, so that
// control tokens come from the template alone, and pictures and videos stay placeholders until the
// model room expands them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/bpe.h"

namespace monocle {

enum class Role : std::uint8_t { kSystem, kUser, kAssistant, kTool };

struct ContentPart {
  enum class Kind : std::uint8_t { kText, kImage, kVideo };
  Kind kind = Kind::kText;
  std::string text;  // kText only
};

struct ToolCall {
  std::string name;
  std::string arguments;  // JSON text, rendered verbatim; to_python_json() for an argument object
};

struct ChatMessage {
  Role role = Role::kUser;
  std::vector<ContentPart> parts;    // system and assistant: text parts only take part
  std::vector<ToolCall> tool_calls;  // assistant only
};

struct ChatOptions {
  bool add_generation_prompt = true;
  bool add_vision_id = false;  // "Picture 1: " and "Video 1: " before the placeholders
  bool open_thinking = false;  // Thinking models: the generation prompt ends in "<think>\n"
};

struct ChatSegment {
  // kImage and kVideo stand for the whole triple <|vision_start|><|image_pad|><|vision_end|> (or
  // video_pad): how it expands, markers included, depends on the grid and on the processor version.
  enum class Kind : std::uint8_t { kControl, kUserText, kImage, kVideo };
  Kind kind;
  std::string text;  // kControl, kUserText
  std::size_t index =
      0;  // kImage, kVideo: counted from 0 over the whole conversation, each kind by itself
};

// `tools`: one JSON object each, as to_python_json() writes it. System messages behind the first
// message are dropped, as in the original. Neighbouring segments of one kind of text are joined.
std::vector<ChatSegment> render_chat(std::span<const ChatMessage> messages,
                                     std::span<const std::string> tools,
                                     const ChatOptions& options);

// The segments as spans for Tokenizer::encode, each placeholder as its triple with one pad.
std::vector<TextSpan> to_spans(std::span<const ChatSegment> segments);

// The rendered text, for people and tests.
std::string to_text(std::span<const ChatSegment> segments);

}  // namespace monocle
