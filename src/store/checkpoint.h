// SPDX-License-Identifier: Apache-2.0
// A model on disk, whatever form it has: a Hugging Face directory (one safetensors file or shards
// with an index) or one packed file. Tensors are found by the names of the published checkpoints;
// older prefixes are mapped at open. Owns all mappings; views live as long as the object (moving it
// keeps them valid). Any thread may read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/document.h"
#include "store/packed_file.h"
#include "store/safetensors.h"
#include "tensor/buffer.h"

namespace monocle {

// What the directory says about a tensor.
struct StoredTensor {
  std::string name;         // as published, e.g. "model.visual.pos_embed.weight"
  std::string_view format;  // as stored: "bf16", "f32", "int8", "f8_e4m3" ...
  std::vector<std::int64_t> shape;
  std::uint64_t bytes = 0;  // in the file, with its scales
};

// A tensor ready for use. The view points into the mapping, or into `owned` when the stored form
// has no kernel or no alignment: keep the object for as long as the view. Moving it keeps the view
// valid.
struct LoadedTensor {
  WeightView view;  // rows and cols by matrix_shape()
  std::vector<std::int64_t> shape;
  Buffer owned;
};

class Checkpoint {
 public:
  // `path` is a directory or a packed file. Everything about the files' structure is checked here.
  static Result<Checkpoint> open(const std::string& path, MapAdvice advice);

  [[nodiscard]] bool packed() const { return packed_.has_value(); }
  [[nodiscard]] std::uint64_t file_bytes() const;  // all weight files together

  // Sorted by name. Block scales are part of the tensor they belong to, not listed.
  [[nodiscard]] std::span<const StoredTensor> tensors() const { return stored_; }
  [[nodiscard]] const StoredTensor* find(
      std::string_view name) const;  // nullptr when there is none

  // f32, f16, bf16 and packed formats as they lie (copied when misaligned); block-scaled f8_e4m3 as
  // bf16.
  [[nodiscard]] Result<LoadedTensor> load(std::string_view name) const;

  // config.json and its neighbours; nullopt when the model came without it.
  [[nodiscard]] std::optional<std::span<const std::byte>> document(Document document) const;

  // Packed files: every section against its checksum. A published checkpoint has none to compare
  // with.
  [[nodiscard]] Status verify() const;

 private:
  struct Source {  // beside stored_, same order
    const TensorInfo* tensor = nullptr;
    const TensorInfo* scale = nullptr;  // X.weight_scale_inv of an f8 weight
    const PackedTensorEntry* packed = nullptr;
  };

  Status open_directory(MapAdvice advice);
  Status open_shards(std::string_view index, MapAdvice advice);
  Status add_safetensors();
  void add_packed();

  std::string path_;
  std::vector<SafetensorsFile> shards_;
  std::optional<PackedFile> packed_;
  std::array<std::optional<MappedFile>, kDocuments.size()> documents_;
  std::vector<StoredTensor> stored_;
  std::vector<Source> sources_;
};

// "visual.x" and "model.visual.x", "language_model.model.x", "model.x" and "model.language_model.x"
// name the same tensor in exports of different age; the second of each is what Checkpoint uses.
std::string canonical_tensor_name(std::string_view stored);

}  // namespace monocle
