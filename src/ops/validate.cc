// SPDX-License-Identifier: Apache-2.0
#include "ops/validate.h"

#include <cmath>

#include "base/check.h"

namespace monocle {
namespace {

bool f32_or_bf16(DType dtype) { return dtype == DType::kF32 || dtype == DType::kBF16; }

void check_view(const ConstTensorView& view) {
  MONOCLE_CHECK(view.rows >= 0 && view.cols > 0 && view.row_stride >= view.cols);
  MONOCLE_CHECK(view.rows == 0 || view.data != nullptr);
  MONOCLE_CHECK(f32_or_bf16(view.dtype));
}

void check_f32(const ConstTensorView& view) {
  check_view(view);
  MONOCLE_CHECK(view.dtype == DType::kF32);
}

void check_weight(const WeightView& weight) {
  MONOCLE_CHECK(weight.rows > 0 && weight.cols > 0 && weight.data != nullptr);
  MONOCLE_CHECK(format_info(weight.format).aux_bytes(weight.rows, weight.cols) == 0 ||
                weight.aux != nullptr);
}

void check_kv(const KvView& kv) {
  const bool int8 = kv.dtype == DType::kI8;
  MONOCLE_CHECK(f32_or_bf16(kv.dtype) || int8);
  MONOCLE_CHECK((kv.k_scale != nullptr) == int8 && (kv.v_scale != nullptr) == int8);
  MONOCLE_CHECK(kv.blocks > 0 && kv.block_tokens > 0 && kv.kv_heads > 0 && kv.head_dim > 0);
  MONOCLE_CHECK(kv.k != nullptr && kv.v != nullptr && kv.k != kv.v);
}

std::uintptr_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

// Bytes from the first element to the end of the last one.
std::uintptr_t extent(const ConstTensorView& view) {
  const std::int64_t elements = view.rows > 0 ? (view.rows - 1) * view.row_stride + view.cols : 0;
  return static_cast<std::uintptr_t>(elements) * dtype_size(view.dtype);
}

}  // namespace

bool overlap(const ConstTensorView& a, const ConstTensorView& b) {
  const ConstTensorView& first = address(a.data) <= address(b.data) ? a : b;
  const ConstTensorView& second = address(a.data) <= address(b.data) ? b : a;
  const std::uintptr_t apart = address(second.data) - address(first.data);
  if (extent(first) == 0 || extent(second) == 0 || apart >= extent(first)) {
    return false;
  }
  const auto pitch = static_cast<std::uintptr_t>(first.row_stride) * dtype_size(first.dtype);
  if (pitch != static_cast<std::uintptr_t>(second.row_stride) * dtype_size(second.dtype)) {
    return true;  // may share elements: treated as if it did
  }
  const std::uintptr_t column = apart % pitch;  // of the second view inside the rows of the first
  return column < static_cast<std::uintptr_t>(first.cols) * dtype_size(first.dtype) ||
         column + static_cast<std::uintptr_t>(second.cols) * dtype_size(second.dtype) > pitch;
}

void validate(const EmbedArgs& args) {
  check_f32(args.y);
  check_weight(args.table);
  MONOCLE_CHECK(static_cast<std::int64_t>(args.ids.size()) == args.y.rows);
  MONOCLE_CHECK(args.table.cols == args.y.cols);
  if (args.media_row != nullptr) {
    check_view(args.media);
    MONOCLE_CHECK(args.media.cols == args.y.cols);
    MONOCLE_CHECK(!overlap(args.media, args.y));
  }
}

void validate(const NormArgs& args) {
  check_f32(args.x);
  check_view(args.y);
  MONOCLE_CHECK(args.x.rows == args.y.rows && args.x.cols == args.y.cols);
  MONOCLE_CHECK(args.weight != nullptr);
  MONOCLE_CHECK((args.bias != nullptr) == (args.kind == NormKind::kLayer));
  MONOCLE_CHECK(args.eps > 0.0F);
  MONOCLE_CHECK(!overlap(args.x, args.y));
}

void validate(const LinearArgs& args) {
  check_view(args.x);
  check_view(args.y);
  MONOCLE_CHECK(args.w.parts >= 1 && args.w.parts <= 3);
  for (int i = 0; i < args.w.parts; ++i) {
    const WeightView& part = args.w.part[static_cast<std::size_t>(i)];
    check_weight(part);
    MONOCLE_CHECK(part.cols == args.x.cols && part.format == args.w.format());
  }
  const bool swiglu = args.epilogue == Epilogue::kSwiGlu;
  if (swiglu) {
    MONOCLE_CHECK(args.w.parts == 2 && args.w.part[0].rows == args.w.part[1].rows &&
                  args.bias == nullptr);
  }
  MONOCLE_CHECK(args.y.rows == args.x.rows);
  MONOCLE_CHECK(args.y.cols == (swiglu ? args.w.part[0].rows : args.w.rows()));
  MONOCLE_CHECK(!overlap(args.x, args.y));
  if (args.residual.data != nullptr) {
    check_f32(args.residual);
    MONOCLE_CHECK(args.residual.rows == args.y.rows && args.residual.cols == args.y.cols);
    const bool is_y = args.residual.data == args.y.data &&
                      args.residual.row_stride == args.y.row_stride &&
                      args.residual.dtype == args.y.dtype;
    MONOCLE_CHECK(is_y || !overlap(args.residual, args.y));
  }
}

void validate(const RopeAppendArgs& args) {
  check_f32(args.qkv);
  check_view(args.q);
  check_kv(args.kv);
  const std::int64_t d = args.kv.head_dim;
  MONOCLE_CHECK(d % 2 == 0 && args.q.cols % d == 0 && (args.q.cols / d) % args.kv.kv_heads == 0);
  MONOCLE_CHECK(args.qkv.cols == args.q.cols + 2 * args.kv.kv_heads * d);
  MONOCLE_CHECK(args.q.rows == args.qkv.rows &&
                static_cast<std::int64_t>(args.slots.size()) == args.qkv.rows);
  MONOCLE_CHECK(args.q_norm != nullptr && args.k_norm != nullptr && args.eps > 0.0F);
  MONOCLE_CHECK(args.rope.inv_freq != nullptr && args.rope.axis != nullptr);
  MONOCLE_CHECK(args.qkv.rows == 0 || args.positions != nullptr);
  MONOCLE_CHECK(!overlap(args.qkv, args.q));
}

void validate(const AttendPagedArgs& args) {
  check_view(args.q);
  check_view(args.y);
  check_kv(args.kv);
  MONOCLE_CHECK(args.heads > 0 && args.heads % args.kv.kv_heads == 0);
  MONOCLE_CHECK(args.q.cols == std::int64_t{args.heads} * args.kv.head_dim);
  MONOCLE_CHECK(args.y.cols == args.q.cols && args.y.rows == args.q.rows);
  MONOCLE_CHECK(args.query_start.size() == args.context.size() + 1);
  MONOCLE_CHECK(args.context.empty() || (args.block_table != nullptr && args.max_blocks > 0));
  MONOCLE_CHECK(args.window >= 0 && args.sinks >= 0);
  MONOCLE_CHECK(!overlap(args.q, args.y));
}

void validate(const AttendPackedArgs& args) {
  check_f32(args.qkv);
  check_view(args.y);
  MONOCLE_CHECK(args.heads > 0 && args.head_dim > 0 && args.head_dim % 4 == 0);
  MONOCLE_CHECK(args.y.cols == std::int64_t{args.heads} * args.head_dim &&
                args.qkv.cols == 3 * args.y.cols);
  MONOCLE_CHECK(args.y.rows == args.qkv.rows);
  MONOCLE_CHECK(static_cast<std::int64_t>(args.row.size()) == args.y.rows &&
                args.col.size() == args.row.size());
  MONOCLE_CHECK(args.inv_freq != nullptr && !args.segments.empty());
  MONOCLE_CHECK(!overlap(args.qkv, args.y));
}

void validate(const AddRowsArgs& args) {
  check_f32(args.y);
  check_view(args.source);
  MONOCLE_CHECK(static_cast<std::int64_t>(args.row.size()) == args.y.rows &&
                args.source.cols == args.y.cols);
  MONOCLE_CHECK(!overlap(args.source, args.y));
}

void validate(const GatherRowsArgs& args) {
  check_f32(args.x);
  check_f32(args.y);
  MONOCLE_CHECK(static_cast<std::int64_t>(args.row.size()) == args.y.rows &&
                args.x.cols == args.y.cols);
  MONOCLE_CHECK(!overlap(args.x, args.y));
}

void validate(const BlendRowsArgs& args) {
  check_f32(args.y);
  check_weight(args.table);
  MONOCLE_CHECK(format_info(args.table.format).aux_bytes(args.table.rows, args.table.cols) == 0);
  MONOCLE_CHECK(args.table.cols == args.y.cols);
  MONOCLE_CHECK(args.y.rows == 0 || (args.index != nullptr && args.weight != nullptr));
}

void validate(const ExpandPixelsArgs& args) {
  check_f32(args.y);
  MONOCLE_CHECK(args.channels > 0 && args.area > 0);
  MONOCLE_CHECK(args.stored > 0 && args.stored <= args.frames);
  MONOCLE_CHECK(args.y.cols == std::int64_t{args.channels} * args.frames * args.area);
  MONOCLE_CHECK(args.y.rows == 0 || (args.pixels != nullptr && args.values != nullptr));
}

void validate(const SampleArgs& args) {
  check_f32(args.logits);
  MONOCLE_CHECK(args.vocab > 0 && args.vocab <= args.logits.cols);
  MONOCLE_CHECK(static_cast<std::int64_t>(args.rows.size()) == args.logits.rows &&
                args.out.size() == args.rows.size());
  for (const SampleRow& row : args.rows) {
    MONOCLE_CHECK(std::isfinite(row.temperature) && row.temperature >= 0.0F);
    MONOCLE_CHECK(row.top_k >= 0 && row.top_p >= 0.0F && row.min_p >= 0.0F && row.min_p <= 1.0F);
    MONOCLE_CHECK(row.repetition_penalty > 0.0F);
    MONOCLE_CHECK(std::isfinite(row.presence_penalty) && std::isfinite(row.frequency_penalty));
    MONOCLE_CHECK(row.top_logprobs >= 0 && row.top_logprobs <= kMaxTopLogprobs);
  }
}

}  // namespace monocle
