// SPDX-License-Identifier: Apache-2.0
#include "cpu/linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "cpu/test_isa.h"
#include "ops/reference/verbs.h"

namespace monocle::cpu {
namespace {

struct Shape {
  std::int64_t m;
  std::int64_t k;
  std::vector<std::int64_t> parts;  // rows of each part of W
};

struct Options {
  QuantFormat format = QuantFormat::kBF16;
  DType x = DType::kBF16;
  DType y = DType::kF32;
  Epilogue epilogue = Epilogue::kNone;
  bool bias = false;
  bool residual = false;
  std::int64_t x_gap = 0;  // elements between rows of x
  std::int64_t y_gap = 0;
  std::size_t misalign = 0;  // bytes that W starts behind a 64-byte boundary
};

// Owns every operand of one linear layer.
class Problem {
 public:
  Problem(const Shape& shape, const Options& options)
      : shape_(shape), options_(options), random_(42) {
    for (std::int64_t rows : shape.parts) {
      n_ += rows;
      add_part(rows);
    }
    if (options.epilogue == Epilogue::kSwiGlu) {
      n_ = shape.parts[0];
    }
    const std::int64_t x_stride = shape.k + options.x_gap;
    x_.resize(static_cast<std::size_t>(shape.m * x_stride) * sizeof(float) + 64);
    for (std::int64_t i = 0; i < shape.m * x_stride; ++i) {
      const float value = normal_(random_);
      if (options.x == DType::kF32) {
        std::memcpy(x_.data() + i * 4, &value, 4);
      } else {
        const std::uint16_t bits = float_to_bf16(value);
        std::memcpy(x_.data() + i * 2, &bits, 2);
      }
    }
    bias_.resize(static_cast<std::size_t>(n_));
    residual_.resize(static_cast<std::size_t>(n_ * shape.m));
    for (float& value : bias_) {
      value = normal_(random_);
    }
    for (float& value : residual_) {
      value = normal_(random_);
    }
  }

  // y as floats, [m, n]; the gap between rows of y is checked to be untouched.
  template <class Run>
  std::vector<float> run(Run run) {
    const std::int64_t y_stride = n_ + options_.y_gap;
    const std::size_t element = dtype_size(options_.y);
    std::vector<std::byte> y(static_cast<std::size_t>(shape_.m * y_stride) * element + 1,
                             std::byte{0x5a});
    run(args(y.data(), y_stride));
    std::vector<float> out;
    for (std::int64_t i = 0; i < shape_.m; ++i) {
      for (std::int64_t j = 0; j < y_stride; ++j) {
        const std::byte* at = y.data() + static_cast<std::size_t>(i * y_stride + j) * element;
        if (j >= n_) {
          EXPECT_EQ(*at, std::byte{0x5a}) << "row " << i << " wrote past its end";
          continue;
        }
        out.push_back(value_of(at));
      }
    }
    EXPECT_EQ(y.back(), std::byte{0x5a});
    return out;
  }

  // Σ |x| |w| of the largest row, which scales rounding errors.
  [[nodiscard]] double magnitude() const {
    return std::sqrt(static_cast<double>(shape_.k)) * 0.2 + 1.0;
  }
  [[nodiscard]] std::int64_t n() const { return n_; }

 private:
  [[nodiscard]] float value_of(const std::byte* at) const {
    if (options_.y == DType::kF32) {
      float value = 0;
      std::memcpy(&value, at, 4);
      return value;
    }
    std::uint16_t bits = 0;
    std::memcpy(&bits, at, 2);
    return bf16_to_float(bits);
  }

  LinearArgs args(void* y, std::int64_t y_stride) const {
    LinearArgs out;
    out.x = ConstTensorView(x_.data(), options_.x, shape_.m, shape_.k, shape_.k + options_.x_gap);
    out.w = weight_;
    out.bias = options_.bias ? bias_.data() : nullptr;
    out.epilogue = options_.epilogue;
    if (options_.residual) {
      out.residual = ConstTensorView(residual_.data(), DType::kF32, shape_.m, n_);
    }
    out.y = TensorView(y, options_.y, shape_.m, n_, y_stride);
    return out;
  }

  void add_part(std::int64_t rows) {
    const FormatInfo& info = format_info(options_.format);
    auto data = std::make_unique<std::byte[]>(info.data_bytes(rows, shape_.k) + 128);
    auto aux = std::make_unique<float[]>(info.aux_bytes(rows, shape_.k) / 4 + 1);
    const auto address = reinterpret_cast<std::uintptr_t>(data.get());
    std::byte* start = data.get() + (64 - address % 64) % 64 + options_.misalign;
    std::vector<float> row(static_cast<std::size_t>(shape_.k));
    for (std::int64_t r = 0; r < rows; ++r) {
      for (float& value : row) {
        value = 0.1F * normal_(random_);
      }
      info.pack_row(row.data(), r, rows, shape_.k, start, aux.get());
    }
    WeightView& part = weight_.part[static_cast<std::size_t>(weight_.parts++)];
    part = WeightView{start, info.aux_bytes(rows, shape_.k) > 0 ? aux.get() : nullptr,
                      options_.format, rows, shape_.k};
    data_.push_back(std::move(data));
    aux_.push_back(std::move(aux));
  }

