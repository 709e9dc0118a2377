// SPDX-License-Identifier: Apache-2.0
// The arguments of each backend verb: plain structs of views and numbers, shapes in comments. T =
// tokens of the step, N = vision patches, B = sequences, H = hidden size, D = head size. Pointers
// lie in the backend's memory unless a comment says host. Nothing here owns; every pointer must
// stay valid until the backend has executed the verb.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "quant/format.h"
#include "tensor/view.h"

namespace monocle {

// Several weight matrices over the same input, read as one: q, k, v or gate, up. They need not be
// adjacent in memory, so a mapped checkpoint is used without fusing copies. All parts have the same
// cols and format.
struct LinearWeight {
  std::array<WeightView, 3> part;
  int parts = 0;

  [[nodiscard]] std::int64_t rows() const {
    std::int64_t total = 0;
    for (int i = 0; i < parts; ++i) {
      total += part[static_cast<std::size_t>(i)].rows;
    }
    return total;
  }
  [[nodiscard]] std::int64_t cols() const { return part[0].cols; }
  [[nodiscard]] QuantFormat format() const { return part[0].format; }
};

enum class Epilogue : std::uint8_t {
  kNone,
  kGeluTanh,  // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))   vision MLP
  kGeluErf,   // 0.5 x (1 + erf(x / sqrt 2))                        mergers
  kSwiGlu,    // silu(gate) * up; two parts of equal rows n, y is [m, n]
};

// y = epilogue(x Wᵀ + bias) + residual
struct LinearArgs {
  ConstTensorView x;            // [m, k] f32 or bf16
  LinearWeight w;               // n = w.rows() outputs (half of it for kSwiGlu), k inputs
  const float* bias = nullptr;  // [n] or null; never with kSwiGlu
  Epilogue epilogue = Epilogue::kNone;
  ConstTensorView residual;  // [m, n] f32, or data == null; may be the same memory as y
  TensorView y;              // [m, n] f32 or bf16
};

enum class NormKind : std::uint8_t {
  kRms,    // w x / sqrt(mean(x²) + eps)
  kLayer,  // w (x - mean) / sqrt(var + eps) + b, biased variance
};

struct NormArgs {
  NormKind kind = NormKind::kRms;
  ConstTensorView x;              // [m, n] f32
  const float* weight = nullptr;  // [n]
  const float* bias = nullptr;    // [n] for kLayer, null for kRms
  float eps = 1e-6F;
  TensorView y;  // [m, n] f32 or bf16
};

// y[t] = media_row[t] < 0 ? table[ids[t]] : media[media_row[t]]
struct EmbedArgs {
  std::span<const std::int32_t> ids;        // [T], each in [0, table.rows)
  const std::int32_t* media_row = nullptr;  // [T] or null when the step has no media
  WeightView table;                         // [vocab, H], any format
  ConstTensorView media;                    // [rows, H] f32 or bf16
  TensorView y;                             // [T, H] f32
};

// y[t] += source[row[t]] where row[t] >= 0. DeepStack injection.
struct AddRowsArgs {
  std::span<const std::int32_t> row;  // [T]
  ConstTensorView source;             // [rows, H] f32 or bf16
  TensorView y;                       // [T, H] f32
};

// y[i] = x[row[i]]
struct GatherRowsArgs {
  std::span<const std::int32_t> row;  // [n]
  ConstTensorView x;                  // [m, H] f32
  TensorView y;                       // [n, H] f32
};

// y[i] += sum_j weight[i][j] * table[index[i][j]], j = 0..3. Bilinear position embedding.
struct BlendRowsArgs {
  const std::int32_t* index = nullptr;  // [n, 4]
  const float* weight = nullptr;        // [n, 4]
  WeightView table;                     // [positions, D], a float format
  TensorView y;                         // [n, D] f32
};

// One layer's paged keys and values. Block b holds block_tokens consecutive tokens of one sequence:
// k[b][kv_head][token in block][head_dim], v the same. Slot s of slot_map is block s /
// block_tokens. int8: a row of head_dim elements x of one token and head is q[c] * scale with scale
// = max|x| / 127 and q[c] = x[c] * (127 / max|x|) rounded to nearest even, 0 where all of x is 0.
struct KvView {
  void* k = nullptr;
  void* v = nullptr;
  DType dtype = DType::kF32;  // f32, bf16 or i8
  std::int32_t blocks = 0;
  std::int32_t block_tokens = 16;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  float* k_scale = nullptr;  // [blocks][kv_heads][block_tokens] for i8, else null
  float* v_scale = nullptr;
};

// Angles of interleaved 3-axis rope: channel c of head_dim/2 turns by positions[axis[c]][t] *
// inv_freq[c].
struct RopeTable {
  const float* inv_freq = nullptr;     // [head_dim / 2]
  const std::uint8_t* axis = nullptr;  // [head_dim / 2], 0 = t, 1 = h, 2 = w
  float scale = 1.0F;                  // multiplies cos and sin (YaRN)
};

// Per head: q, k = RMS(q, k; weight) then rotate (channel j pairs with j + D/2); k and v go to
// their slots.
struct RopeAppendArgs {
  ConstTensorView qkv;            // [T, (heads + 2 kv_heads) D] f32: q heads, k heads, v heads
  const float* q_norm = nullptr;  // [D]
  const float* k_norm = nullptr;  // [D]
  float eps = 1e-6F;
  const std::int32_t* positions = nullptr;  // [3, T]
  RopeTable rope;
  std::span<const std::int64_t> slots;  // [T] block * block_tokens + offset, or -1: do not store
  KvView kv;
  TensorView q;  // [T, heads D] f32 or bf16
};

// Causal attention over the paged cache for a mix of prefill chunks and decode rows. The queries of
// sequence b are rows query_start[b] .. query_start[b+1] and are its last tokens: query i of n sees
// keys 0 .. context[b] - n + i.
struct AttendPagedArgs {
  ConstTensorView q;  // [T, heads D] f32 or bf16
  KvView kv;
  std::int32_t heads = 0;  // query head j uses kv head j / (heads / kv_heads)
  float scale = 1.0F;
  // [B + 1]. As many queries as sequences right behind the rope_append that makes q: one each.
  std::span<const std::int32_t> query_start;
  std::span<const std::int32_t> context;  // [B] keys of the sequence, this step's included
  const std::int32_t* block_table =
      nullptr;  // [B, max_blocks] block of the j-th run of block_tokens, -1 = freed
  std::int32_t max_blocks = 0;
  std::int32_t window =
      0;  // 0: all keys; else key p is seen by query at p' iff p > p' - window or p < sinks
  std::int32_t sinks = 0;
  TensorView y;  // [T, heads D] f32 or bf16
};

// Bidirectional attention inside each segment of packed vision patches, with 2-D rope: channels
// 0..D/4 of a half turn by row * inv_freq, the next D/4 by col * inv_freq; channel j pairs with j +
// D/2.
struct AttendPackedArgs {
  TensorView qkv;  // [N, 3 heads D] f32: q | k | v; the backend may overwrite it
  std::int32_t heads = 0;
  std::int32_t head_dim = 0;
  std::span<const std::int32_t> row;  // [N] patch row
  std::span<const std::int32_t> col;  // [N] patch column
  const float* inv_freq = nullptr;    // [D / 4]
  std::span<const std::int32_t>
      segments;  // [S + 1] first patch of each segment, ascending, last = N
  float scale = 1.0F;
  TensorView y;  // [N, heads D] f32 or bf16
};

// y[i][(c frames + f) area + p] = values[c][pixels[i][(c stored + min(f, stored - 1)) area + p]]
struct ExpandPixelsArgs {
  const std::uint8_t* pixels = nullptr;  // [n, channels * stored * area]
  const float* values = nullptr;         // [channels, 256]
  std::int32_t channels = 0;
  std::int32_t stored = 0;  // frames that are there, at least one
  std::int32_t frames = 0;  // that y wants, at least as many
  std::int32_t area = 0;    // pixels of a channel of a frame
  TensorView y;             // [n, channels * frames * area] f32
};

struct LogitBias {
  std::int32_t id = 0;
  float value = 0.0F;
};

// How often a token was generated so far; 0 for a token that only stands in the prompt.
struct TokenCount {
  std::int32_t id = 0;
  std::int32_t generated = 0;
};

// One row to sample. Order of operations: repetition, presence and frequency penalty, logit bias,
// mask, temperature, top-k, top-p, min-p, draw. temperature 0 = argmax (first maximum wins).
struct SampleRow {
  float temperature = 0.0F;
  std::int32_t top_k = 0;  // 0 = off
  float top_p =
      1.0F;  // smallest prefix of the sorted distribution with mass >= top_p, at least one token
  float min_p = 0.0F;  // drop tokens below min_p * probability of the best
  float repetition_penalty =
      1.0F;  // logit > 0 ? logit / p : logit * p, for tokens in prompt or output
  float presence_penalty = 0.0F;     // once for every generated token
  float frequency_penalty = 0.0F;    // times its count
  std::span<const TokenCount> seen;  // host; rising ids, needed only when a penalty is on
  std::span<const LogitBias> bias;   // host; fastest with rising ids
  const std::uint32_t* allowed =
      nullptr;  // host; bit i of word i/32 set = token i allowed; null = all
  std::uint64_t seed = 0;
  std::uint64_t step = 0;         // draws depend on (seed, step) only
  std::int32_t top_logprobs = 0;  // how many alternatives to report, <= kMaxTopLogprobs
};

inline constexpr std::int32_t kMaxTopLogprobs = 20;

struct TokenLogprob {
  std::int32_t id = 0;
  float logprob =
      0.0F;  // of the distribution before temperature and truncation, after penalties and bias
};

struct SampledToken {
  std::int32_t id = 0;
  float logprob = 0.0F;
  std::int32_t top_count = 0;
  std::array<TokenLogprob, kMaxTopLogprobs> top;  // best first
};

struct SampleArgs {
  ConstTensorView logits;           // [S, vocab] f32; the backend may overwrite it
  std::int32_t vocab = 0;           // ids >= vocab (padding rows of the table) are never chosen
  std::span<const SampleRow> rows;  // [S] host
  std::span<SampledToken> out;      // [S] host; valid after wait()
};

}  // namespace monocle
