// SPDX-License-Identifier: Apache-2.0
// The integer half of the linear layer in one body, in the order in which its parts build on each
// other: all that differs between avx2 and avx2vnni.
#include "cpu/kernels/linear_epilogue-inl.h"

#include "cpu/kernels/linear_prepare-inl.h"

#include "cpu/kernels/linear_place-inl.h"

#include "cpu/kernels/linear_dot-inl.h"

#include "cpu/kernels/linear_int4-inl.h"
