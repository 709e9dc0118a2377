// SPDX-License-Identifier: Apache-2.0
#include "kv_pages.h"

#include <bit>
#include <cmath>
#include <limits>

#include "ops/reference/elements.h"

namespace monocle::parity {
namespace {

constexpr std::int8_t kPoisonCode = 0x55;
constexpr std::uint32_t kPoisonScale = 0x7fc0deadU;  // that of a HostTensor

}  // namespace

Int8Rows quantised(const HostTensor& rows) {
  Int8Rows out;
  out.codes.resize(static_cast<std::size_t>(rows.rows() * rows.cols()), 127);
  std::vector<float> row(static_cast<std::size_t>(rows.cols()));
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (std::int64_t c = 0; c < rows.cols(); ++c) {
      row[static_cast<std::size_t>(c)] = rows.at(r, c);
    }
    out.scales.push_back(std::isnan(row.front())
                             ? std::numeric_limits<float>::quiet_NaN()
                             : reference::quantise_row(row, out.codes.data() + r * rows.cols()));
  }
  return out;
}

HostTensor dequantised(const Int8Rows& rows, std::int64_t cols) {
  HostTensor out(static_cast<std::int64_t>(rows.scales.size()), cols, DType::kF32);
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    for (std::int64_t c = 0; c < cols; ++c) {
      out.set(r, c,
              rows.scales[static_cast<std::size_t>(r)] *
                  static_cast<float>(rows.codes[static_cast<std::size_t>(r * cols + c)]));
    }
  }
  return out;
}

PlacedPages put_pages(Rig& rig, const HostTensor& rows, DType kv, const Movement& movement,
                      std::uint64_t input) {
  if (kv != DType::kI8) {
    const TensorView placed = rig.put(moved(rows, movement, input));
    return {placed.data, placed.dtype, nullptr};
  }
  const Int8Rows int8 = quantised(rows);
  if (movement.size > 0.0) {
    return {rig.put(moved(dequantised(int8, rows.cols()), movement, input)).data, DType::kF32,
            nullptr};
  }
  return {rig.put(int8.codes), DType::kI8, rig.put(int8.scales)};
}

HostTensor read_pages(Backend& backend, const PlacedPages& pages, const HostTensor& rows) {
  backend.wait(backend.mark());
  const auto count = static_cast<std::size_t>(rows.rows() * rows.cols());
  if (pages.dtype == DType::kI8) {
    Int8Rows int8{std::vector<std::int8_t>(count),
                  std::vector<float>(static_cast<std::size_t>(rows.rows()))};
    backend.memory().read(int8.codes.data(), pages.data, count);
    backend.memory().read(int8.scales.data(), pages.scale, int8.scales.size() * sizeof(float));
    return dequantised(int8, rows.cols());
  }
  HostTensor out(rows.rows(), rows.cols(), pages.dtype);
  backend.memory().read(out.bytes().data(), pages.data, out.bytes().size());
  return out;
}

Int8Target::Int8Target(Rig& rig, std::int64_t rows, std::int64_t cols)
    : codes(rows, cols, DType::kF32), scales(rows, 1, DType::kF32) {
  rows_.codes.resize(static_cast<std::size_t>(rows * cols), kPoisonCode);
  rows_.scales.resize(static_cast<std::size_t>(rows), std::bit_cast<float>(kPoisonScale));
  placed_ = {rig.put(rows_.codes), DType::kI8, rig.put(rows_.scales)};
}

void Int8Target::read(Backend& backend) {
  backend.wait(backend.mark());
  backend.memory().read(rows_.codes.data(), placed_.data, rows_.codes.size());
  backend.memory().read(rows_.scales.data(), placed_.scale, rows_.scales.size() * sizeof(float));
  for (std::int64_t r = 0; r < codes.rows(); ++r) {
    const float scale = rows_.scales[static_cast<std::size_t>(r)];
    const bool stored = std::bit_cast<std::uint32_t>(scale) != kPoisonScale;
    if (stored) {
      scales.set(r, 0, scale);
    }
    for (std::int64_t c = 0; c < codes.cols(); ++c) {
      const std::int8_t code = rows_.codes[static_cast<std::size_t>(r * codes.cols() + c)];
      if (stored || code != kPoisonCode) {
        codes.set(r, c, static_cast<float>(code));
      }
    }
  }
}

}  // namespace monocle::parity
