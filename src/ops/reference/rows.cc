// SPDX-License-Identifier: Apache-2.0
// The verbs that move or add whole rows.
#include <algorithm>
#include <vector>

#include "ops/reference/elements.h"
#include "ops/reference/verbs.h"

namespace monocle::reference {

void embed(const EmbedArgs& args) {
  const FormatInfo& format = format_info(args.table.format);
  std::vector<float> row(static_cast<std::size_t>(args.table.cols));
  for (std::int64_t t = 0; t < args.y.rows; ++t) {
    const std::int32_t media_row = args.media_row != nullptr ? args.media_row[t] : -1;
    if (media_row < 0) {
      format.unpack_row(args.table, args.ids[static_cast<std::size_t>(t)], row.data());
    }
    for (std::int64_t c = 0; c < args.y.cols; ++c) {
      const float value =
          media_row < 0 ? row[static_cast<std::size_t>(c)] : load(args.media, media_row, c);
      store(args.y, t, c, static_cast<double>(value));
    }
  }
}

void add_rows(const AddRowsArgs& args) {
  for (std::int64_t t = 0; t < args.y.rows; ++t) {
    const std::int32_t from = args.row[static_cast<std::size_t>(t)];
    for (std::int64_t c = 0; from >= 0 && c < args.y.cols; ++c) {
      store(args.y, t, c,
            static_cast<double>(load(args.y, t, c)) +
                static_cast<double>(load(args.source, from, c)));
    }
  }
}

void gather_rows(const GatherRowsArgs& args) {
  for (std::int64_t i = 0; i < args.y.rows; ++i) {
    for (std::int64_t c = 0; c < args.y.cols; ++c) {
      store(args.y, i, c,
            static_cast<double>(load(args.x, args.row[static_cast<std::size_t>(i)], c)));
    }
  }
}

void blend_rows(const BlendRowsArgs& args) {
  const FormatInfo& format = format_info(args.table.format);
  const auto cols = static_cast<std::size_t>(args.table.cols);
  std::vector<float> row(cols);
  std::vector<double> sum(cols);
  for (std::int64_t i = 0; i < args.y.rows; ++i) {
    sum.assign(cols, 0.0);
    for (std::int64_t j = i * 4; j < i * 4 + 4; ++j) {
      format.unpack_row(args.table, args.index[j], row.data());
      for (std::size_t c = 0; c < cols; ++c) {
        sum[c] += static_cast<double>(args.weight[j]) * static_cast<double>(row[c]);
      }
    }
    for (std::int64_t c = 0; c < args.y.cols; ++c) {
      store(args.y, i, c,
            static_cast<double>(load(args.y, i, c)) + sum[static_cast<std::size_t>(c)]);
    }
  }
}

void expand_pixels(const ExpandPixelsArgs& args) {
  for (std::int64_t i = 0; i < args.y.rows; ++i) {
    for (std::int64_t c = 0; c < args.channels; ++c) {
      for (std::int64_t f = 0; f < args.frames; ++f) {
        const std::int64_t frame = std::min<std::int64_t>(f, args.stored - 1);
        const std::uint8_t* from =
            args.pixels + ((i * args.channels + c) * args.stored + frame) * args.area;
        for (std::int64_t p = 0; p < args.area; ++p) {
          store(args.y, i, (c * args.frames + f) * args.area + p,
                static_cast<double>(args.values[c * 256 + from[p]]));
        }
      }
    }
  }
}

}  // namespace monocle::reference
