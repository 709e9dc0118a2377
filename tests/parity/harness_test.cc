// SPDX-License-Identifier: Apache-2.0
// The comparison itself: each way in which a kernel can be wrong must make it fail.
#include "harness.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "cases.h"
#include "ops/reference/reference_backend.h"

namespace monocle::parity {
namespace {

struct Pair {
  HostTensor actual;
  HostTensor expected;
  std::vector<double> tolerance = std::vector<double>(65, 1e-3);
};

// Static: gtest's failure-catching macros cannot see locals.
Pair& fresh(float size) {
  static Pair pair;
  pair = Pair();
  pair.expected = HostTensor(13, 5, DType::kF32, 2);
  for (std::int64_t i = 0; i < 65; ++i) {
    pair.expected.set(i / 5, i % 5, size * static_cast<float>(i + 1));
  }
  pair.actual = pair.expected;
  return pair;
}

TEST(Harness, EqualTensorsPass) {
  const Pair& pair = fresh(1.0F);
  expect_close(pair.actual, pair.expected, pair.tolerance);
}

TEST(Harness, NamesTheWorstElement) {
  static Pair& pair = fresh(1.0F);
  pair.actual.set(2, 3, 15.0F);
  EXPECT_NONFATAL_FAILURE(expect_close(pair.actual, pair.expected, pair.tolerance),
                          "worst: row 2 col 3 is 15");
}

TEST(Harness, ComputedNanIsTheWorst) {
  static Pair& pair = fresh(1.0F);
  pair.actual.set(0, 0, 9.0F);
  pair.actual.set(1, 1, std::numeric_limits<float>::quiet_NaN());
  EXPECT_NONFATAL_FAILURE(expect_close(pair.actual, pair.expected, pair.tolerance),
                          "worst: row 1 col 1 is nan");
}

TEST(Harness, UnwrittenElementFails) {
  static Pair& pair = fresh(1.0F);
  static HostTensor poison(13, 5, DType::kF32, 2);
  EXPECT_FATAL_FAILURE(expect_close(poison, pair.expected, pair.tolerance),
                       "never written: row 0 col 0");
}

TEST(Harness, WriteBetweenRowsFails) {
  static Pair& pair = fresh(1.0F);
  pair.actual.view().row<float>(1)[6] = 0.0F;
  EXPECT_NONFATAL_FAILURE(expect_close(pair.actual, pair.expected, pair.tolerance),
                          "between the rows");
}

TEST(Harness, ZerosAreRefused) {
  static Pair& pair = fresh(1e-6F);
  pair.tolerance.assign(65, 1e-9);
  EXPECT_NONFATAL_FAILURE(expect_close(pair.actual, pair.expected, pair.tolerance), "all but zero");
}

TEST(Harness, WideToleranceIsRefused) {
  static Pair& pair = fresh(1.0F);
  pair.tolerance.assign(65, 5.0);
  EXPECT_NONFATAL_FAILURE(expect_close(pair.actual, pair.expected, pair.tolerance),
                          "tenth of the expected");
}

// Every verb is wrong by as little as a real mistake might be.
class WrongBackend final : public Backend {
 public:
  const Capabilities& capabilities() const override { return right_.capabilities(); }
  Memory& memory() override { return right_.memory(); }
  void embed(const EmbedArgs& args) override {
    EmbedArgs shorter = args;
    shorter.y = args.y.slice_rows(0, args.y.rows - 1);
    shorter.ids = args.ids.first(args.ids.size() - 1);
    right_.embed(shorter);
  }
  void norm(const NormArgs& args) override {
    NormArgs other = args;
    other.eps *= 1.5F;
    right_.norm(other);
  }
  void linear(const LinearArgs& args) override {  // the last input of the last row is left out
    std::vector<float> x(static_cast<std::size_t>(args.x.cols));
    right_.linear(args);
    LinearArgs last = args;
    last.x = args.x.slice_rows(args.x.rows - 1, 1);
    std::copy_n(last.x.row<float>(0), x.size(), x.begin());
    x.back() = 0.0F;
    last.x.data = x.data();
    last.y = args.y.slice_rows(args.y.rows - 1, 1);
    if (args.residual.data != nullptr) {
      last.residual = args.residual.slice_rows(args.y.rows - 1, 1);
    }
    right_.linear(last);
  }
  void rope_append(const RopeAppendArgs& args) override {
    RopeAppendArgs other = args;
    other.rope.scale *= 1.0001F;
    right_.rope_append(other);
  }
  void attend_paged(const AttendPagedArgs& args) override {
    AttendPagedArgs other = args;
    other.scale *= 1.001F;
    right_.attend_paged(other);
  }
  void attend_packed(const AttendPackedArgs& args) override {
    AttendPackedArgs other = args;
    other.scale *= 1.001F;
    right_.attend_packed(other);
  }
  void add_rows(const AddRowsArgs& args) override {
    right_.add_rows(args);
    right_.add_rows(args);
  }
  void gather_rows(const GatherRowsArgs& args) override {
    right_.gather_rows(args);
    static_cast<float*>(args.y.data)[0] += 1.0F;
  }
  void blend_rows(const BlendRowsArgs& args) override {
    right_.blend_rows(args);
    right_.blend_rows(args);
  }
  void expand_pixels(const ExpandPixelsArgs& args) override {
    ExpandPixelsArgs other = args;
    other.values += 1;
    right_.expand_pixels(other);
  }
  void sample(const SampleArgs& args) override { right_.sample(args); }
  Ticket mark() override { return right_.mark(); }
  void wait(Ticket ticket) override { right_.wait(ticket); }
  void replay(GraphKey key, FunctionRef<void()> enqueue) override { right_.replay(key, enqueue); }

 private:
  ReferenceBackend right_;
};

TEST(Harness, EachVerbsCasesNoticeASmallError) {
  const char* names[] = {"linear_f32_xf32_m17_n48_k4304_v",
                         "norm_rms_m3_n64_",
                         "embed_f32_t17_h64",
                         "add_rows_n7_f32",
                         "gather_rows_n7",
                         "blend_rows_f32_n7",
                         "expand_pixels_n5_s1",
                         "rope_append_t17_h4_kv2_d128_",
                         "attend_paged_mixed_h4_kv2_d128_qf32_kvf32_yf32",
                         "attend_packed_3_h3_d72_yf32"};
  for (const char* name : names) {
    const auto found = std::find_if(all_cases().begin(), all_cases().end(),
                                    [&](const Case& one) { return one.name.starts_with(name); });
    ASSERT_NE(found, all_cases().end()) << name;
    WrongBackend wrong;
    const std::vector<HostTensor> outputs = found->run(wrong, Movement());
    testing::TestPartResultArray failures;
    {
      testing::ScopedFakeTestPartResultReporter catcher(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
      found->check(outputs);
    }
    EXPECT_GT(failures.size(), 0) << found->name;
  }
}

}  // namespace
}  // namespace monocle::parity
