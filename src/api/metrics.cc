// SPDX-License-Identifier: Apache-2.0
#include "api/metrics.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <vector>

#include "api/prometheus.h"

namespace monocle::api {
namespace {

// vLLM's bucket bounds: quantiles computed from them match only if they are the same.
std::vector<double> first_token_bounds() {
  return {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,  0.25,  0.5,   0.75,
          1.0,   2.5,   5.0,  7.5,  10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0};
}
std::vector<double> inter_token_bounds() {
  return {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,  0.3,  0.4, 0.5,
          0.75, 1.0,   2.5,  5.0,   7.5, 10.0, 20.0, 40.0, 80.0};
}
std::vector<double> latency_bounds() {
  return {0.3,  0.5,  0.8,  1.0,  1.5,   2.0,   2.5,   5.0,   10.0,   15.0,  20.0,
          30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0};
}
std::vector<double> step_bounds() {
  return {1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};
}
// 1, 2, 5, 10, 20, 50 ... up to the limit.
std::vector<double> token_bounds(std::int64_t limit) {
  std::vector<double> bounds;
  for (std::int64_t power = 1; power <= limit; power *= 10) {
    for (const std::int64_t factor : {1, 2, 5}) {
      if (power * factor <= limit) {
        bounds.push_back(static_cast<double>(power * factor));
      }
    }
  }
  return bounds;
}

constexpr std::array<const char*, 4> kFinished = {"stop", "length", "abort", "error"};
constexpr std::array<const char*, 9> kRefusals = {"malformed", "unauthorized", "not_found",
                                                  "too_long",  "too_large",    "queue_full",
                                                  "media",     "grammar",      "other"};

struct NamedHistogram {
  const char* name;
  const char* help;
  Histogram histogram;
};

// The engine's powers of two under vLLM's bounds.
Histogram::Snapshot step_snapshot(const EngineGauges& gauges, const std::vector<double>& bounds) {
  Histogram::Snapshot out;
  out.counts.resize(bounds.size() + 1);
  out.sum = static_cast<double>(gauges.step_tokens);
  double largest = 1;
  for (const std::int64_t count : gauges.step_sizes) {
    std::size_t bucket = 0;
    while (bucket < bounds.size() && bounds[bucket] < largest) {
      ++bucket;
    }
    out.counts[bucket] += static_cast<std::uint64_t>(count);
    largest *= 2;
  }
  return out;
}

struct Counter {
  const char* name;
  const char* help;
  std::int64_t value;
};

void write_gauges(PrometheusPage& page, const EngineGauges& g) {
  page.type("vllm:num_requests_running", "gauge", "Requests in execution.");
  page.sample("vllm:num_requests_running", "", static_cast<double>(g.running));
  page.type("vllm:num_requests_waiting", "gauge", "Requests waiting for their first step.");
  page.sample("vllm:num_requests_waiting", "", static_cast<double>(g.waiting));
  // The second name is the older one, which dashboards still read.
  for (const char* name : {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"}) {
    page.type(name, "gauge", "Share of KV cache blocks in use, 0 to 1.");
    page.sample(name, "", g.kv_usage);
  }
  page.type("vllm:cache_config_info", "gauge", "Geometry of the KV cache.");
  page.sample("vllm:cache_config_info",
              fmt::format("block_size=\"{}\",num_gpu_blocks=\"{}\"", g.block_tokens, g.kv_blocks),
              1);
}

void write_engine_counters(PrometheusPage& page, const EngineGauges& g) {
  const Counter counters[] = {
      {"vllm:prompt_tokens_total", "Prompt tokens processed.", g.prompt_tokens},
      {"vllm:generation_tokens_total", "Tokens generated.", g.generation_tokens},
      {"vllm:num_preemptions_total", "Requests set back for lack of cache.", g.preemptions},
      {"vllm:prefix_cache_queries_total", "Prompt tokens looked up.", g.prefix_queries},
      {"vllm:prefix_cache_hits_total", "Prompt tokens found.", g.prefix_hits},
      {"vllm:mm_cache_queries_total", "Pictures looked up.", g.media_queries},
      {"vllm:mm_cache_hits_total", "Pictures found encoded.", g.media_hits},
  };
  for (const Counter& counter : counters) {
    page.type(counter.name, "counter", counter.help);
    page.sample(counter.name, "", static_cast<double>(counter.value));
  }
  const std::vector<double> bounds = step_bounds();
  page.histogram("vllm:iteration_tokens_total", "Tokens of one engine step.", bounds,
                 step_snapshot(g, bounds));
}

void write_own_gauges(PrometheusPage& page, const EngineGauges& g) {
  page.type("monocle_kv_blocks", "gauge", "KV cache blocks by state.");
  page.sample("monocle_kv_blocks", "state=\"free\"", static_cast<double>(g.kv_blocks_free));
  page.sample("monocle_kv_blocks", "state=\"cached\"", static_cast<double>(g.kv_blocks_cached));
  page.sample("monocle_kv_blocks", "state=\"used\"",
              static_cast<double>(g.kv_blocks - g.kv_blocks_free - g.kv_blocks_cached));
  const Counter gauges[] = {
      {"monocle_connections", "Open connections.", g.connections},
      {"monocle_resident_bytes", "Memory of the process.", g.resident_bytes},
      {"monocle_device_bytes", "GPU memory held.", g.device_bytes},
  };
  for (const Counter& gauge : gauges) {
    page.type(gauge.name, "gauge", gauge.help);
    page.sample(gauge.name, "", static_cast<double>(gauge.value));
  }
}

void write_devices(PrometheusPage& page, const EngineGauges& g) {
  struct Column {
    const char* name;
    const char* type;
    const char* help;
    std::int64_t (*value)(const DeviceGauges&);
  };
  constexpr Column kColumns[] = {
      {"monocle_device_up", "gauge", "1 while the device works.",
       [](const DeviceGauges& d) { return std::int64_t{d.up}; }},
      {"monocle_device_requests_running", "gauge", "Requests in execution on the device.",
       [](const DeviceGauges& d) { return d.running; }},
      {"monocle_device_requests_waiting", "gauge", "Requests waiting for the device.",
       [](const DeviceGauges& d) { return d.waiting; }},
      {"monocle_device_kv_blocks_used", "gauge", "KV cache blocks in use on the device.",
       [](const DeviceGauges& d) { return d.kv_blocks_used; }},
      {"monocle_device_generation_tokens_total", "counter", "Tokens generated by the device.",
       [](const DeviceGauges& d) { return d.generation_tokens; }},
  };
  for (const Column& column : kColumns) {
    page.type(column.name, column.type, column.help);
    for (const DeviceGauges& device : g.devices) {
      page.sample(column.name, prometheus_label("device", device.name),
                  static_cast<double>(column.value(device)));
    }
  }
  page.type("monocle_requests_moved_total", "counter",
            "Requests that went on elsewhere after their device failed.");
  page.sample("monocle_requests_moved_total", "", static_cast<double>(g.moved_requests));
}

}  // namespace

struct ServerMetrics::Impl {
  // In the order of the page.
  enum Index : std::uint8_t {
    kFirstToken,
    kInterToken,
    kPerOutputToken,
    kE2e,
    kQueue,
    kPrefill,
    kDecode,
    kInference,
    kPromptTokens,
    kGenerationTokens,
    kUpload,
    kMedia,
    kVision,
  };

