// SPDX-License-Identifier: Apache-2.0
#include "cpu/rows.h"

#include "base/function_ref.h"
#include "cpu/simd_includes.h"
#include "quant/int8_channel.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/rows-inl.h"
#include "cpu/foreach_isa-inl.h"

namespace monocle::cpu {
namespace {

using AddRow = void (*)(const void* in, float weight, float* out, std::int64_t count);
using WidenRow = void (*)(const void* in, float* out, std::int64_t count);

AddRow add_function(Isa isa, DType type) {
  return type == DType::kF32 ? MONOCLE_CPU_PICK(isa, add_row<float>)
                             : MONOCLE_CPU_PICK(isa, add_row<std::uint16_t>);
}
WidenRow widen_function(Isa isa, DType type) {
  return type == DType::kF32 ? MONOCLE_CPU_PICK(isa, widen_row<float>)
                             : MONOCLE_CPU_PICK(isa, widen_row<std::uint16_t>);
}

const void* row_of(const ConstTensorView& view, std::int64_t row) {
  return static_cast<const std::byte*>(view.data) +
         row * view.row_stride * static_cast<std::int64_t>(dtype_size(view.dtype));
}
const void* row_of(const WeightView& table, std::int64_t row, DType type) {
  return static_cast<const std::byte*>(table.data) +
         row * table.cols * static_cast<std::int64_t>(dtype_size(type));
}

void each_row(Context& context, std::int64_t rows, std::int64_t cols,
              FunctionRef<void(std::int64_t)> body) {
  constexpr std::int64_t kGrainElements = 32768;  // below this a fork costs more than the copy
  const std::int64_t grain =
      std::max<std::int64_t>(1, kGrainElements / std::max<std::int64_t>(1, cols));
  context.pool().parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      body(i);
    }
  });
}

// Row `row` of a table of any format as floats.
void read_row(Isa isa, const WeightView& table, std::int64_t row, float* out) {
  switch (table.format) {
    case QuantFormat::kF32:
      std::memcpy(out, row_of(table, row, DType::kF32),
                  static_cast<std::size_t>(table.cols) * sizeof(float));
      return;
    case QuantFormat::kBF16:
      widen_function(isa, DType::kBF16)(row_of(table, row, DType::kBF16), out, table.cols);
      return;
    case QuantFormat::kInt8Channel:
      MONOCLE_CPU_PICK(isa, dequantise_row)
      (static_cast<const std::int8_t*>(row_of(table, row, DType::kI8)), int8_scales(table)[row],
       out, table.cols);
      return;
    default:
      format_info(table.format).unpack_row(table, row, out);  // correct at once for a new format
  }
}

}  // namespace

void embed(Context& context, const EmbedArgs& args) {
  const WidenRow widen = widen_function(context.isa(), args.media.dtype);
  each_row(context, args.y.rows, args.y.cols, [&](std::int64_t t) {
    float* y = args.y.row<float>(t);
    const std::int32_t media = args.media_row == nullptr ? -1 : args.media_row[t];
    if (media >= 0) {
      widen(row_of(args.media, media), y, args.y.cols);
    } else {
      read_row(context.isa(), args.table, args.ids[static_cast<std::size_t>(t)], y);
    }
  });
}

void add_rows(Context& context, const AddRowsArgs& args) {
  const AddRow add = add_function(context.isa(), args.source.dtype);
  each_row(context, args.y.rows, args.y.cols, [&](std::int64_t t) {
    const std::int32_t from = args.row[static_cast<std::size_t>(t)];
    if (from >= 0) {
      add(row_of(args.source, from), 1.0F, args.y.row<float>(t), args.y.cols);
    }
  });
}

void gather_rows(Context& context, const GatherRowsArgs& args) {
  each_row(context, args.y.rows, args.y.cols, [&](std::int64_t i) {
    std::memcpy(args.y.row<float>(i), args.x.row<float>(args.row[static_cast<std::size_t>(i)]),
                static_cast<std::size_t>(args.y.cols) * sizeof(float));
  });
}

void blend_rows(Context& context, const BlendRowsArgs& args) {
  const WeightView& table = args.table;
  const bool direct = table.format == QuantFormat::kF32 || table.format == QuantFormat::kBF16;
  const DType type = table.format == QuantFormat::kBF16 ? DType::kBF16 : DType::kF32;
  const AddRow add = add_function(context.isa(), type);
  context.reserve_workers(static_cast<std::size_t>(table.cols) * sizeof(float));
  context.pool().parallel_for(
      args.y.rows, 16, [&](std::int64_t begin, std::int64_t end, int worker) {
        auto* widened = static_cast<float*>(static_cast<void*>(context.worker(worker)));
        for (std::int64_t j = begin * 4; j < end * 4; ++j) {
          const void* source = widened;
          if (direct) {
            source = row_of(table, args.index[j], type);
          } else {
            read_row(context.isa(), table, args.index[j], widened);
          }
          add(source, args.weight[j], args.y.row<float>(j / 4), table.cols);
        }
      });
}

// A table look-up per pixel: a byte has 256 values. Reads 1 byte, writes 4 per frame.
void expand_pixels(Context& context, const ExpandPixelsArgs& args) {
  const auto area = static_cast<std::size_t>(args.area);
  const std::int64_t planes = std::int64_t{args.channels} * args.stored;
  each_row(context, args.y.rows, args.y.cols, [&](std::int64_t i) {
    const std::uint8_t* from = args.pixels + i * planes * args.area;
    float* to = args.y.row<float>(i);
    for (std::int32_t c = 0; c < args.channels; ++c) {
      const float* values = args.values + std::ptrdiff_t{256} * c;
      for (std::int32_t f = 0; f < args.frames; ++f, to += area) {
        if (f >= args.stored) {
          std::memcpy(to, to - area, area * sizeof(float));
          continue;
        }
        for (std::size_t p = 0; p < area; ++p) {
          to[p] = values[from[p]];
        }
        from += area;
      }
    }
  });
}

}  // namespace monocle::cpu
