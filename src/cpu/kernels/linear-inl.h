// SPDX-License-Identifier: Apache-2.0
// All parts of the linear layer without AMX in one body, in the order in which they build on each
// other.
#include "cpu/kernels/linear_integer-inl.h"

#include "cpu/kernels/linear_float-inl.h"

#if MONOCLE_ISA_AVX512
#include "cpu/kernels/linear_strip-inl.h"

#include "cpu/kernels/linear_panel-inl.h"
#endif
