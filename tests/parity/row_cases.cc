// SPDX-License-Identifier: Apache-2.0
// norm and the verbs that move or add whole rows.
#include "cases.h"

namespace monocle::parity {
namespace {

struct NormSetup {
  std::string name;
  NormKind kind = NormKind::kRms;
  std::int64_t m = 0;
  std::int64_t n = 0;
  DType y = DType::kF32;
};

std::vector<HostTensor> run_norm(Backend& backend, const NormSetup& setup,
                                 const Movement& movement) {
  Random random(setup.name);
  HostTensor x = random.tensor(setup.m, setup.n, DType::kF32, 3);
  for (std::int64_t c = 0; c < setup.n; ++c) {
    for (std::int64_t r = 0; r < setup.m; ++r) {
      // A mean that LayerNorm must cancel; one row so small that eps counts, and one of zeros.
      const float scale = r == 1 ? 1e-3F : r == 2 ? 0.0F : 1.0F;
      x.set(r, c, (x.at(r, c) + 3.0F) * scale);
    }
  }
  const std::vector<float> weight = random.vector(setup.n, 1.0F, 0.3F);
  const std::vector<float> bias = random.vector(setup.n, 0.0F, 0.5F);
  Rig rig(backend);
  NormArgs args;
  args.kind = setup.kind;
  args.x = rig.put(moved(x, movement, 1));
  args.weight = rig.put(weight);
  args.bias = setup.kind == NormKind::kLayer ? rig.put(bias) : nullptr;
  HostTensor y(setup.m, setup.n, setup.y, 2);
  args.y = rig.put(y);
  backend.norm(args);
  rig.get(args.y, y);
  return {y};
}

struct EmbedSetup {
  std::string name;
  QuantFormat format = QuantFormat::kF32;
  std::int64_t tokens = 0;
  std::int64_t hidden = 0;
  bool with_media = false;
  DType media = DType::kF32;
};

std::vector<HostTensor> run_embed(Backend& backend, const EmbedSetup& setup, const Movement&) {
  constexpr std::int32_t kVocab = 53;
  constexpr std::int32_t kMediaRows = 11;
  Random random(setup.name);
  const HostWeight table = random.weight(setup.format, kVocab, setup.hidden);
  const HostTensor media = random.tensor(kMediaRows, setup.hidden, setup.media, 4);
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> rows;
  for (std::int64_t t = 0; t < setup.tokens; ++t) {
    ids.push_back(t == 0 ? kVocab - 1 : random.below(kVocab));
    rows.push_back(t % 3 == 1 ? random.below(kMediaRows) : -1);
  }
  Rig rig(backend);
  EmbedArgs args;
  args.ids = {rig.put(ids), ids.size()};
  args.media_row = setup.with_media ? rig.put(rows) : nullptr;
  args.table = rig.put(table);
  if (setup.with_media) {
    args.media = rig.put(media);
  }
  HostTensor y(setup.tokens, setup.hidden, DType::kF32, 3);
  args.y = rig.put(y);
  backend.embed(args);
  rig.get(args.y, y);
  return {y};
}

struct RowsSetup {
  std::string name;
  std::int64_t count = 0;
  std::int64_t cols = 0;
  DType source = DType::kF32;
};

std::vector<HostTensor> run_add_rows(Backend& backend, const RowsSetup& setup, const Movement&) {
  Random random(setup.name);
  const HostTensor source = random.tensor(9, setup.cols, setup.source, 1);
  HostTensor y = random.tensor(setup.count, setup.cols, DType::kF32, 6);
  std::vector<std::int32_t> rows;
  for (std::int64_t t = 0; t < setup.count; ++t) {
    rows.push_back(random.below(10) - 1);
  }
  Rig rig(backend);
  const TensorView view = rig.put(y);
  backend.add_rows({.row = {rig.put(rows), rows.size()}, .source = rig.put(source), .y = view});
  rig.get(view, y);
  return {y};
}

std::vector<HostTensor> run_gather_rows(Backend& backend, const RowsSetup& setup, const Movement&) {
  Random random(setup.name);
  const HostTensor x = random.tensor(13, setup.cols, DType::kF32, 3);
  std::vector<std::int32_t> rows;
  for (std::int64_t t = 0; t < setup.count; ++t) {
    rows.push_back(t == 0 ? 12 : random.below(13));
  }
  HostTensor y(setup.count, setup.cols, DType::kF32, 2);
  Rig rig(backend);
  const TensorView view = rig.put(y);
  backend.gather_rows({.row = {rig.put(rows), rows.size()}, .x = rig.put(x), .y = view});
  rig.get(view, y);
  return {y};
}

struct BlendSetup {
  std::string name;
  QuantFormat format = QuantFormat::kF32;
  std::int64_t count = 0;
  std::int64_t cols = 0;
};

std::vector<HostTensor> run_blend_rows(Backend& backend, const BlendSetup& setup,
                                       const Movement& movement) {
  constexpr std::int32_t kPositions = 48;
  Random random(setup.name);
  const HostWeight table = random.weight(setup.format, kPositions, setup.cols);
  HostTensor y = random.tensor(setup.count, setup.cols, DType::kF32, 2);
  std::vector<std::int32_t> index;
  HostTensor weight(setup.count, 4, DType::kF32);
  for (std::int64_t i = 0; i < setup.count; ++i) {
    const float a = random.uniform(0.0F, 1.0F);
    const float b = i % 3 == 0 ? 0.0F : random.uniform(0.0F, 1.0F);  // on a grid line
    const float weights[] = {(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b};
    for (std::int64_t j = 0; j < 4; ++j) {
      index.push_back(random.below(kPositions));
      weight.set(i, j, weights[j]);
    }
  }
  Rig rig(backend);
  const TensorView view = rig.put(moved(y, movement, 1));
  BlendRowsArgs args;
  args.index = rig.put(index);
  args.weight = static_cast<const float*>(rig.put(moved(weight, movement, 2)).data);
  args.table = rig.put(table);
  args.y = view;
  backend.blend_rows(args);
  rig.get(view, y);
  return {y};
}

std::vector<HostTensor> run_expand_pixels(Backend& backend, std::int64_t count, std::int32_t stored,
                                          const Movement& movement) {
  constexpr std::int32_t kChannels = 3;
  constexpr std::int32_t kFrames = 2;
  constexpr std::int32_t kArea = 256;
  Random random(fmt::format("expand_pixels_{}_{}", count, stored));
  std::vector<std::uint8_t> pixels;
  for (std::int64_t i = 0; i < count * kChannels * stored * kArea; ++i) {
    pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
  }
  pixels.resize(std::max<std::size_t>(pixels.size(), 1));
  // One more than there are bytes, so that a table read one place further on is still memory.
  const HostTensor values = random.tensor(1, kChannels * 256 + 1, DType::kF32);
  HostTensor y(count, kChannels * kFrames * kArea, DType::kF32, 3);
  Rig rig(backend);
  const TensorView view = rig.put(y);
  backend.expand_pixels(
      {.pixels = rig.put(pixels),
       .values = static_cast<const float*>(rig.put(moved(values, movement, 1)).data),
       .channels = kChannels,
       .stored = stored,
       .frames = kFrames,
       .area = kArea,
       .y = view});
  rig.get(view, y);
  return {y};
}

}  // namespace

std::vector<Case> norm_cases() {
  std::vector<Case> cases;
  for (const NormKind kind : {NormKind::kRms, NormKind::kLayer}) {
    for (const std::int64_t n : {1, 7, 64, 72, 127, 1024, 1027, 1152, 4096, 4304}) {
      for (const std::int64_t m : {0, 1, 3, 17, 130}) {
        if (m > 17 && n > 1152) {
          continue;
        }
        const DType y = (m + n) % 2 == 0 ? DType::kBF16 : DType::kF32;
        NormSetup setup{fmt::format("norm_{}_m{}_n{}_y{}", kind == NormKind::kRms ? "rms" : "layer",
                                    m, n, dtype_name(y)),
                        kind, m, n, y};
        const auto run = [setup](Backend& backend, const Movement& movement) {
          return run_norm(backend, setup, movement);
        };
        cases.push_back({setup.name, run, matches_within(run, sum_rounding(n), 0)});
      }
    }
  }
  return cases;
}

std::vector<Case> row_cases() {
  std::vector<Case> cases;
  for (const FormatInfo& format : formats()) {
    for (const std::int64_t tokens : {0, 1, 17, 67}) {
      for (const std::int64_t hidden : {64, 72, 1027}) {
        EmbedSetup setup{fmt::format("embed_{}_t{}_h{}", format.name, tokens, hidden),
                         format.format,
                         tokens,
                         hidden,
                         hidden != 64,
                         hidden == 72 ? DType::kBF16 : DType::kF32};
        const auto run = [setup](Backend& backend, const Movement& movement) {
          return run_embed(backend, setup, movement);
        };
        cases.push_back({setup.name, run, matches_exactly(run)});
      }
    }
    if (format.aux_bytes(1, 1) == 0) {  // float formats
      for (const std::int64_t count : {0, 1, 7, 67}) {
        BlendSetup setup{fmt::format("blend_rows_{}_n{}", format.name, count), format.format, count,
                         count == 7 ? 1152 : 131};
        const auto run = [setup](Backend& backend, const Movement& movement) {
          return run_blend_rows(backend, setup, movement);
        };
        cases.push_back({setup.name, run, matches_within(run, sum_rounding(5), 0)});
      }
    }
  }
  for (const std::int64_t count : {0, 1, 5, 67}) {
    for (const std::int32_t stored : {1, 2}) {
      const auto run = [count, stored](Backend& backend, const Movement& movement) {
        return run_expand_pixels(backend, count, stored, movement);
      };
      cases.push_back(
          {fmt::format("expand_pixels_n{}_s{}", count, stored), run, matches_exactly(run)});
    }
  }
  for (const std::int64_t count : {0, 1, 7, 130}) {
    for (const DType source : {DType::kF32, DType::kBF16}) {
      RowsSetup setup{fmt::format("add_rows_n{}_{}", count, dtype_name(source)), count, 65 + count,
                      source};
      const auto run = [setup](Backend& backend, const Movement& movement) {
        return run_add_rows(backend, setup, movement);
      };
      cases.push_back({setup.name, run, matches_exactly(run)});
    }
    RowsSetup setup{fmt::format("gather_rows_n{}", count), count, 65 + count, DType::kF32};
    const auto run = [setup](Backend& backend, const Movement& movement) {
      return run_gather_rows(backend, setup, movement);
    };
    cases.push_back({setup.name, run, matches_exactly(run)});
  }
  return cases;
}

}  // namespace monocle::parity
