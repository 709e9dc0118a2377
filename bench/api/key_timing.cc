// SPDX-License-Identifier: Apache-2.0
// Does the time in which a key is refused tell how much of it is right? Calls with a key whose
// first byte is wrong and with one whose last byte is wrong, in random order, and Welch's t-test
// over the two samples. Times beyond the 95th percentile of both are left out: those are
// interruptions. Exit code 1: the means differ with p <= 0.01.
//   key_timing [CALLS, default 200000]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "api/api_keys.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Sample {
  double mean = 0;
  double variance = 0;
  double count = 0;
};

Sample describe(const std::vector<double>& all, double most) {
  Sample out;
  for (const double value : all) {
    if (value <= most) {
      ++out.count;
      const double step = value - out.mean;
      out.mean += step / out.count;
      out.variance += step * (value - out.mean);
    }
  }
  out.variance /= out.count - 1;
  return out;
}

double percentile(std::vector<double> values, double share) {
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size()));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

}  // namespace

int main(int argc, char** argv) {
  const long calls = argc > 1 ? std::atol(argv[1]) : 200'000;
  const std::string right = "sk-0123456789abcdef0123456789abcdef";
  const auto keys = monocle::api::ApiKeys::parse(right, "keys");
  if (!keys || calls < 1000) {
    std::fprintf(stderr, "key_timing [CALLS, at least 1000]\n");
    return 2;
  }
  std::string wrong[2] = {right, right};
  wrong[0].front() = 'x';
  wrong[1].back() = 'x';
  std::vector<double> times[2];
  std::vector<double> both;
  std::mt19937 random(std::random_device{}());
  long known = 0;
  // Both are presented in the same bytes: where a string lies is worth a tenth of a nanosecond.
  std::string presented = right;
  for (long i = 0; i < calls; ++i) {
    const std::size_t which = random() & 1U;
    std::copy(wrong[which].begin(), wrong[which].end(), presented.begin());
    const auto begin = Clock::now();
    known += keys->check({"", presented, ""}) ? 1 : 0;
    const auto end = Clock::now();
    times[which].push_back(std::chrono::duration<double, std::nano>(end - begin).count());
    both.push_back(times[which].back());
  }
  const double most = percentile(std::move(both), 0.95);
  const Sample first = describe(times[0], most);
  const Sample last = describe(times[1], most);
  const double error = std::sqrt(first.variance / first.count + last.variance / last.count);
  const double t = (first.mean - last.mean) / error;
  const double p = std::erfc(std::abs(t) / std::sqrt(2.0));  // so many calls: t is normal
  std::printf(
      "%ld calls, %ld known: first byte wrong %.2f ns, last byte wrong %.2f ns, t %.2f, p %.3f\n",
      calls, known, first.mean, last.mean, t, p);
  return p <= 0.01 ? 1 : 0;
}
