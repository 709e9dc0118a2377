// SPDX-License-Identifier: Apache-2.0
#include "api/completion_parse.h"

#include <fmt/format.h>

#include <utility>

#include "api/generation_parse.h"
#include "api/text_input.h"

namespace monocle::api {
namespace {

constexpr std::int32_t kDefaultMaxTokens = 16;  // of this old endpoint, everywhere

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
  parse_text_inputs(fields, "prompt", limits.max_prompts, limits, out.prompts);
  if (problem.any()) {
    return tl::unexpected(problem.take());
  }
  return out;
}

}  // namespace monocle::api
