// SPDX-License-Identifier: Apache-2.0
#include "store/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "store/block_fp8.h"
#include "store/json_text.h"

namespace monocle {
namespace {

constexpr std::uint64_t kMaxIndexBytes = std::uint64_t{1} << 26;
constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";
constexpr std::string_view kScaleSuffix = "_scale_inv";

std::string join(const std::string& directory, std::string_view file) {
  return (std::filesystem::path(directory) / file).string();
}

bool exists(const std::string& path) {
  std::error_code ignored;  // a path that cannot be asked about is opened next and named there
  return std::filesystem::exists(path, ignored);
}

// An index must not reach outside its directory.
Status check_shard_name(const std::string& name) {
  const bool plain = !name.empty() && name.size() <= 255 && name.front() != '.' &&
                     name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos &&
                     name.ends_with(".safetensors");
  if (!plain) {
    return fail(ErrorCode::kInvalidArgument,
                "the shard name '{}' is not the plain name of a .safetensors file",
                printable(name));
  }
  return {};
}

// weight_map of the index: shard file -> the stored names of its tensors.
Result<std::map<std::string, std::vector<std::string>>> read_index(std::string_view text) {
  const auto index = parse_json_object(text, kMaxIndexBytes);
  if (!index) {
    return prefixed(std::string(kIndexFile), index.error());
  }
  const auto weight_map = index->find("weight_map");
  if (weight_map == index->end() || !weight_map->is_object() || weight_map->empty()) {
    return fail(ErrorCode::kInvalidArgument, "{}: weight_map is missing or empty", kIndexFile);
  }
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [name, file] : weight_map->items()) {
    if (!file.is_string()) {
      return fail(ErrorCode::kInvalidArgument, "{}: the shard of '{}' is not a string", kIndexFile,
                  printable(name));
    }
    MONOCLE_TRY(check_shard_name(file.get_ref<const std::string&>()));
    shards[file.get_ref<const std::string&>()].push_back(name);
  }
  return shards;
}

Status check_shard_holds(const SafetensorsFile& shard, const std::string& file,
                         const std::vector<std::string>& expected) {
  std::set<std::string_view> present;
  for (const TensorInfo& tensor : shard.tensors()) {
    present.insert(tensor.name);
  }
  for (const std::string& name : expected) {
    if (!present.contains(name)) {
      return fail(ErrorCode::kInvalidArgument, "{}: '{}' is not in {}, where {} says it is", file,
                  printable(name), file, kIndexFile);
    }
  }
  return {};
}

std::optional<QuantFormat> weight_format(DType type) {
  switch (type) {
    case DType::kF32:
      return QuantFormat::kF32;
    case DType::kF16:
      return QuantFormat::kF16;
    case DType::kBF16:
      return QuantFormat::kBF16;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string canonical_tensor_name(std::string_view stored) {
  struct Prefix {
    std::string_view from;
    std::string_view to;
  };
  // The first that fits counts, so the longer ones of a family come first.
  constexpr Prefix kPrefixes[] = {
      {"model.language_model.", "model.language_model."},
      {"model.visual.", "model.visual."},
      {"visual.", "model.visual."},
      {"language_model.model.", "model.language_model."},
      {"language_model.lm_head.", "lm_head."},
      {"model.", "model.language_model."},
  };
  for (const auto& [from, to] : kPrefixes) {
    if (stored.starts_with(from)) {
      return std::string(to).append(stored.substr(from.size()));
    }
  }
  return std::string(stored);
}

Result<Checkpoint> Checkpoint::open(const std::string& path, MapAdvice advice) {
  Checkpoint opened;
  opened.path_ = path;
  std::error_code ignored;  // MappedFile reports what cannot be opened
  if (std::filesystem::is_directory(path, ignored)) {
    MONOCLE_TRY(opened.open_directory(advice));
    MONOCLE_TRY(opened.add_safetensors());
    return opened;
  }
  if (path.ends_with(".safetensors")) {
    return fail(ErrorCode::kInvalidArgument,
                "{} is one weight file; give the model's directory instead", path);
  }
  MONOCLE_ASSIGN(opened.packed_, PackedFile::open(path, advice));
  opened.add_packed();
  return opened;
}

Status Checkpoint::open_directory(MapAdvice advice) {
  for (const DocumentInfo& info : kDocuments) {
    const std::string file = join(path_, info.file_name);
    if (exists(file)) {
      MONOCLE_ASSIGN(documents_[static_cast<std::size_t>(info.document)],
                     MappedFile::open(file, MapAdvice::kNormal, info.max_bytes));
    }
  }
  if (const std::string single = join(path_, kSingleFile); exists(single)) {
    MONOCLE_ASSIGN(SafetensorsFile file, SafetensorsFile::open(single, advice));
    shards_.push_back(std::move(file));
    return {};
  }
  const std::string index = join(path_, kIndexFile);
  if (!exists(index)) {
    return fail(ErrorCode::kNotFound, "{} has neither {} nor {}", path_, kSingleFile, kIndexFile);
  }
  MONOCLE_ASSIGN(const MappedFile text,
                 MappedFile::open(index, MapAdvice::kNormal, kMaxIndexBytes));
  return open_shards(as_text(text.bytes()), advice);
}

Status Checkpoint::open_shards(std::string_view index, MapAdvice advice) {
  MONOCLE_ASSIGN(const auto shards, read_index(index));
  for (const auto& [file, names] : shards) {
    MONOCLE_ASSIGN(SafetensorsFile shard, SafetensorsFile::open(join(path_, file), advice));
    MONOCLE_TRY(check_shard_holds(shard, file, names));
    shards_.push_back(std::move(shard));
  }
  return {};
}

Status Checkpoint::add_safetensors() {
  std::map<std::string, Source> by_name;
  for (const SafetensorsFile& shard : shards_) {
    for (const TensorInfo& tensor : shard.tensors()) {
      if (!by_name
               .try_emplace(canonical_tensor_name(tensor.name), Source{&tensor, nullptr, nullptr})
               .second) {
        return fail(ErrorCode::kInvalidArgument, "{}: '{}' names a tensor that is stored twice",
                    path_, printable(tensor.name));
      }
    }
  }
  for (auto& [name, source] : by_name) {
    const auto scale = by_name.find(name + std::string(kScaleSuffix));
    if (source.tensor->dtype == DType::kF8E4M3 && scale != by_name.end()) {
      source.scale = scale->second.tensor;
    }
  }
  for (auto& [name, source] : by_name) {
    if (name.ends_with(kScaleSuffix)) {
      const auto owner = by_name.find(name.substr(0, name.size() - kScaleSuffix.size()));
      if (owner != by_name.end() && owner->second.scale == source.tensor) {
        continue;
      }
    }
    const std::size_t scale_bytes = source.scale == nullptr ? 0 : source.scale->bytes.size();
    stored_.push_back({name, dtype_name(source.tensor->dtype), source.tensor->shape,
                       source.tensor->bytes.size() + scale_bytes});
    sources_.push_back(source);
  }
  return {};
}

void Checkpoint::add_packed() {
  std::map<std::string_view, const PackedTensorEntry*> by_name;
  for (const PackedTensorEntry& entry : packed_->tensors()) {
    by_name[entry.name] = &entry;
  }
  for (const auto& [name, entry] : by_name) {
    stored_.push_back({entry->name, format_info(entry->format).name, entry->shape,
                       entry->data.bytes + entry->aux.bytes});
    sources_.push_back({nullptr, nullptr, entry});
  }
}

std::uint64_t Checkpoint::file_bytes() const {
  std::uint64_t bytes = packed_ ? packed_->size() : 0;
  for (const SafetensorsFile& shard : shards_) {
    bytes += shard.size();
  }
  return bytes;
}

const StoredTensor* Checkpoint::find(std::string_view name) const {
  const auto found = std::lower_bound(
      stored_.begin(), stored_.end(), name,
      [](const StoredTensor& tensor, std::string_view wanted) { return tensor.name < wanted; });
  return found != stored_.end() && found->name == name ? &*found : nullptr;
}

Result<LoadedTensor> Checkpoint::load(std::string_view name) const {
  const StoredTensor* stored = find(name);
  if (stored == nullptr) {
    return fail(ErrorCode::kNotFound, "{} has no tensor '{}'", path_, name);
  }
  const Source& source = sources_[static_cast<std::size_t>(stored - stored_.data())];
  LoadedTensor loaded;
  loaded.shape = stored->shape;
  if (source.packed != nullptr) {
    MONOCLE_ASSIGN(loaded.view, packed_->view(*source.packed));
    return loaded;
  }
  const TensorInfo& tensor = *source.tensor;
  const auto [rows, cols] = matrix_shape(tensor.shape);
  if (source.scale != nullptr) {
    MONOCLE_ASSIGN(loaded.owned, dequantise_block_fp8(tensor, *source.scale));
    loaded.view = {loaded.owned.data(), nullptr, QuantFormat::kBF16, rows, cols};
    return loaded;
  }
  const auto format = weight_format(tensor.dtype);
  if (!format) {
    return fail(ErrorCode::kUnsupported, "{}: tensor '{}' has type {}{}", path_, name,
                dtype_name(tensor.dtype),
                tensor.dtype == DType::kF8E4M3 ? " without the scales that belong to it"
                                               : ", which no weight has here");
  }
  const void* data = tensor.bytes.data();
  // The layout does not promise alignment, and a kernel may not read an element across its natural
  // boundary.
  if (reinterpret_cast<std::uintptr_t>(data) % dtype_size(tensor.dtype) != 0) {
    loaded.owned = Buffer(tensor.bytes.size());
    std::memcpy(loaded.owned.data(), data, tensor.bytes.size());
    data = loaded.owned.data();
  }
  loaded.view = {data, nullptr, *format, rows, cols};
  return loaded;
}

std::optional<std::span<const std::byte>> Checkpoint::document(Document document) const {
  if (packed_) {
    return packed_->document(document);
  }
  const auto& file = documents_[static_cast<std::size_t>(document)];
  return file ? std::optional(file->bytes()) : std::nullopt;
}

Status Checkpoint::verify() const { return packed_ ? packed_->verify() : Status{}; }

}  // namespace monocle
