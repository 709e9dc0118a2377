// SPDX-License-Identifier: Apache-2.0
// The text of GET /metrics: vLLM's names and buckets, so that dashboards and routers made for it
// work, and our own under monocle_. ServerMetrics is fed by any thread without locks; what the
// engine counts itself comes with render().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace monocle::api {

// One request that ended. Times in seconds; negative = did not happen, not counted.
struct RequestSample {
  std::string_view finish_reason;  // stop, length, abort, error
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t generation_tokens = 0;
  std::int64_t image_tokens = 0;
  double first_token_s = -1, e2e_s = -1, queue_s = -1, prefill_s = -1, decode_s = -1;
  double upload_s = -1, media_s = -1, vision_s = -1;  // our own histograms
};

enum class Refusal : std::uint8_t {
  kMalformed,
  kUnauthorized,
  kNotFound,
  kTooLong,   // the context
  kTooLarge,  // bytes
  kQueueFull,
  kMedia,
  kGrammar,
  kOther,
};

// One of the engines side by side.
struct DeviceGauges {
  std::string name;
  bool up = true;
  std::int64_t running = 0, waiting = 0;
  std::int64_t kv_blocks_used = 0;
  std::int64_t generation_tokens = 0;
};

// Read when the page is rendered. Totals since the start, over all devices.
struct EngineGauges {
  std::int64_t running = 0, waiting = 0;
  double kv_usage = 0;  // 0..1
  std::int64_t kv_blocks = 0, kv_blocks_free = 0, kv_blocks_cached = 0, block_tokens = 0;
  std::int64_t preemptions = 0;
  std::int64_t prompt_tokens = 0, generation_tokens = 0;
  std::int64_t prefix_queries = 0, prefix_hits = 0;  // tokens
  std::int64_t media_queries = 0, media_hits = 0;    // pictures
  // Steps by size: item i counts those of at most 2^i tokens and more than 2^(i-1), the last all
  // larger ones.
  std::vector<std::int64_t> step_sizes;
  std::int64_t step_tokens = 0;
  std::int64_t connections = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t device_bytes = 0;  // GPU memory held, 0 on a CPU
  std::int64_t moved_requests = 0;
  std::vector<DeviceGauges> devices;
};

class ServerMetrics {
 public:
  // The buckets of token counts reach to max_model_len.
  ServerMetrics(std::string_view model_name, std::int64_t max_model_len);
  ~ServerMetrics();
  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  void finished(const RequestSample& sample);
  void inter_token(double seconds);
  void refused(Refusal reason);

  [[nodiscard]] std::string render(const EngineGauges& gauges) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace monocle::api
