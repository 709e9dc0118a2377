// SPDX-License-Identifier: Apache-2.0
// The Prometheus text format and a histogram that any thread may feed. Internal to metrics.cc.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace monocle::api {

class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);  // ascending, without +Inf

  void observe(double value);

  struct Snapshot {
    std::vector<std::uint64_t> counts;  // one more than bounds: +Inf
    double sum = 0;
  };
  [[nodiscard]] Snapshot snapshot() const;
  [[nodiscard]] const std::vector<double>& bounds() const { return bounds_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

// One page. Every sample carries the common labels.
class PrometheusPage {
 public:
  explicit PrometheusPage(std::string common_labels) : labels_(std::move(common_labels)) {}

  void type(std::string_view name, std::string_view kind, std::string_view help);
  // `extra`: further labels, "" or key="value".
  void sample(std::string_view name, std::string_view extra, double value);
  void histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                 const Histogram::Snapshot& snapshot);

  std::string take() { return std::move(out_); }

 private:
  std::string labels_;
  std::string out_;
};

// key="value" with the value escaped.
std::string prometheus_label(std::string_view key, std::string_view value);

}  // namespace monocle::api