  Impl(std::string_view model, std::int64_t limit)
      : labels(prometheus_label("model_name", model) + ",engine=\"0\""),
        histograms{{
            {"vllm:time_to_first_token_seconds", "Arrival to the first token.",
             Histogram(first_token_bounds())},
            {"vllm:inter_token_latency_seconds", "Token to token.",
             Histogram(inter_token_bounds())},
            {"vllm:time_per_output_token_seconds", "Token to token, by its older name.",
             Histogram(inter_token_bounds())},
            {"vllm:e2e_request_latency_seconds", "Arrival to the end.",
             Histogram(latency_bounds())},
            {"vllm:request_queue_time_seconds", "Waiting.", Histogram(latency_bounds())},
            {"vllm:request_prefill_time_seconds", "Prompt.", Histogram(latency_bounds())},
            {"vllm:request_decode_time_seconds", "Answer.", Histogram(latency_bounds())},
            {"vllm:request_inference_time_seconds", "Prompt and answer.",
             Histogram(latency_bounds())},
            {"vllm:request_prompt_tokens", "Prompt tokens of a request.",
             Histogram(token_bounds(limit))},
            {"vllm:request_generation_tokens", "Generated tokens of a request.",
             Histogram(token_bounds(limit))},
            {"monocle_upload_seconds", "First to last byte of a request.",
             Histogram(first_token_bounds())},
            {"monocle_media_seconds", "Decoding and resizing of a request's pictures.",
             Histogram(first_token_bounds())},
            {"monocle_vision_seconds", "Vision tower, steps a request took part in.",
             Histogram(first_token_bounds())},
        }} {}

