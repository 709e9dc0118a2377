// SPDX-License-Identifier: Apache-2.0
// The verbs of ops/backend.h as plain scalar functions: the specification of each, and the oracle
// of the tests. Inputs as float, sums in double, one rounding when a result is stored. Any thread;
// no state.
#pragma once

#include "base/function_ref.h"
#include "ops/args.h"

namespace monocle::reference {

void embed(const EmbedArgs& args);
void norm(const NormArgs& args);
void linear(const LinearArgs& args);
void rope_append(const RopeAppendArgs& args);
void attend_paged(const AttendPagedArgs& args);
void attend_packed(const AttendPackedArgs& args);
void add_rows(const AddRowsArgs& args);
void gather_rows(const GatherRowsArgs& args);
void blend_rows(const BlendRowsArgs& args);
void expand_pixels(const ExpandPixelsArgs& args);
void sample(const SampleArgs& args);

// linear() for weights of scaled int8 rows (unpack_int8) with activations quantised on the fly, row
// by row:
//   scale_x = max|x| / 127,  q_x = round_half_even(x * (127 / max|x|)), all in float;  q_x = 0 when
//   max|x| = 0 y = epilogue(scale_x * scale_w * sum(q_x * q_w) + bias) + residual, the sum exact in
//   integers.
// An int8 kernel must match this to float rounding; how far this is from linear() is the price of
// the scheme.
void linear_w8a8(const LinearArgs& args);

// The same for fp8 weights: the rows of x are rounded as those of W were (quant/fp8_channel.h), the
// products are added in double.
void linear_fp8(const LinearArgs& args);

// The part that they share: `column` fills out[i] = (x Wᵀ)[i, row of part] for every row i of x;
// bias, epilogue, residual and the store follow.
using LinearColumn = FunctionRef<void(int part, std::int64_t row, std::span<double> out)>;
void linear_with(const LinearArgs& args, LinearColumn column);

}  // namespace monocle::reference
