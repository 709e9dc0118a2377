// SPDX-License-Identifier: Apache-2.0
#include "api/metrics.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace monocle::api {
namespace {

// name{labels} -> value, and a check of the form of every line.
std::map<std::string, double> samples(const std::string& page) {
  std::map<std::string, double> out;
  std::set<std::string> types;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(types.insert(line).second) << line;
    } else if (!line.starts_with("# HELP ")) {
      const std::size_t space = line.rfind(' ');
      EXPECT_TRUE(out.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second)
          << line;
      EXPECT_NE(line.find("model_name=\"de\\\"mo\",engine=\"0\""), std::string::npos) << line;
    }
  }
  return out;
}

const std::string kLabels = "{model_name=\"de\\\"mo\",engine=\"0\"";

std::string render(const ServerMetrics& metrics) {
  const std::vector<std::int64_t> steps = {10, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EngineGauges gauges;
  gauges.running = 3;
  gauges.waiting = 2;
  gauges.kv_usage = 0.25;
  gauges.kv_blocks = 100;
  gauges.kv_blocks_free = 70;
  gauges.kv_blocks_cached = 5;
  gauges.block_tokens = 16;
  gauges.prefix_hits = 40;
  gauges.step_sizes = steps;
  gauges.moved_requests = 2;
  gauges.devices = {{.name = "cuda:0", .running = 1},
                    {.name = "cuda:1", .up = false, .waiting = 4}};
  gauges.step_tokens = 5000;
  return metrics.render(gauges);
}

TEST(Item74, NamesOfVllm) {
  ServerMetrics metrics("de\"mo", 4096);
  const auto page = samples(render(metrics));
  EXPECT_EQ(page.at("vllm:num_requests_running" + kLabels + "}"), 3);
  EXPECT_EQ(page.at("vllm:num_requests_waiting" + kLabels + "}"), 2);
  EXPECT_EQ(page.at("vllm:kv_cache_usage_perc" + kLabels + "}"), 0.25);
  EXPECT_EQ(page.at("vllm:gpu_cache_usage_perc" + kLabels + "}"), 0.25);
  EXPECT_EQ(
      page.at("vllm:cache_config_info" + kLabels + ",block_size=\"16\",num_gpu_blocks=\"100\"}"),
      1);
  EXPECT_EQ(page.at("vllm:prefix_cache_hits_total" + kLabels + "}"), 40);
  EXPECT_EQ(page.at("monocle_kv_blocks" + kLabels + ",state=\"used\"}"), 25);
  for (const std::string name :
       {"vllm:prompt_tokens_total", "vllm:generation_tokens_total", "vllm:num_preemptions_total",
        "vllm:prefix_cache_queries_total", "vllm:mm_cache_queries_total",
        "vllm:mm_cache_hits_total", "vllm:time_to_first_token_seconds_count",
        "vllm:inter_token_latency_seconds_count", "vllm:time_per_output_token_seconds_count",
        "vllm:e2e_request_latency_seconds_count", "vllm:request_queue_time_seconds_count",
        "vllm:request_prefill_time_seconds_count", "vllm:request_decode_time_seconds_count",
        "vllm:request_inference_time_seconds_count", "vllm:request_prompt_tokens_count",
        "vllm:request_generation_tokens_count", "vllm:iteration_tokens_total_count"}) {
    EXPECT_TRUE(page.contains(name + kLabels + "}")) << name;
  }
  for (const std::string reason : {"stop", "length", "abort", "error"}) {
    EXPECT_TRUE(page.contains("vllm:request_success_total" + kLabels + ",finished_reason=\"" +
                              reason + "\"}"));
  }
}

TEST(Item74, BucketsOfVllm) {
  ServerMetrics metrics("de\"mo", 4096);
  const auto page = samples(render(metrics));
  const auto bounds = [&](const std::string& name) {
    std::set<double> found;
    const std::string prefix = name + "_bucket" + kLabels + ",le=\"";
    for (const auto& [key, value] : page) {
      if (key.starts_with(prefix) && key.find("+Inf") == std::string::npos) {
        found.insert(std::stod(key.substr(prefix.size())));
      }
    }
    EXPECT_TRUE(page.contains(prefix + "+Inf\"}"));
    return found;
  };
  EXPECT_EQ(bounds("vllm:time_to_first_token_seconds").size(), 22U);
  EXPECT_EQ(bounds("vllm:inter_token_latency_seconds").size(), 19U);
  EXPECT_EQ(bounds("vllm:e2e_request_latency_seconds").size(), 21U);
  EXPECT_EQ(bounds("vllm:request_prompt_tokens"),
            (std::set<double>{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000}));
  EXPECT_EQ(bounds("vllm:iteration_tokens_total"),
            (std::set<double>{1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}));
  // Written as Python does, so that series of both servers join.
  EXPECT_TRUE(page.contains("vllm:time_to_first_token_seconds_bucket" + kLabels + ",le=\"1.0\"}"));
  EXPECT_TRUE(page.contains("vllm:request_prompt_tokens_bucket" + kLabels + ",le=\"1000.0\"}"));
  // Powers of two fold into vLLM's wider first bucket.
  const auto step = [&](const std::string& le) {
    return page.at("vllm:iteration_tokens_total_bucket" + kLabels + ",le=\"" + le + "\"}");
  };
  EXPECT_EQ(step("1.0"), 10);
  EXPECT_EQ(step("8.0"), 13);
  EXPECT_EQ(step("16.0"), 16);
  EXPECT_EQ(step("4096.0"), 16);
  EXPECT_EQ(step("+Inf"), 17);
}

TEST(Item74, SamplesAreCountedOnceFromManyThreads) {
  ServerMetrics metrics("de\"mo", 4096);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&metrics] {
      for (int i = 0; i < 1000; ++i) {
        RequestSample sample;
        sample.finish_reason = i % 2 == 0 ? "stop" : "length";
        sample.prompt_tokens = 100;
        sample.generation_tokens = 7;
        sample.image_tokens = 3;
        sample.first_token_s = 0.03;
        sample.prefill_s = 1;
        sample.decode_s = 2;
        metrics.finished(sample);
        metrics.inter_token(0.02);
        metrics.refused(Refusal::kTooLong);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const auto page = samples(render(metrics));
  const auto at = [&](const std::string& name, const std::string& more) {
    return page.at(name + kLabels + more + "}");
  };
  EXPECT_EQ(at("vllm:request_success_total", ",finished_reason=\"stop\""), 2000);
  EXPECT_EQ(at("vllm:request_success_total", ",finished_reason=\"abort\""), 0);
  EXPECT_EQ(at("vllm:time_to_first_token_seconds_bucket", ",le=\"0.02\""), 0);
  EXPECT_EQ(at("vllm:time_to_first_token_seconds_bucket", ",le=\"0.04\""), 4000);
  EXPECT_EQ(at("vllm:time_to_first_token_seconds_count", ""), 4000);
  EXPECT_NEAR(at("vllm:time_to_first_token_seconds_sum", ""), 120.0, 1e-6);
  EXPECT_EQ(at("vllm:request_inference_time_seconds_sum", ""), 12000);
  EXPECT_EQ(at("vllm:request_queue_time_seconds_count", ""), 0);  // did not happen
  EXPECT_EQ(at("vllm:time_per_output_token_seconds_count", ""), 4000);
  EXPECT_EQ(at("monocle_refused_total", ",reason=\"too_long\""), 4000);
  EXPECT_EQ(at("monocle_image_tokens_total", ""), 12000);
}

}  // namespace
}  // namespace monocle::api
