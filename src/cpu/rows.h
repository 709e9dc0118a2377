// SPDX-License-Identifier: Apache-2.0
// The verbs that move or add whole rows on the CPU. A row is one worker's, so the result does not
// depend on the number of threads.
#pragma once

#include "cpu/context.h"
#include "ops/args.h"

namespace monocle::cpu {

void embed(Context& context, const EmbedArgs& args);
void add_rows(Context& context, const AddRowsArgs& args);
void gather_rows(Context& context, const GatherRowsArgs& args);
void blend_rows(Context& context, const BlendRowsArgs& args);
void expand_pixels(Context& context, const ExpandPixelsArgs& args);

}  // namespace monocle::cpu
