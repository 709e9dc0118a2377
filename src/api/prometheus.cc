// SPDX-License-Identifier: Apache-2.0
#include "api/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "api/json_writer.h"

namespace monocle::api {
namespace {

// As prometheus_client writes numbers, so that le="1.0" is the same series.
std::string written(double value) {
  std::string text;
  append_number(text, value);
  return text;
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::observe(double value) {
  if (!(value >= 0) || !std::isfinite(value)) {
    return;
  }
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot out;
  for (const auto& count : counts_) {
    out.counts.push_back(count.load(std::memory_order_relaxed));
  }
  out.sum = sum_.load(std::memory_order_relaxed);
  return out;
}

void PrometheusPage::type(std::string_view name, std::string_view kind, std::string_view help) {
  out_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, kind);
}

void PrometheusPage::sample(std::string_view name, std::string_view extra, double value) {
  out_ += fmt::format("{}{{{}{}{}}} {}\n", name, labels_, extra.empty() ? "" : ",", extra,
                      written(value));
}

void PrometheusPage::histogram(std::string_view name, std::string_view help,
                               const std::vector<double>& bounds,
                               const Histogram::Snapshot& snapshot) {
  type(name, "histogram", help);
  const std::string bucket = fmt::format("{}_bucket", name);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < snapshot.counts.size(); ++i) {
    total += snapshot.counts[i];
    const std::string bound = i < bounds.size() ? written(bounds[i]) : "+Inf";
    sample(bucket, fmt::format("le=\"{}\"", bound), static_cast<double>(total));
  }
  sample(fmt::format("{}_sum", name), "", snapshot.sum);
  sample(fmt::format("{}_count", name), "", static_cast<double>(total));
}

std::string prometheus_label(std::string_view key, std::string_view value) {
  std::string out = fmt::format("{}=\"", key);
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace monocle::api
