// SPDX-License-Identifier: Apache-2.0
// Asks a server every question of a case set and keeps the answers with their scores.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "api_target.h"
#include "base/result.h"
#include "score/score.h"

namespace monocle::app {

enum class Control : std::uint8_t {
  kNone,
  kBlank,     // every picture is replaced by a plain one of its size
  kShuffled,  // every question gets the pictures of another case of its task and split
};

// A case set and the folder its pictures are in.
struct LoadedCases {
  std::string folder;
  score::CaseSet set;
};

struct QualityAnswer {
  std::string text;
  std::vector<std::string> tokens;  // as the server's log probabilities name them; may be empty
  std::string finish;               // "stop", "length"
  std::string error;                // instead of an answer; scores as an empty one
  score::Score score;
};

struct AskPlan {
  std::string model;
  Control control = Control::kNone;
  double temperature = 0;            // 0: greedy
  std::vector<std::uint64_t> seeds;  // one answer each
  int concurrency = 8;
  bool tokens = true;  // ask for log probabilities, for the tokens
};

struct AskProgress {
  std::size_t done = 0;
  std::size_t all = 0;
  std::size_t errors = 0;
  double quality = 0;  // mean so far
};

// By case, then by seed. Fails only when a picture cannot be read; a server's refusal is an
// answer's error. `progress` is called on this thread, from time to time and at the end.
Result<std::vector<std::vector<QualityAnswer>>> ask_cases(
    const ApiTarget& target, const LoadedCases& cases, const AskPlan& plan,
    const std::function<void(const AskProgress&)>& progress);

// Reads DIR/cases.json.
Result<LoadedCases> load_cases(const std::string& folder);

}  // namespace monocle::app
