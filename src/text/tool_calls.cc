// SPDX-License-Identifier: Apache-2.0
#include "text/tool_calls.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "text/json_scan.h"
#include "text/python_json.h"

namespace monocle {
namespace {

constexpr std::string_view kOpen = "<tool_call>";
constexpr std::string_view kClose = "</tool_call>";
constexpr std::string_view kSpace = " \t\r\n";

// Each unreadable block costs a scan to the end, so their number is bounded; text behind the last
// is content.
constexpr std::size_t kMaxBlocks = 256;

// A JSON value that may be a string: its contents, otherwise the value as JSON text.
std::optional<std::string> text_of(std::string_view value) {
  if (value.starts_with('"')) {
    std::string text;
    return json_unescape(value.substr(1, value.size() - 2), text) ? std::optional(text)
                                                                  : std::nullopt;
  }
  auto written = to_python_json(value);
  return written ? std::optional(std::move(*written)) : std::nullopt;
}

// The object at the front of `text`; the scanner knows strings, so a closing tag inside one does
// not end it.
std::optional<ToolCall> parse_call(JsonScanner& scan) {
  ToolCall call{{}, "{}"};
  bool named = false;
  if (!scan.expect('{')) {
    return std::nullopt;
  }
  do {
    std::string_view key;
    std::string_view value;
    if (!scan.raw_string(key) || !scan.expect(':') || !scan.raw_value(value)) {
      return std::nullopt;
    }
    if (key != "name" && key != "arguments") {
      continue;
    }
    auto text = text_of(value);
    if (!text || (key == "name" && !value.starts_with('"'))) {
      return std::nullopt;
    }
    named = named || key == "name";
    (key == "name" ? call.name : call.arguments) = std::move(*text);
  } while (scan.accept(','));
  return named && scan.expect('}') ? std::optional(std::move(call)) : std::nullopt;
}

struct Block {
  ToolCall call;
  std::size_t end;
};

// The block whose opening tag is at `begin`.
std::optional<Block> parse_block(std::string_view text, std::size_t begin) {
  const std::size_t json_begin = begin + kOpen.size();
  JsonScanner scan(text.substr(json_begin));
  auto call = parse_call(scan);
  if (!call) {
    return std::nullopt;
  }
  const std::size_t after =
      std::min(text.find_first_not_of(kSpace, json_begin + scan.offset()), text.size());
  const std::string_view rest = text.substr(after);
  if (rest.starts_with(kClose)) {
    return Block{std::move(*call), after + kClose.size()};
  }
  if (rest.empty() || rest.starts_with(kOpen)) {
    return Block{std::move(*call), after};
  }
  return std::nullopt;
}

}  // namespace

ToolReply parse_tool_calls(std::string_view text) {
  ToolReply reply;
  std::size_t content_from = 0;
  const auto keep = [&reply](std::string_view piece, bool before_block) {
    if (before_block && piece.ends_with('\n')) {
      piece.remove_suffix(1);
    }
    if (reply.calls.empty() || piece.find_first_not_of(kSpace) != std::string_view::npos) {
      reply.content += piece;
    }
  };
  std::size_t pos = 0;
  for (std::size_t tried = 0; tried < kMaxBlocks; ++tried) {
    pos = text.find(kOpen, pos);
    if (pos == std::string_view::npos) {
      break;
    }
    auto block = parse_block(text, pos);
    if (!block) {
      pos += kOpen.size();
      continue;
    }
    keep(text.substr(content_from, pos - content_from), true);
    reply.calls.push_back(std::move(block->call));
    pos = content_from = block->end;
  }
  keep(text.substr(content_from), false);
  return reply;
}

}  // namespace monocle
