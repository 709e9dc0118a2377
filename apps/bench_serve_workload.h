// SPDX-License-Identifier: Apache-2.0
// The requests of a load: the same for the same seed, on every machine and for every server, and no
// two with a common beginning, so that no server's prefix cache answers.
#pragma once

#include <cstdint>
#include <string>

namespace monocle::app {

struct Workload {
  std::string model;                               // "" = the first that the server names
  bool completions = false;                        // the text dialect instead of chat
  std::int64_t words_low = 64, words_high = 64;    // of a prompt, uniform
  std::int64_t tokens_low = 64, tokens_high = 64;  // of an answer, uniform
  std::int64_t images = 0;                         // per request
  std::int64_t image_side = 256;                   // pixels
  bool ignore_eos = true;                          // answers have exactly their length
  std::uint64_t seed = 1;
};

// The path below the API's base, "/chat/completions".
std::string request_path(const Workload& workload);

// The JSON of request `index`.
std::string request_body(const Workload& workload, std::uint64_t index);

}  // namespace monocle::app
