// SPDX-License-Identifier: Apache-2.0
#include "api/models_format.h"

#include "api/json_writer.h"
#include "api/reply_parts.h"

namespace monocle::api {
namespace {

void write_model(JsonWriter& json, const ModelEntry& model) {
  json.open_object().key("id").string(model.id).key("object").string("model");
  json.key("created").integer(model.created).key("owned_by").string("monocle");
  json.key("root");
  write_or_null(json, model.root);
  json.key("parent").null();
  json.key("max_model_len").integer(model.max_model_len);
  json.key("permission").open_array().close_array();
  json.key("capabilities").open_object();
  json.key("image").boolean(model.image);
  json.key("video").boolean(model.video);
  json.key("pdf").boolean(model.pdf);
  json.close_object();
  json.key("demo").boolean(model.demo);
  json.close_object();
}

}  // namespace

std::string format_models(std::span<const ModelEntry> models) {
  JsonWriter json;
  json.open_object().key("object").string("list").key("data").open_array();
  for (const ModelEntry& model : models) {
    write_model(json, model);
  }
  return json.close_array().close_object().take();
}

std::string format_model(const ModelEntry& model) {
  JsonWriter json;
  write_model(json, model);
  return json.take();
}

}  // namespace monocle::api
