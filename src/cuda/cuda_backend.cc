// SPDX-License-Identifier: Apache-2.0
#include "cuda/cuda_backend.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/device_memory.h"
#include "cuda/graph_cache.h"
#include "cuda/int4_slices.h"
#include "cuda/kernels/kernels.h"
#include "cuda/kernels/layers.h"
#include "cuda/layer_maps.h"
#include "cuda/linear_table.h"
#include "cuda/pending_samples.h"
#include "cuda/step_program.h"
#include "cuda/tensor_map.h"
#include "ops/validate.h"

namespace monocle::cuda {
namespace {

constexpr std::size_t kPinnedBytes = std::size_t{16} << 20;
// What is sampled: results of some thousand rows, and masks and lists of some hundred.
constexpr std::size_t kResultBytes = std::size_t{1} << 20;
constexpr std::size_t kSampleBytes = std::size_t{16} << 20;

class CudaBackend final : public Backend {
 public:
  CudaBackend(const CudaOptions& options, Capabilities capabilities, const Launch& launch,
              const LinearDevice& linear_device, HostRing ring, PendingSamples samples)
      : device_(options.device),
        capabilities_(std::move(capabilities)),
        launch_(launch),
        linear_device_(linear_device),
        memory_(std::make_unique<DeviceMemory>(device_, launch_, capabilities_.int4,
                                               std::move(ring), [this] { run_pending(); })),
        samples_(std::move(samples)),
        layers_(options.whole_layers && linear_device.sm90 && !options.batch_invariant) {
    if (layers_) {
      layer_maps_.allocate();
    }
    MONOCLE_CUDA_CHECK(cudaEventCreateWithFlags(&done_, cudaEventDisableTiming));
  }
  ~CudaBackend() override {
    static_cast<void>(try_bind_device(device_));  // a lost device has been reported
    cudaStreamSynchronize(launch_.stream);
    memory_.reset();
    cudaFree(launch_.scratch);
    cudaFree(launch_.counters);
    cudaFree(launch_.int8_rows);
    cudaEventDestroy(done_);
    cudaStreamDestroy(launch_.stream);
  }
  CudaBackend(const CudaBackend&) = delete;
  CudaBackend& operator=(const CudaBackend&) = delete;

  const Capabilities& capabilities() const override { return capabilities_; }
  Memory& memory() override { return *memory_; }

  void embed(const EmbedArgs& args) override { run(args, cuda::embed); }
  void add_rows(const AddRowsArgs& args) override { run(args, cuda::add_rows); }
  void gather_rows(const GatherRowsArgs& args) override { run(args, cuda::gather_rows); }
  void blend_rows(const BlendRowsArgs& args) override { run(args, cuda::blend_rows); }
  void expand_pixels(const ExpandPixelsArgs& args) override { run(args, cuda::expand_pixels); }
  void rope_append(const RopeAppendArgs& args) override;
  void norm(const NormArgs& args) override;
  void linear(const LinearArgs& args) override;
  void attend_paged(const AttendPagedArgs& args) override;
  void attend_packed(const AttendPackedArgs& args) override;
  void sample(const SampleArgs& args) override {
    validate(args);
    prepare();
    samples_.enqueue(launch_, args);
  }

  Ticket mark() override {
    prepare();
    MONOCLE_CUDA_CHECK(cudaEventRecord(done_, launch_.stream));
    return ++ticket_;
  }
  void wait(Ticket ticket) override {
    MONOCLE_CHECK(ticket <= ticket_);
    MONOCLE_CUDA_CHECK(cudaEventSynchronize(done_));  // of the last mark: at least as late
    samples_.finish();
  }
  void replay(GraphKey key, FunctionRef<void()> enqueue) override {
    prepare();
    graphs_.replay(launch_.stream, key, [&] {
      records_ = layers_;
      enqueue();
      prepare();
      records_ = false;
    });
  }

