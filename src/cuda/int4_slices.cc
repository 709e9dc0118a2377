// SPDX-License-Identifier: Apache-2.0
#include "cuda/int4_slices.h"

#include <algorithm>

#include "base/check.h"
#include "cuda/int4_tiles.h"

namespace monocle::cuda {
namespace {

constexpr std::size_t kAligned = 256;
constexpr std::int64_t kSliceRows = 64;  // a multiple of them: results of 16 bytes stay aligned

std::size_t int8_bytes(const WeightView& w) {
  const auto bytes = static_cast<std::size_t>(w.rows * w.cols);
  return (bytes + kAligned - 1) / kAligned * kAligned;
}

WeightView rows_of(const WeightView& w, std::int64_t first, std::int64_t count) {
  WeightView out = w;
  out.data =
      static_cast<const std::byte*>(w.data) + first / kInt4TileRows * int4_tile_pitch(w.cols);
  out.aux = static_cast<const float*>(w.aux) + first;
  out.rows = count;
  return out;
}

// The results that come of rows [first, first + count) of the parts of `w`.
LinearArgs results_of(const LinearArgs& args, const LinearWeight& w, std::int64_t first,
                      std::int64_t count) {
  LinearArgs out = args;
  out.w = w;
  out.bias = args.bias != nullptr ? args.bias + first : nullptr;
  out.y = args.y.slice_cols(first, count);
  if (args.residual.data != nullptr) {
    out.residual = args.residual.slice_cols(first, count);
  }
  return out;
}

}  // namespace

void for_int8_slices(const LinearArgs& args, const Int8Room& room,
                     FunctionRef<void(const WeightView&, std::int8_t*)> expand,
                     FunctionRef<void(const LinearArgs&)> run) {
  // The parts as int8 rows, one after the other.
  const auto use = [&](LinearWeight w, std::int64_t first, std::int64_t count) {
    std::int8_t* to = room.data;
    for (int i = 0; i < w.parts; ++i) {
      WeightView& part = w.part[static_cast<std::size_t>(i)];
      expand(part, to);
      part.data = to;
      part.format = QuantFormat::kInt8Channel;
      to += int8_bytes(part);
    }
    run(results_of(args, w, first, count));
  };
  std::size_t all = 0;
  for (int i = 0; i < args.w.parts; ++i) {
    all += int8_bytes(args.w.part[static_cast<std::size_t>(i)]);
  }
  if (all <= room.bytes) {
    use(args.w, 0, args.y.cols);
    return;
  }
  const bool pairs = args.epilogue == Epilogue::kSwiGlu;
  const int together = pairs ? 2 : 1;  // gate and up belong together
  const std::int64_t most = static_cast<std::int64_t>(room.bytes / kAligned * kAligned) /
                            (together * args.w.cols()) / kSliceRows * kSliceRows;
  MONOCLE_CHECK(most > 0);
  std::int64_t begin = 0;
  for (int part = 0; part < args.w.parts; part += together) {
    const std::int64_t rows = args.w.part[static_cast<std::size_t>(part)].rows;
    for (std::int64_t first = 0; first < rows; first += most) {
      const std::int64_t count = std::min(most, rows - first);
      LinearWeight slice = args.w;
      slice.parts = together;
      for (int i = 0; i < together; ++i) {
        slice.part[static_cast<std::size_t>(i)] =
            rows_of(args.w.part[static_cast<std::size_t>(part + i)], first, count);
      }
      use(slice, begin + first, count);
    }
    begin += rows;
  }
}

}  // namespace monocle::cuda
