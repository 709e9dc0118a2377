// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/decoder.h"

#include <array>
#include <cmath>
#include <string>

#include "base/hash.h"

namespace monocle::qwen3_vl {
namespace {

// Every row of the step in order, as in steps of single tokens: nothing has to be gathered.
bool samples_all(const StepInputs& step) {
  bool all = step.sample_rows.size() == step.token_ids.size();
  for (std::size_t i = 0; all && i < step.sample_rows.size(); ++i) {
    all = step.sample_rows[i] == static_cast<std::int32_t>(i);
  }
  return all;
}

}  // namespace

Decoder::Decoder(const Config& config, const DecoderWeights& weights, const RopeTable& rope,
                 Backend& backend, DType activation)
    : config_(config), weights_(weights), rope_(rope), backend_(backend), activation_(activation) {}

void Decoder::plan(Workspace& workspace, const PlanLimits& limits) {
  const TextConfig& t = config_.text;
  const std::int64_t tokens = limits.step_tokens;
  max_blocks_ = static_cast<std::int32_t>(limits.blocks_per_sequence);
  x_ = workspace.add("text.x", DType::kF32, tokens, t.hidden_size);
  normed_ = workspace.add("text.normed", activation_, tokens, t.hidden_size);
  qkv_ = workspace.add("text.qkv", DType::kF32, tokens, t.q_dim() + 2 * t.kv_dim());
  q_ = workspace.add("text.q", activation_, tokens, t.q_dim());
  attended_ = workspace.add("text.attended", activation_, tokens, t.q_dim());
  mlp_ = workspace.add("text.mlp", activation_, tokens, t.intermediate_size);
  sampled_ = workspace.add("text.sampled", DType::kF32, limits.samples, t.hidden_size);
  sampled_normed_ =
      workspace.add("text.sampled_normed", activation_, limits.samples, t.hidden_size);
  traced_ = workspace.add("text.traced", DType::kF32, tokens, t.hidden_size);
  token_ids_ = workspace.add("step.token_ids", DType::kI32, tokens, 1);
  media_row_ = workspace.add("step.media_row", DType::kI32, tokens, 1);
  positions_ = workspace.add("step.positions", DType::kI32, tokens, 3);
  slots_ = workspace.add("step.slots", DType::kI64, tokens, 1);
  query_start_ = workspace.add("step.query_start", DType::kI32, limits.sequences + 1, 1);
  context_ = workspace.add("step.context", DType::kI32, limits.sequences, 1);
  block_table_ =
      workspace.add("step.block_table", DType::kI32, limits.sequences, limits.blocks_per_sequence);
  sample_rows_ = workspace.add("step.sample_rows", DType::kI32, limits.samples, 1);
  hidden_rows_ = workspace.add("step.hidden_rows", DType::kI32, limits.sequences, 1);
}

Decoder::Staged Decoder::stage(const StepInputs& step, Workspace& workspace) {
  const auto copy = [&](const Slot& slot, auto span) {
    using T = std::remove_const_t<typename decltype(span)::element_type>;
    return std::span<const T>(workspace.stage(slot, span.data(), span.size()), span.size());
  };
  MONOCLE_CHECK(step.block_table.size() ==
                step.context.size() * static_cast<std::size_t>(max_blocks_));
  return {.token_ids = copy(token_ids_, step.token_ids),
          .media_row = copy(media_row_, step.media_row),
          .query_start = copy(query_start_, step.query_start),
          .context = copy(context_, step.context),
          .sample_rows = copy(sample_rows_, step.sample_rows),
          .hidden_rows = copy(hidden_rows_, step.hidden_rows),
          .positions = copy(positions_, step.positions).data(),
          .block_table = copy(block_table_, step.block_table).data(),
          .slots = copy(slots_, step.slots)};
}

void Decoder::forward(const StepInputs& step, std::span<const KvView> kv, Workspace& workspace,
                      const StepOutputs& out, const TraceSink* trace) {
  MONOCLE_CHECK(kv.size() == weights_.layers.size() &&
                out.logits.rows == std::ssize(step.sample_rows) &&
                out.hidden.rows == std::ssize(step.hidden_rows));
  const Staged in = stage(step, workspace);
  const auto run = [&] { run_layers(step, in, kv, workspace, out, trace); };
  // A step of single tokens issues the same verbs with the same pointers as any other of its size:
  // the staged integers lie at fixed addresses, and only they differ.
  const bool repeats = trace == nullptr && step.media_row.empty() && step.hidden_rows.empty() &&
                       step.token_ids.size() == step.context.size();
  if (repeats) {
    backend_.replay(step_key(step, kv, out.logits), run);
  } else {
    run();
  }
}

// Everything that the verbs of a step of single tokens depend on, but for the staged values.
GraphKey Decoder::step_key(const StepInputs& step, std::span<const KvView> kv,
                           const TensorView& logits) {
  const std::array<std::uint64_t, 7> parts{step.token_ids.size(),
                                           step.sample_rows.size(),
                                           static_cast<std::uint64_t>(samples_all(step)),
                                           static_cast<std::uint64_t>(step.window),
                                           static_cast<std::uint64_t>(step.sinks),
                                           reinterpret_cast<std::uint64_t>(logits.data),
                                           reinterpret_cast<std::uint64_t>(kv.front().k)};
  return hash64(std::as_bytes(std::span(parts)));
}

void Decoder::run_layers(const StepInputs& step, const Staged& in, std::span<const KvView> kv,
                         Workspace& workspace, const StepOutputs& out, const TraceSink* trace) {
  const auto tokens = static_cast<std::int64_t>(step.token_ids.size());
  const bool has_media = !step.media_row.empty();
  const TensorView x = workspace.view(x_, tokens);

  backend_.embed({.ids = in.token_ids,
                  .media_row = has_media ? in.media_row.data() : nullptr,
                  .table = weights_.embed,
                  .media = has_media ? ConstTensorView(step.media->level(0)) : ConstTensorView(),
                  .y = x});
  if (trace != nullptr) {
    (*trace)("lm.inputs_embeds", x);
  }
  const std::size_t layers = weights_.layers.size();
  const std::int32_t levels = has_media ? step.media->levels() : 0;
  // Behind the last attention only the rows that are read matter: a prompt has one, or none yet.
  const bool rest_unread =
      trace == nullptr && static_cast<std::size_t>(levels) <= layers &&
      step.sample_rows.size() + step.hidden_rows.size() < static_cast<std::size_t>(tokens);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    attention(weights_.layers[layer], step, in, kv[layer], x, workspace);
    if (rest_unread && layer + 1 == layers) {
      break;
    }
    mlp(weights_.layers[layer], x, workspace);
    if (trace != nullptr) {
      (*trace)("lm.layer." + std::to_string(layer) + ".raw", x);
    }
    const auto level = static_cast<std::int32_t>(layer) + 1;
    if (level < levels) {
      backend_.add_rows({.row = in.media_row, .source = step.media->level(level), .y = x});
    }
  }
  if (trace != nullptr) {
    const TensorView all = workspace.view(traced_, tokens);
    norm(weights_.norm, x, all);
    (*trace)("lm.final_norm", all);
  }
  write_outputs(step, in, x, rest_unread, workspace, out);
}