 private:
  // What must be enqueued before anything else: verbs that were put off and writes of the host.
  // Binds the calling thread to the device first: engines of several devices have one thread each.
  void prepare() {
    run_pending();
    memory_->flush();
    behind_stream_ = false;
  }
  void run_pending() {
    bind_device(device_);
    if (!recorded_.empty()) {
      run_recorded();
    }
    if (pending_norm_) {
      cuda::norm(launch_, *pending_norm_);
      pending_norm_.reset();
      behind_stream_ = false;
    }
    if (pending_rope_) {
      cuda::rope_append(launch_, *pending_rope_);
      pending_rope_.reset();
      behind_stream_ = false;
    }
  }
  // Whether the verb was put off: inside replay() whole layers are looked for.
  template <class Args>
  bool recorded(const Args& args) {
    if (!records_) {
      return false;
    }
    if (recorded_.empty()) {
      prepare();
    }
    recorded_.emplace_back(args);
    return true;
  }
  void run_recorded();
  void run_linear(const Launch& at, const LinearArgs& args, const NormArgs* norm);
  void run_slices(const Launch& at, const LinearArgs& args);
  void run_batch(const LinearArgs& args, const SplitNorm& norm);
  template <class Args>
  void run(const Args& args, void (*verb)(const Launch&, const Args&)) {
    validate(args);
    prepare();
    verb(launch_, args);
  }

