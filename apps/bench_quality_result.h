// SPDX-License-Identifier: Apache-2.0
// A quality run as JSON: what was asked, means per split and task, and every answer.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "bench_quality_run.h"
#include "score/summary.h"

namespace monocle::app {

// Answers of one way of sampling, by case and seed.
struct QualityMode {
  std::string name;  // "greedy", "sampled"
  double temperature = 0;
  std::vector<std::uint64_t> seeds;
  std::vector<std::vector<QualityAnswer>> answers;
};

struct QualityRun {
  LoadedCases cases;
  nlohmann::ordered_json about;  // server, model, weights, control, seconds, commit
  std::vector<QualityMode> modes;
};

// How far a run agrees with an earlier one, over the cases that both have.
struct Agreement {
  std::size_t cases = 0;
  double tokens = 0;      // mean over cases
  double same = 0;        // share of answers with the same text
  double difference = 0;  // S of this run minus S of the other
};

// The cases of one split and task under one mode.
struct QualityGroup {
  std::string split;
  score::Task task = score::Task::kVqa;
  std::string mode;
  score::Summary summary;
  std::size_t errors = 0;
  std::string refusal;  // the server refused every case of this group with these words
  std::vector<std::size_t> cases;
};

// In the order of the set.
std::vector<QualityGroup> group_run(const QualityRun& run);

// An earlier run's answers.json.
struct EarlierRun {
  struct Answer {
    std::string text;
    std::vector<std::string> tokens;
    double quality = 0;
  };
  std::string name;              // the file
  nlohmann::ordered_json about;  // as in QualityRun; empty when the file says nothing
  std::map<std::pair<std::string, std::string>, std::vector<Answer>> answers;  // by mode and case
};
Result<EarlierRun> load_earlier(const std::string& path);

Agreement compare(const QualityRun& run, const QualityGroup& group, const EarlierRun& earlier);

// Summary only, or with every answer. `earlier` may be null.
nlohmann::ordered_json run_json(const QualityRun& run, const EarlierRun* earlier, bool answers);

}  // namespace monocle::app
