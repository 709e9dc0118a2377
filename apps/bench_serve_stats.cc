// SPDX-License-Identifier: Apache-2.0
#include "bench_serve_stats.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace monocle::app {
namespace {

using Json = nlohmann::json;

std::int64_t integer(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

// The text of a chunk of either dialect; reasoning and tool calls are tokens, too.
bool has_text(const Json& choice) {
  if (const auto text = choice.find("text"); text != choice.end() && text->is_string()) {
    return !text->get_ref<const std::string&>().empty();
  }
  const auto delta = choice.find("delta");
  if (delta == choice.end() || !delta->is_object()) return false;
  for (const char* key : {"content", "reasoning_content", "reasoning"}) {
    const auto text = delta->find(key);
    if (text != delta->end() && text->is_string() && !text->get_ref<const std::string&>().empty()) {
      return true;
    }
  }
  return delta->contains("tool_calls");
}

void read_usage(const Json& usage, RequestRecord* record) {
  record->has_usage = true;
  record->prompt_tokens = integer(usage, "prompt_tokens");
  record->completion_tokens = integer(usage, "completion_tokens");
  const auto details = usage.find("prompt_tokens_details");
  if (details != usage.end() && details->is_object()) {
    record->cached_tokens = integer(*details, "cached_tokens");
  }
}

void read_event(const Json& event, double now_s, RequestRecord* record) {
  if (const auto error = event.find("error"); error != event.end() && !error->is_null()) {
    record->error = "error in the stream";
    return;
  }
  const auto choices = event.find("choices");
  if (choices != event.end() && choices->is_array() &&
      std::any_of(choices->begin(), choices->end(), has_text)) {
    record->token_s.push_back(now_s);
  }
  const auto usage = event.find("usage");
  if (usage != event.end() && usage->is_object()) read_usage(*usage, record);
}

}  // namespace

void StreamReader::feed(std::string_view bytes, double now_s, RequestRecord* record) {
  partial_ += bytes;
  std::size_t begin = 0;
  for (std::size_t end = partial_.find('\n'); end != std::string::npos;
       end = partial_.find('\n', begin)) {
    std::string_view text = std::string_view(partial_).substr(begin, end - begin);
    if (text.ends_with('\r')) text.remove_suffix(1);
    line(text, now_s, record);
    begin = end + 1;
  }
  partial_.erase(0, begin);
}

void StreamReader::line(std::string_view text, double now_s, RequestRecord* record) {
  constexpr std::string_view kData = "data:";
  if (!text.starts_with(kData)) return;  // comments and other fields
  text.remove_prefix(kData.size());
  if (text.starts_with(' ')) text.remove_prefix(1);
  if (text == "[DONE]") {
    done_ = true;
    return;
  }
  const Json event = Json::parse(text, nullptr, false);
  if (!event.is_object()) {
    record->error = "an event is not a JSON object";
    return;
  }
  read_event(event, now_s, record);
}

void StreamReader::end(RequestRecord* record) const {
  if (record->error.empty() && !done_) record->error = "the stream has no [DONE]";
  if (!record->has_usage) {
    record->completion_tokens = static_cast<std::int64_t>(record->token_s.size());
  }
}

Percentiles percentiles_of(std::vector<double> samples) {
  Percentiles result;
  if (samples.empty()) return result;
  std::ranges::sort(samples);
  // Linear between the two nearest samples.
  const auto at = [&](double share) {
    const double position = share * static_cast<double>(samples.size() - 1);
    const auto low = static_cast<std::size_t>(std::floor(position));
    const std::size_t high = std::min(low + 1, samples.size() - 1);
    return std::lerp(samples[low], samples[high], position - std::floor(position));
  };
  double sum = 0;
  for (const double sample : samples) sum += sample;
  result = {sum / static_cast<double>(samples.size()),
            at(0.5),
            at(0.9),
            at(0.95),
            at(0.99),
            samples.back()};
  return result;
}

LevelResult summarize(std::string name, const std::vector<RequestRecord>& records,
                      const Objectives& objectives) {
  LevelResult result;
  result.name = std::move(name);
  result.requests = static_cast<std::int64_t>(records.size());
  std::vector<double> ttft;
  std::vector<double> tpot;
  std::vector<double> itl;
  std::vector<double> e2e;
  double begin_s = INFINITY;
  double end_s = 0;
  std::int64_t good = 0;
  for (const RequestRecord& record : records) {
    begin_s = std::min(begin_s, record.sent_s);
    end_s = std::max(end_s, record.end_s);
    if (!record.error.empty()) {
      ++result.errors[record.error];
      continue;
    }
    result.prompt_tokens += record.prompt_tokens;
    result.cached_tokens += record.cached_tokens;
    result.completion_tokens += record.completion_tokens;
    result.tokens_by_usage = result.tokens_by_usage && record.has_usage;
    e2e.push_back((record.end_s - record.sent_s) * 1e3);
    if (record.token_s.empty()) continue;
    const auto& times = record.token_s;
    ttft.push_back((times.front() - record.sent_s) * 1e3);
    for (std::size_t i = 1; i < times.size(); ++i) itl.push_back((times[i] - times[i - 1]) * 1e3);
    double per_token = 0;
    if (record.completion_tokens > 1) {
      per_token =
          (record.end_s - times.front()) * 1e3 / static_cast<double>(record.completion_tokens - 1);
      tpot.push_back(per_token);
    }
    good += ttft.back() <= objectives.ttft_ms && per_token <= objectives.tpot_ms ? 1 : 0;
  }
  result.seconds = records.empty() ? 0 : end_s - begin_s;
  if (result.seconds > 0) {
    result.requests_per_s = static_cast<double>(e2e.size()) / result.seconds;
    result.output_tokens_per_s = static_cast<double>(result.completion_tokens) / result.seconds;
    result.input_tokens_per_s = static_cast<double>(result.prompt_tokens) / result.seconds;
    result.goodput_per_s = static_cast<double>(good) / result.seconds;
  }
  result.ttft_ms = percentiles_of(std::move(ttft));
  result.tpot_ms = percentiles_of(std::move(tpot));
  result.itl_ms = percentiles_of(std::move(itl));
  result.e2e_ms = percentiles_of(std::move(e2e));
  return result;
}

}  // namespace monocle::app
