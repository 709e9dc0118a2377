// SPDX-License-Identifier: Apache-2.0
// One case = one verb with fixed arguments, runnable on any backend.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness.h"

namespace monocle::parity {

struct Case {
  std::string name;  // letters, digits, '_': it becomes part of a test's name
  // Runs the verb and returns its outputs. `perturbation` moves the inputs, see perturbed(); 0 = as they are.
  std::function<std::vector<HostTensor>(Backend& backend, double perturbation)> run;
  // Checks outputs of a backend against the reference; most cases use matches_within().
  std::function<void(const std::vector<HostTensor>& outputs)> check;
};

// Bit-equal to the reference: verbs that only move, convert or add two values.
std::function<void(const std::vector<HostTensor>&)> matches_exactly(
    std::function<std::vector<HostTensor>(Backend&, double)> run);

// `rounding` is the relative error that each input may suffer inside the verb (kUnitBF16 where it may be narrowed,
// a few f32 units times the square root of the length of the sums elsewhere). The tolerance of an element is what
// moving all inputs by that much does to the reference's output within a group of `group` columns (0 = whole row),
// with a safety factor, plus the rounding of the store.
std::function<void(const std::vector<HostTensor>&)> matches_within(
    std::function<std::vector<HostTensor>(Backend&, double)> run, double rounding, std::int64_t group);

// The error of a sum of `length` products in float.
double sum_rounding(std::int64_t length);

std::vector<Case> linear_cases();
std::vector<Case> norm_cases();
std::vector<Case> row_cases();
std::vector<Case> rope_cases();
std::vector<Case> paged_cases();
std::vector<Case> packed_cases();

}  // namespace monocle::parity
