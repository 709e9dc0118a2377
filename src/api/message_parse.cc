// SPDX-License-Identifier: Apache-2.0
#include "api/message_parse.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "api/base64.h"
#include "api/tool_parse.h"

namespace monocle::api {
namespace {

// A picture pasted into text costs a token per two or three characters and is not looked at.
constexpr std::size_t kPastedBase64 = 10'000;

enum class PartKind { kText, kRefusal, kImage, kFile, kVideo, kAudio, kUnknown };

struct PartName {
  std::string_view type;
  PartKind kind;
  std::string_view key;  // of the member that holds the data
};

constexpr PartName kPartNames[] = {
    {"text", PartKind::kText, "text"},
    {"input_text", PartKind::kText, "text"},
    {"output_text", PartKind::kText, "text"},
    {"refusal", PartKind::kRefusal, "refusal"},
    {"image_url", PartKind::kImage, "image_url"},
    {"input_image", PartKind::kImage, "image_url"},
    {"image", PartKind::kImage, "image"},
    {"file", PartKind::kFile, "file"},
    {"input_file", PartKind::kFile, "file_data"},
    {"video_url", PartKind::kVideo, "video_url"},
    {"input_video", PartKind::kVideo, "input_video"},
    {"video", PartKind::kVideo, "video"},
    {"input_audio", PartKind::kAudio, "input_audio"},
    {"audio_url", PartKind::kAudio, "audio_url"},
    {"audio", PartKind::kAudio, "audio"},
};

// By its type; a part without one is what its members say.
std::optional<PartName> name_of(const Fields& part) {
  const std::string* type = part.string("type");
  for (const PartName& name : kPartNames) {
    if (type != nullptr ? *type == name.type : part.find(name.key) != nullptr) {
      return name;
    }
  }
  return std::nullopt;
}

void refuse_modality(const Fields& part, const PartName& name) {
  const std::string_view what =
      name.kind == PartKind::kFile ? "this server does not read PDF or other files yet; send pages "
                                     "as image_url parts"
                                   : "the model has no hearing";
  part.problem().add(part.path(),
                     fmt::format("{} is a part of type {}: {}", part.path(), name.type, what),
                     "unsupported_modality");
}

void take_text(const Fields& part, std::string_view key, MessageContext& context,
               ChatMessage& message) {
  const std::string* text = part.string(key);
  if (text == nullptr) {
    part.problem().add(part.path(key), fmt::format("{} is missing", part.path(key)),
                       "missing_required_parameter");
    return;
  }
  if (has_base64_run(*text, kPastedBase64)) {
    context.out.warnings.push_back(fmt::format(
        "{} holds base64 data as text; send pictures as image_url parts", part.path(key)));
  }
  message.parts.push_back({ContentPart::Kind::kText, *text});
}

// Whether a message of this role may hold what the part is.
bool may_show(const Fields& part, std::string_view what, Role role) {
  if (role != Role::kSystem && role != Role::kAssistant) {
    return true;
  }
  part.problem().add(
      part.path(),
      fmt::format("{} is a {} in a message of the {}; {}s come from the user or a "
                  "tool",
                  part.path(), what, role == Role::kSystem ? "system" : "assistant", what),
      "invalid_value");
  return false;
}

void take_part(const Fields& part, MessageContext& context, ChatMessage& message) {
  const auto name = name_of(part);
  if (context.problem.any()) {
    return;
  }
  if (!name) {
    part.problem().add(part.path("type"),
                       fmt::format("{} is \"{}\", text or image_url is needed", part.path("type"),
                                   part.string_or("type", "").substr(0, 64)),
                       "invalid_value");
    return;
  }
  switch (name->kind) {
    case PartKind::kText:
    case PartKind::kRefusal:
      take_text(part, name->key, context, message);
      return;
    case PartKind::kVideo:
      if (may_show(part, "video", message.role)) {
        parse_video(part, name->key, {context.limits, context.kwargs.fps}, context.out.videos,
                    context.out.warnings);
        message.parts.push_back({ContentPart::Kind::kVideo, {}});
      }
      return;
    case PartKind::kImage:
      if (!may_show(part, "picture", message.role)) {
        return;
      }
      if (part.find("file_id") != nullptr) {
        part.problem().add(part.path("file_id"),
                           fmt::format("{}: this server keeps no files", part.path("file_id")),
                           "unsupported_value");
        return;
      }
      parse_image(part, name->key, context.kwargs.pixels, context.limits, context.out.images);
      message.parts.push_back({ContentPart::Kind::kImage, {}});
      return;
    default:
      refuse_modality(part, *name);
  }
}

std::optional<Role> role_of(std::string_view name) {
  if (name == "system" || name == "developer") {
    return Role::kSystem;
  }
  if (name == "user") {
    return Role::kUser;
  }
  if (name == "assistant") {
    return Role::kAssistant;
  }
  return name == "tool" ? std::optional(Role::kTool) : std::nullopt;
}

}  // namespace

void parse_message(const Fields& fields, MessageContext& context) {
  Problem& problem = context.problem;
  const std::string* name = fields.string("role");
  const auto role = role_of(name == nullptr ? "" : *name);
  if (!role) {
    problem.add(fields.path("role"),
                fmt::format("{} is \"{}\", system, developer, user, assistant or tool is needed",
                            fields.path("role"), name == nullptr ? "" : name->substr(0, 64)),
                "invalid_value");
    return;
  }
  ChatMessage message;
  message.role = *role;
  const Json* content = fields.find("content");
  if (content != nullptr) {
    parse_content(*content, fields.path("content"), context, message);
  } else if (*role != Role::kAssistant) {
    problem.add(fields.path("content"), fmt::format("{} is missing", fields.path("content")),
                "missing_required_parameter");
  }
  if (*role == Role::kTool) {
    (void)fields.string("tool_call_id");
  }
  if (*role == Role::kAssistant) {
    parse_past_calls(fields, context.limits, message.tool_calls);
  }
  context.out.messages.push_back(std::move(message));
}

void parse_content(const Json& content, const std::string& path, MessageContext& context,
                   ChatMessage& message) {
  if (const std::string* text = content.string()) {
    if (has_base64_run(*text, kPastedBase64)) {
      context.out.warnings.push_back(
          fmt::format("{} holds base64 data as text; send pictures as image_url parts", path));
    }
    message.parts.push_back({ContentPart::Kind::kText, *text});
    return;
  }
  const Json::Array* parts = content.array();
  if (parts == nullptr) {
    context.problem.wrong_type(path, content, "a string or an array of parts");
    return;
  }
  for (std::size_t i = 0; i < parts->size() && !context.problem.any(); ++i) {
    // A bare string in the array is text, as some clients send it.
    if (const std::string* text = (*parts)[i].string()) {
      message.parts.push_back({ContentPart::Kind::kText, *text});
      continue;
    }
    const Fields part((*parts)[i], at(path, i), context.problem);
    take_part(part, context, message);
  }
}

void parse_messages(const Fields& body, MessageContext& context) {
  const Json::Array* messages = body.array("messages", context.limits.max_messages);
  if (messages == nullptr || messages->empty()) {
    context.problem.add("messages", "messages is missing or empty, at least one message is needed",
                        "missing_required_parameter");
    return;
  }
  for (std::size_t i = 0; i < messages->size() && !context.problem.any(); ++i) {
    const Fields fields((*messages)[i], at("messages", i), context.problem);
    if (!context.problem.any()) {
      parse_message(fields, context);
    }
  }
}

void settle_system_messages(ChatRequest& request) {
  auto& messages = request.messages;
  std::size_t leading = 0;
  while (leading < messages.size() && messages[leading].role == Role::kSystem) {
    ++leading;
  }
  for (std::size_t i = leading; i < messages.size(); ++i) {
    if (messages[i].role == Role::kSystem) {
      request.warnings.push_back(fmt::format(
          "message {} is a system message behind others: the model's template leaves it out", i));
    }
  }
  for (std::size_t i = 1; i < leading; ++i) {
    auto& parts = messages.front().parts;
    parts.push_back({ContentPart::Kind::kText, "\n\n"});
    for (ContentPart& part : messages[i].parts) {
      parts.push_back(std::move(part));
    }
  }
  if (leading > 1) {
    messages.erase(messages.begin() + 1, messages.begin() + static_cast<std::ptrdiff_t>(leading));
  }
}

}  // namespace monocle::api
