// SPDX-License-Identifier: Apache-2.0
#include "store/packed_layout.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "store/document.h"
#include "store/json_text.h"
#include "store/safetensors.h"

namespace monocle {
namespace {

constexpr std::string_view kMagic =
    "MONOCLE\n";  // the line feed catches a transfer that rewrites line ends
constexpr std::size_t kFixedBytes = 64;
constexpr std::size_t kHashOffset = 32;
constexpr std::int64_t kMaxElements = std::int64_t{1}
                                      << 42;  // keeps every format's byte count far from 2^64

std::uint64_t aligned(std::uint64_t offset) {
  return (offset + kPackedAlignment - 1) / kPackedAlignment * kPackedAlignment;
}

class ByteSink {
 public:
  std::vector<std::byte> out;
  template <class T>
  void put(T value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  void put_text(std::string_view text) {
    const auto bytes = as_bytes(text);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  void put_name(std::string_view name) {
    put(static_cast<std::uint16_t>(name.size()));
    put_text(name);
  }
  void put_section(const PackedSection& section) {
    put(section.offset);
    put(section.bytes);
  }
};

// Reads past the end give zeros and leave ok false: checked once per entry.
class ByteSource {
 public:
  explicit ByteSource(std::span<const std::byte> bytes) : rest_(bytes) {}
  bool ok = true;
  template <class T>
  T get() {
    T value{};
    const auto from = take(sizeof(T));
    if (from.size() == sizeof(T)) {
      std::memcpy(&value, from.data(), sizeof(T));
    }
    return value;
  }
  std::string get_name() {
    const auto length = get<std::uint16_t>();
    return std::string(as_text(take(length)));
  }
  PackedSection get_section() {
    const auto offset = get<std::uint64_t>();
    return {offset, get<std::uint64_t>()};
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::span<const std::byte> take(std::size_t count) {
    if (!ok || count > rest_.size()) {
      ok = false;
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  std::span<const std::byte> rest_;
};

struct FixedHeader {
  std::uint64_t header_bytes = 0;
  std::uint64_t file_bytes = 0;
  std::uint32_t documents = 0;
  std::uint32_t tensors = 0;
};

std::uint64_t header_hash(std::span<const std::byte> header) {
  std::vector<std::byte> copy(header.begin(), header.end());
  std::memset(copy.data() + kHashOffset, 0, sizeof(std::uint64_t));
  return hash64(copy);
}

Result<FixedHeader> decode_fixed(std::span<const std::byte> file) {
  if (!has_packed_magic(file)) {
    return fail(ErrorCode::kInvalidArgument, "this is not a monocle packed file");
  }
  if (file.size() < kFixedBytes) {
    return fail(ErrorCode::kInvalidArgument, "the file has {} bytes, its header needs {}",
                file.size(), kFixedBytes);
  }
  ByteSource source(file.subspan(kMagic.size(), kFixedBytes - kMagic.size()));
  if (const auto version = source.get<std::uint32_t>(); version != kPackedVersion) {
    return fail(ErrorCode::kUnsupported,
                "packed version {} is not {}, the one this build reads; make the file again with "
                "`monocle quantize`",
                version, kPackedVersion);
  }
  const auto flags = source.get<std::uint32_t>();
  FixedHeader fixed;
  fixed.file_bytes = source.get<std::uint64_t>();
  fixed.header_bytes = source.get<std::uint64_t>();
  const auto stored_hash = source.get<std::uint64_t>();
  fixed.documents = source.get<std::uint32_t>();
  fixed.tensors = source.get<std::uint32_t>();
  const auto reserved = source.get<std::uint64_t>() | source.get<std::uint64_t>();
  if (fixed.header_bytes < kFixedBytes ||
      fixed.header_bytes > std::min(kMaxPackedHeaderBytes, std::uint64_t{file.size()})) {
    return fail(ErrorCode::kInvalidArgument, "the header claims {} bytes, allowed are {} to {}",
                fixed.header_bytes, kFixedBytes,
                std::min(kMaxPackedHeaderBytes, std::uint64_t{file.size()}));
  }
  if (header_hash(file.first(fixed.header_bytes)) != stored_hash) {
    return fail(ErrorCode::kInvalidArgument,
                "the header's checksum does not match: the file is damaged");
  }
  if (fixed.file_bytes != file.size()) {
    return fail(ErrorCode::kInvalidArgument,
                "the file has {} bytes, its header says {}: it is cut short or damaged",
                file.size(), fixed.file_bytes);
  }
  if (flags != 0 || reserved != 0) {
    return fail(ErrorCode::kUnsupported, "the header sets flags that this build does not know");
  }
  if (fixed.documents > kDocuments.size() || fixed.tensors > kMaxTensorsPerFile) {
    return fail(ErrorCode::kTooLarge,
                "the header names {} documents and {} tensors, the limits are {} and {}",
                fixed.documents, fixed.tensors, kDocuments.size(), kMaxTensorsPerFile);
  }
  return fixed;
}

Status check_document(const PackedDocumentEntry& entry) {
  const auto known =
      std::find_if(kDocuments.begin(), kDocuments.end(),
                   [&](const DocumentInfo& info) { return info.file_name == entry.name; });
  if (known == kDocuments.end()) {
    return fail(ErrorCode::kUnsupported, "the embedded document '{}' is not known",
                printable(entry.name));
  }
  if (entry.section.bytes > known->max_bytes) {
    return fail(ErrorCode::kTooLarge, "the embedded {} has {} bytes, the limit is {}", entry.name,
                entry.section.bytes, known->max_bytes);
  }
  return {};
}

Result<PackedTensorEntry> decode_tensor(ByteSource& source) {
  PackedTensorEntry entry;
  entry.name = source.get_name();
  const std::string format_name = source.get_name();
  const auto rank = source.get<std::uint8_t>();
  const std::string shown = printable(entry.name);
  if (entry.name.empty() || entry.name.size() > kMaxTensorNameBytes) {
    return fail(ErrorCode::kInvalidArgument, "a tensor name has {} bytes, allowed are 1 to {}",
                entry.name.size(), kMaxTensorNameBytes);
  }
  const FormatInfo* format = find_format(format_name);
  if (format == nullptr) {
    return fail(ErrorCode::kUnsupported, "tensor '{}': this build does not know the format '{}'",
                shown, printable(format_name, 32));
  }
  entry.format = format->format;
  if (rank > kMaxTensorRank) {
    return fail(ErrorCode::kInvalidArgument, "tensor '{}' has {} dimensions, the limit is {}",
                shown, rank, kMaxTensorRank);
  }
  for (int i = 0; i < rank; ++i) {
    entry.shape.push_back(source.get<std::int64_t>());
  }
  entry.data = source.get_section();
  entry.aux = source.get_section();
  entry.hash = source.get<std::uint64_t>();
  MONOCLE_ASSIGN(const std::int64_t elements, element_count(entry.shape));
  if (elements > kMaxElements) {
    return fail(ErrorCode::kTooLarge, "tensor '{}' has {} elements, the limit is {}", shown,
                elements, kMaxElements);
  }
  return entry;
}

// The writer leaves no choice about where a section lies, so the reader plans the same directory
// again and compares: overlaps, gaps, misplaced and wrongly sized sections are all one inequality.
Status check_places(const PackedDirectory& directory) {
  PackedDirectory planned = directory;
  place_sections(planned);
  const auto same = [](const PackedSection& a, const PackedSection& b) {
    return a.offset == b.offset && a.bytes == b.bytes;
  };
  for (std::size_t i = 0; i < directory.documents.size(); ++i) {
    if (!same(directory.documents[i].section, planned.documents[i].section)) {
      return fail(ErrorCode::kInvalidArgument, "the embedded {} is not where it belongs",
                  directory.documents[i].name);
    }
  }
  for (std::size_t i = 0; i < directory.tensors.size(); ++i) {
    const PackedTensorEntry& tensor = directory.tensors[i];
    if (!same(tensor.data, planned.tensors[i].data) || !same(tensor.aux, planned.tensors[i].aux)) {
      return fail(ErrorCode::kInvalidArgument,
                  "tensor '{}' of shape {}: its bytes are not where they belong",
                  printable(tensor.name), shape_text(tensor.shape));
    }
  }
  if (directory.file_bytes != planned.file_bytes) {
    return fail(ErrorCode::kInvalidArgument, "the sections end at {}, the file at {}",
                planned.file_bytes, directory.file_bytes);
  }
  return {};
}

template <class Entry>
Status check_unique(const std::vector<Entry>& entries) {
  std::vector<std::string_view> names;
  for (const Entry& entry : entries) {
    names.push_back(entry.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is named twice", printable(*twice));
  }
  return {};
}

}  // namespace

MatrixShape matrix_shape(std::span<const std::int64_t> shape) {
  MatrixShape matrix{1, 1};
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (i == 0 && shape.size() > 1 ? matrix.rows : matrix.cols) *= shape[i];
  }
  return matrix;
}

bool has_packed_magic(std::span<const std::byte> file) { return as_text(file).starts_with(kMagic); }

void place_sections(PackedDirectory& directory) {
  std::uint64_t end = kFixedBytes;
  for (const PackedDocumentEntry& document : directory.documents) {
    end += 2 + document.name.size() + 24;
  }
  for (const PackedTensorEntry& tensor : directory.tensors) {
    end += 2 + tensor.name.size() + 2 + format_info(tensor.format).name.size() + 1 +
           8 * tensor.shape.size() + 40;
  }
  const auto place = [&end](std::uint64_t bytes) {
    if (bytes == 0) {
      return PackedSection{};
    }
    const std::uint64_t offset = aligned(end);
    end = offset + bytes;
    return PackedSection{offset, bytes};
  };
  for (PackedDocumentEntry& document : directory.documents) {
    document.section = place(document.section.bytes);
  }
  for (PackedTensorEntry& tensor : directory.tensors) {
    const FormatInfo& format = format_info(tensor.format);
    const auto [rows, cols] = matrix_shape(tensor.shape);
    tensor.data = place(format.data_bytes(rows, cols));
    tensor.aux = place(format.aux_bytes(rows, cols));
  }
  directory.file_bytes = end;
}

std::vector<std::byte> encode_header(const PackedDirectory& directory) {
  ByteSink sink;
  sink.put_text(kMagic);
  sink.put(kPackedVersion);
  sink.put(std::uint32_t{0});
  sink.put(directory.file_bytes);
  sink.put(std::uint64_t{0});  // header_bytes and header_hash are known at the end
  sink.put(std::uint64_t{0});
  sink.put(static_cast<std::uint32_t>(directory.documents.size()));
  sink.put(static_cast<std::uint32_t>(directory.tensors.size()));
  sink.put(std::uint64_t{0});
  sink.put(std::uint64_t{0});
  for (const PackedDocumentEntry& document : directory.documents) {
    sink.put_name(document.name);
    sink.put_section(document.section);
    sink.put(document.hash);
  }
  for (const PackedTensorEntry& tensor : directory.tensors) {
    sink.put_name(tensor.name);
    sink.put_name(format_info(tensor.format).name);
    sink.put(static_cast<std::uint8_t>(tensor.shape.size()));
    for (const std::int64_t dimension : tensor.shape) {
      sink.put(dimension);
    }
    sink.put_section(tensor.data);
    sink.put_section(tensor.aux);
    sink.put(tensor.hash);
  }
  const std::uint64_t header_bytes = sink.out.size();
  std::memcpy(sink.out.data() + kHashOffset - sizeof(header_bytes), &header_bytes,
              sizeof(header_bytes));
  const std::uint64_t hash = hash64(sink.out);
  std::memcpy(sink.out.data() + kHashOffset, &hash, sizeof(hash));
  return std::move(sink.out);
}

Result<PackedDirectory> decode_header(std::span<const std::byte> file) {
  MONOCLE_ASSIGN(const FixedHeader fixed, decode_fixed(file));
  ByteSource source(file.subspan(kFixedBytes, fixed.header_bytes - kFixedBytes));
  PackedDirectory directory;
  directory.file_bytes = fixed.file_bytes;
  for (std::uint32_t i = 0; i < fixed.documents && source.ok; ++i) {
    PackedDocumentEntry& entry = directory.documents.emplace_back();
    entry.name = source.get_name();
    entry.section = source.get_section();
    entry.hash = source.get<std::uint64_t>();
    MONOCLE_TRY(check_document(entry));
  }
  for (std::uint32_t i = 0; i < fixed.tensors && source.ok; ++i) {
    MONOCLE_ASSIGN(PackedTensorEntry entry, decode_tensor(source));
    directory.tensors.push_back(std::move(entry));
  }
  if (!source.ok || !source.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the directory does not end where the header says");
  }
  MONOCLE_TRY(check_unique(directory.documents));
  MONOCLE_TRY(check_unique(directory.tensors));
  MONOCLE_TRY(check_places(directory));
  return directory;
}

}  // namespace monocle
