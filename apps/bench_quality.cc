// SPDX-License-Identifier: Apache-2.0
#include "bench_quality.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>

#include "bench_quality_report.h"
#include "bench_quality_result.h"
#include "local_server.h"
#include "report.h"

namespace monocle::app {
namespace {

using Clock = std::chrono::steady_clock;

struct QualityOptions {
  std::string cases;
  std::vector<std::string> tasks;
  std::vector<std::string> splits;
  std::size_t limit = 0;
  std::string url;
  ModelOptions model;
  std::string control = "none";
  int seeds = 0;
  double temperature = 0.7;
  int concurrency = 8;
  double timeout_s = 600;
  std::string out;
  std::string compare;
  std::string answers;
  bool no_tokens = false;
};

// One line on stderr: rewritten on a terminal, else a new one for every tenth.
class Reporter {
 public:
  explicit Reporter(std::string name) : name_(std::move(name)) {}

  void operator()(const AskProgress& progress) {
    const bool terminal = isatty(STDERR_FILENO) != 0;
    const std::size_t tenth = progress.done * 10 / std::max<std::size_t>(progress.all, 1);
    if (!terminal && tenth == tenth_) {
      return;
    }
    tenth_ = tenth;
    const double passed = std::chrono::duration<double>(Clock::now() - start_).count();
    const double left = progress.done == 0
                            ? 0
                            : passed * static_cast<double>(progress.all - progress.done) /
                                  static_cast<double>(progress.done);
    fmt::print(stderr,
               "{}{}: {} of {} answers, mean Q {:.3f}, {} errors, {:.0f} s, {:.0f} s left{}",
               terminal ? "\r\033[K" : "", name_, progress.done, progress.all, progress.quality,
               progress.errors, passed, left, terminal && progress.done < progress.all ? "" : "\n");
    std::fflush(stderr);
  }

 private:
  std::string name_;
  Clock::time_point start_ = Clock::now();
  std::size_t tenth_ = 0;
};

Control control_of(const std::string& name) {
  return name == "blank"      ? Control::kBlank
         : name == "shuffled" ? Control::kShuffled
                              : Control::kNone;
}

// As it could be typed again.
std::string command_line(const QualityOptions& o) {
  std::string line = "monocle bench quality --cases " + o.cases;
  const auto add = [&](const char* flag, const std::string& value) {
    line += value.empty() ? "" : fmt::format(" {} {}", flag, value);
  };
  add("--task", fmt::format("{}", fmt::join(o.tasks, ",")));
  add("--split", fmt::format("{}", fmt::join(o.splits, ",")));
  add("--limit", o.limit > 0 ? std::to_string(o.limit) : "");
  add("--url", o.url);
  add("--model", o.model.path);
  add("--quant", o.model.quant == "none" ? "" : o.model.quant);
  add("--compute", o.model.compute == "auto" ? "" : o.model.compute);
  add("--kv", o.model.kv == "auto" ? "" : o.model.kv);
  add("--control", o.control == "none" ? "" : o.control);
  add("--seeds", o.seeds > 0 ? fmt::format("{} --temperature {}", o.seeds, o.temperature) : "");
  add("--answers", o.answers);
  add("--compare", o.compare);
  return line;
}

// Leaves out the tasks and splits that were not asked for, and what is over the limit of each.
Status choose_cases(const QualityOptions& options, score::CaseSet& set) {
  std::map<std::pair<std::string, score::Task>, std::size_t> taken;
  const auto is_asked = [](const std::vector<std::string>& list, const std::string& name) {
    return list.empty() || std::ranges::find(list, name) != list.end();
  };
  std::erase_if(set.cases, [&](const score::Case& one) {
    return !is_asked(options.tasks, score::task_name(one.task)) ||
           !is_asked(options.splits, one.split) ||
           (options.limit > 0 && taken[{one.split, one.task}]++ >= options.limit);
  });
  if (set.cases.empty()) {
    return fail(ErrorCode::kInvalidArgument, "{} has no case of task '{}' and split '{}'",
                options.cases, fmt::join(options.tasks, ","), fmt::join(options.splits, ","));
  }
  return {};
}

Status write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    return fail(ErrorCode::kUnavailable, "{} cannot be written", path);
  }
  return {};
}

class QualityBench {
 public:
  explicit QualityBench(const QualityOptions& options) : options_(options) {}

