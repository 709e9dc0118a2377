// SPDX-License-Identifier: Apache-2.0
#include "npy.h"

#include <charconv>
#include <string_view>

#include "read_file.h"

namespace monocle::app {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 31;
constexpr std::string_view kMagic = "\x93NUMPY";

// The value behind "'name':" in the header, which is a Python literal of three known keys.
std::string_view field(std::string_view header, std::string_view name) {
  const std::size_t at = header.find(name);
  return at == std::string_view::npos ? std::string_view() : header.substr(at + name.size());
}

std::vector<std::int64_t> parse_shape(std::string_view text) {
  std::vector<std::int64_t> shape;
  const std::size_t open = text.find('(');
  const std::size_t close = text.find(')');
  if (open == std::string_view::npos || close == std::string_view::npos) {
    return {-1};
  }
  for (std::size_t at = open + 1; at < close;) {
    std::int64_t size = -1;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + close, size);
    if (error == std::errc()) {
      shape.push_back(size);
      at = static_cast<std::size_t>(end - text.data());
    } else {
      ++at;
    }
  }
  return shape;
}

}  // namespace

Result<NpyArray> read_npy(const std::string& path) {
  MONOCLE_ASSIGN(const std::vector<std::byte> bytes, read_file(path, kMaxBytes));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (bytes.size() < 12 || !text.starts_with(kMagic) || (text[6] != 1 && text[6] != 2)) {
    return fail(ErrorCode::kInvalidArgument, "{} is not an .npy file of version 1 or 2", path);
  }
  const auto byte_at = [&](std::size_t i) { return std::to_integer<std::size_t>(bytes[i]); };
  const std::size_t start = text[6] == 1 ? 10 : 12;
  const std::size_t length =
      text[6] == 1 ? byte_at(8) | byte_at(9) << 8
                   : byte_at(8) | byte_at(9) << 8 | byte_at(10) << 16 | byte_at(11) << 24;
  if (length > bytes.size() - start) {
    return fail(ErrorCode::kInvalidArgument, "{} ends inside its header", path);
  }
  const std::string_view header = text.substr(start, length);
  NpyArray array;
  const std::string_view descr = field(header, "'descr':");
  const bool is_u8 = descr.find("'|u1'") < 3;
  const bool is_i64 = descr.find("'<i8'") < 3;
  if ((!is_u8 && !is_i64) || field(header, "'fortran_order':").find("False") > 2) {
    return fail(ErrorCode::kUnsupported, "{}: only C-ordered uint8 and int64 arrays are read",
                path);
  }
  array.kind = is_u8 ? 'u' : 'i';
  array.shape = parse_shape(field(header, "'shape':"));
  std::int64_t expected = is_u8 ? 1 : 8;
  for (const std::int64_t size : array.shape) {
    if (size < 0 || size > static_cast<std::int64_t>(kMaxBytes) ||
        expected * size > static_cast<std::int64_t>(kMaxBytes)) {
      return fail(ErrorCode::kInvalidArgument, "{} has an impossible shape", path);
    }
    expected *= size;
  }
  array.data.assign(bytes.begin() + static_cast<std::ptrdiff_t>(start + length), bytes.end());
  if (std::ssize(array.data) != expected) {
    return fail(ErrorCode::kInvalidArgument, "{} holds {} bytes of data, its shape needs {}", path,
                array.data.size(), expected);
  }
  return array;
}

}  // namespace monocle::app
