// SPDX-License-Identifier: Apache-2.0
// GET /v1/models and /v1/models/{id}. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace monocle::api {

struct ModelEntry {
  std::string id;    // the name clients use
  std::string root;  // what is behind it, e.g. the folder's name
  std::int64_t created = 0;
  std::int64_t max_model_len = 0;
  bool image = true;
  bool video = false;
  bool pdf = false;
  bool demo = false;  // the small model that is served when none is given
};

std::string format_models(std::span<const ModelEntry> models);
std::string format_model(const ModelEntry& model);

}  // namespace monocle::api