void Decoder::write_outputs(const StepInputs& step, const Staged& in, ConstTensorView x,
                            bool mlp_left, Workspace& workspace, const StepOutputs& out) {
  const auto final_rows = [&](std::span<const std::int32_t> row) {
    const TensorView rows = workspace.view(sampled_, std::ssize(row));
    backend_.gather_rows({.row = row, .x = x, .y = rows});
    if (mlp_left && !row.empty()) {
      mlp(weights_.layers.back(), rows, workspace);
    }
    return rows;
  };
  const TensorView last_normed = workspace.view(sampled_normed_, out.logits.rows);
  if (samples_all(step)) {
    norm(weights_.norm, x, last_normed);
  } else {
    norm(weights_.norm, final_rows(in.sample_rows), last_normed);
  }
  backend_.linear({.x = last_normed, .w = weights_.head, .residual = {}, .y = out.logits});
  if (out.hidden.rows > 0) {
    norm(weights_.norm, final_rows(in.hidden_rows), out.hidden);
  }
}

void Decoder::attention(const DecoderLayer& w, const StepInputs& step, const Staged& in,
                        const KvView& kv, TensorView x, Workspace& workspace) {
  const TextConfig& t = config_.text;
  const TensorView normed = workspace.view(normed_, x.rows);
  const TensorView qkv = workspace.view(qkv_, x.rows);
  const TensorView q = workspace.view(q_, x.rows);
  const TensorView attended = workspace.view(attended_, x.rows);

  norm(w.input_norm, x, normed);
  backend_.linear({.x = normed, .w = w.qkv, .residual = {}, .y = qkv});
  backend_.rope_append({.qkv = qkv,
                        .q_norm = w.q_norm.weight,
                        .k_norm = w.k_norm.weight,
                        .eps = t.rms_norm_eps,
                        .positions = in.positions,
                        .rope = rope_,
                        .slots = in.slots,
                        .kv = kv,
                        .q = q});
  backend_.attend_paged({.q = q,
                         .kv = kv,
                         .heads = t.num_attention_heads,
                         .scale = 1.0F / std::sqrt(static_cast<float>(t.head_dim)),
                         .query_start = in.query_start,
                         .context = in.context,
                         .block_table = in.block_table,
                         .max_blocks = max_blocks_,
                         .window = step.window,
                         .sinks = step.sinks,
                         .y = attended});
  backend_.linear({.x = attended, .w = w.o, .residual = x, .y = x});
}

void Decoder::mlp(const DecoderLayer& w, TensorView x, Workspace& workspace) {
  const TensorView normed = workspace.view(normed_, x.rows);
  const TensorView hidden = workspace.view(mlp_, x.rows);
  norm(w.post_norm, x, normed);
  backend_.linear(
      {.x = normed, .w = w.gate_up, .epilogue = Epilogue::kSwiGlu, .residual = {}, .y = hidden});
  backend_.linear({.x = hidden, .w = w.down, .residual = x, .y = x});
}

void Decoder::norm(const Affine& weights, ConstTensorView x, TensorView y) {
  backend_.norm({.kind = NormKind::kRms,
                 .x = x,
                 .weight = weights.weight,
                 .eps = config_.text.rms_norm_eps,
                 .y = y});
}

}  // namespace monocle::qwen3_vl
