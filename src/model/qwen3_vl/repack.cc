// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/repack.h"

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "store/json_text.h"
#include "store/packed_writer.h"
#include "tensor/buffer.h"

namespace monocle::qwen3_vl {
namespace {

// Block-scaled FP8 arrives as bf16 (Checkpoint::load).
Result<QuantFormat> loaded_format(const StoredTensor& stored) {
  if (stored.format == dtype_name(DType::kF8E4M3)) {
    return QuantFormat::kBF16;
  }
  const FormatInfo* format = find_format(stored.format);
  if (format == nullptr || format->aux_valid != nullptr) {
    return fail(ErrorCode::kUnsupported,
                "tensor '{}' is stored as {}: quantise from the published checkpoint",
                printable(stored.name), stored.format);
  }
  return format->format;
}

// Extra tensors mean mathematics that this model does not do. Two kinds carry none: a head beside a
// tied embedding, and the rotary tables that old exports keep.
Status check_no_extras(const Checkpoint& in, const Config& config,
                       const std::vector<TensorSpec>& specs) {
  std::set<std::string_view> wanted;
  for (const TensorSpec& spec : specs) {
    wanted.insert(spec.name);
  }
  for (const StoredTensor& stored : in.tensors()) {
    const bool harmless = (config.tie_word_embeddings && stored.name == "lm_head.weight") ||
                          stored.name.ends_with(".rotary_emb.inv_freq");
    if (!wanted.contains(stored.name) && !harmless) {
      return fail(ErrorCode::kUnsupported,
                  "tensor '{}' is not part of the model that config.json describes",
                  printable(stored.name));
    }
  }
  return {};
}

Result<std::vector<PackedTensorPlan>> make_plan(const Checkpoint& in,
                                                const std::vector<TensorSpec>& specs,
                                                const RepackOptions& options) {
  std::vector<PackedTensorPlan> plan;
  for (const TensorSpec& spec : specs) {
    const StoredTensor* stored = in.find(spec.name);
    if (stored == nullptr) {
      return fail(ErrorCode::kInvalidArgument, "tensor '{}' is missing", spec.name);
    }
    if (stored->shape != spec.shape) {
      return fail(ErrorCode::kInvalidArgument, "tensor '{}' has shape {}, config.json demands {}",
                  spec.name, shape_text(stored->shape), shape_text(spec.shape));
    }
    MONOCLE_ASSIGN(const QuantFormat format, loaded_format(*stored));
    plan.push_back({spec.name, packed_format(spec.kind, format, options), spec.shape});
  }
  return plan;
}

// Packs one matrix after another into memory that grows to the largest of them.
class Packer {
 public:
  explicit Packer(ThreadPool& pool) : pool_(pool), rows_(static_cast<std::size_t>(pool.size())) {}

  WeightView pack(const WeightView& from, QuantFormat format) {
    const FormatInfo& source = format_info(from.format);
    const FormatInfo& target = format_info(format);
    WeightView to{nullptr, nullptr, format, from.rows, from.cols};
    std::byte* data = grow(data_, target.data_bytes(from.rows, from.cols));
    std::byte* aux = grow(aux_, target.aux_bytes(from.rows, from.cols));
    to.data = data;
    to.aux = aux;
    for (std::vector<float>& row : rows_) {
      row.resize(static_cast<std::size_t>(from.cols));
    }
    pool_.parallel_for(from.rows, 64, [&](std::int64_t begin, std::int64_t end, int worker) {
      float* row = rows_[static_cast<std::size_t>(worker)].data();
      for (std::int64_t r = begin; r < end; ++r) {
        source.unpack_row(from, r, row);
        target.pack_row(row, r, from.rows, from.cols, data, aux);
      }
    });
    return to;
  }

 private:
  static std::byte* grow(Buffer& buffer, std::size_t bytes) {
    if (buffer.size() < bytes) {
      buffer = Buffer(bytes);
    }
    return buffer.data();
  }

  ThreadPool& pool_;
  std::vector<std::vector<float>> rows_;  // one per worker
  Buffer data_;
  Buffer aux_;
};

std::span<const std::byte> part(const void* data, std::size_t bytes) {
  return {static_cast<const std::byte*>(data), bytes};
}

Status write_tensor(const Checkpoint& in, const PackedTensorPlan& plan, std::size_t index,
                    Packer& packer, PackedWriter& writer) {
  MONOCLE_ASSIGN(const LoadedTensor loaded, in.load(plan.name));
  const bool as_it_lies = loaded.view.format == plan.format;
  const WeightView view = as_it_lies ? loaded.view : packer.pack(loaded.view, plan.format);
  const FormatInfo& format = format_info(plan.format);
  if (format.aux_valid != nullptr && !format.aux_valid(view)) {
    return fail(ErrorCode::kInvalidArgument,
                "tensor '{}' holds a value that is not a finite number", plan.name);
  }
  return writer.write(index, part(view.data, format.data_bytes(view.rows, view.cols)),
                      part(view.aux, format.aux_bytes(view.rows, view.cols)));
}

std::vector<PackedDocument> documents_of(const Checkpoint& in) {
  std::vector<PackedDocument> documents;
  for (const DocumentInfo& info : kDocuments) {
    if (const auto bytes = in.document(info.document)) {
      documents.push_back({info.document, *bytes});
    }
  }
  return documents;
}

Result<Config> read_config(const Checkpoint& in) {
  constexpr std::string_view kName = document_info(Document::kConfig).file_name;
  const auto text = in.document(Document::kConfig);
  if (!text) {
    return fail(ErrorCode::kNotFound, "the checkpoint has no {}", kName);
  }
  auto config = parse_config(as_text(*text));
  if (!config) {
    return prefixed(std::string(kName), std::move(config).error());
  }
  return config;
}

}  // namespace

QuantFormat packed_format(TensorKind kind, QuantFormat stored, const RepackOptions& options) {
  switch (kind) {
    case TensorKind::kEmbedding:
    case TensorKind::kHead:
      return options.head.value_or(options.text);
    case TensorKind::kTextLinear:
      return options.text;
    case TensorKind::kVisionLinear:
      return options.vision;
    case TensorKind::kTextNorm:
    case TensorKind::kVisionTable:
    case TensorKind::kVisionVector:
      return stored;
  }
  return stored;
}

Result<RepackSummary> repack(const Checkpoint& in, const std::string& out,
                             const RepackOptions& options, ThreadPool& pool,
                             FunctionRef<void(const RepackProgress&)> progress) {
  MONOCLE_ASSIGN(const Config config, read_config(in));
  const std::vector<TensorSpec> specs = tensor_list(config);
  MONOCLE_ASSIGN(const std::vector<PackedTensorPlan> plan, make_plan(in, specs, options));
  MONOCLE_TRY(check_no_extras(in, config, specs));
  const std::vector<PackedDocument> documents = documents_of(in);
  MONOCLE_ASSIGN(PackedWriter writer, PackedWriter::create(out, plan, documents));
  RepackProgress state;
  for (const PackedTensorPlan& tensor : plan) {
    state.total_bytes += in.find(tensor.name)->bytes;
  }
  Packer packer(pool);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    MONOCLE_TRY(write_tensor(in, plan[i], i, packer, writer));
    state.tensor = plan[i].name;
    state.done_bytes += in.find(plan[i].name)->bytes;
    progress(state);
  }
  MONOCLE_TRY(writer.finish());
  return RepackSummary{plan.size(), state.total_bytes, writer.file_bytes()};
}

}  // namespace monocle::qwen3_vl
