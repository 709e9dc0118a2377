// SPDX-License-Identifier: Apache-2.0
// The contract of each verb's arguments, as MONOCLE_CHECKs: a violation is a bug of the caller,
// never of its input. validate() looks at shapes, types and aliasing only, so a backend whose
// memory is not host memory may call it too. validate_contents() reads the index arrays (not the
// tensors): for backends with host memory, where a wrong index would be a wild read or write.
//
// Aliasing: outputs overlap no input, with one exception: the residual of linear() may be y itself.
#pragma once

#include "ops/args.h"

namespace monocle {

void validate(const EmbedArgs& args);
void validate(const NormArgs& args);
void validate(const LinearArgs& args);
void validate(const RopeAppendArgs& args);
void validate(const AttendPagedArgs& args);
void validate(const AttendPackedArgs& args);
void validate(const AddRowsArgs& args);
void validate(const GatherRowsArgs& args);
void validate(const BlendRowsArgs& args);
void validate(const ExpandPixelsArgs& args);
void validate(const SampleArgs& args);

void validate_contents(const EmbedArgs& args);
void validate_contents(const RopeAppendArgs& args);
void validate_contents(const AttendPagedArgs& args);
void validate_contents(const AttendPackedArgs& args);
void validate_contents(const AddRowsArgs& args);
void validate_contents(const GatherRowsArgs& args);
void validate_contents(const BlendRowsArgs& args);

// Whether two views share an element. Column slices of the same wide rows do not.
bool overlap(const ConstTensorView& a, const ConstTensorView& b);

}  // namespace monocle
