// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>

#include "backends.h"
#include "cases.h"

namespace monocle::parity {
namespace {

std::vector<std::size_t> case_numbers() {
  std::vector<std::size_t> out(all_cases().size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = i;
  }
  return out;
}

class Parity : public testing::TestWithParam<std::tuple<std::string, std::size_t>> {
 protected:
  static const Case& test_case() { return all_cases()[std::get<1>(GetParam())]; }
  static std::string backend_name() { return std::get<0>(GetParam()); }
};

TEST_P(Parity, Reference) {
  auto backend = make_backend(backend_name(), 2);
  if (!backend && backend.error().code == ErrorCode::kUnsupported) {
    GTEST_SKIP() << backend.error().message;
  }
  ASSERT_TRUE(backend.has_value()) << backend.error().message;
  test_case().check(test_case().run(**backend, Movement()));
}

class Threads : public Parity {};

TEST_P(Threads, AnyNumberGivesTheSameBytes) {
  std::vector<HostTensor> first;
  for (const int threads : {1, 2, 3}) {
    auto backend = make_backend(backend_name(), threads);
    if (!backend && backend.error().code == ErrorCode::kUnsupported) {
      GTEST_SKIP() << backend.error().message;
    }
    ASSERT_TRUE(backend.has_value()) << backend.error().message;
    std::vector<HostTensor> outputs = test_case().run(**backend, Movement());
    if (threads == 1) {
      first = std::move(outputs);
      continue;
    }
    ASSERT_EQ(outputs.size(), first.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      SCOPED_TRACE(std::to_string(threads) + " threads against 1, output " + std::to_string(i));
      expect_equal_bytes(outputs[i], first[i]);
    }
  }
}

std::vector<std::string> threaded_backends() {
  std::vector<std::string> names = backend_names();
  std::erase(names, "reference");
  return names;
}

std::string test_name(const testing::TestParamInfo<Parity::ParamType>& info) {
  return std::get<0>(info.param) + "_" + all_cases()[std::get<1>(info.param)].name;
}

INSTANTIATE_TEST_SUITE_P(Verbs, Parity,
                         testing::Combine(testing::ValuesIn(backend_names()),
                                          testing::ValuesIn(case_numbers())),
                         test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Threads);
INSTANTIATE_TEST_SUITE_P(Verbs, Threads,
                         testing::Combine(testing::ValuesIn(threaded_backends()),
                                          testing::ValuesIn(case_numbers())),
                         test_name);

// A suite that was asked for one tier and ran another would prove nothing.
TEST(CpuIsa, TheForcedTierIsTheOneThatRuns) {
  const char* forced = std::getenv("MONOCLE_CPU_ISA");
  if (forced == nullptr || *forced == 0) {
    GTEST_SKIP() << "MONOCLE_CPU_ISA is not set";
  }
  auto backend = make_backend("cpu", 1);
  if (!backend && backend.error().code == ErrorCode::kUnsupported) {
    GTEST_SKIP() << backend.error().message;
  }
  ASSERT_TRUE(backend.has_value()) << backend.error().message;
  EXPECT_EQ((*backend)->capabilities().name, std::string("cpu ") + forced);
}

}  // namespace
}  // namespace monocle::parity
