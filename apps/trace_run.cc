// SPDX-License-Identifier: Apache-2.0
#include "trace_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>

#include "engine/batch_builder.h"
#include "engine/kv_cache.h"
#include "model/qwen3_vl/preprocess.h"

namespace monocle::app {
namespace {

constexpr std::int32_t kBlockTokens = 16;

std::size_t index_of(std::int64_t i) { return static_cast<std::size_t>(i); }

class TraceRunner {
 public:
  TraceRunner(const TraceCase& trace_case, OpenedModel& model, std::int32_t steps)
      : case_(trace_case), opened_(model), model_(*model.model), steps_(steps) {}

  Result<Trace> run() {
    MONOCLE_TRY(prepare());
    put_inputs();
    MONOCLE_TRY(encode("image", case_.images));
    MONOCLE_TRY(encode("video", case_.videos));
    put_rope();
    generate();
    return std::move(trace_);
  }

 private:
  // One sequence per prompt; blocks are dealt out round robin, so that no sequence lies in one
  // piece.
  Status prepare() {
    std::int64_t tokens = 0;
    std::int64_t patches = 0;
    const std::int64_t rows = std::ssize(case_.prompts);
    for (const Prompt& prompt : case_.prompts) {
      length_ = std::max(length_, std::ssize(prompt.token_ids));
      tokens += std::ssize(prompt.token_ids);
    }
    for (const auto* items : {&case_.images, &case_.videos}) {
      for (const MediaItem& item : *items) {
        patches = std::max(patches, item.patches->grid.patches());
        media_tokens_ += item.patches->grid.tokens(merge());
      }
    }
    const std::int64_t blocks = (length_ + steps_ + kBlockTokens - 1) / kBlockTokens;
    max_blocks_ = static_cast<std::int32_t>(blocks);
    MONOCLE_TRY(model_.plan({.step_tokens = tokens,
                             .sequences = rows,
                             .samples = rows,
                             .blocks_per_sequence = blocks,
                             .patches = std::max<std::int64_t>(patches, 1)}));
    Memory& memory = opened_.backend->memory();
    MONOCLE_ASSIGN(kv_,
                   KvCache::allocate(memory, KvShape::of(model_.facts(), model_.kv(), kBlockTokens),
                                     static_cast<std::int32_t>(blocks * rows)));
    MONOCLE_ASSIGN(media_,
                   MediaRows::allocate(memory, std::max<std::int64_t>(media_tokens_, 1),
                                       1 + model_.facts().deepstack_levels, model_.facts().hidden));
    MONOCLE_ASSIGN(void* logits,
                   memory.allocate(index_of(rows * model_.facts().vocab) * sizeof(float)));
    logits_ = std::unique_ptr<void, Release>(logits, Release{&memory});
    add_sequences(blocks, rows);
    return {};
  }

  void add_sequences(std::int64_t blocks, std::int64_t rows) {
    std::int64_t first_image_row = 0;
    std::int64_t first_video_row = 0;
    for (const MediaItem& image : case_.images) {
      first_video_row += image.patches->grid.tokens(merge());
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      Sequence& sequence = sequences_.emplace_back();
      sequence.request.prompt = case_.prompts[index_of(row)];
      sequence.tokens = sequence.request.prompt.token_ids;
      for (std::int64_t b = 0; b < blocks; ++b) {
        sequence.kv.table.push_back(static_cast<std::int32_t>(b * rows + row));
      }
      for (const MediaItem& item : sequence.request.prompt.media) {
        const bool is_video = std::ranges::find(case_.videos, item.patches, &MediaItem::patches) !=
                              case_.videos.end();
        std::int64_t& next = is_video ? first_video_row : first_image_row;
        sequence.media.push_back({0, next});
        next += item.patches->grid.tokens(merge());
      }
    }
  }

  // Images first, then videos: rows follow each other in that order, as in add_sequences().
  Status encode(const std::string& kind, const std::vector<MediaItem>& items) {
    for (const MediaItem& item : items) {
      const auto keep = [&](std::string_view name, ConstTensorView value) {
        append(kind + "." + std::string(name), value);
      };
      const TraceSink sink(keep);
      MONOCLE_TRY(model_.encode_media(*item.patches, *media_, next_media_row_, &sink));
      next_media_row_ += item.patches->grid.tokens(merge());
    }
    return {};
  }

  void generate() {
    BatchBuilder builder({.block_tokens = kBlockTokens, .max_blocks = max_blocks_});
    const std::int64_t rows = std::ssize(sequences_);
    for (std::int32_t step = 0; step < steps_; ++step) {
      StepPlan plan;
      for (Sequence& sequence : sequences_) {
        plan.slices.push_back({&sequence, sequence.computed, sequence.pending(), 1});
      }
      const StepInputs inputs = builder.build(plan, *media_);
      const auto keep = [&](std::string_view name, ConstTensorView value) {
        put_padded(std::string(name), value);
      };
      const TraceSink sink(keep);
      const TensorView logits{logits_.get(), DType::kF32, rows, model_.facts().vocab};
      model_.forward(inputs, kv_->layers(), {.logits = logits, .hidden = {}},
                     step == 0 ? &sink : nullptr);
      opened_.backend->wait(opened_.backend->mark());
      keep_logits(step, logits);
    }
  }

