// SPDX-License-Identifier: Apache-2.0
// The flags of `monocle serve`, and what follows from them: engine limits, keys, addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "flags.h"
#include "model/qwen3_vl/memory.h"
#include "open_model.h"
#include "service/guard.h"

namespace monocle::app {

struct ServeOptions {
  ModelOptions model;
  std::vector<std::string> names;
  std::string host = "127.0.0.1";
  std::uint16_t port = 7860;
  std::string admin;  // ADDRESS:PORT of the second listener, empty = none
  std::string key_file;
  bool no_auth = false;
  bool random_key = false;
  std::vector<std::string> hosts;
  std::vector<std::string> origins;
  int grace_s = 30;

  std::int32_t sequences = 0;    // 0: 128, on a GPU 256
  std::int64_t step_tokens = 0;  // 0: 512, on a GPU 4096
  std::int64_t context = 0;      // 0: the model's, at most kDefaultContext
  std::int64_t kv_mib = 0;       // 0: what fits, see plan_serve()
  std::string memory;            // see parse_memory_limit()
  std::int32_t queue = 256;
  std::int32_t image_tokens = 4096;
  std::int32_t video_tokens = 4096;
  std::int32_t image_side = 0;
  bool sliding_window = false;
  std::int32_t window_tokens = 4096;
  std::int32_t sink_tokens = 1024;
  bool no_prefix_cache = false;
  std::int32_t draft_tokens = 0;

  void add(Flags& app);
  // --random-key, unless who may call was said in another way.
  [[nodiscard]] bool makes_key() const { return random_key && key_file.empty() && !no_auth; }
};

// A listener that others can reach needs keys, or somebody who says that it needs none.
Status check_exposure(const ServeOptions& options);
// A key that nobody can guess, for one run of the server.
Result<std::string> make_key();
Result<service::GuardRules> guard_rules(const ServeOptions& options);
Result<std::pair<std::string, std::uint16_t>> parse_address(const std::string& text);

// Limits for this model with as many keys and values as could be used; shrinks the model's picture
// budget to what is planned for.
Result<EngineLimits> engine_limits(const ServeOptions& options, OpenedModel& opened,
                                   const qwen3_vl::LoadPlan& load);

}  // namespace monocle::app
