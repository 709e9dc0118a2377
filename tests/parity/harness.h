// SPDX-License-Identifier: Apache-2.0
// Test data on the host, its way to a backend's memory and back, and the comparison of results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "ops/backend.h"

namespace monocle::parity {

// Rounding error of one operation, relative: half a unit in the last place.
inline constexpr double kUnitF32 = 0x1p-24;
inline constexpr double kUnitBF16 = 0x1p-8;
constexpr double unit_of(DType dtype) { return dtype == DType::kBF16 ? kUnitBF16 : kUnitF32; }

// A tensor in host memory in its own element type. Padding between rows is NaN, and so is every
// element at first.
class HostTensor {
 public:
  HostTensor() = default;
  HostTensor(std::int64_t rows, std::int64_t cols, DType dtype, std::int64_t padding = 0);

  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t cols() const { return cols_; }
  [[nodiscard]] std::int64_t stride() const { return stride_; }
  [[nodiscard]] DType dtype() const { return dtype_; }
  [[nodiscard]] float at(std::int64_t row, std::int64_t col) const;
  void set(std::int64_t row, std::int64_t col, float value);
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }
  [[nodiscard]] TensorView view() { return {bytes_.data(), dtype_, rows_, cols_, stride_}; }
  [[nodiscard]] ConstTensorView view() const {
    return {bytes_.data(), dtype_, rows_, cols_, stride_};
  }
  // Whether the bytes between the rows are still those of the constructor.
  [[nodiscard]] bool padding_untouched() const;

 private:
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
  std::int64_t stride_ = 0;
  DType dtype_ = DType::kF32;
  std::vector<std::byte> bytes_;
};

// A packed weight matrix in host memory, and the floats it stands for.
struct HostWeight {
  std::vector<std::byte> data;
  std::vector<float> aux;
  WeightView view;
};

// Seeded by the case's name, so that a case does not change when another is added.
class Random {
 public:
  explicit Random(const std::string& name);
  float normal() { return state_.normal(state_.engine); }
  std::int32_t below(std::int32_t limit);  // uniform in [0, limit)
  float uniform(float low, float high);

  // Normal values, one in a hundred of them `outlier` times as large: real activations look like
  // that.
  HostTensor tensor(std::int64_t rows, std::int64_t cols, DType dtype, std::int64_t padding = 0,
                    float outlier = 20.0F);
  std::vector<float> vector(std::int64_t count, float mean, float deviation);
  // Rows of different scales, about 1 / sqrt(cols).
  HostWeight weight(QuantFormat format, std::int64_t rows, std::int64_t cols);
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1],
                values[static_cast<std::size_t>(below(static_cast<std::int32_t>(i)))]);
    }
  }

 private:
  struct State {
    std::mt19937_64 engine;
    std::normal_distribution<float> normal{0.0F, 1.0F};
    bool operator==(const State&) const = default;
  };
  struct Kept;
  static Kept& kept();
  HostTensor draw_tensor(const HostTensor& shape, float outlier);
  HostWeight draw_weight(QuantFormat format, std::int64_t rows, std::int64_t cols);

  State state_;
};

// Trial roundings of all inputs of a case: every element times 1 + d, d uniform in [-size, size].
struct Movement {
  double size = 0.0;  // 0: inputs stay as they are
  std::uint64_t seed = 0;
};
// `input` tells the tensors of one case apart.
HostTensor moved(const HostTensor& tensor, const Movement& movement, std::uint64_t input);

// What a case puts into a backend's memory; all of it is released at the end.
class Rig {
 public:
  explicit Rig(Backend& backend) : backend_(backend) {}
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  TensorView put(const HostTensor& tensor);
  WeightView put(const HostWeight& weight);
  template <class T>
  T* put(const std::vector<T>& values) {
    return static_cast<T*>(upload(values.data(), values.size() * sizeof(T)));
  }
  // Waits for the verbs and reads a tensor back into `into`, which has its shape.
  void get(const TensorView& device, HostTensor& into);

 private:
  void* upload(const void* host, std::size_t bytes);

  Backend& backend_;
  std::vector<void*> taken_;
};

// Reports the worst element of actual against expected, in units of its tolerance, through gtest.
// Also fails when the comparison could not have failed: see README.md.
void expect_close(const HostTensor& actual, const HostTensor& expected,
                  const std::vector<double>& tolerance);
void expect_equal_bytes(const HostTensor& a, const HostTensor& b);

}  // namespace monocle::parity
