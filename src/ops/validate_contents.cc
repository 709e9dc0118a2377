// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "ops/validate.h"

namespace monocle {
namespace {

bool inside(std::int64_t index, std::int64_t count) { return index >= 0 && index < count; }

// Every block that a query of sequence b sees must be there.
void check_blocks(const AttendPagedArgs& args, std::int64_t b) {
  const std::int64_t context = args.context[static_cast<std::size_t>(b)];
  const std::int64_t queries = args.query_start[static_cast<std::size_t>(b) + 1] -
                               args.query_start[static_cast<std::size_t>(b)];
  const std::int64_t first_seen = args.window == 0 ? 0 : context - queries - args.window + 1;
  const std::int64_t size = args.kv.block_tokens;
  for (std::int64_t block = 0; queries > 0 && block * size < context; ++block) {
    const bool seen = block * size + size > first_seen || block * size < args.sinks;
    MONOCLE_CHECK(!seen || inside(args.block_table[b * args.max_blocks + block], args.kv.blocks));
  }
}

}  // namespace

void validate_contents(const EmbedArgs& args) {
  for (std::size_t t = 0; t < args.ids.size(); ++t) {
    if (args.media_row != nullptr && args.media_row[t] >= 0) {
      MONOCLE_CHECK(inside(args.media_row[t], args.media.rows));
    } else {
      MONOCLE_CHECK(inside(args.ids[t], args.table.rows));
    }
  }
}

void validate_contents(const RopeAppendArgs& args) {
  const std::int64_t slots = std::int64_t{args.kv.blocks} * args.kv.block_tokens;
  for (const std::int64_t slot : args.slots) {
    MONOCLE_CHECK(slot == -1 || inside(slot, slots));
  }
  for (std::int64_t c = 0; c < args.kv.head_dim / 2; ++c) {
    MONOCLE_CHECK(args.rope.axis[c] < 3);
  }
}

void validate_contents(const AttendPagedArgs& args) {
  MONOCLE_CHECK(args.query_start[0] == 0 && args.query_start.back() <= args.q.rows);
  for (std::size_t b = 0; b < args.context.size(); ++b) {
    const std::int32_t queries = args.query_start[b + 1] - args.query_start[b];
    MONOCLE_CHECK(queries >= 0 && queries <= args.context[b]);
    MONOCLE_CHECK(args.context[b] <= std::int64_t{args.max_blocks} * args.kv.block_tokens);
    check_blocks(args, static_cast<std::int64_t>(b));
  }
}

void validate_contents(const AttendPackedArgs& args) {
  MONOCLE_CHECK(args.segments.front() == 0 && args.segments.back() == args.y.rows);
  for (std::size_t s = 0; s + 1 < args.segments.size(); ++s) {
    MONOCLE_CHECK(args.segments[s] <= args.segments[s + 1]);
  }
}

void validate_contents(const AddRowsArgs& args) {
  for (const std::int32_t row : args.row) {
    MONOCLE_CHECK(row < args.source.rows);
  }
}

void validate_contents(const GatherRowsArgs& args) {
  for (const std::int32_t row : args.row) {
    MONOCLE_CHECK(inside(row, args.x.rows));
  }
}

void validate_contents(const BlendRowsArgs& args) {
  for (std::int64_t i = 0; i < args.y.rows * 4; ++i) {
    MONOCLE_CHECK(inside(args.index[i], args.table.rows));
  }
}

}  // namespace monocle
