// SPDX-License-Identifier: Apache-2.0
#include "cuda/step_program.h"

#include <algorithm>

namespace monocle::cuda {
namespace {

constexpr std::size_t kVerbs = 8;  // of a layer
constexpr std::size_t kHeadVerbs = 2;
constexpr std::int64_t kWidest = 8192;

bool aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

bool plain(const ConstTensorView& view, DType dtype, std::int64_t rows, std::int64_t cols) {
  return view.dtype == dtype && view.rows == rows && view.cols == cols && view.contiguous() &&
         aligned(view.data);
}

// One layer's verbs, or none of them is null.
struct Layer {
  const NormArgs* before;
  const LinearArgs* project;
  const RopeAppendArgs* rope;
  const AttendPagedArgs* attend;
  const LinearArgs* out;
  const NormArgs* between;
  const LinearArgs* gate_up;
  const LinearArgs* down;

  explicit Layer(std::span<const RecordedVerb> verbs)
      : before(std::get_if<NormArgs>(&verbs[0])),
        project(std::get_if<LinearArgs>(&verbs[1])),
        rope(std::get_if<RopeAppendArgs>(&verbs[2])),
        attend(std::get_if<AttendPagedArgs>(&verbs[3])),
        out(std::get_if<LinearArgs>(&verbs[4])),
        between(std::get_if<NormArgs>(&verbs[5])),
        gate_up(std::get_if<LinearArgs>(&verbs[6])),
        down(std::get_if<LinearArgs>(&verbs[7])) {}
  [[nodiscard]] bool complete() const {
    return before != nullptr && project != nullptr && rope != nullptr && attend != nullptr &&
           out != nullptr && between != nullptr && gate_up != nullptr && down != nullptr;
  }
};

// What a packed file has beside 4-bit layers.
QuantFormat head_format(const StepProgram& p) {
  return p.format == QuantFormat::kInt4Group ? QuantFormat::kInt8Channel : p.format;
}

bool fits(const LinearArgs& linear, QuantFormat format, int parts, std::int64_t unit) {
  bool fits = linear.w.parts == parts && linear.w.format() == format && linear.bias == nullptr &&
              linear.x.cols % 64 == 0 && linear.x.row_stride == linear.x.cols;
  for (int i = 0; i < parts && fits; ++i) {
    const WeightView& part = linear.w.part[static_cast<std::size_t>(i)];
    fits = part.rows % unit == 0 && aligned(part.data) &&
           (format == QuantFormat::kBF16 || part.aux != nullptr);
  }
  return fits;
}

bool norm_fits(const NormArgs& norm, const StepProgram& p) {
  return norm.kind == NormKind::kRms && norm.x.data == p.x && norm.eps == p.eps &&
         plain(norm.x, DType::kF32, p.rows, p.hidden) &&
         plain(norm.y, DType::kBF16, p.rows, p.hidden) && norm.weight != nullptr;
}

// y = x Wᵀ + x of the layers' sum.
bool adds(const LinearArgs& linear, const StepProgram& p, int inputs) {
  return fits(linear, p.format, 1, 16) && linear.epilogue == Epilogue::kNone &&
         plain(linear.x, DType::kBF16, p.rows, inputs) && linear.y.data == p.x &&
         linear.residual.data == p.x && plain(linear.y, DType::kF32, p.rows, p.hidden) &&
         plain(linear.residual, DType::kF32, p.rows, p.hidden);
}

bool same_cache_shape(const KvView& a, const KvView& b) {
  return a.dtype == b.dtype && a.blocks == b.blocks && a.block_tokens == b.block_tokens &&
         a.kv_heads == b.kv_heads && a.head_dim == b.head_dim;
}

bool attention_fits(const Layer& l, const StepProgram& p) {
  const RopeAppendArgs& rope = *l.rope;
  const AttendPagedArgs& a = *l.attend;
  const KvView& kv = rope.kv;
  return l.project->y.data == rope.qkv.data &&
         plain(rope.qkv, DType::kF32, p.rows, p.q_dim + 2 * p.kv_dim) && rope.q.data == a.q.data &&
         plain(a.q, DType::kBF16, p.rows, p.q_dim) && plain(a.y, DType::kBF16, p.rows, p.q_dim) &&
         (kv.dtype == DType::kBF16 || kv.dtype == DType::kI8) && kv.head_dim == kLayerHead &&
         kv.k == a.kv.k && kv.v == a.kv.v && same_cache_shape(kv, a.kv) &&
         a.heads * kLayerHead == p.q_dim && kv.kv_heads * kLayerHead == p.kv_dim &&
         a.heads / kv.kv_heads <= kLayerHeads && (kv.block_tokens & (kv.block_tokens - 1)) == 0 &&
         aligned(kv.k) && aligned(kv.v) &&
         std::int64_t{kv.blocks} * kv.kv_heads * kv.block_tokens < (std::int64_t{1} << 31) &&
         static_cast<std::int64_t>(a.context.size()) == p.rows && rope.q_norm != nullptr &&
         rope.k_norm != nullptr && rope.slots.data() != nullptr;
}

// Everything that only the first layer's arguments say.
bool alike(const Layer& l, const StepProgram& p) {
  const RopeAppendArgs& rope = *l.rope;
  const AttendPagedArgs& a = *l.attend;
  return rope.qkv.data == p.rope.qkv.data && rope.eps == p.rope.eps &&
         rope.positions == p.rope.positions && rope.rope.inv_freq == p.rope.rope.inv_freq &&
         rope.rope.axis == p.rope.rope.axis && rope.rope.scale == p.rope.rope.scale &&
         rope.slots.data() == p.rope.slots.data() && same_cache_shape(rope.kv, p.rope.kv) &&
         a.scale == p.attend.scale && a.query_start.data() == p.attend.query_start.data() &&
         a.context.data() == p.attend.context.data() && a.block_table == p.attend.block_table &&
         a.max_blocks == p.attend.max_blocks && a.window == p.attend.window &&
         a.sinks == p.attend.sinks && a.y.data == p.attend.y.data && l.gate_up->y.data == p.inside;
}

bool layer_fits(const Layer& l, const StepProgram& p) {
  return norm_fits(*l.before, p) && norm_fits(*l.between, p) && fits(*l.project, p.format, 3, 16) &&
         l.project->epilogue == Epilogue::kNone && l.project->residual.data == nullptr &&
         l.project->x.data == l.before->y.data && l.project->w.part[0].rows == p.q_dim &&
         l.project->w.part[1].rows == p.kv_dim && l.project->w.part[2].rows == p.kv_dim &&
         attention_fits(l, p) && alike(l, p) && adds(*l.out, p, p.q_dim) &&
         l.out->x.data == l.attend->y.data && fits(*l.gate_up, p.format, 2, 8) &&
         l.gate_up->epilogue == Epilogue::kSwiGlu && l.gate_up->residual.data == nullptr &&
         l.gate_up->x.data == l.between->y.data &&
         plain(l.gate_up->y, DType::kBF16, p.rows, p.inner) && adds(*l.down, p, p.inner) &&
         l.down->x.data == l.gate_up->y.data;
}

const std::uint8_t* data_of(const LinearArgs& linear, std::size_t part) {
  return static_cast<const std::uint8_t*>(linear.w.part[part].data);
}
const float* scale_of(const LinearArgs& linear, std::size_t part) {
  return static_cast<const float*>(linear.w.part[part].aux);
}

LayerWeights weights_of(const Layer& l) {
  return {.qkv = {data_of(*l.project, 0), data_of(*l.project, 1), data_of(*l.project, 2)},
          .qkv_scale = {scale_of(*l.project, 0), scale_of(*l.project, 1), scale_of(*l.project, 2)},
          .gate_up = {data_of(*l.gate_up, 0), data_of(*l.gate_up, 1)},
          .gate_up_scale = {scale_of(*l.gate_up, 0), scale_of(*l.gate_up, 1)},
          .out = data_of(*l.out, 0),
          .out_scale = scale_of(*l.out, 0),
          .down = data_of(*l.down, 0),
          .down_scale = scale_of(*l.down, 0),
          .input_norm = l.before->weight,
          .post_norm = l.between->weight,
          .q_norm = l.rope->q_norm,
          .k_norm = l.rope->k_norm,
          .k = l.rope->kv.k,
          .v = l.rope->kv.v,
          .k_scale = l.rope->kv.k_scale,
          .v_scale = l.rope->kv.v_scale};
}

StepProgram begin(const Layer& first) {
  StepProgram p;
  p.rows = static_cast<int>(first.before->x.rows);
  p.format = first.project->w.format();
  p.hidden = static_cast<int>(first.before->x.cols);
  p.q_dim = static_cast<int>(first.attend->y.cols);
  p.kv_dim = first.rope->kv.kv_heads * first.rope->kv.head_dim;
  p.inner = static_cast<int>(first.gate_up->y.cols);
  p.eps = first.before->eps;
  p.x = static_cast<float*>(first.down->y.data);
  p.inside = static_cast<std::uint16_t*>(first.gate_up->y.data);
  p.rope = *first.rope;
  p.attend = *first.attend;
  return p;
}

// What follows the layers, or none.
StepHead head_of(std::span<const RecordedVerb> tail, const StepProgram& p) {
  const auto* norm = std::get_if<NormArgs>(&tail[0]);
  const auto* linear = std::get_if<LinearArgs>(&tail[1]);
  if (norm == nullptr || linear == nullptr || !norm_fits(*norm, p) ||
      !fits(*linear, head_format(p), 1, 16) || linear->x.data != norm->y.data ||
      linear->epilogue != Epilogue::kNone || linear->residual.data != nullptr ||
      linear->w.part[0].cols != p.hidden ||
      !plain(linear->y, DType::kF32, p.rows, linear->w.part[0].rows)) {
    return {};
  }
  return {.rows = static_cast<int>(linear->w.part[0].rows),
          .w = data_of(*linear, 0),
          .scale = scale_of(*linear, 0),
          .norm = norm->weight,
          .y = static_cast<float*>(linear->y.data)};
}

}  // namespace

std::optional<StepProgram> recognise_layers(std::span<const RecordedVerb> verbs) {
  const std::size_t layers = verbs.size() / kVerbs;
  const std::size_t behind = verbs.size() % kVerbs;
  if (layers == 0 || layers > static_cast<std::size_t>(kMaxLayers) ||
      (behind != 0 && behind != kHeadVerbs) || !Layer(verbs.first(kVerbs)).complete()) {
    return std::nullopt;
  }
  StepProgram program = begin(Layer(verbs.first(kVerbs)));
  if ((program.format != QuantFormat::kBF16 && program.format != QuantFormat::kInt4Group &&
       !is_byte_channel(program.format)) ||
      program.rows < 1 || program.rows > kLayerRows || program.hidden > kWidest ||
      program.hidden % 16 != 0) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < layers; ++i) {
    const Layer layer(verbs.subspan(i * kVerbs, kVerbs));
    if (!layer.complete() || !layer_fits(layer, program)) {
      return std::nullopt;
    }
    program.layer[i] = weights_of(layer);
  }
  program.layers = static_cast<int>(layers);
  program.verbs = layers * kVerbs;
  if (behind > 0) {
    program.head = head_of(verbs.last(kHeadVerbs), program);
    program.verbs += program.head.rows > 0 ? kHeadVerbs : 0;
  }
  return program;
}

