// SPDX-License-Identifier: Apache-2.0
#include "sampling_options.h"

#include <charconv>
#include <string_view>

namespace monocle::app {
namespace {

Result<LogitBiasEntry> parse_bias(std::string_view text) {
  LogitBiasEntry entry;
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    const char* end = text.data() + text.size();
    const auto id = std::from_chars(text.data(), text.data() + colon, entry.token_id);
    const auto bias = std::from_chars(text.data() + colon + 1, end, entry.bias);
    if (id.ec == std::errc() && id.ptr == text.data() + colon && bias.ec == std::errc() &&
        bias.ptr == end) {
      return entry;
    }
  }
  return fail(ErrorCode::kInvalidArgument, "--logit-bias '{}' is not TOKEN_ID:VALUE", text);
}

}  // namespace

void SamplingOptions::add(Flags& app) {
  const char* group = "Sampling";
  app.add_option("--temperature", temperature, "0 picks the most likely token every time")
      .group(group);
  app.add_option("--top-k", top_k, "Sample among the K most likely tokens, 0 = all").group(group);
  app.add_option("--top-p", top_p, "Sample among the fewest tokens that hold this much probability")
      .group(group);
  app.add_option("--min-p", min_p, "Drop tokens below this share of the most likely one")
      .group(group);
  app.add_option("--repetition-penalty", repetition_penalty,
                 "Above 1: avoid tokens of prompt and answer")
      .group(group);
  app.add_option("--presence-penalty", presence_penalty,
                 "Subtracted once from every token of the answer")
      .group(group);
  app.add_option("--frequency-penalty", frequency_penalty,
                 "Subtracted for each time a token was answered")
      .group(group);
  app.add_option("--logit-bias", logit_bias,
                 "TOKEN_ID:VALUE added to a token's logit; may be repeated")
      .one_value()
      .group(group);
  app.add_option("--seed", seed, "Same seed, same text").capture_default_str().group(group);
  app.add_option("--logprobs", logprobs,
                 "With --json: report each token and this many alternatives")
      .range(0, 20)
      .group(group);
}

Result<SamplingParams> SamplingOptions::resolve(const qwen3_vl::GenerationConfig& defaults) const {
  SamplingParams params;
  // A temperature on the command line asks for sampling even where the checkpoint's default is
  // greedy.
  params.temperature = temperature.value_or(defaults.do_sample ? defaults.temperature : 0.0F);
  params.top_k = top_k.value_or(defaults.top_k);
  params.top_p = top_p.value_or(defaults.top_p);
  params.min_p = min_p.value_or(defaults.min_p);
  params.repetition_penalty = repetition_penalty.value_or(defaults.repetition_penalty);
  params.presence_penalty = presence_penalty.value_or(0.0F);
  params.frequency_penalty = frequency_penalty.value_or(0.0F);
  params.seed = seed;
  params.top_logprobs = logprobs;
  for (const std::string& text : logit_bias) {
    MONOCLE_ASSIGN(const LogitBiasEntry entry, parse_bias(text));
    params.logit_bias.push_back(entry);
  }
  return params;
}

}  // namespace monocle::app
