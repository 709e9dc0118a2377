// SPDX-License-Identifier: Apache-2.0
#include "cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ops/reference/reference_backend.h"

namespace monocle::parity {
namespace {

// The size of the trial movement. Effects are linear at this size, so they are scaled to the
// rounding asked for.
constexpr double kMove = kUnitBF16;
constexpr double kSafety = 4.0;

std::vector<double> tolerance_of(const HostTensor& expected, const HostTensor& moved,
                                 double rounding, std::int64_t group) {
  std::vector<double> out;
  const std::int64_t width = group == 0 ? expected.cols() : group;
  for (std::int64_t r = 0; r < expected.rows(); ++r) {
    for (std::int64_t begin = 0; begin < expected.cols(); begin += width) {
      double movement = 0.0;
      for (std::int64_t c = begin; c < begin + width; ++c) {
        movement =
            std::max(movement, std::fabs(static_cast<double>(moved.at(r, c) - expected.at(r, c))));
      }
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
  return [run](const std::vector<HostTensor>& outputs) {
    ReferenceBackend reference;
    const std::vector<HostTensor> expected = run(reference, 0.0);
    ASSERT_EQ(outputs.size(), expected.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto elements = static_cast<std::size_t>(expected[i].rows() * expected[i].cols());
      expect_close(outputs[i], expected[i], std::vector<double>(elements, 0.0));
      expect_equal_bytes(outputs[i], expected[i]);
    }
  };
}

CheckFunction matches_within(RunFunction run, double rounding, std::int64_t group) {
  return [run, rounding, group](const std::vector<HostTensor>& outputs) {
    ReferenceBackend reference;
    const std::vector<HostTensor> expected = run(reference, 0.0);
    const std::vector<HostTensor> moved = run(reference, kMove);
    ASSERT_EQ(outputs.size(), expected.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      SCOPED_TRACE("output " + std::to_string(i));
      expect_close(outputs[i], expected[i], tolerance_of(expected[i], moved[i], rounding, group));
    }
  };
}

const std::vector<Case>& all_cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> out;
    for (const auto& make :
         {linear_cases, norm_cases, row_cases, rope_cases, paged_cases, packed_cases}) {
      for (Case& one : make()) {
        out.push_back(std::move(one));
      }
    }
    return out;
  }();
  return all;
}

}  // namespace monocle::parity