bool splits_norm(std::span<const RecordedVerb> verbs, const BatchDevice& device) {
  if (verbs.size() < 3) {
    return false;
  }
  const auto* made = std::get_if<LinearArgs>(&verbs[0]);
  const auto* norm = std::get_if<NormArgs>(&verbs[1]);
  const auto* read = std::get_if<LinearArgs>(&verbs[2]);
  if (made == nullptr || norm == nullptr || read == nullptr) {
    return false;
  }
  for (const RecordedVerb& verb : verbs.subspan(3)) {
    const auto* other = std::get_if<LinearArgs>(&verb);
    const auto* next = std::get_if<NormArgs>(&verb);
    if (next != nullptr && next->y.data == norm->y.data) {
      break;
    }
    if (other != nullptr && other->x.data == norm->y.data) {
      return false;
    }
  }
  const BatchPlan plan = plan_batch(*made, device);
  return plan.fits && plan_batch(*read, device).fits && square_parts(plan) <= kSquareParts &&
         made->epilogue != Epilogue::kSwiGlu && norm->kind == NormKind::kRms &&
         norm->x.data == made->y.data && norm->x.row_stride == made->y.row_stride &&
         norm->x.rows == made->y.rows && norm->x.cols == made->y.cols &&
         made->y.dtype == DType::kF32 && norm->y.dtype == DType::kBF16 &&
         norm->y.data == read->x.data && norm->y.row_stride == read->x.row_stride &&
         norm->y.rows == read->x.rows && norm->y.cols == read->x.cols;
}

int item_parts(int items, int blocks) {
  return std::clamp(blocks / std::max(items, 1), 1, kMostItemParts);
}

}  // namespace monocle::cuda
