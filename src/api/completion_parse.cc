// SPDX-License-Identifier: Apache-2.0
#include "api/completion_parse.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "api/generation_parse.h"

namespace monocle::api {
namespace {

constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t kDefaultMaxTokens = 16;  // of this old endpoint, everywhere

using Input = CompletionRequest::Input;

Input token_input(const Json::Array& ids, const std::string& path, const ParseLimits& limits,
                  Problem& problem) {
  const std::int64_t last = limits.vocab_size > 0 ? limits.vocab_size - 1 : kMaxInt32;
  Input input;
  input.token_ids.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size() && !problem.any(); ++i) {
    const auto* id = std::get_if<std::int64_t>(&ids[i].value);
    // The path is made only for the one that is wrong: there may be a million.
    const bool good = id != nullptr && *id >= 0 && *id <= last;
    const auto value =
        good ? std::optional(*id) : integer_of(ids[i], at(path, i), 0, last, problem);
    input.token_ids.push_back(static_cast<std::int32_t>(value.value_or(0)));
  }
  return input;
}

void add_prompt(const Json& value, const std::string& path, const ParseLimits& limits,
                Problem& problem, std::vector<Input>& out) {
  if (const std::string* text = value.string()) {
    out.push_back({*text, {}});
  } else if (const Json::Array* ids = value.array()) {
    out.push_back(token_input(*ids, path, limits, problem));
  } else {
    problem.wrong_type(path, value, "a string or an array of token ids");
    return;
  }
  if (out.back().text.empty() && out.back().token_ids.empty()) {
    problem.add(path, fmt::format("{} is empty", path), "invalid_value");
  }
}

void parse_prompts(const Fields& body, const ParseLimits& limits, std::vector<Input>& out) {
  Problem& problem = body.problem();
  const Json* prompt = body.find("prompt");
  if (prompt == nullptr) {
    problem.add("prompt", "prompt is missing", "missing_required_parameter");
    return;
  }
  const Json::Array* items = prompt->array();
  if (items == nullptr || (!items->empty() && items->front().is_number())) {
    add_prompt(*prompt, "prompt", limits, problem, out);
    return;
  }
  if (items->empty() || items->size() > limits.max_prompts) {
    problem.add(
        "prompt",
        fmt::format("prompt has {} items, 1 to {} are possible", items->size(), limits.max_prompts),
        "invalid_value");
    return;
  }
  for (std::size_t i = 0; i < items->size() && !problem.any(); ++i) {
    add_prompt((*items)[i], at("prompt", i), limits, problem, out);
  }
}

void refuse_what_is_missing(const Fields& body, const CompletionRequest& request) {
  Problem& problem = body.problem();
  const std::string* suffix = body.string("suffix");
  if (suffix != nullptr && !suffix->empty()) {
    problem.add("suffix", "suffix is not supported: the model does not fill in the middle",
                "unsupported_parameter");
  }
  const auto best_of = body.integer("best_of", 1, kMaxAnswers);
  if (best_of && *best_of != request.generation.n) {
    problem.add("best_of",
                fmt::format("best_of is {} and n is {}; only best_of equal to n is supported",
                            *best_of, request.generation.n),
                "unsupported_parameter");
  }
  if (request.echo && request.generation.logprobs) {
    problem.add("logprobs", "logprobs of an echoed prompt are not computed; leave out echo",
                "unsupported_parameter");
  }
}

}  // namespace

ApiResult<CompletionRequest> parse_completion(std::string_view body, const ParseLimits& limits) {
  auto json = parse_json(body);
  if (!json) {
    return tl::unexpected(std::move(json).error());
  }
  Problem problem;
  const Fields fields(*json, "", problem);
  CompletionRequest out;
  out.model = fields.string_or("model", "");
  parse_sampling(fields, limits, out.generation);
  const auto max_tokens = fields.integer("max_tokens", 1, kMaxInt32);
  out.generation.max_tokens = static_cast<std::int32_t>(max_tokens.value_or(kDefaultMaxTokens));
  if (const auto logprobs = fields.integer("logprobs", 0, kMaxTopLogprobs)) {
    out.generation.logprobs = true;
    out.generation.top_logprobs = static_cast<std::int32_t>(*logprobs);
  }
  out.echo = fields.boolean_or("echo", false);
  refuse_what_is_missing(fields, out);
  parse_stream(fields, out.stream);
  out.format = parse_output_format(fields, limits);
  parse_prompts(fields, limits, out.prompts);
  if (problem.any()) {
    return tl::unexpected(problem.take());
  }
  return out;
}

}  // namespace monocle::api