  Shape shape_;
  Options options_;
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
  std::int64_t n_ = 0;
  LinearWeight weight_;
  std::vector<std::unique_ptr<std::byte[]>> data_;
  std::vector<std::unique_ptr<float[]>> aux_;
  std::vector<std::byte> x_;
  std::vector<float> bias_;
  std::vector<float> residual_;
};

void expect_close(const Shape& shape, const Options& options, Context& context) {
  Problem problem(shape, options);
  const auto got = problem.run([&](const LinearArgs& args) { linear(args, context); });
  const auto want = problem.run([&](const LinearArgs& args) {
    format_info(options.format).unpack_int8 != nullptr ? reference::linear_w8a8(args)
                                                       : reference::linear(args);
  });
  const double absolute = (options.y == DType::kBF16 ? 8e-3 : 2e-5) * problem.magnitude();
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double allowed = absolute + (options.y == DType::kBF16 ? 8e-3 : 1e-5) *
                                          std::fabs(static_cast<double>(want[i]));
    ASSERT_NEAR(static_cast<double>(got[i]), static_cast<double>(want[i]), allowed)
        << "element " << i << " of m " << shape.m << " n " << problem.n() << " k " << shape.k
        << " format " << format_info(options.format).name << " x " << dtype_name(options.x);
  }
}

class LinearTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!isa_supported(GetParam())) {
      GTEST_SKIP() << "this machine lacks " << isa_name(GetParam());
    }
    context_ = std::make_unique<Context>(2, false, GetParam());
  }
  std::unique_ptr<Context> context_;
};

constexpr QuantFormat kFormats[] = {QuantFormat::kF32, QuantFormat::kF16, QuantFormat::kBF16,
                                    QuantFormat::kInt8Channel, QuantFormat::kInt4Group};

TEST_P(LinearTest, MatchesTheReferenceForAwkwardShapes) {
  const std::vector<Shape> shapes = {{0, 64, {16}},    {1, 1, {1}},          {1, 64, {7}},
                                     {1, 65, {31, 1}}, {2, 127, {64}},       {5, 33, {16, 16}},
                                     {6, 256, {33}},   {7, 63, {48, 17, 5}}, {8, 128, {15}},
                                     {13, 1152, {40}}, {16, 96, {64, 32}},   {17, 31, {16}},
                                     {31, 4304, {19}}, {36, 6208, {32}},     {33, 2050, {35}},
                                     {67, 192, {70}},  {101, 129, {130, 3}}};
  for (QuantFormat format : kFormats) {
    for (DType x : {DType::kF32, DType::kBF16}) {
      for (const Shape& shape : shapes) {
        Options options;
        options.format = format;
        options.x = x;
        expect_close(shape, options, *context_);
      }
    }
  }
}

TEST_P(LinearTest, EpiloguesBiasResidualAndOutputTypes) {
  for (QuantFormat format : kFormats) {
    for (DType x : {DType::kF32, DType::kBF16}) {
      for (DType y : {DType::kF32, DType::kBF16}) {
        for (Epilogue epilogue : {Epilogue::kNone, Epilogue::kGeluTanh, Epilogue::kGeluErf}) {
          for (std::int64_t m : {1, 3, 19, 40}) {
            Options options{format, x, y, epilogue, true, m % 2 == 1, 0, 0, 0};
            expect_close({m, 72, {37}}, options, *context_);
          }
        }
        for (std::int64_t m : {1, 3, 19, 40}) {
          Options options{format, x, y, Epilogue::kSwiGlu, false, m % 2 == 1, 0, 0, 0};
          expect_close({m, 72, {53, 53}}, options, *context_);
        }
      }
    }
  }
}

// Outputs too large for L2, rows of x beyond one slab, and k beyond one slab of 32 groups of rows.
// Nearly all of the time is the reference's, minutes when every access is checked: then two tiers
// and one type of y have to do.
TEST_P(LinearTest, LargeShapes) {
  if (kChecksMemory && !is_plainest_or_widest(GetParam())) {
    GTEST_SKIP() << "not with a sanitizer";
  }
  for (QuantFormat format :
       {QuantFormat::kBF16, QuantFormat::kInt8Channel, QuantFormat::kInt4Group}) {
    for (DType y : {DType::kF32, DType::kBF16}) {
      if (kChecksMemory && y == DType::kBF16) {
        continue;
      }
      Options options;
      options.format = format;
      options.y = y;
      options.epilogue = Epilogue::kGeluTanh;
      options.bias = true;
      expect_close({1061, 72, {500, 13}}, options, *context_);
      options.residual = y == DType::kF32;
      expect_close({517, 2113, {512, 33}}, options, *context_);
    }
  }
}