  int device_;
  Capabilities capabilities_;
  Launch launch_;
  LinearDevice linear_device_;
  std::unique_ptr<DeviceMemory> memory_;
  GraphCache graphs_;
  PendingSamples samples_;
  // At most one verb is put off: the next may compute it on the way.
  std::optional<NormArgs> pending_norm_;
  std::optional<RopeAppendArgs> pending_rope_;
  LayerMaps layer_maps_;
  std::vector<RecordedVerb> recorded_;
  std::vector<RecordedVerb> issued_;
  bool records_ = false;
  bool layers_ = false;         // layers inside replay() may be one launch
  bool behind_stream_ = false;  // the last launch is a linear_stream or linear_batch
  cudaEvent_t done_ = nullptr;
  Ticket ticket_ = 0;
};

// The layers in one launch, and verb by verb what is left.
void CudaBackend::run_recorded() {
  issued_.swap(recorded_);
  recorded_.clear();
  const std::optional<StepProgram> program = recognise_layers(issued_);
  const CUtensorMap* maps =
      program && run_layers_fits(launch_, *program) ? layer_maps_.find(*program) : nullptr;
  if (maps != nullptr) {
    memory_->flush();
    run_layers(launch_, *program, maps);
    behind_stream_ = false;
  }
  const bool records = std::exchange(records_, false);
  auto verbs = std::span<const RecordedVerb>(issued_).subspan(maps != nullptr ? program->verbs : 0);
  SplitNorm split;
  for (; !verbs.empty(); verbs = verbs.subspan(1)) {
    if (split.ahead != nullptr || splits_norm(verbs, linear_device_.batch)) {
      const auto& args = std::get<LinearArgs>(verbs.front());
      split.behind =
          splits_norm(verbs, linear_device_.batch) ? &std::get<NormArgs>(verbs[1]) : nullptr;
      split.attends = verbs.size() > 1 && std::holds_alternative<RopeAppendArgs>(verbs[1]);
      prepare();
      run_batch(args, split);
      split = {split.behind, square_parts(plan_batch(args, linear_device_.batch)), nullptr, false};
      verbs = verbs.subspan(split.ahead != nullptr ? 1 : 0);  // the norm has been taken care of
      continue;
    }
    std::visit(
        [this](const auto& args) {
          using Args = std::remove_cvref_t<decltype(args)>;
          if constexpr (std::is_same_v<Args, NormArgs>) {
            norm(args);
          } else if constexpr (std::is_same_v<Args, LinearArgs>) {
            linear(args);
          } else if constexpr (std::is_same_v<Args, RopeAppendArgs>) {
            rope_append(args);
          } else {
            attend_paged(args);
          }
        },
        verbs.front());
  }
  records_ = records;
}

void CudaBackend::norm(const NormArgs& args) {
  validate(args);
  if (recorded(args)) {
    return;
  }
  prepare();
  pending_norm_ = args;  // the next linear() may compute it on the way
}

void CudaBackend::rope_append(const RopeAppendArgs& args) {
  validate(args);
  if (recorded(args)) {
    return;
  }
  const bool behind_stream = behind_stream_ && !memory_->waiting();
  prepare();
  pending_rope_ = args;
  behind_stream_ = behind_stream;
}

void CudaBackend::linear(const LinearArgs& args) {
  validate(args);
  if (recorded(args)) {
    return;
  }
  const bool fused =
      pending_norm_ && args.x.rows > 0 && fuses_norm(*pending_norm_, args, linear_device_);
  std::optional<NormArgs> norm;
  if (fused) {
    norm.swap(pending_norm_);
  }
  prepare();
  if (args.x.rows == 0) {
    return;
  }
  if (args.w.format() != QuantFormat::kInt4Group ||
      choose_linear(args, linear_device_) == LinearKernel::kStream) {
    return run_linear(launch_, args, norm ? &*norm : nullptr);
  }
  // Kernels read weights before they wait for what is ahead of them: here it writes them.
  Launch alone = launch_;
  alone.overlap = false;
  for_int8_slices(
      args, {launch_.int8_rows, kInt8RowBytes},
      [&](const WeightView& w, std::int8_t* rows) { expand_int4(launch_, w, rows); },
      [&](const LinearArgs& slice) { run_linear(alone, slice, nullptr); });
}

void CudaBackend::run_linear(const Launch& at, const LinearArgs& args, const NormArgs* norm) {
  switch (choose_linear(args, linear_device_)) {
    case LinearKernel::kSimple:
      return linear_simple(at, args);
    case LinearKernel::kStream:
      linear_stream(at, args, plan_stream(args, linear_device_.stream), norm);
      behind_stream_ = true;
      return;
    case LinearKernel::kSlices:
      return run_slices(at, args);
    case LinearKernel::kBatch:
      return run_batch(args, {});
    case LinearKernel::kTiles:
      return linear_tiles(at, args);
    case LinearKernel::kSm90:
      return linear_sm90(at, args,
                         linear_sm90_tiling(args, at.multiprocessors, at.batch_invariant));
  }
}

void CudaBackend::run_slices(const Launch& at, const LinearArgs& args) {
  const std::int64_t each = linear_slice(args, linear_device_.stream);
  for (std::int64_t row = 0; row < args.x.rows; row += each) {
    const LinearArgs part = linear_rows(args, row, std::min(args.x.rows, row + each));
    linear_stream(at, part, plan_stream(part, linear_device_.stream), nullptr);
  }
  behind_stream_ = true;
}

// By linear_batch. What starts behind it, too, knows that everything ahead of it has ended.
void CudaBackend::run_batch(const LinearArgs& args, const SplitNorm& norm) {
  linear_batch(launch_, args, plan_batch(args, linear_device_.batch), norm);
  behind_stream_ = true;
}

void CudaBackend::attend_paged(const AttendPagedArgs& args) {
  validate(args);
  if (recorded(args)) {
    return;
  }
  const bool step = attend_step_fits(launch_, args);
  if (step && pending_rope_ && !launch_.batch_invariant && !memory_->waiting() &&
      rope_fits_attend_step(*pending_rope_, args)) {
    rope_attend_step(launch_, *pending_rope_, args, behind_stream_);
    pending_rope_.reset();
    behind_stream_ = false;
    return;
  }
  prepare();
  // As many rows as sequences are single queries, but for empty sequences beside a chunk; the
  // decode kernels do both.
  const bool chunks = args.q.rows > static_cast<std::int64_t>(args.context.size());
  const bool sm90 = chunks && linear_device_.sm90 && attend_prefill_sm90_fits(args);
  const bool tiles = sm90 || (chunks && attend_prefill_fits(args));
  step ? attend_step(launch_, args, tiles) : attend_decode(launch_, args, tiles);
  if (sm90) {
    attend_prefill_sm90(launch_, args);
  } else if (tiles) {
    attend_prefill(launch_, args);
  }
}

void CudaBackend::attend_packed(const AttendPackedArgs& args) {
  validate(args);
  prepare();
  if (args.y.dtype == DType::kBF16 && linear_device_.sm90 && attend_packed_sm90_fits(args)) {
    attend_packed_sm90(launch_, args);
  } else if (args.y.dtype == DType::kBF16 && attend_packed_tiles_fits(args)) {
    attend_packed_tiles(launch_, args);
  } else {
    attend_packed_exact(launch_, args);
  }
}

template <class T>
Status device_allocate(T*& pointer, std::size_t count) {
  void* memory = nullptr;
  if (cudaMalloc(&memory, count * sizeof(T)) != cudaSuccess) {
    cudaGetLastError();
    return fail(ErrorCode::kTooLarge, "{} bytes asked of the GPU for scratch memory: none free",
                count * sizeof(T));
  }
  MONOCLE_CUDA_CHECK(cudaMemset(memory, 0, count * sizeof(T)));
  pointer = static_cast<T*>(memory);
  return {};
}

Result<std::unique_ptr<Backend>> create(const CudaOptions& options) {
  MONOCLE_ASSIGN(const cudaDeviceProp properties, open_device(real_driver(), options.device));
  MONOCLE_ASSIGN(HostRing ring, HostRing::create(kPinnedBytes));
  MONOCLE_ASSIGN(HostRing results, HostRing::create(kResultBytes));
  MONOCLE_ASSIGN(HostRing sample_inputs, HostRing::create(kSampleBytes));
  Launch launch;
  launch.multiprocessors = properties.multiProcessorCount;
  launch.overlap = options.overlap && properties.major >= 9;
  launch.clusters = properties.major >= 9;
  launch.batch_invariant = options.batch_invariant;
  launch.scratch_floats = kScratchFloats;
  MONOCLE_TRY(device_allocate(launch.scratch, kScratchFloats));
  MONOCLE_TRY(device_allocate(launch.counters, kCounters));
  MONOCLE_TRY(device_allocate(launch.int8_rows, kInt8RowBytes));
  MONOCLE_CUDA_CHECK(cudaStreamCreateWithFlags(&launch.stream, cudaStreamNonBlocking));
  MONOCLE_CUDA_CHECK(cudaDeviceSynchronize());
  Capabilities capabilities;
  capabilities.name = fmt::format("cuda:{} {}", options.device, properties.name);
  capabilities.activation = DType::kBF16;
  capabilities.kv = DType::kBF16;
  capabilities.int8_kv = true;
  capabilities.int4 = true;
  capabilities.host_memory = false;
  capabilities.native = [](QuantFormat format) {
    return format == QuantFormat::kBF16 || format == QuantFormat::kInt4Group ||
           is_byte_channel(format);
  };
  const bool sm90 = runs_sm90a(properties) && has_tensor_maps();
  const LinearDevice linear_device{
      {properties.sharedMemPerBlockOptin, launch.multiprocessors, launch.clusters},
      sm90,
      sm90 && !options.batch_invariant
          ? BatchDevice{launch.multiprocessors, linear_batch_clusters(launch)}
          : BatchDevice{},
      options.batch_invariant};
  return std::make_unique<CudaBackend>(
      options, std::move(capabilities), launch, linear_device, std::move(ring),
      PendingSamples(std::move(results), std::move(sample_inputs)));
}

}  // namespace

Result<std::unique_ptr<Backend>> make_cuda_backend(const CudaOptions& options) {
  try {
    return create(options);
  } catch (const DeviceError& error) {
    return fail(ErrorCode::kUnavailable, "cuda:{}: {}", options.device, error.what());
  }
}

}  // namespace monocle::cuda