  Status run() {
    MONOCLE_ASSIGN(run_.cases, load_cases(options_.cases));
    MONOCLE_TRY(choose_cases(options_, run_.cases.set));
    if (!options_.compare.empty()) {
      MONOCLE_ASSIGN(earlier_, load_earlier(options_.compare));
    }
    run_.about = {{"version", MONOCLE_VERSION},
                  {"commit", MONOCLE_COMMIT},
                  {"command", command_line(options_)}};
    if (!options_.answers.empty()) {
      MONOCLE_TRY(score_given());
    } else {
      MONOCLE_TRY(ask());
    }
    print();
    return options_.out.empty() ? Status{} : write();
  }

 private:
  [[nodiscard]] const EarlierRun* earlier() const { return earlier_ ? &*earlier_ : nullptr; }

  // The server: the given one, or one of our own for as long as the run takes.
  Result<std::string> start() {
    if (!options_.url.empty()) {
      run_.about["server"] = options_.url;
      return options_.url;
    }
    ServeOptions serve;
    serve.model = options_.model;
    serve.port = 0;
    serve.sequences = options_.concurrency;
    Progress progress;
    progress.phase("loading the model");
    MONOCLE_ASSIGN(local_, start_local_server(serve));
    progress.stop();
    run_.about["server"] = "in process, " + local_->backend;
    run_.about["weights"] = options_.model.quant == "none" ? "as stored" : options_.model.quant;
    run_.about["compute"] = options_.model.compute;
    run_.about["kv"] = options_.model.kv;
    return local_->url;
  }

  Status ask() {
    MONOCLE_ASSIGN(const std::string url, start());
    MONOCLE_ASSIGN(const ApiTarget target, make_api_target(url, options_.timeout_s));
    AskPlan plan;
    plan.control = control_of(options_.control);
    plan.concurrency = options_.concurrency;
    plan.tokens = !options_.no_tokens;
    if (!options_.url.empty() && !options_.model.path.empty()) {
      plan.model = options_.model.path;
    } else {
      MONOCLE_ASSIGN(plan.model, first_model(target));
    }
    run_.about["model"] = plan.model;
    run_.about["control"] = options_.control;
    const Clock::time_point start = Clock::now();
    plan.seeds = {0};
    MONOCLE_TRY(ask_mode(target, plan, "greedy"));
    if (options_.seeds > 0) {
      plan.temperature = options_.temperature;
      plan.seeds.resize(static_cast<std::size_t>(options_.seeds));
      std::iota(plan.seeds.begin(), plan.seeds.end(), std::uint64_t{1});
      MONOCLE_TRY(ask_mode(target, plan, "sampled"));
      run_.about["temperature"] = options_.temperature;
      run_.about["seeds"] = options_.seeds;
    }
    run_.about["seconds"] =
        std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start).count();
    return {};
  }

  Status ask_mode(const ApiTarget& target, const AskPlan& plan, const std::string& name) {
    QualityMode mode{name, plan.temperature, plan.seeds, {}};
    Reporter reporter(name);
    MONOCLE_ASSIGN(mode.answers, ask_cases(target, run_.cases, plan, std::ref(reporter)));
    run_.modes.push_back(std::move(mode));
    return {};
  }

  // Answers that were given before, by this program or another, scored again.
  Status score_given() {
    MONOCLE_ASSIGN(const EarlierRun given, load_earlier(options_.answers));
    // How they came to be is what the file says.
    run_.about = given.about;
    run_.about["scored_from"] = options_.answers;
    QualityMode mode{"greedy", 0, {0}, {}};
    for (const score::Case& one : run_.cases.set.cases) {
      QualityAnswer answer;
      const auto found = given.answers.find({mode.name, one.id});
      if (found == given.answers.end()) {
        answer.error = "not answered";
      } else {
        answer.text = found->second.front().text;
        answer.tokens = found->second.front().tokens;
      }
      answer.score = score::score_answer(one, answer.text);
      mode.answers.push_back({std::move(answer)});
    }
    run_.modes.push_back(std::move(mode));
    return {};
  }

  void print() const {
    fmt::print("{:<16}{:<10}{:<9}{:>6}  {:>7}  {:<16}{:>6}{:>8}\n", "split", "task", "answers",
               "cases", "Q %", "95 %", "S", "rubric");
    for (const QualityGroup& group : group_run(run_)) {
      fmt::print("{:<16}{:<10}{:<9}{:>6}", group.split, score::task_name(group.task), group.mode,
                 group.summary.cases);
      if (!group.refusal.empty()) {
        fmt::print("  not runnable here: {}\n", group.refusal);
        continue;
      }
      const score::Mean& q = group.summary.quality;
      fmt::print("  {:>7.1f}  {:<16}{:>6.2f}{:>8.2f}", q.value * 100,
                 fmt::format("{:.1f} to {:.1f}", q.low * 100, q.high * 100),
                 group.summary.points.value, group.summary.rubric.value);
      if (earlier() != nullptr) {
        const Agreement agreement = compare(run_, group, *earlier());
        fmt::print("  tokens agree {:.2f} %, same answer {:.1f} %, S {:+.3f}",
                   agreement.tokens * 100, agreement.same * 100, agreement.difference);
      }
      fmt::print("{}\n", group.errors > 0 ? fmt::format("  {} errors", group.errors) : "");
    }
  }

  Status write() const {
    std::error_code error;
    std::filesystem::create_directories(options_.out, error);
    if (error) {
      return fail(ErrorCode::kUnavailable, "--out {} cannot be made: {}", options_.out,
                  error.message());
    }
    const auto text = [&](bool answers) {
      return run_json(run_, earlier(), answers)
                 .dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
             "\n";
    };
    MONOCLE_TRY(write_file(options_.out + "/summary.json", text(false)));
    MONOCLE_TRY(write_file(options_.out + "/answers.json", text(true)));
    MONOCLE_ASSIGN(const std::string report, quality_report(run_, earlier()));
    MONOCLE_TRY(write_file(options_.out + "/report.html", report));
    fmt::print("\nWritten: {0}/report.html, {0}/summary.json, {0}/answers.json\n", options_.out);
    return {};
  }

  const QualityOptions& options_;
  QualityRun run_;
  std::optional<EarlierRun> earlier_;
  std::optional<LocalServer> local_;
};

