// SPDX-License-Identifier: Apache-2.0
// The C++ half of tools/parity/grammar.py: random answers within a grammar.
//   grammar_main TOKENIZER.json walk COUNT STEPS   stdin: a JSON schema a line; stdout, a JSON
//   object
//                                                  a line: {"refused": why} or {"answers": [text]}
//   grammar_main TOKENIZER.json time STEPS [ROWS]  the same input; stdout: microseconds per mask
//                                                  over the tokenizer's entries, or over ROWS
// Every token of an answer is drawn from the mask; where the answer may end, it ends with even
// odds. A walk that does not end within STEPS tokens is left out.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "grammar/compiler.h"

namespace {

using monocle::GrammarCompiler;
using monocle::TokenId;
using monocle::Tokenizer;
using monocle::TokenMatcher;
using Clock = std::chrono::steady_clock;

class Walker {
 public:
  Walker(const Tokenizer& tokenizer, TokenId stop, std::int32_t rows)
      : tokenizer_(tokenizer), stop_(stop), mask_((static_cast<std::size_t>(rows) + 31) / 32) {}

  // Nothing: no end within `steps`.
  std::optional<std::string> walk(TokenMatcher& matcher, int steps) {
    std::vector<TokenId> answer;
    for (int step = 0; step < steps; ++step) {
      const Clock::time_point begun = Clock::now();
      const bool restricted = matcher.fill(mask_);
      times_us_.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begun).count());
      const TokenId id = draw(restricted, step > steps / 2);
      if (id < 0 || !matcher.accept(id)) {
        return fmt::format("<the matcher refused its own token {}>", id);
      }
      if (id == stop_) {
        return tokenizer_.decode(answer, false);
      }
      answer.push_back(id);
    }
    return std::nullopt;
  }

  std::vector<double>& times_us() { return times_us_; }

 private:
  bool allowed(TokenId id) const {
    return ((mask_[static_cast<std::size_t>(id) / 32] >> (id % 32)) & 1) != 0;
  }

  // hurry: take a token that closes something, if there is one.
  TokenId draw(bool restricted, bool hurry) {
    choices_.clear();
    closing_.clear();
    for (TokenId id = 0; id < tokenizer_.vocab_size(); ++id) {
      if (restricted && !allowed(id)) {
        continue;
      }
      choices_.push_back(id);
      const std::string_view bytes = tokenizer_.bytes_of(id);
      if (bytes == "\"" || bytes == "}" || bytes == "]" || bytes == "," || bytes == "\":") {
        closing_.push_back(id);
      }
    }
    const bool may_end = !restricted || allowed(stop_);
    if (choices_.empty()) {
      return -1;
    }
    if (may_end && (hurry || random_() % 2 == 0)) {
      return stop_;
    }
    const std::vector<TokenId>& from = hurry && !closing_.empty() ? closing_ : choices_;
    return from[random_() % from.size()];
  }

  const Tokenizer& tokenizer_;
  TokenId stop_;
  std::vector<std::uint32_t> mask_;
  std::vector<TokenId> choices_, closing_;
  std::vector<double> times_us_;
  std::mt19937 random_{1};
};

std::string reply(GrammarCompiler& compiler, Walker& walker, const std::string& schema, int count,
                  int steps) {
  nlohmann::json out;
  for (int i = 0; i < count; ++i) {
    const GrammarCompiler::Matcher matcher = compiler.json_schema(schema);
    if (!matcher) {
      out["refused"] = matcher.error().message;
      break;
    }
    if (std::optional<std::string> answer = walker.walk(**matcher, steps)) {
      out["answers"].push_back(std::move(*answer));
    }
  }
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int run(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: grammar_main TOKENIZER.json walk COUNT STEPS | time STEPS [ROWS]\n");
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto tokenizer = Tokenizer::load(text);
  if (!tokenizer) {
    fmt::print(stderr, "{}\n", tokenizer.error().message);
    return 2;
  }
  const std::vector<TokenId> stops{tokenizer->id_of("<|im_end|>").value()};
  const bool timing = std::string_view(argv[2]) == "time";
  const std::int32_t rows = timing && argc > 4
                                ? std::max(tokenizer->vocab_size(), std::stoi(argv[4]))
                                : tokenizer->vocab_size();
  const auto compiler = GrammarCompiler::create(*tokenizer, stops, rows, {});
  Walker walker(*tokenizer, stops.front(), rows);
  const int count = timing ? 1 : std::stoi(argv[3]);
  const int steps = std::stoi(argv[timing ? 3 : 4]);
  for (std::string schema; std::getline(std::cin, schema);) {
    const std::string line = reply(*compiler, walker, schema, count, steps);
    if (!timing) {
      fmt::print("{}\n", line);
    }
  }
  if (timing && !walker.times_us().empty()) {
    std::vector<double>& times = walker.times_us();
    std::sort(times.begin(), times.end());
    double sum = 0;
    for (const double time : times) {
      sum += time;
    }
    fmt::print("{} masks over {} entries: mean {:.1f} us, median {:.1f} us, 99 % {:.1f} us\n",
               times.size(), rows, sum / static_cast<double>(times.size()), times[times.size() / 2],
               times[times.size() * 99 / 100]);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv); }