  std::string labels;
  std::array<NamedHistogram, 13> histograms;
  std::array<std::atomic<std::int64_t>, kFinished.size()> finished{};
  std::array<std::atomic<std::int64_t>, kRefusals.size()> refused{};
  std::atomic<std::int64_t> image_tokens{0};
  std::atomic<std::int64_t> cached_tokens{0};
};

ServerMetrics::ServerMetrics(std::string_view model_name, std::int64_t max_model_len)
    : impl_(std::make_unique<Impl>(model_name, max_model_len)) {}
ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::finished(const RequestSample& s) {
  const auto observe = [this](Impl::Index index, double value) {
    impl_->histograms[index].histogram.observe(value);
  };
  for (std::size_t i = 0; i < kFinished.size(); ++i) {
    impl_->finished[i].fetch_add(s.finish_reason == kFinished[i] ? 1 : 0,
                                 std::memory_order_relaxed);
  }
  impl_->image_tokens.fetch_add(s.image_tokens, std::memory_order_relaxed);
  impl_->cached_tokens.fetch_add(s.cached_tokens, std::memory_order_relaxed);
  observe(Impl::kFirstToken, s.first_token_s);
  observe(Impl::kE2e, s.e2e_s);
  observe(Impl::kQueue, s.queue_s);
  observe(Impl::kPrefill, s.prefill_s);
  observe(Impl::kDecode, s.decode_s);
  observe(Impl::kInference, s.prefill_s >= 0 && s.decode_s >= 0 ? s.prefill_s + s.decode_s : -1);
  observe(Impl::kPromptTokens, static_cast<double>(s.prompt_tokens));
  observe(Impl::kGenerationTokens, static_cast<double>(s.generation_tokens));
  observe(Impl::kUpload, s.upload_s);
  observe(Impl::kMedia, s.media_s);
  observe(Impl::kVision, s.vision_s);
}

void ServerMetrics::inter_token(double seconds) {
  impl_->histograms[Impl::kInterToken].histogram.observe(seconds);
  impl_->histograms[Impl::kPerOutputToken].histogram.observe(seconds);
}

void ServerMetrics::refused(Refusal reason) {
  impl_->refused[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
}

std::string ServerMetrics::render(const EngineGauges& gauges) const {
  PrometheusPage page(impl_->labels);
  write_gauges(page, gauges);
  write_engine_counters(page, gauges);
  page.type("vllm:request_success_total", "counter", "Requests that ended, by reason.");
  for (std::size_t i = 0; i < kFinished.size(); ++i) {
    page.sample("vllm:request_success_total", prometheus_label("finished_reason", kFinished[i]),
                static_cast<double>(impl_->finished[i].load(std::memory_order_relaxed)));
  }
  for (const NamedHistogram& named : impl_->histograms) {
    page.histogram(named.name, named.help, named.histogram.bounds(), named.histogram.snapshot());
  }
  page.type("monocle_refused_total", "counter", "Requests refused before they ran, by reason.");
  for (std::size_t i = 0; i < kRefusals.size(); ++i) {
    page.sample("monocle_refused_total", prometheus_label("reason", kRefusals[i]),
                static_cast<double>(impl_->refused[i].load(std::memory_order_relaxed)));
  }
  for (const Counter& counter :
       {Counter{"monocle_image_tokens_total", "Image tokens of requests that ended.",
                impl_->image_tokens.load(std::memory_order_relaxed)},
        Counter{"monocle_cached_tokens_total", "Prompt tokens that ended requests found cached.",
                impl_->cached_tokens.load(std::memory_order_relaxed)}}) {
    page.type(counter.name, "counter", counter.help);
    page.sample(counter.name, "", static_cast<double>(counter.value));
  }
  write_own_gauges(page, gauges);
  write_devices(page, gauges);
  return page.take();
}

}  // namespace monocle::api