int run_bench_quality(const QualityOptions& options) {
  const Status status = QualityBench(options).run();
  return status ? 0 : report(status.error());
}

void add_case_flags(Flags& app, QualityOptions& o) {
  app.add_option("--cases", o.cases, "Folder with cases.json and its pictures").required();
  std::vector<std::string> names;
  for (const score::Task task : score::kTasks) {
    names.emplace_back(score::task_name(task));
  }
  app.add_option("--task", o.tasks, "Only these tasks; several with commas")
      .delimiter(',')
      .one_of(names);
  app.add_option("--split", o.splits, "Only these splits; several with commas").delimiter(',');
  app.add_option("--limit", o.limit, "Most cases of each task and split, 0 = all")
      .capture_default_str();
  app.add_option("--control", o.control,
                 "Instead of the pictures: blank ones, or those of other cases (shuffled)")
      .capture_default_str()
      .one_of({"none", "blank", "shuffled"});
}

void add_answer_flags(Flags& app, QualityOptions& o) {
  app.add_option("--url", o.url,
                 "Base of an OpenAI-compatible API, with its /v1; --model is then a name there. "
                 "Default: the model is loaded here");
  app.add_option("--seeds", o.seeds,
                 "Besides the greedy answer this many sampled ones per case, at --temperature")
      .capture_default_str()
      .range(0, 1000);
  app.add_option("--temperature", o.temperature, "Of the sampled answers")
      .capture_default_str()
      .range(0.0, 2.0);
  app.add_option("-c,--concurrency", o.concurrency, "Questions asked at the same time")
      .capture_default_str()
      .range(1, 256);
  app.add_option("--timeout", o.timeout_s, "Seconds after which a question has failed")
      .capture_default_str()
      .range(0.1, 86400.0);
  app.add_flag("--no-tokens", o.no_tokens,
               "Do not ask for log probabilities, which give the tokens to compare");
  app.add_option("--answers", o.answers,
                 "Ask nobody: score the answers of this file, an earlier answers.json");
}

}  // namespace

Action add_bench_quality(Flags& app) {
  auto options = std::make_shared<QualityOptions>();
  app.footer(
      "Examples: monocle bench quality --cases build/cases --out build/quality\n"
      "          monocle bench quality --cases build/cases --quant int8 --compare "
      "build/quality/answers.json\n"
      "          monocle bench quality --cases build/cases --url http://127.0.0.1:8000/v1\n"
      "\n"
      "Case sets are written by tools/quality. The rules are in docs/user/quality-rules.md.");
  add_case_flags(app, *options);
  add_answer_flags(app, *options);
  app.add_option("--out", options->out, "Folder for summary.json, answers.json and report.html");
  app.add_option("--compare", options->compare,
                 "An earlier run's answers.json: agreement of tokens, answers and scores");
  options->model.add(app);
  return [options] { return run_bench_quality(*options); };
}

}  // namespace monocle::app