// So many outputs for one worker that it streams several tiles of W as one stretch, whole ones and
// what is left at the end of a part.
TEST_P(LinearTest, StretchesOfSeveralTiles) {
  Context alone(1, false, GetParam());
  for (QuantFormat format : kFormats) {
    for (std::int64_t m : {1, 2, 6, 7, 8, 9, 15, 16}) {
      Options options;
      options.format = format;
      options.bias = true;
      expect_close({m, 70, {1030, 97, 130}}, options, alone);
      options.bias = false;
      options.epilogue = Epilogue::kSwiGlu;
      expect_close({m, 129, {1053, 1053}}, options, alone);
    }
  }
}

TEST_P(LinearTest, StridedRowsAndUnalignedWeights) {
  for (QuantFormat format : kFormats) {
    for (DType x : {DType::kF32, DType::kBF16}) {
      for (std::int64_t m : {1, 4, 37}) {
        for (std::size_t misalign : {0U, 8U, 24U, 56U}) {
          Options options{format, x, DType::kF32, Epilogue::kNone, true, true, 3, 5, misalign};
          expect_close({m, 200, {50}}, options, *context_);
          expect_close({m, 256, {96, 16}}, options, *context_);
        }
      }
    }
  }
}

// The residual stream is updated in place: y and residual are the same memory.
TEST_P(LinearTest, ResidualInPlace) {
  for (std::int64_t m : {1, 21}) {
    Problem problem({m, 96, {45}}, {});
    const auto plain = problem.run([&](const LinearArgs& args) { linear(args, *context_); });
    const auto in_place = problem.run([&](LinearArgs args) {
      for (std::int64_t i = 0; i < args.y.elements(); ++i) {
        static_cast<float*>(args.y.data)[i] = 1.0F;
      }
      args.residual = args.y;
      linear(args, *context_);
    });
    for (std::size_t i = 0; i < plain.size(); ++i) {
      ASSERT_EQ(in_place[i], plain[i] + 1.0F);
    }
  }
}

TEST_P(LinearTest, BytesDoNotDependOnTheNumberOfThreads) {
  Context alone(1, false, GetParam());
  Context three(3, false, GetParam());
  for (QuantFormat format : kFormats) {
    for (std::int64_t m : {1, 7, 70}) {
      Options options;
      options.format = format;
      Problem problem({m, 1100, {333, 64}}, options);
      const auto a = problem.run([&](const LinearArgs& args) { linear(args, alone); });
      const auto b = problem.run([&](const LinearArgs& args) { linear(args, three); });
      ASSERT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0)
          << format_info(format).name << " m " << m;
    }
  }
}

// Whether all rows together and in `splits` give the same bytes.
void expect_same_rows(const Options& options, const std::vector<std::int64_t>& splits,
                      Context& context) {
  const std::int64_t m = std::accumulate(splits.begin(), splits.end(), std::int64_t{0});
  Problem problem({m, 4200, {70}}, options);
  const auto all = problem.run([&](const LinearArgs& args) { linear(args, context); });
  const auto split = problem.run([&](const LinearArgs& args) {
    std::int64_t row = 0;
    for (std::int64_t rows : splits) {
      LinearArgs some = args;
      some.x = args.x.slice_rows(row, rows);
      some.y = args.y.slice_rows(row, rows);
      linear(some, context);
      row += rows;
    }
  });
  ASSERT_EQ(std::memcmp(all.data(), split.data(), all.size() * sizeof(float)), 0)
      << format_info(options.format).name << " x " << dtype_name(options.x) << " m " << m;
}

// A row's answer is the same alone and in any batch that the same kernel serves. Kernels for many
// rows of bf16 add in another order.
TEST_P(LinearTest, BytesDoNotDependOnTheOtherRows) {
  for (QuantFormat format : kFormats) {
    for (DType x : {DType::kF32, DType::kBF16}) {
      Options options;
      options.format = format;
      options.x = x;
      const bool ordered = format == QuantFormat::kBF16 && x == DType::kBF16;
      if (ordered && GetParam() == Isa::kAmx) {
        expect_same_rows(options, {5, 7, 8, 16, 39}, *context_);
      } else if (ordered && GetParam() == Isa::kAvx512) {
        expect_same_rows(options, {1, 2, 3, 6, 7, 13}, *context_);
        expect_same_rows(options, {8, 4, 16}, *context_);
        expect_same_rows(options, {33, 75, 40}, *context_);
      } else {
        expect_same_rows(options, {1, 2, 3, 6, 8, 16, 39}, *context_);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, LinearTest, testing::ValuesIn(tested_isas()),
                         [](const auto& param) { return isa_name(param.param); });

}  // namespace
}  // namespace monocle::cpu
