// SPDX-License-Identifier: Apache-2.0
#include "api/responses_item.h"

#include <fmt/format.h>

#include <utility>

#include "api/reply_parts.h"

namespace monocle::api {
namespace {

// Unique inside the response is enough: nothing is stored under it.
std::string item_id(std::string_view prefix, std::string_view reply_id, std::size_t index) {
  const std::size_t underscore = reply_id.find('_');
  return fmt::format("{}_{}{}", prefix,
                     reply_id.substr(underscore == std::string_view::npos ? 0 : underscore + 1),
                     index);
}

}  // namespace

ResponsesItem ResponsesItem::message(std::string_view reply_id, std::size_t index) {
  ResponsesItem item;
  item.id = item_id("msg", reply_id, index);
  return item;
}

ResponsesItem ResponsesItem::call(std::string_view reply_id, std::size_t index, std::string call_id,
                                  std::string name) {
  ResponsesItem item;
  item.id = item_id("fc", reply_id, index);
  item.call_id = std::move(call_id);
  item.name = std::move(name);
  return item;
}

void ResponsesItem::write(JsonWriter& json, std::string_view status) const {
  json.open_object().key("id").string(id);
  json.key("type").string(is_call() ? "function_call" : "message").key("status").string(status);
  if (is_call()) {
    json.key("call_id").string(call_id).key("name").string(name);
    json.key("arguments").string(status == "in_progress" ? "" : text);
  } else {
    json.key("role").string("assistant").key("content").open_array();
    if (status != "in_progress") {
      write_part(json);
    }
    json.close_array();
  }
  json.close_object();
}

void ResponsesItem::write_part(JsonWriter& json) const {
  json.open_object().key("type").string("output_text").key("text").string(text);
  json.key("annotations").open_array().close_array().key("logprobs");
  write_logprobs(json, logprobs);
  json.close_object();
}

}  // namespace monocle::api
