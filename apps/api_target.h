// SPDX-License-Identifier: Apache-2.0
// An OpenAI-compatible server that a benchmark asks. The key comes from $OPENAI_API_KEY.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/client.h"

namespace monocle::app {

struct ApiTarget {
  std::unique_ptr<HttpClient> client;
  std::string base;  // path of the API
  std::vector<HttpHeader> headers;
  std::chrono::milliseconds timeout{};
};

// `url`: the API's base, with its /v1.
Result<ApiTarget> make_api_target(const std::string& url, double timeout_s);

// The first model that the server names; waits for it.
Result<std::string> first_model(const ApiTarget& target);

}  // namespace monocle::app