  void keep_logits(std::int32_t step, ConstTensorView device) {
    const std::int64_t rows = device.rows;
    const std::int64_t vocab = device.cols;
    std::vector<float> host(index_of(rows * vocab));
    opened_.backend->memory().read(host.data(), device.data, host.size() * sizeof(float));
    if (step == 0) {
      put<float>("prefill.last_logits", {rows, vocab}, host);
      put<std::int64_t>("decode.tokens", {rows, steps_}, {});
      put<float>("decode.logits_cols", {steps_, rows, std::ssize(case_.logit_columns)}, {});
      put<float>("decode.lse", {steps_, rows}, {});
      put<std::int64_t>("decode.top2_ids", {steps_, rows, 2}, {});
      put<float>("decode.top2_values", {steps_, rows, 2}, {});
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::span<const float> logits(host.data() + row * vocab, index_of(vocab));
      keep_row(step, row, rows, logits);
    }
  }

  void keep_row(std::int64_t step, std::int64_t row, std::int64_t rows,
                std::span<const float> logits) {
    const std::int64_t at = step * rows + row;
    const std::int64_t best = std::ranges::max_element(logits) - logits.begin();
    std::int64_t second = best == 0 ? 1 : 0;
    double sum = 0;
    for (std::int64_t i = 0; i < std::ssize(logits); ++i) {
      if (i != best && logits[index_of(i)] > logits[index_of(second)]) {
        second = i;
      }
      sum += std::exp(static_cast<double>(logits[index_of(i)]) -
                      static_cast<double>(logits[index_of(best)]));
    }
    set<std::int64_t>("decode.tokens", row * steps_ + step, best);
    set<float>("decode.lse", at, logits[index_of(best)] + static_cast<float>(std::log(sum)));
    set<std::int64_t>("decode.top2_ids", 2 * at, best);
    set<std::int64_t>("decode.top2_ids", 2 * at + 1, second);
    set<float>("decode.top2_values", 2 * at, logits[index_of(best)]);
    set<float>("decode.top2_values", 2 * at + 1, logits[index_of(second)]);
    const std::int64_t columns = std::ssize(case_.logit_columns);
    for (std::int64_t c = 0; c < columns; ++c) {
      set<float>("decode.logits_cols", at * columns + c,
                 logits[index_of(case_.logit_columns[index_of(c)])]);
    }
    Sequence& sequence = sequences_[index_of(row)];
    sequence.computed = std::ssize(sequence.tokens);
    sequence.tokens.push_back(static_cast<std::int32_t>(best));
  }

  void put_inputs() {
    const std::int64_t rows = std::ssize(case_.prompts);
    const std::int64_t cells = rows * length_;
    const std::int32_t pad = opened_.generation.pad_token_id.value_or(0);
    std::vector<std::int64_t> ids(index_of(cells), pad);
    std::vector<std::int64_t> mask(index_of(cells), 0);
    std::vector<std::int64_t> kinds(index_of(cells), 0);
    std::vector<std::int64_t> positions(index_of(3 * cells), 0);
    std::vector<std::int64_t> deltas;
    for (std::int64_t row = 0; row < rows; ++row) {
      const Prompt& prompt = case_.prompts[index_of(row)];
      const std::int64_t n = std::ssize(prompt.token_ids);
      for (std::int64_t i = 0; i < n; ++i) {
        const std::size_t cell = index_of(row * length_ + length_ - n + i);
        const std::int32_t id = prompt.token_ids[index_of(i)];
        ids[cell] = id;
        mask[cell] = 1;
        kinds[cell] = id == opened_.config.image_token_id   ? 1
                      : id == opened_.config.video_token_id ? 2
                                                            : 0;
        for (std::int64_t axis = 0; axis < 3; ++axis) {
          positions[index_of(axis * cells) + cell] = prompt.positions[index_of(axis * n + i)];
        }
      }
      deltas.push_back(prompt.position_delta);
    }
    put("in.input_ids", {rows, length_}, ids);
    put("in.attention_mask", {rows, length_}, mask);
    put("in.mm_token_type_ids", {rows, length_}, kinds);
    put("position_ids", {3, rows, length_}, positions);
    put("rope_deltas", {rows, 1}, deltas);
    put_media("in.pixel_values", "in.image_grid_thw", case_.images);
    put_media("in.pixel_values_videos", "in.video_grid_thw", case_.videos);
  }

  void put_media(const std::string& pixels_key, const std::string& grid_key,
                 const std::vector<MediaItem>& items) {
    if (items.empty()) {
      return;
    }
    std::vector<std::int64_t> grids;
    for (const MediaItem& item : items) {
      const GridThw& grid = item.patches->grid;
      grids.insert(grids.end(), {grid.t, grid.h, grid.w});
      append(pixels_key,
             qwen3_vl::patch_values(*item.patches, opened_.config.vision.temporal_patch_size),
             opened_.config.vision.patch_dim());
    }
    put(grid_key, {std::ssize(items), 3}, grids);
  }

