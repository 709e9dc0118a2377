// SPDX-License-Identifier: Apache-2.0
#include "api/tokenize_format.h"

#include "api/json_writer.h"

namespace monocle::api {

std::string format_tokenize(const TokenizeReply& reply) {
  JsonWriter json;
  json.open_object();
  json.key("count").integer(static_cast<std::int64_t>(reply.tokens.size()));
  json.key("max_model_len").integer(reply.max_model_len);
  json.key("image_tokens").integer(reply.image_tokens);
  json.key("video_tokens").integer(reply.video_tokens);
  json.key("tokens").open_array();
  for (const std::int32_t id : reply.tokens) {
    json.integer(id);
  }
  json.close_array().key("token_strs");
  if (reply.token_strs.empty()) {
    return json.null().close_object().take();
  }
  json.open_array();
  for (const std::string& text : reply.token_strs) {
    json.string(text);
  }
  return json.close_array().close_object().take();
}

std::string format_detokenize(std::string_view prompt) {
  JsonWriter json;
  return json.open_object().key("prompt").string(prompt).close_object().take();
}

std::string format_estimate(const Estimate& estimate) {
  JsonWriter json;
  json.open_object();
  json.key("prompt_tokens").integer(estimate.prompt_tokens);
  json.key("image_tokens").integer(estimate.image_tokens);
  json.key("video_tokens").integer(estimate.video_tokens);
  json.key("images").open_array();
  for (const EstimatedImage& image : estimate.images) {
    json.open_object();
    json.key("width").integer(image.width).key("height").integer(image.height);
    json.key("sent_width").integer(image.sent_width);
    json.key("sent_height").integer(image.sent_height);
    json.key("tokens").integer(image.tokens).close_object();
  }
  json.close_array().key("kv_bytes").integer(estimate.kv_bytes);
  json.key("predicted_ms").open_object();
  json.key("vision").number(estimate.vision_ms);
  json.key("prefill").number(estimate.prefill_ms);
  json.key("decode_per_token").number(estimate.decode_per_token_ms).close_object();
  json.key("max_model_len").integer(estimate.max_model_len);
  json.key("fits").boolean(estimate.fits);
  return json.close_object().take();
}

}  // namespace monocle::api
