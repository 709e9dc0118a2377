// SPDX-License-Identifier: Apache-2.0
// The engine core: requests in, token events out, one step at a time. Not thread-safe: one thread
// owns it and calls step() in a loop; a server puts queues around it. Every submitted request ends
// in exactly one terminal event.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/batch_builder.h"
#include "engine/engine_stats.h"
#include "engine/kv_cache.h"
#include "engine/kv_ledger.h"
#include "engine/media_pool.h"
#include "engine/scheduler.h"
#include "model/model.h"
#include "monocle/event.h"
#include "monocle/request.h"
#include "ops/backend.h"

namespace monocle {

struct EngineLimits {
  std::int64_t step_tokens = 512;
  std::int32_t sequences = 1;
  std::int64_t context_tokens = 4096;  // longest prompt + output of one request
  std::int64_t kv_tokens = 0;          // cache size; 0 = one request of context_tokens per sequence
  std::int64_t media_rows = 0;         // encoded media kept; 0 = context_tokens
  std::int64_t patches = 0;            // largest image or video
  std::int64_t media_patches = 1024;   // encoded in one step; a larger picture takes several
  std::int32_t block_tokens = 16;
  std::int32_t window_tokens = 0;  // attention window besides sink_tokens; 0 = everything is seen
  std::int32_t sink_tokens = 0;
  bool prefix_cache = true;
  bool share_answers = false;     // answers as prefixes of later requests; see KvPolicy
  std::int32_t draft_tokens = 0;  // guesses verified per sequence and step; 0 = none
  std::int32_t merge = 2;
  std::int32_t vocab = 0;    // ids that may be sampled; 0 = all rows of the model's table
  std::int32_t queue = 256;  // requests that may wait besides `sequences` running ones
  DType kv = DType::kBF16;
};

// What an engine with these limits takes of its backend's memory, and what its model has to plan
// for. Pure.
struct EngineMemory {
  PlanLimits plan;
  std::size_t logits = 0;
  std::size_t hidden = 0;  // states of prompts that are embedded
  std::size_t media = 0;
  std::size_t kv_block = 0;  // one block, all layers
  std::int64_t kv_blocks = 0;
  std::int64_t kv_blocks_least = 0;  // one request of the longest length
};
EngineMemory engine_memory(const EngineLimits& limits, const ModelFacts& facts);

class Engine {
 public:
  // model and backend must outlive the engine. Takes all memory it will ever use.
  static Result<std::unique_ptr<Engine>> create(Model& model, Backend& backend,
                                                const EngineLimits& limits);
  ~Engine();

  Result<RequestId> submit(Request request);
  // submit() in two halves. prepare() reads only what never changes: any thread may call it at any
  // time. enqueue() fails with kQueueFull only.
  Result<std::unique_ptr<Sequence>> prepare(RequestId id, Request request) const;
  Status enqueue(std::unique_ptr<Sequence> sequence);
  // The terminal event comes with the next step. Unknown ids are ignored: the request may just have
  // finished.
  void cancel(RequestId id);
  void cancel_all();
  // A paused request is left out of steps.
  void pause(RequestId id, bool paused);

  [[nodiscard]] bool idle() const { return scheduler_.waiting() == 0 && scheduler_.running() == 0; }
  // Runs one step and appends what happened. False: there was nothing to do, and there will not be
  // until something is submitted, cancelled or resumed.
  bool step(std::vector<TokenEvent>& events);
  // After step() threw (a backend that lost its device does): ends every request with this error.
  void fail_all(const std::string& message, std::vector<TokenEvent>& events);
  // Likewise, before that: takes out the requests that were not cancelled and that had no event.
  std::vector<std::unique_ptr<Sequence>> take_unanswered();

  [[nodiscard]] const EngineLimits& limits() const { return limits_; }
  [[nodiscard]] EngineStats stats() const;
  // The invariants that must hold between steps; checked when idle.
  [[nodiscard]] bool consistent() const;

 private:
  Engine(Model& model, Backend& backend, const EngineLimits& limits, KvCache kv, MediaRows media,
         const StepOutputs& outputs);

  bool encode(const MediaJob& job, std::vector<TokenEvent>& events);
  [[nodiscard]] LayerRange next_layers(const MediaPool::Handle& handle,
                                       const Patches& patches) const;
  void encode_media(std::vector<TokenEvent>& events);
  void run(const StepInputs& inputs);
  const std::uint32_t* mask_of(const Sequence& sequence, std::size_t row);
  void sample(const StepInputs& inputs);
  void read_hidden(std::int64_t rows);
  void deliver(double step_ms, std::vector<TokenEvent>& events);
  void deliver_samples(const Slice& slice, std::span<const SampledToken> sampled,
                       std::vector<TokenEvent>& events);
  void deliver_embedding(Sequence& sequence, std::size_t row, std::vector<TokenEvent>& events);
  TokenEvent accept(Sequence& sequence, const SampledToken& token);
  void finish(Sequence* sequence, TokenEvent event, std::vector<TokenEvent>& events);
  void finish_marked(FinishReason reason, const std::string& error,
                     std::vector<TokenEvent>& events);

  Model& model_;
  Backend& backend_;
  EngineLimits limits_;
  KvCache kv_;
  MediaRows media_rows_;
  StepOutputs outputs_;  // of the largest step
  KvLedger ledger_;
  MediaPool media_;
  std::int32_t in_tower_ = -1;  // entry of media_ whose layers ran last
  Scheduler scheduler_;
  BatchBuilder builder_;
  StepPlan plan_;
  std::vector<SampleRow> sample_rows_;
  std::vector<SampledToken> sampled_;
  std::vector<float> hidden_;         // [rows of the step, hidden]
  std::vector<std::uint32_t> masks_;  // [sequences, mask_words_]
  std::size_t mask_words_;
  std::vector<Sequence*> marked_;
  std::vector<Sequence*> encoding_;  // that have pictures in the vision tower in this step
  RequestId next_id_ = 1;
  EngineStats counted_;  // what stats() does not ask others for
};

}  // namespace monocle
