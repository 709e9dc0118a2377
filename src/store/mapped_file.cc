// SPDX-License-Identifier: Apache-2.0
#include "store/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace monocle {
namespace {

struct Descriptor {
  int fd = -1;
  explicit Descriptor(int fd_) : fd(fd_) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) {
      ::close(fd);
    }
  }
};

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path, MapAdvice advice,
                                    std::uint64_t max_bytes) {
  // O_NONBLOCK: opening a pipe must not wait for a writer before it is refused.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd < 0) {
    const int error = errno;
    return fail(
        error == ENOENT || error == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
        "cannot open {}: {}", path, errno_text(error));
  }
  struct stat info{};
  if (fstat(file.fd, &info) != 0) {
    return fail(ErrorCode::kInvalidArgument, "cannot read the size of {}: {}", path,
                errno_text(errno));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kInvalidArgument, "{} is not a regular file", path);
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > max_bytes) {
    return fail(ErrorCode::kTooLarge, "{} has {} bytes, the limit is {}", path, size, max_bytes);
  }
  MappedFile mapped;
  if (size == 0) {
    return mapped;
  }
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) {
    return fail(ErrorCode::kInvalidArgument, "cannot map {}: {}", path, errno_text(errno));
  }
  mapped.data_ = static_cast<const std::byte*>(data);
  mapped.size_ = size;
  // Advice is a hint: a kernel that ignores it is only slower.
  if (advice == MapAdvice::kSequential) {
    madvise(data, size, MADV_SEQUENTIAL);
  } else if (advice == MapAdvice::kWillNeed) {
    madvise(data, size, MADV_WILLNEED);
  }
  return mapped;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    munmap(const_cast<std::byte*>(data_), size_);
  }
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace monocle
