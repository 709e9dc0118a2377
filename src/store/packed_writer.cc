// SPDX-License-Identifier: Apache-2.0
#include "store/packed_writer.h"

#include <set>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "store/safetensors.h"

namespace monocle {
namespace {

Result<PackedDirectory> plan_directory(std::span<const PackedTensorPlan> plan,
                                       std::span<const PackedDocument> documents) {
  PackedDirectory directory;
  for (const PackedDocument& document : documents) {
    const DocumentInfo& info = document_info(document.document);
    if (document.bytes.size() > info.max_bytes) {
      return fail(ErrorCode::kTooLarge, "{} has {} bytes, the limit is {}", info.file_name,
                  document.bytes.size(), info.max_bytes);
    }
    directory.documents.push_back(
        {std::string(info.file_name), {0, document.bytes.size()}, hash64(document.bytes)});
  }
  if (plan.size() > kMaxTensorsPerFile) {
    return fail(ErrorCode::kTooLarge, "{} tensors are more than a packed file holds ({})",
                plan.size(), kMaxTensorsPerFile);
  }
  std::set<std::string_view> names;
  for (const PackedTensorPlan& tensor : plan) {
    if (tensor.name.empty() || tensor.name.size() > kMaxTensorNameBytes ||
        tensor.shape.size() > kMaxTensorRank) {
      return fail(ErrorCode::kInvalidArgument, "tensor '{}' of rank {} does not fit a packed file",
                  tensor.name, tensor.shape.size());
    }
    if (!names.insert(tensor.name).second) {
      return fail(ErrorCode::kInvalidArgument, "tensor '{}' is given twice", tensor.name);
    }
    MONOCLE_TRY(element_count(tensor.shape));
    directory.tensors.push_back({tensor.name, tensor.format, tensor.shape, {}, {}, 0});
  }
  place_sections(directory);
  return directory;
}

}  // namespace

Result<PackedWriter> PackedWriter::create(const std::string& path,
                                          std::span<const PackedTensorPlan> plan,
                                          std::span<const PackedDocument> documents) {
  PackedWriter writer;
  MONOCLE_ASSIGN(writer.directory_, plan_directory(plan, documents));
  writer.written_.assign(plan.size(), false);
  MONOCLE_ASSIGN(writer.file_, FileWriter::create(path, writer.directory_.file_bytes));
  for (std::size_t i = 0; i < documents.size(); ++i) {
    MONOCLE_TRY(
        writer.file_.write_at(writer.directory_.documents[i].section.offset, documents[i].bytes));
  }
  return writer;
}

Status PackedWriter::write(std::size_t index, std::span<const std::byte> data,
                           std::span<const std::byte> aux) {
  MONOCLE_CHECK(index < directory_.tensors.size() && !written_[index]);
  PackedTensorEntry& tensor = directory_.tensors[index];
  MONOCLE_CHECK(data.size() == tensor.data.bytes && aux.size() == tensor.aux.bytes);
  MONOCLE_TRY(file_.write_at(tensor.data.offset, data));
  MONOCLE_TRY(file_.write_at(tensor.aux.offset, aux));
  tensor.hash = hash64(aux, hash64(data));
  written_[index] = true;
  return {};
}

Status PackedWriter::finish() {
  for (std::size_t i = 0; i < written_.size(); ++i) {
    MONOCLE_CHECK(written_[i]);
  }
  MONOCLE_TRY(file_.write_at(0, encode_header(directory_)));
  return file_.commit();
}

}  // namespace monocle
