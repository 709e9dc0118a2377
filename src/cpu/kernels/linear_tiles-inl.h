// SPDX-License-Identifier: Apache-2.0
// All parts of the AMX linear layer in one body, in the order in which they build on each other.
#include "cpu/kernels/linear_epilogue-inl.h"

#include "cpu/kernels/linear_prepare-inl.h"

#include "cpu/kernels/linear_strip-inl.h"

#include "cpu/kernels/linear_amx_pack-inl.h"

#include "cpu/kernels/linear_amx_strip-inl.h"

#include "cpu/kernels/linear_amx-inl.h"
