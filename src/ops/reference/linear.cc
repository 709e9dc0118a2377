// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numbers>
#include <vector>

#include "ops/reference/elements.h"
#include "ops/reference/verbs.h"

namespace monocle::reference {
namespace {

double gelu_tanh(double x) {
  const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + std::tanh(inner));
}
double gelu_erf(double x) { return 0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2)); }
double silu(double x) { return x / (1.0 + std::exp(-x)); }

double activate(Epilogue epilogue, double x) {
  switch (epilogue) {
    case Epilogue::kGeluTanh:
      return gelu_tanh(x);
    case Epilogue::kGeluErf:
      return gelu_erf(x);
    case Epilogue::kNone:
    case Epilogue::kSwiGlu:
      return x;
  }
  return x;
}

// Residual and y may be the same memory: each element is read before it is written, and never read
// again.
void store_output(const LinearArgs& args, std::int64_t row, std::int64_t col, double value) {
  if (args.residual.data != nullptr) {
    value += static_cast<double>(load(args.residual, row, col));
  }
  store(args.y, row, col, value);
}

void swiglu(const LinearArgs& args, LinearColumn column) {
  const std::int64_t m = args.x.rows;
  std::vector<double> gate(static_cast<std::size_t>(m));
  std::vector<double> up(static_cast<std::size_t>(m));
  for (std::int64_t j = 0; j < args.w.part[0].rows; ++j) {
    column(0, j, gate);
    column(1, j, up);
    for (std::int64_t i = 0; i < m; ++i) {
      const auto at = static_cast<std::size_t>(i);
      store_output(args, i, j, silu(gate[at]) * up[at]);
    }
  }
}

}  // namespace

void linear_with(const LinearArgs& args, LinearColumn column) {
  if (args.epilogue == Epilogue::kSwiGlu) {
    swiglu(args, column);
    return;
  }
  std::vector<double> z(static_cast<std::size_t>(args.x.rows));
  std::int64_t j = 0;  // output column, running through the parts one after the other
  for (int part = 0; part < args.w.parts; ++part) {
    for (std::int64_t row = 0; row < args.w.part[static_cast<std::size_t>(part)].rows; ++row, ++j) {
      column(part, row, z);
      const double bias = args.bias != nullptr ? static_cast<double>(args.bias[j]) : 0.0;
      for (std::int64_t i = 0; i < args.x.rows; ++i) {
        store_output(args, i, j, activate(args.epilogue, z[static_cast<std::size_t>(i)] + bias));
      }
    }
  }
}

void linear(const LinearArgs& args) {
  const std::int64_t k = args.x.cols;
  const FormatInfo& format = format_info(args.w.format());
  const std::vector<float> x = as_floats(args.x);
  std::vector<float> w(static_cast<std::size_t>(k));
  linear_with(args, [&](int part, std::int64_t row, std::span<double> out) {
    format.unpack_row(args.w.part[static_cast<std::size_t>(part)], row, w.data());
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = dot(x.data() + static_cast<std::int64_t>(i) * k, w.data(), k);
    }
  });
}

}  // namespace monocle::reference
