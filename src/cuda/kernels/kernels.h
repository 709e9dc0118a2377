// SPDX-License-Identifier: Apache-2.0
// Host functions that launch the kernels. Each takes a verb's validated arguments and enqueues on
// at.stream; empty work is no launch. Which linear() kernel fits which arguments is said in
// cuda/linear_table.h.
#pragma once

#include <cstdint>

#include "cuda/batch_plan.h"
#include "cuda/launch.h"
#include "cuda/linear_table.h"
#include "cuda/stream_plan.h"
#include "ops/args.h"

namespace monocle::cuda {

void embed(const Launch& at, const EmbedArgs& args);
void add_rows(const Launch& at, const AddRowsArgs& args);
void gather_rows(const Launch& at, const GatherRowsArgs& args);
void blend_rows(const Launch& at, const BlendRowsArgs& args);
void expand_pixels(const Launch& at, const ExpandPixelsArgs& args);
void norm(const Launch& at, const NormArgs& args);
void rope_append(const Launch& at, const RopeAppendArgs& args);

void linear_simple(const Launch& at, const LinearArgs& args);
void linear_tiles(const Launch& at, const LinearArgs& args);
// plan: of plan_stream(), and it fits. x is the RMS norm of norm->x where norm is not null; it is
// written to norm->y all the same.
void linear_stream(const Launch& at, const LinearArgs& args, const StreamPlan& plan,
                   const NormArgs* norm);
// What a linear_batch has to do with its neighbours.
// An RMS norm between two of them is computed by neither launch alone: with `behind`, args.y is
// its x, and w y goes to its y; with `ahead`, args.x is such a w y, and `parts` are square_parts()
// of the launch that made it, which must be the last one.
struct SplitNorm {
  const NormArgs* ahead = nullptr;
  int parts = 0;
  const NormArgs* behind = nullptr;
  bool attends = false;  // the next launch is rope_attend_step, which may start early
};
// BatchDevice::clusters of the current device.
int linear_batch_clusters(const Launch& at);
// plan: of plan_batch(), and it fits.
void linear_batch(const Launch& at, const LinearArgs& args, const BatchPlan& plan,
                  const SplitNorm& norm);
void linear_sm90(const Launch& at, const LinearArgs& args, const Sm90Tiling& tiling);

// 4-bit groups as int8 rows, [w.rows, w.cols]. Who reads them must be launched without overlap.
void expand_int4(const Launch& at, const WeightView& w, std::int8_t* out);

// Rows of x for linear_sm90 where they are not bf16, packed with no space between: see
// narrow_rows.cu.
std::int64_t narrow_row_bytes(const LinearArgs& args);
void quantise_rows(const Launch& at, const ConstTensorView& x, QuantFormat format, void* narrow,
                   float* scale);
void split_rows(const Launch& at, const ConstTensorView& x, void* narrow, std::int64_t row_bytes);

// singles_only: sequences with more than one query are left to attend_prefill.
void attend_decode(const Launch& at, const AttendPagedArgs& args, bool singles_only);
// bf16 on a device with clusters, up to 8 query heads per kv head.
bool attend_step_fits(const Launch& at, const AttendPagedArgs& args);
void attend_step(const Launch& at, const AttendPagedArgs& args, bool singles_only);
// attend_step with the rope_append ahead of it, where every sequence has one query. early: the last
// launch was a linear_stream.
bool rope_fits_attend_step(const RopeAppendArgs& rope, const AttendPagedArgs& args);
void rope_attend_step(const Launch& at, const RopeAppendArgs& rope, const AttendPagedArgs& args,
                      bool early);
// Sequences with more than one query, bf16 throughout, on the tensor cores.
bool attend_prefill_fits(const AttendPagedArgs& args);
void attend_prefill(const Launch& at, const AttendPagedArgs& args);
// The same without a window, on compute capability 9.0.
bool attend_prefill_sm90_fits(const AttendPagedArgs& args);
void attend_prefill_sm90(const Launch& at, const AttendPagedArgs& args);
void attend_packed_exact(const Launch& at, const AttendPackedArgs& args);
// bf16 on the tensor cores; overwrites qkv.
bool attend_packed_tiles_fits(const AttendPackedArgs& args);
void attend_packed_tiles(const Launch& at, const AttendPackedArgs& args);
// The same with heads of 64 channels, on compute capability 9.0.
bool attend_packed_sm90_fits(const AttendPackedArgs& args);
void attend_packed_sm90(const Launch& at, const AttendPackedArgs& args);
// Their first half: q and k turned by rope, q, k and v rounded to bf16 in the first half of each
// head's channels.
void turn_packed(const Launch& at, const AttendPackedArgs& args);

// What one greedy row yields; id -1 when no logit is above -inf.
struct Greedy {
  std::int32_t id;
  float logprob;
};
// rows[i] of the logits; out[i] may be mapped host memory.
void sample_greedy(const Launch& at, const SampleArgs& args, const std::int32_t* rows,
                   std::int32_t count, Greedy* out);

// A row of logits to be drawn from, with everything that SampleRow has, in memory that the device
// reads; so are the lists it points to, and out.
struct DrawRow {
  std::int32_t row = 0;  // of the logits, which are overwritten
  std::int32_t top_k = 0;
  std::uint64_t top_p = 0;  // see fraction_of()
  std::uint64_t least = 0;  // see least_mass()
  std::uint64_t bits = 0;   // uniform_bits() of seed and step
  float scale = 0.0F;       // distance_scale() of the temperature; 0: greedy
  float repetition = 1.0F;
  float presence = 0.0F;
  float frequency = 0.0F;
  const TokenCount* seen = nullptr;  // distinct ids
  const LogitBias* bias = nullptr;   // distinct ids
  const std::uint32_t* allowed = nullptr;
  std::int32_t seen_count = 0;
  std::int32_t bias_count = 0;
  std::int32_t top_logprobs = 0;
  SampledToken* out = nullptr;
};
void sample_rows(const Launch& at, const SampleArgs& args, const DrawRow* rows, std::int32_t count);

// Small host writes: entry i copies bytes from mapped host memory to the device.
struct HostCopy {
  void* to;
  const void* from;
  std::uint32_t bytes;
};
inline constexpr int kMaxHostCopies = 16;
struct HostCopies {
  HostCopy entry[kMaxHostCopies];
  int count;
};
void copy_from_host(const Launch& at, const HostCopies& copies);

// Whether this program holds machine code or PTX for the current device.
bool has_code();

// Reads `bytes` of device memory at full speed; for measuring the memory roof.
void read_memory(const Launch& at, const void* data, std::size_t bytes);

}  // namespace monocle::cuda
