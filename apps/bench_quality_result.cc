// SPDX-License-Identifier: Apache-2.0
#include "bench_quality_result.h"

#include <algorithm>
#include <cmath>

#include "read_file.h"

namespace monocle::app {
namespace {

using Json = nlohmann::ordered_json;
using score::Case;
using score::Mean;

constexpr std::uint64_t kBootstrapSeed = 20260728;
constexpr std::size_t kMostResultBytes = std::size_t{512} << 20;

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

Json mean_json(const Mean& mean) {
  return {{"value", rounded(mean.value)},
          {"low", rounded(mean.low)},
          {"high", rounded(mean.high)},
          {"count", mean.count}};
}

Json group_json(const QualityRun& run, const QualityGroup& group, const EarlierRun* earlier) {
  Json json{{"split", group.split},
            {"task", score::task_name(group.task)},
            {"mode", group.mode},
            {"cases", group.summary.cases},
            {"errors", group.errors}};
  if (!group.refusal.empty()) {
    json["not_runnable"] = group.refusal;
    return json;
  }
  json["q"] = mean_json(group.summary.quality);
  json["points"] = mean_json(group.summary.points);
  json["rubric"] = mean_json(group.summary.rubric);
  json["metrics"] = Json::object();
  for (const auto& [name, mean] : group.summary.metrics) {
    json["metrics"][name] = mean_json(mean);
  }
  if (earlier != nullptr) {
    const Agreement agreement = compare(run, group, *earlier);
    json["compared"] = {{"cases", agreement.cases},
                        {"token_agreement", rounded(agreement.tokens)},
                        {"same_answer", rounded(agreement.same)},
                        {"points_difference", rounded(agreement.difference)}};
  }
  return json;
}

Json answers_json(const QualityRun& run) {
  Json all = Json::array();
  for (const QualityMode& mode : run.modes) {
    for (std::size_t i = 0; i < mode.answers.size(); ++i) {
      for (std::size_t j = 0; j < mode.answers[i].size(); ++j) {
        const QualityAnswer& answer = mode.answers[i][j];
        Json json{{"id", run.cases.set.cases[i].id}, {"mode", mode.name},
                  {"seed", mode.seeds[j]},           {"answer", answer.text},
                  {"quality", answer.score.quality}, {"finish", answer.finish},
                  {"tokens", answer.tokens}};
        if (!answer.error.empty()) {
          json["error"] = answer.error;
        }
        all.push_back(std::move(json));
      }
    }
  }
  return all;
}

// A server that cannot take a task's input refuses all of it with the same words.
void note_refusals(const QualityMode& mode, QualityGroup& group) {
  bool all = true;
  for (const std::size_t place : group.cases) {
    for (const QualityAnswer& answer : mode.answers[place]) {
      group.errors += answer.error.empty() ? 0U : 1U;
      all &= !answer.error.empty();
    }
  }
  if (all && !group.cases.empty()) {
    group.refusal = mode.answers[group.cases.front()].front().error;
  }
}

}  // namespace

std::vector<QualityGroup> group_run(const QualityRun& run) {
  std::vector<QualityGroup> groups;
  for (const QualityMode& mode : run.modes) {
    const std::size_t first = groups.size();
    for (std::size_t i = 0; i < mode.answers.size(); ++i) {
      const Case& one = run.cases.set.cases[i];
      auto group = std::find_if(groups.begin() + static_cast<std::ptrdiff_t>(first), groups.end(),
                                [&](const QualityGroup& known) {
                                  return known.split == one.split && known.task == one.task;
                                });
      if (group == groups.end()) {
        groups.push_back({one.split, one.task, mode.name, {}, 0, {}, {}});
        group = std::prev(groups.end());
      }
      group->cases.push_back(i);
    }
    for (std::size_t i = first; i < groups.size(); ++i) {
      std::vector<std::vector<score::Score>> scores;
      for (const std::size_t place : groups[i].cases) {
        std::vector<score::Score>& one = scores.emplace_back();
        for (const QualityAnswer& answer : mode.answers[place]) {
          one.push_back(answer.score);
        }
      }
      groups[i].summary = score::summarize(scores, kBootstrapSeed);
      note_refusals(mode, groups[i]);
    }
  }
  return groups;
}

Result<EarlierRun> load_earlier(const std::string& path) {
  MONOCLE_ASSIGN(const std::vector<std::byte> bytes, read_file(path, kMostResultBytes));
  const auto json =
      Json::parse(reinterpret_cast<const char*>(bytes.data()),
                  reinterpret_cast<const char*>(bytes.data()) + bytes.size(), nullptr, false);
  if (!json.is_object() || !json.contains("answers") || !json["answers"].is_array()) {
    return fail(ErrorCode::kInvalidArgument,
                "{} has no list of answers: it is not the answers.json of a quality run", path);
  }
  EarlierRun earlier;
  earlier.name = path;
  for (const auto& [name, value] : json.items()) {
    if (value.is_primitive() && name != "compared_with") {
      earlier.about[name] = value;
    }
  }
  for (const auto& row : json["answers"]) {
    const bool good = row.is_object() && row.contains("id") && row["id"].is_string() &&
                      row.contains("answer") && row["answer"].is_string();
    if (!good) {
      return fail(ErrorCode::kInvalidArgument, "{}: an entry of answers has no id or no answer",
                  path);
    }
    EarlierRun::Answer answer{row["answer"].get<std::string>(), {}, 0};
    if (row.contains("quality") && row["quality"].is_number()) {
      answer.quality = row["quality"].get<double>();
    }
    if (row.contains("tokens") && row["tokens"].is_array()) {
      for (const auto& token : row["tokens"]) {
        answer.tokens.push_back(token.is_string() ? token.get<std::string>() : token.dump());
      }
    }
    const std::string mode = row.value("mode", std::string("greedy"));
    earlier.answers[{mode, row["id"].get<std::string>()}].push_back(std::move(answer));
  }
  return earlier;
}

Agreement compare(const QualityRun& run, const QualityGroup& group, const EarlierRun& earlier) {
  Agreement agreement;
  const auto mode = std::ranges::find(run.modes, group.mode, &QualityMode::name);
  for (const std::size_t place : group.cases) {
    const auto other = earlier.answers.find({group.mode, run.cases.set.cases[place].id});
    if (other == earlier.answers.end() || mode->answers[place].size() != other->second.size()) {
      continue;
    }
    ++agreement.cases;
    const auto answers = static_cast<double>(other->second.size());
    for (std::size_t i = 0; i < other->second.size(); ++i) {
      const QualityAnswer& mine = mode->answers[place][i];
      const EarlierRun::Answer& theirs = other->second[i];
      agreement.tokens += score::token_agreement(mine.tokens, theirs.tokens) / answers;
      agreement.same += (mine.text == theirs.text ? 1 : 0) / answers;
      agreement.difference +=
          (score::five_points(mine.score.quality) - score::five_points(theirs.quality)) / answers;
    }
  }
  if (agreement.cases > 0) {
    const auto cases = static_cast<double>(agreement.cases);
    agreement.tokens /= cases;
    agreement.same /= cases;
    agreement.difference /= cases;
  }
  return agreement;
}

Json run_json(const QualityRun& run, const EarlierRun* earlier, bool answers) {
  Json json = run.about;
  json["set"] = {{"name", run.cases.set.name}, {"note", run.cases.set.note}};
  if (earlier != nullptr) {
    json["compared_with"] = earlier->name;
  }
  json["groups"] = Json::array();
  for (const QualityGroup& group : group_run(run)) {
    json["groups"].push_back(group_json(run, group, earlier));
  }
  if (answers) {
    json["answers"] = answers_json(run);
  }
  return json;
}

}  // namespace monocle::app
