// SPDX-License-Identifier: Apache-2.0
// One case = one verb with fixed arguments, runnable on any backend.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness.h"

namespace monocle::parity {

// Runs the verb, with its inputs moved, and returns its outputs; none where the backend's result is
// by design not the reference's.
using RunFunction =
    std::function<std::vector<HostTensor>(Backend& backend, const Movement& movement)>;
// Compares the outputs of some backend with the reference.
using CheckFunction = std::function<void(const std::vector<HostTensor>& outputs)>;

struct Case {
  std::string name;  // letters, digits, '_': it becomes part of a test's name
  RunFunction run;
  CheckFunction check;
};

// Bit-equal to the reference: verbs that only move, convert or add two values.
CheckFunction matches_exactly(RunFunction run);

// `rounding` is the relative error that each input may suffer inside the verb: kUnitBF16 where it
// may be narrowed, sum_rounding() elsewhere. The tolerance of an element is what moving all inputs
// by that much does to the reference's output among `group` columns (0 = the whole row), times a
// safety factor, plus the rounding of the store.
CheckFunction matches_within(RunFunction run, double rounding, std::int64_t group);

// The relative error of a sum of `length` products in float.
double sum_rounding(std::int64_t length);

std::vector<Case> linear_cases();
std::vector<Case> norm_cases();
std::vector<Case> row_cases();
std::vector<Case> rope_cases();
std::vector<Case> paged_cases();
std::vector<Case> packed_cases();
std::vector<Case> step_cases();
const std::vector<Case>& all_cases();

}  // namespace monocle::parity
