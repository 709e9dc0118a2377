// SPDX-License-Identifier: Apache-2.0
// This program's own server inside this process: for benchmarks that ask through the API, as others
// do, without a server to start first.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "serve_options.h"

namespace monocle::app {

struct LocalServer {
  std::string url;                      // of the API: "http://127.0.0.1:40123/v1"
  std::string model;                    // as the API names it
  std::string backend;                  // what it computes on
  std::shared_ptr<const void> running;  // the server stops with the last copy
};

Result<LocalServer> start_local_server(const ServeOptions& options);

}  // namespace monocle::app
