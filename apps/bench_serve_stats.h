// SPDX-License-Identifier: Apache-2.0
// What one streamed answer was like, and the figures of many. Pure: no sockets, no clock.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace monocle::app {

// One request as its client saw it; seconds since the level began.
struct RequestRecord {
  double sent_s = 0;
  double end_s = 0;
  std::vector<double> token_s;  // arrival of each piece of text
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t completion_tokens = 0;  // by usage; the number of pieces where there is none
  bool has_usage = false;
  std::string error;  // "" = answered completely
};

// Takes a stream of server-sent events apart, however the reads cut it, and keeps the record.
class StreamReader {
 public:
  void feed(std::string_view bytes, double now_s, RequestRecord* record);
  void end(RequestRecord* record) const;  // an answer without its end is an error

 private:
  void line(std::string_view text, double now_s, RequestRecord* record);
  std::string partial_;
  bool done_ = false;
};

struct Objectives {
  double ttft_ms = 2000;
  double tpot_ms = 100;
};

struct Percentiles {
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
};
Percentiles percentiles_of(std::vector<double> samples);

struct LevelResult {
  std::string name;  // "32 clients", "5 per second"
  std::int64_t requests = 0;
  std::map<std::string, std::int64_t> errors;
  double seconds = 0;  // first request sent to last answer complete
  double requests_per_s = 0;
  double output_tokens_per_s = 0;
  double input_tokens_per_s = 0;
  double goodput_per_s = 0;  // requests that met both objectives
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t completion_tokens = 0;
  bool tokens_by_usage = true;
  Percentiles ttft_ms;  // time to the first token
  Percentiles tpot_ms;  // per request: mean time per token after the first
  Percentiles itl_ms;   // between two pieces of text
  Percentiles e2e_ms;   // to the end of the answer
};

LevelResult summarize(std::string name, const std::vector<RequestRecord>& records,
                      const Objectives& objectives);

}  // namespace monocle::app
