// SPDX-License-Identifier: Apache-2.0
#include "harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace monocle::parity {
namespace {

// NaNs that no arithmetic produces, so that an unwritten element is told from a computed NaN.
constexpr std::uint32_t kPoisonF32 = 0x7fc0deadU;
constexpr std::uint16_t kPoisonBF16 = 0x7fcdU;

bool is_poison(const HostTensor& tensor, std::int64_t row, std::int64_t col) {
  const ConstTensorView view = tensor.view();
  if (tensor.dtype() == DType::kBF16) {
    return view.row<std::uint16_t>(row)[col] == kPoisonBF16;
  }
  return view.row<std::uint32_t>(row)[col] == kPoisonF32;
}

}  // namespace

HostTensor::HostTensor(std::int64_t rows, std::int64_t cols, DType dtype, std::int64_t padding)
    : rows_(rows), cols_(cols), stride_(cols + padding), dtype_(dtype) {
  MONOCLE_CHECK(dtype == DType::kF32 || dtype == DType::kBF16);
  bytes_.resize(static_cast<std::size_t>(rows_ * stride_) * dtype_size(dtype));
  for (std::int64_t i = 0; i < rows_ * stride_; ++i) {
    if (dtype == DType::kBF16) {
      std::memcpy(bytes_.data() + i * 2, &kPoisonBF16, 2);
    } else {
      std::memcpy(bytes_.data() + i * 4, &kPoisonF32, 4);
    }
  }
}

float HostTensor::at(std::int64_t row, std::int64_t col) const {
  if (dtype_ == DType::kBF16) {
    return bf16_to_float(view().row<std::uint16_t>(row)[col]);
  }
  return view().row<float>(row)[col];
}

void HostTensor::set(std::int64_t row, std::int64_t col, float value) {
  if (dtype_ == DType::kBF16) {
    view().row<std::uint16_t>(row)[col] = float_to_bf16(value);
  } else {
    view().row<float>(row)[col] = value;
  }
}

bool HostTensor::padding_untouched() const {
  for (std::int64_t r = 0; r < rows_; ++r) {
    for (std::int64_t c = cols_; c < stride_; ++c) {
      if (!is_poison(*this, r, c)) {
        return false;
      }
    }
  }
  return true;
}

// What the latest case drew. All runs of a case, its own and the reference's, draw the same, and
// drawing takes longer than most verbs.
struct Random::Kept {
  template <class T>
  struct Draw {
    std::array<std::int64_t, 5> arguments;
    State before, after;
    T value;
  };
  std::string name;
  std::vector<Draw<HostTensor>> tensors;
  std::vector<Draw<HostWeight>> weights;

  // The value that `make` drew for these arguments in this state, and the state it left.
  template <class T, class Make>
  static const T& once(std::vector<Draw<T>>& draws, const std::array<std::int64_t, 5>& arguments,
                       State& state, Make make) {
    const auto same = [&](const Draw<T>& draw) {
      return draw.arguments == arguments && draw.before == state;
    };
    auto found = std::find_if(draws.begin(), draws.end(), same);
    if (found == draws.end()) {
      const State before = state;
      T value = make();
      draws.push_back({arguments, before, state, std::move(value)});
      found = draws.end() - 1;
    }
    state = found->after;
    return found->value;
  }
};

Random::Kept& Random::kept() {
  static Kept kept;
  return kept;
}

Random::Random(const std::string& name)
    : state_{std::mt19937_64(hash64(std::as_bytes(std::span(name))))} {
  if (kept().name != name) {
    kept() = {.name = name, .tensors = {}, .weights = {}};
  }
}

std::int32_t Random::below(std::int32_t limit) {
  return std::uniform_int_distribution<std::int32_t>(0, limit - 1)(state_.engine);
}

float Random::uniform(float low, float high) {
  return std::uniform_real_distribution<float>(low, high)(state_.engine);
}

HostTensor Random::tensor(std::int64_t rows, std::int64_t cols, DType dtype, std::int64_t padding,
                          float outlier) {
  return Kept::once(
      kept().tensors,
      {rows, cols, static_cast<std::int64_t>(dtype), padding, std::bit_cast<std::int32_t>(outlier)},
      state_, [&] { return draw_tensor(HostTensor(rows, cols, dtype, padding), outlier); });
}

HostTensor Random::draw_tensor(const HostTensor& shape, float outlier) {
  HostTensor out = shape;
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    for (std::int64_t c = 0; c < out.cols(); ++c) {
      out.set(r, c, normal() * (below(100) == 0 ? outlier : 1.0F));
    }
  }
  return out;
}

std::vector<float> Random::vector(std::int64_t count, float mean, float deviation) {
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& value : out) {
    value = mean + deviation * normal();
  }
  return out;
}

HostWeight Random::weight(QuantFormat format, std::int64_t rows, std::int64_t cols) {
  HostWeight out = Kept::once(kept().weights, {rows, cols, static_cast<std::int64_t>(format), 0, 0},
                              state_, [&] { return draw_weight(format, rows, cols); });
  out.view = {out.data.data(), out.aux.empty() ? nullptr : out.aux.data(), format, rows, cols};
  return out;
}

