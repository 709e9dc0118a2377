// SPDX-License-Identifier: Apache-2.0
// The tolerance of linear() is per element: the products x[i] w[j] are known, so the spread of
// their rounding errors is too. A second run of the reference on squared inputs gives the sum of
// the squared products.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "cases.h"
#include "ops/reference/reference_backend.h"
#include "ops/reference/verbs.h"

namespace monocle::parity {
namespace {

enum class Residual { kNone, kSeparate, kIsY };

struct Setup {
  std::string name;
  std::int64_t m = 0;
  std::vector<std::int64_t> parts;  // output rows of each weight
  std::int64_t k = 0;
  QuantFormat format = QuantFormat::kF32;
  DType x = DType::kF32;
  DType y = DType::kF32;
  Epilogue epilogue = Epilogue::kNone;
  bool bias = false;
  Residual residual = Residual::kNone;
  std::int64_t padding = 0;

  [[nodiscard]] std::int64_t n() const {
    std::int64_t sum = 0;
    for (const std::int64_t rows : parts) {
      sum += rows;
    }
    return epilogue == Epilogue::kSwiGlu ? sum / 2 : sum;
  }
};

struct Data {
  HostTensor x;
  std::vector<HostWeight> weights;
  std::vector<float> bias;
  HostTensor residual;
};

Data make_data(const Setup& setup) {
  Random random(setup.name);
  Data data;
  data.x = random.tensor(setup.m, setup.k, setup.x, setup.padding);
  for (const std::int64_t rows : setup.parts) {
    data.weights.push_back(random.weight(setup.format, rows, setup.k));
  }
  data.bias = random.vector(setup.n(), 0.0F, 1.0F);
  data.residual = random.tensor(setup.m, setup.n(), DType::kF32, setup.padding);
  return data;
}

HostTensor run_linear(Backend& backend, const Setup& setup, const Data& data) {
  Rig rig(backend);
  LinearArgs args;
  args.x = rig.put(data.x);
  args.w.parts = static_cast<int>(data.weights.size());
  for (std::size_t i = 0; i < data.weights.size(); ++i) {
    args.w.part[i] = rig.put(data.weights[i]);
  }
  args.bias = setup.bias ? rig.put(data.bias) : nullptr;
  args.epilogue = setup.epilogue;
  HostTensor y(setup.m, setup.n(), setup.y, setup.padding);
  if (setup.residual == Residual::kIsY) {
    y = data.residual;
  }
  args.y = rig.put(y);
  if (setup.residual != Residual::kNone) {
    args.residual = setup.residual == Residual::kIsY ? args.y : rig.put(data.residual);
  }
  backend.linear(args);
  rig.get(args.y, y);
  return y;
}

// x Wᵀ + bias of all parts, in float.
HostTensor products(const Setup& setup, const Data& data, void (*linear)(const LinearArgs&)) {
  LinearArgs args;
  args.x = data.x.view();
  args.w.parts = static_cast<int>(data.weights.size());
  for (std::size_t i = 0; i < data.weights.size(); ++i) {
    args.w.part[i] = data.weights[i].view;
  }
  HostTensor z(setup.m, args.w.rows(), DType::kF32);
  args.bias = setup.bias ? data.bias.data() : nullptr;
  args.y = z.view();
  linear(args);
  return z;
}

// The sum of the squares of the products that each output adds up.
HostTensor squared_products(const Setup& setup, const Data& data) {
  Data squared;
  squared.x = HostTensor(setup.m, setup.k, DType::kF32);
  for (std::int64_t r = 0; r < setup.m; ++r) {
    for (std::int64_t c = 0; c < setup.k; ++c) {
      squared.x.set(r, c, data.x.at(r, c) * data.x.at(r, c));
    }
  }
  for (const HostWeight& weight : data.weights) {
    const auto cols = static_cast<std::size_t>(setup.k);
    HostWeight& out = squared.weights.emplace_back();
    out.data.resize(static_cast<std::size_t>(weight.view.rows) * cols * sizeof(float));
    auto* values = static_cast<float*>(static_cast<void*>(out.data.data()));
    for (std::int64_t r = 0; r < weight.view.rows; ++r) {
      format_info(setup.format).unpack_row(weight.view, r, values + r * setup.k);
    }
    for (std::size_t i = 0; i < out.data.size() / sizeof(float); ++i) {
      values[i] *= values[i];
    }
    out.view = {out.data.data(), nullptr, QuantFormat::kF32, weight.view.rows, setup.k};
  }
  Setup plain = setup;
  plain.bias = false;
  return products(plain, squared, reference::linear);
}

// The relative rounding that an input may suffer before it is multiplied. f32 activations are read
// as they are; with bf16 ones a backend multiplies in bf16, and weights of another format may be
// narrowed to it.
double input_rounding(const Setup& setup) {
  return setup.x == DType::kBF16 && setup.format != QuantFormat::kBF16 ? kUnitBF16 : 0.0;
}

double silu(double x) { return x / (1.0 + std::exp(-x)); }

// Errors of the products (one for each column of z) carried through the epilogue and the store.
double output_error(const Setup& setup, std::int64_t row, std::int64_t col, const HostTensor& z,
                    const std::vector<double>& error) {
  const auto at = [&](std::int64_t c) { return static_cast<double>(z.at(row, c)); };
  const auto error_at = [&](std::int64_t c) {
    return error[static_cast<std::size_t>(row * z.cols() + c)];
  };
  switch (setup.epilogue) {
    case Epilogue::kNone:
      return error_at(col);
    case Epilogue::kGeluTanh:
    case Epilogue::kGeluErf:
      return 1.15 * error_at(col) + 32.0 * kUnitF32 * std::fabs(at(col));
    case Epilogue::kSwiGlu:
      break;
  }
  const double up = at(col + setup.n());
  const double up_error = error_at(col + setup.n());
  const double gate = silu(at(col));
  const double gate_error = 1.1 * error_at(col) + 32.0 * kUnitF32 * std::fabs(at(col));
  return gate_error * std::fabs(up) + std::fabs(gate) * up_error + gate_error * up_error;
}

// What the tensor cores lose of a sum of fp8 products, for each square root of its length: whenever
// 32 products join it, all are cut to 14 bits of the largest.
constexpr double kFp8Sums = 0x1p-12;

struct Oracle {
  HostTensor expected;
  HostTensor z;
  std::vector<double> error;  // of z
};

Oracle exact_oracle(const Setup& setup, const Data& data) {
  ReferenceBackend backend;
  Oracle out{run_linear(backend, setup, data), products(setup, data, reference::linear), {}};
  const HostTensor squares = squared_products(setup, data);
  const double sums = 8.0 * kUnitF32 * std::sqrt(static_cast<double>(setup.k));
  for (std::int64_t r = 0; r < out.z.rows(); ++r) {
    for (std::int64_t c = 0; c < out.z.cols(); ++c) {
      const double spread = std::sqrt(static_cast<double>(squares.at(r, c)));
      const double size = std::max(spread, std::fabs(static_cast<double>(out.z.at(r, c))));
      out.error.push_back(2.0 * input_rounding(setup) * spread + (sums + 8.0 * kUnitF32) * size);
    }
  }
  return out;
}

// x rounded as W is. Integer sums are exact: only the two scales, the bias and the conversions
// round. Sums of fp8 products lose what `lost` says of the products' spread.
Oracle narrow_oracle(const Setup& setup, const Data& data) {
  const bool fp8 = setup.format == QuantFormat::kFp8Channel;
  const auto linear = fp8 ? reference::linear_fp8 : reference::linear_w8a8;
  Oracle out;
  out.expected = HostTensor(setup.m, setup.n(), setup.y, setup.padding);
  LinearArgs args;
  args.x = data.x.view();
  args.w.parts = static_cast<int>(data.weights.size());
  for (std::size_t i = 0; i < data.weights.size(); ++i) {
    args.w.part[i] = data.weights[i].view;
  }
  args.bias = setup.bias ? data.bias.data() : nullptr;
  args.epilogue = setup.epilogue;
  if (setup.residual != Residual::kNone) {
    args.residual = data.residual.view();
  }
  args.y = out.expected.view();
  linear(args);
  out.z = products(setup, data, linear);
  const HostTensor squares = squared_products(setup, data);
  const double lost = fp8 ? kFp8Sums * std::sqrt(static_cast<double>(setup.k)) : 0.0;
  for (std::int64_t r = 0; r < out.z.rows(); ++r) {
    for (std::int64_t c = 0; c < out.z.cols(); ++c) {
      const double size = std::fabs(static_cast<double>(out.z.at(r, c)));
      const double spread = std::sqrt(static_cast<double>(squares.at(r, c)));
      out.error.push_back(8.0 * kUnitF32 * (1.0 + size) + lost * std::max(size, spread));
    }
  }
  return out;
}

double distance(const HostTensor& a, const HostTensor& b) {
  double sum = 0.0;
  for (std::int64_t r = 0; r < a.rows(); ++r) {
    for (std::int64_t c = 0; c < a.cols(); ++c) {
      sum += std::fabs(static_cast<double>(a.at(r, c) - b.at(r, c)));
    }
  }
  return sum;
}

void check_linear(const Setup& setup, const HostTensor& actual) {
  const Data data = make_data(setup);
  Oracle oracle = exact_oracle(setup, data);
  if (format_info(setup.format).unpack_int8 != nullptr ||
      setup.format == QuantFormat::kFp8Channel) {
    Oracle quantised = narrow_oracle(setup, data);
    if (distance(actual, quantised.expected) < distance(actual, oracle.expected)) {
      oracle =
          std::move(quantised);  // either scheme will do, but it must be one of them throughout
    }
  }
  std::vector<double> tolerance;
  for (std::int64_t r = 0; r < actual.rows(); ++r) {
    for (std::int64_t c = 0; c < actual.cols(); ++c) {
      const double y = std::fabs(static_cast<double>(oracle.expected.at(r, c)));
      const double residual = setup.residual == Residual::kNone
                                  ? 0.0
                                  : std::fabs(static_cast<double>(data.residual.at(r, c)));
      tolerance.push_back(output_error(setup, r, c, oracle.z, oracle.error) +
                          4.0 * kUnitF32 * (residual + y) + 2.0 * unit_of(setup.y) * y + 1e-30);
    }
  }
  expect_close(actual, oracle.expected, tolerance);
}

// How the sizes n are split into parts, and what is fused: each shape meets each variant with some
// format.
constexpr std::size_t kVariants = 6;
void apply_variant(Setup& setup, std::int64_t n, std::size_t variant) {
  setup.parts = {n};
  switch (variant) {
    case 0:
      break;
    case 1:
      setup.bias = true;
      setup.residual = Residual::kSeparate;
      break;
    case 2:
      setup.bias = true;
      setup.epilogue = Epilogue::kGeluTanh;
      setup.y = DType::kBF16;
      break;
    case 3:
      setup.parts = {n, (n + 1) / 2, (n + 1) / 2};  // query, key, value
      setup.residual = Residual::kIsY;
      setup.padding = 5;
      break;
    case 4:
      setup.parts = {n, n};  // gate, up
      setup.epilogue = Epilogue::kSwiGlu;
      setup.y = DType::kBF16;
      break;
    case 5:
      setup.bias = true;
      setup.epilogue = Epilogue::kGeluErf;
      setup.padding = 8;
      break;
    default:
      MONOCLE_CHECK(false);
  }
}

struct Shape {
  std::int64_t m, n, k;
};

// k: 72, 1152 and 4304 are the vision tower of the larger models, 2560 the 4B text model.
constexpr Shape kShapes[] = {
    {0, 7, 64},      {1, 1, 2},        {1, 1, 32},       {1, 7, 64},    {1, 1027, 64},
    {1, 131, 4304},  {1, 160, 2560},   {2, 7, 128},      {2, 64, 1152}, {3, 5, 8},
    {3, 33, 72},     {3, 65, 1152},    {4, 1027, 64},    {5, 31, 96},   {5, 67, 2560},
    {16, 16, 64},    {16, 1, 128},     {16, 129, 1152},  {17, 17, 160}, {17, 48, 4304},
    {31, 1, 64},     {31, 100, 128},   {64, 64, 64},     {64, 259, 72}, {64, 96, 2560},
    {130, 7, 64},    {130, 257, 192},  {130, 131, 1152}, {65, 8, 16},   {257, 264, 80},
    {300, 520, 208}, {259, 136, 1152}, {131, 264, 4304},
};

// A row or two of x and the columns of a published model, as in decoding: each with every variant.
constexpr Shape kDecodeShapes[] = {{2, 136, 2048}, {1, 40, 6144}};

// Batches of decode steps, each with every variant: one tile and many, of either width, several
// rounds of tiles, a last tile and last columns that are not full.
constexpr Shape kBatchShapes[] = {{9, 64, 72},     {32, 128, 2048},  {33, 192, 1160},
                                  {64, 2112, 328}, {31, 4168, 64},   {65, 128, 576},
                                  {256, 6144, 64}, {23, 12352, 136}, {128, 320, 3080},
                                  {97, 6400, 72},  {48, 8256, 72}};

Case linear_case(const FormatInfo& format, DType x, const Shape& shape, std::size_t variant) {
  Setup setup;
  setup.name = fmt::format("linear_{}_x{}_m{}_n{}_k{}_v{}", format.name, dtype_name(x), shape.m,
                           shape.n, shape.k, variant);
  setup.m = shape.m;
  setup.k = shape.k;
  setup.format = format.format;
  setup.x = x;
  apply_variant(setup, shape.n, variant);
  const auto run = [setup](Backend& backend, const Movement&) {
    return std::vector<HostTensor>{run_linear(backend, setup, make_data(setup))};
  };
  return {setup.name, run, [setup](const auto& outputs) { check_linear(setup, outputs.at(0)); }};
}

}  // namespace

std::vector<Case> linear_cases() {
  std::vector<Case> cases;
  std::size_t combination = 0;
  for (const FormatInfo& format : formats()) {
    for (const DType x : {DType::kF32, DType::kBF16}) {
      ++combination;
      for (std::size_t i = 0; i < std::size(kShapes); ++i) {
        cases.push_back(linear_case(format, x, kShapes[i], (i + combination) % kVariants));
      }
    }
  }
  for (const QuantFormat format : {QuantFormat::kBF16, QuantFormat::kInt8Channel,
                                   QuantFormat::kFp8Channel, QuantFormat::kInt4Group}) {
    for (const Shape& shape : kDecodeShapes) {
      for (std::size_t variant = 0; variant < kVariants; ++variant) {
        cases.push_back(linear_case(format_info(format), DType::kBF16, shape, variant));
      }
    }
  }
  for (const QuantFormat format : {QuantFormat::kBF16, QuantFormat::kInt4Group}) {
    for (const Shape& shape : kBatchShapes) {
      for (std::size_t variant = 0; variant < kVariants; ++variant) {
        cases.push_back(linear_case(format_info(format), DType::kBF16, shape, variant));
      }
    }
  }
  return cases;
}

}  // namespace monocle::parity
