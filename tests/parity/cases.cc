// SPDX-License-Identifier: Apache-2.0
#include "cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ops/reference/reference_backend.h"

namespace monocle::parity {
namespace {

// The size of the trial movement. Effects are linear at this size, so they are scaled to the
// rounding asked for. Several trials, because one may happen to cancel: where a softmax is sharp,
// all columns of a row move with the error of a single score.
constexpr double kMove = kUnitBF16;
constexpr std::uint64_t kTrials = 3;
constexpr double kSafety = 2.5;

using Outputs = std::vector<HostTensor>;

double largest_movement(const HostTensor& expected, const std::vector<const HostTensor*>& trials,
                        std::int64_t row, std::int64_t begin, std::int64_t end) {
  double largest = 0.0;
  for (const HostTensor* trial : trials) {
    for (std::int64_t c = begin; c < end; ++c) {
      const double shift = static_cast<double>(trial->at(row, c) - expected.at(row, c));
      largest = std::max(largest, std::fabs(shift));
    }
  }
  return largest;
}

std::vector<double> tolerance_of(const HostTensor& expected,
                                 const std::vector<const HostTensor*>& trials, double rounding,
                                 std::int64_t group) {
  std::vector<double> out;
  const std::int64_t width = group == 0 ? expected.cols() : group;
  for (std::int64_t r = 0; r < expected.rows(); ++r) {
    for (std::int64_t begin = 0; begin < expected.cols(); begin += width) {
      const double movement = largest_movement(expected, trials, r, begin, begin + width);
      for (std::int64_t c = begin; c < begin + width; ++c) {
        const double size = std::fabs(static_cast<double>(expected.at(r, c)));
        out.push_back(kSafety * movement * rounding / kMove +
                      (2.0 * unit_of(expected.dtype()) + 8.0 * kUnitF32) * size + 1e-30);
      }
    }
  }
  return out;
}

}  // namespace

double sum_rounding(std::int64_t length) {
  return 4.0 * kUnitF32 * std::sqrt(static_cast<double>(std::max(length, std::int64_t{1})));
}

CheckFunction matches_exactly(RunFunction run) {
  return [run](const Outputs& outputs) {
    ReferenceBackend reference;
    const Outputs expected = run(reference, Movement());
    ASSERT_EQ(outputs.size(), expected.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto elements = static_cast<std::size_t>(expected[i].rows() * expected[i].cols());
      expect_close(outputs[i], expected[i], std::vector<double>(elements, 0.0));
      expect_equal_bytes(outputs[i], expected[i]);
    }
  };
}

CheckFunction matches_within(RunFunction run, double rounding, std::int64_t group) {
  return [run, rounding, group](const Outputs& outputs) {
    if (outputs.empty()) {
      GTEST_SKIP() << "not this backend's result";
    }
    ReferenceBackend reference;
    const Outputs expected = run(reference, Movement());
    std::vector<Outputs> trials;
    for (std::uint64_t seed = 0; seed < kTrials; ++seed) {
      trials.push_back(run(reference, {kMove, seed}));
    }
    ASSERT_EQ(outputs.size(), expected.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      SCOPED_TRACE("output " + std::to_string(i));
      std::vector<const HostTensor*> trial;
      for (const Outputs& all : trials) {
        trial.push_back(&all[i]);
      }
      expect_close(outputs[i], expected[i], tolerance_of(expected[i], trial, rounding, group));
    }
  };
}

const std::vector<Case>& all_cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> out;
    for (const auto& make :
         {linear_cases, norm_cases, row_cases, rope_cases, paged_cases, packed_cases, step_cases}) {
      for (Case& one : make()) {
        out.push_back(std::move(one));
      }
    }
    return out;
  }();
  return all;
}

}  // namespace monocle::parity