HostWeight Random::draw_weight(QuantFormat format, std::int64_t rows, std::int64_t cols) {
  const FormatInfo& info = format_info(format);
  HostWeight out;
  out.data.resize(info.data_bytes(rows, cols));
  out.aux.resize((info.aux_bytes(rows, cols) + 3) / 4);
  for (std::int64_t r = 0; r < rows; ++r) {
    const float scale = uniform(0.5F, 2.0F) / std::sqrt(static_cast<float>(cols));
    std::vector<float> row = vector(cols, 0.0F, scale);
    row[static_cast<std::size_t>(below(static_cast<std::int32_t>(cols)))] *= 4.0F;
    info.pack_row(row.data(), r, rows, cols, out.data.data(), out.aux.data());
  }
  return out;
}

HostTensor moved(const HostTensor& tensor, const Movement& movement, std::uint64_t input) {
  if (movement.size == 0.0) {
    return tensor;
  }
  // In float even when the tensor is bf16: the movement must not vanish in the rounding of the
  // storage.
  HostTensor out(tensor.rows(), tensor.cols(), DType::kF32, tensor.stride() - tensor.cols());
  std::mt19937_64 engine(movement.seed * 16 + input);
  std::uniform_real_distribution<double> move(-movement.size, movement.size);
  for (std::int64_t r = 0; r < tensor.rows(); ++r) {
    for (std::int64_t c = 0; c < tensor.cols(); ++c) {
      out.set(r, c,
              static_cast<float>(static_cast<double>(tensor.at(r, c)) * (1.0 + move(engine))));
    }
  }
  return out;
}

Rig::~Rig() {
  backend_.wait(backend_.mark());
  for (void* pointer : taken_) {
    backend_.memory().release(pointer);
  }
}

void* Rig::upload(const void* host, std::size_t bytes) {
  Result<void*> memory = backend_.memory().allocate(std::max(bytes, std::size_t{64}));
  MONOCLE_CHECK(memory.has_value());
  taken_.push_back(*memory);
  if (bytes > 0) {
    backend_.memory().write(*memory, host, bytes);
  }
  return *memory;
}

TensorView Rig::put(const HostTensor& tensor) {
  void* data = upload(tensor.bytes().data(), tensor.bytes().size());
  return {data, tensor.dtype(), tensor.rows(), tensor.cols(), tensor.stride()};
}

WeightView Rig::put(const HostWeight& weight) {
  Result<WeightView> placed = backend_.memory().place(weight.view);
  MONOCLE_CHECK(placed.has_value());
  return *placed;
}

void Rig::get(const TensorView& device, HostTensor& into) {
  backend_.wait(backend_.mark());
  if (!into.bytes().empty()) {
    backend_.memory().read(into.bytes().data(), device.data, into.bytes().size());
  }
}

void expect_close(const HostTensor& actual, const HostTensor& expected,
                  const std::vector<double>& tolerance) {
  ASSERT_EQ(actual.rows(), expected.rows());
  ASSERT_EQ(actual.cols(), expected.cols());
  EXPECT_TRUE(actual.padding_untouched()) << "wrote between the rows of a strided view";
  double worst = 0.0;
  std::int64_t worst_row = 0;
  std::int64_t worst_col = 0;
  std::int64_t outside = 0;
  double power = 0.0;
  double slack = 0.0;
  for (std::int64_t r = 0; r < actual.rows(); ++r) {
    for (std::int64_t c = 0; c < actual.cols(); ++c) {
      ASSERT_FALSE(is_poison(actual, r, c)) << "never written: row " << r << " col " << c;
      const auto want = static_cast<double>(expected.at(r, c));
      const double error = std::fabs(static_cast<double>(actual.at(r, c)) - want);
      const double allowed = tolerance[static_cast<std::size_t>(r * actual.cols() + c)];
      // A NaN is infinitely wrong.
      const double ratio = error == 0.0        ? 0.0
                           : std::isnan(error) ? std::numeric_limits<double>::infinity()
                                               : error / allowed;
      outside += ratio <= 1.0 ? 0 : 1;
      if (ratio > worst) {
        worst = ratio;
        worst_row = r;
        worst_col = c;
      }
      power += want * want;
      slack += allowed * allowed;
    }
  }
  const double count = static_cast<double>(actual.rows() * actual.cols());
  if (count >= 64.0) {  // a handful of elements may be small by chance
    EXPECT_GT(std::sqrt(power / count), 1e-3) << "meaningless: the expected output is all but zero";
    EXPECT_LT(slack, power * 0.01)
        << "meaningless: the tolerance is a tenth of the expected output";
  }
  EXPECT_EQ(outside, 0) << "worst: row " << worst_row << " col " << worst_col << " is "
                        << actual.at(worst_row, worst_col) << ", expected "
                        << expected.at(worst_row, worst_col) << ", " << worst
                        << " times the tolerance; " << outside << " of " << count << " outside";
}

void expect_equal_bytes(const HostTensor& a, const HostTensor& b) {
  ASSERT_EQ(a.bytes().size(), b.bytes().size());
  if (a.bytes().empty() || std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0) {
    return;
  }
  const auto first = std::mismatch(a.bytes().begin(), a.bytes().end(), b.bytes().begin()).first -
                     a.bytes().begin();
  const auto element =
      static_cast<std::int64_t>(first) / static_cast<std::int64_t>(dtype_size(a.dtype()));
  ADD_FAILURE() << "first difference at row " << element / a.stride() << " col "
                << element % a.stride();
}

}  // namespace monocle::parity
