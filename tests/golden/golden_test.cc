// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "compare.h"
#include "cpu/isa.h"

namespace monocle::golden {
namespace {

struct Setup {
  const char* device;
  const char* flags;
  // Bounds: of float32 stages absolutely; of rounded ones the logits' rms error as a share of their
  // deviation.
  double max_abs;
  double logits_share;
};

std::string name_of(const Setup& setup) {
  std::string name = setup.flags;
  for (char& c : name) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

class Golden : public testing::TestWithParam<std::tuple<Setup, const char*>> {
 protected:
  void SetUp() override {
    const auto isa = cpu::choose_isa(cpu::isa_from_environment());
    if (std::string(std::get<0>(GetParam()).device) == "cpu" && !isa) {
      GTEST_SKIP() << isa.error().message;
    }
  }
};

TEST_P(Golden, EveryStageMatchesTheReference) {
  const auto& [setup, name] = GetParam();
  const std::string model = MONOCLE_SOURCE_DIR "/tests/golden/model";
  const std::string out = (std::filesystem::temp_directory_path() /
                           ("monocle_golden_" + std::to_string(getpid()) + ".safetensors"))
                              .string();
  const std::string command = std::string(MONOCLE_PROGRAM) +
                              " trace --steps 8 --threads 2 --model " + model + " --device " +
                              setup.device + " " + setup.flags + " --cases " + model +
                              "/goldens/index.json --case " + name + " --out " + out;
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  const auto differences = compare_traces(out, model + "/goldens/" + name + ".safetensors");
  std::filesystem::remove(out);
  ASSERT_TRUE(differences.has_value()) << differences.error().message;
  const bool exact = setup.max_abs < 1e-3;
  for (const Difference& d : *differences) {
    if (d.key == "decode.tokens" || (d.key == "decode.logits_cols" && !exact)) {
      if (exact) {
        EXPECT_EQ(d.max_abs, 0) << "the greedy tokens differ";
      }
      continue;  // rounded arithmetic may take another turn, after which nothing is comparable
    }
    if (d.integers) {
      EXPECT_EQ(d.max_abs, 0) << d.key;
    } else if (exact) {
      EXPECT_LE(d.max_abs, setup.max_abs) << d.key;
    } else if (d.key == "prefill.last_logits") {
      std::printf("%s %s: logits rms error %.2f %% of their deviation\n", setup.flags, name,
                  d.rms / d.deviation * 100);
      EXPECT_LE(d.rms, setup.logits_share * d.deviation) << d.key;
      EXPECT_GT(d.rms, 0) << "rounded arithmetic cannot be exact: this ran in float32";
    }
  }
}

constexpr const char* kCases[] = {"text", "image", "video", "batch"};
std::string test_name(const testing::TestParamInfo<std::tuple<Setup, const char*>>& info) {
  return name_of(std::get<0>(info.param)) + "_" + std::get<1>(info.param);
}

INSTANTIATE_TEST_SUITE_P(Reference, Golden,
                         testing::Combine(testing::Values(Setup{"reference", "--compute f32", 5e-5,
                                                                0}),
                                          testing::ValuesIn(kCases)),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Cpu, Golden,
                         testing::Combine(testing::Values(Setup{"cpu", "--compute f32", 5e-5, 0},
                                                          Setup{"cpu", "--quant none", 1, 0.025},
                                                          Setup{"cpu", "--quant int8", 1, 0.09},
                                                          Setup{"cpu", "--quant int4", 1, 0.45},
                                                          Setup{"cpu", "--quant none --kv int8", 1,
                                                                0.05}),
                                          testing::ValuesIn(kCases)),
                         test_name);
#ifdef MONOCLE_GOLDEN_CUDA
INSTANTIATE_TEST_SUITE_P(Cuda, Golden,
                         testing::Combine(testing::Values(Setup{"cuda:0", "--compute f32", 5e-5, 0},
                                                          Setup{"cuda:0", "--quant none", 1, 0.03},
                                                          Setup{"cuda:0", "--quant int8", 1, 0.06},
                                                          Setup{"cuda:0", "--quant fp8", 1, 0.25},
                                                          Setup{"cuda:0", "--quant int4", 1, 0.45},
                                                          Setup{"cuda:0", "--quant none --kv int8",
                                                                1, 0.05}),
                                          testing::ValuesIn(kCases)),
                         test_name);
#endif

}  // namespace
}  // namespace monocle::golden
