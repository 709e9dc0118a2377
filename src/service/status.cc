// SPDX-License-Identifier: Apache-2.0
#include "service/status.h"

#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace monocle::service {

using Json = nlohmann::ordered_json;

std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total_pages = 0;
  std::int64_t resident_pages = 0;
  file >> total_pages >> resident_pages;
  return file ? resident_pages * sysconf(_SC_PAGESIZE) : 0;
}

HttpReply health_reply(const EngineStats& stats, bool draining) {
  const char* state = "ok";
  if (!stats.healthy) {
    state = "device_error";
  } else if (draining) {
    state = "draining";
  }
  const bool good = stats.healthy && !draining;
  const Json body{{"status", state},
                  {"queue", {{"waiting", stats.waiting}, {"running", stats.running}}}};
  return {good ? 200 : 503, {{"Content-Type", "application/json"}}, body.dump()};
}

namespace {

Json devices_json(const std::vector<EnginePool::DeviceStats>& devices) {
  Json list = Json::array();
  for (const EnginePool::DeviceStats& device : devices) {
    list.push_back({{"name", device.name},
                    {"error", device.failure},
                    {"waiting", device.stats.waiting},
                    {"running", device.stats.running},
                    {"kv_blocks_used", device.stats.kv_blocks_used},
                    {"kv_blocks_total", device.stats.kv_blocks_total}});
  }
  return list;
}

}  // namespace

std::string status_json(const Served& served, const EnginePool& engines,
                        std::chrono::seconds uptime) {
  const auto& defaults = *served.generation;
  const std::vector<EnginePool::DeviceStats> devices = engines.devices();
  const EngineStats stats = engines.stats();
  const std::int64_t kv_bytes = std::int64_t{stats.kv_blocks_total} * served.limits.block_tokens *
                                static_cast<std::int64_t>(served.kv_token_bytes);
  const Json body{{"model", served.names.front()},
                  {"device", served.device},
                  {"demo", served.demo},
                  {"version", served.version},
                  {"uptime_s", uptime.count()},
                  {"queue",
                   {{"waiting", stats.waiting},
                    {"running", stats.running},
                    {"max_running", served.limits.sequences * std::ssize(devices)}}},
                  {"devices", devices_json(devices)},
                  {"kv_blocks",
                   {{"total", stats.kv_blocks_total},
                    {"used", stats.kv_blocks_used},
                    {"cached", stats.kv_blocks_cached},
                    {"block_tokens", served.limits.block_tokens}}},
                  {"memory",
                   {{"rss_bytes", resident_bytes()},
                    {"weights_bytes", served.facts.weight_bytes},
                    {"kv_bytes", kv_bytes}}},
                  {"max_model_len", served.context_tokens()},
                  {"max_image_side", served.max_image_side},
                  {"defaults",
                   {{"temperature", defaults.do_sample ? defaults.temperature : 0.0F},
                    {"top_p", defaults.top_p},
                    {"top_k", defaults.top_k},
                    {"min_p", defaults.min_p},
                    {"repetition_penalty", defaults.repetition_penalty},
                    {"max_tokens", served.default_tokens}}}};
  return body.dump();
}

api::EngineGauges gauges(const Served& served, const EnginePool& engines,
                         std::int64_t connections) {
  const EngineStats stats = engines.stats();
  api::EngineGauges now;
  now.running = stats.running;
  now.waiting = stats.waiting;
  const double total = stats.kv_blocks_total;
  now.kv_usage = total > 0 ? stats.kv_blocks_used / total : 0.0;
  now.kv_blocks = stats.kv_blocks_total;
  now.kv_blocks_free = stats.kv_blocks_total - stats.kv_blocks_used - stats.kv_blocks_cached;
  now.kv_blocks_cached = stats.kv_blocks_cached;
  now.block_tokens = served.limits.block_tokens;
  now.prompt_tokens = stats.prompt_tokens;
  now.generation_tokens = stats.generation_tokens;
  now.preemptions = stats.preemptions;
  now.prefix_queries = stats.prefix_query_tokens;
  now.prefix_hits = stats.prefix_hit_tokens;
  now.media_queries = stats.media_queries;
  now.media_hits = stats.media_hits;
  now.step_sizes.assign(stats.step_sizes.begin(), stats.step_sizes.end());
  now.step_tokens = stats.step_tokens;
  now.connections = connections;
  now.resident_bytes = resident_bytes();
  now.moved_requests = engines.moved();
  for (const EnginePool::DeviceStats& device : engines.devices()) {
    now.devices.push_back({.name = device.name,
                           .up = device.failure.empty(),
                           .running = device.stats.running,
                           .waiting = device.stats.waiting,
                           .kv_blocks_used = device.stats.kv_blocks_used,
                           .generation_tokens = device.stats.generation_tokens});
  }
  return now;
}

}  // namespace monocle::service