  // The angles are computed inside a verb; here they are recomputed from the same tables.
  void put_rope() {
    const qwen3_vl::TextRope& rope = model_.rope();
    const std::int64_t rows = std::ssize(case_.prompts);
    const std::int64_t half = std::ssize(rope.inv_freq);
    const std::vector<std::int64_t> shape{rows, length_, 2 * half};
    put<float>("lm.cos", shape, {});
    put<float>("lm.sin", shape, {});
    for (std::int64_t row = 0; row < rows; ++row) {
      const Prompt& prompt = case_.prompts[index_of(row)];
      const std::int64_t n = std::ssize(prompt.token_ids);
      for (std::int64_t i = 0; i < n * half; ++i) {
        const std::int64_t token = i / half;
        const std::int64_t channel = i % half;
        const auto position = prompt.positions[index_of(rope.axis[index_of(channel)] * n + token)];
        const float angle = static_cast<float>(position) * rope.inv_freq[index_of(channel)];
        const std::int64_t at = ((row + 1) * length_ - n + token) * 2 * half + channel;
        for (const std::int64_t copy : {at, at + half}) {
          set<float>("lm.cos", copy, std::cos(angle) * rope.scale);
          set<float>("lm.sin", copy, std::sin(angle) * rope.scale);
        }
      }
    }
  }

  // [T, H] of all prompts to [rows, length, H], padded on the left.
  void put_padded(const std::string& key, ConstTensorView value) {
    const std::int64_t rows = std::ssize(case_.prompts);
    const std::vector<float> packed = to_host(value);
    put<float>(key, {rows, length_, value.cols}, {});
    auto* out = static_cast<float*>(static_cast<void*>(trace_[key].data.data()));
    const float* in = packed.data();
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t n = std::ssize(case_.prompts[index_of(row)].token_ids);
      std::copy_n(in, n * value.cols, out + ((row + 1) * length_ - n) * value.cols);
      in += n * value.cols;
    }
  }

  // Adds rows to a tensor that grows medium by medium.
  void append(const std::string& key, ConstTensorView value) {
    append(key, to_host(value), value.cols);
  }

  void append(const std::string& key, const std::vector<float>& host, std::int64_t cols) {
    TracedTensor& tensor = trace_[key];
    if (tensor.shape.empty()) {
      tensor.shape = {0, cols};
    }
    tensor.shape[0] += std::ssize(host) / cols;
    const auto bytes = std::as_bytes(std::span(host));
    tensor.data.insert(tensor.data.end(), bytes.begin(), bytes.end());
  }

  std::vector<float> to_host(ConstTensorView value) {
    MONOCLE_CHECK(value.dtype == DType::kF32 && value.contiguous());
    std::vector<float> host(index_of(value.elements()));
    opened_.backend->wait(opened_.backend->mark());
    opened_.backend->memory().read(host.data(), value.data, host.size() * sizeof(float));
    return host;
  }

  // Empty values: zeros, to be set one by one.
  template <class T>
  void put(const std::string& key, std::vector<std::int64_t> shape, const std::vector<T>& values) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) {
      count *= size;
    }
    TracedTensor& tensor = trace_[key];
    tensor.dtype = sizeof(T) == 8 ? DType::kI64 : DType::kF32;
    tensor.shape = std::move(shape);
    tensor.data.assign(index_of(count) * sizeof(T), std::byte{0});
    if (!values.empty()) {
      MONOCLE_CHECK(std::ssize(values) == count);
      std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
    }
  }

  template <class T>
  void set(const std::string& key, std::int64_t at, T value) {
    std::memcpy(trace_[key].data.data() + index_of(at) * sizeof(T), &value, sizeof(T));
  }

  [[nodiscard]] std::int32_t merge() const { return opened_.config.vision.spatial_merge_size; }

  struct Release {
    Memory* memory;
    void operator()(void* pointer) const { memory->release(pointer); }
  };

  const TraceCase& case_;
  OpenedModel& opened_;
  qwen3_vl::Qwen3Vl& model_;
  std::int64_t steps_;
  std::int64_t length_ = 0;  // of the longest prompt
  std::int32_t max_blocks_ = 0;
  std::int64_t media_tokens_ = 0;
  std::int64_t next_media_row_ = 0;
  std::vector<Sequence> sequences_;
  std::optional<KvCache> kv_;
  std::optional<MediaRows> media_;
  std::unique_ptr<void, Release> logits_{nullptr, Release{nullptr}};
  Trace trace_;
};

}  // namespace

Result<Trace> run_trace(const TraceCase& trace_case, OpenedModel& model, std::int32_t steps) {
  return TraceRunner(trace_case, model, steps).run();
}

}  // namespace monocle::app
