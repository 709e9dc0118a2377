// SPDX-License-Identifier: Apache-2.0
#include "store/file_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <utility>

namespace monocle {
namespace {

// A rename survives a power cut only once the directory is on disk too.
void sync_directory_of(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const int fd = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    fsync(fd);
    ::close(fd);
  }
}

}  // namespace

Result<FileWriter> FileWriter::create(const std::string& path, std::uint64_t bytes) {
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return fail(ErrorCode::kTooLarge, "{} would have {} bytes, more than a file can hold", path,
                bytes);
  }
  const std::filesystem::path target(path);
  if (target.filename().empty()) {
    return fail(ErrorCode::kInvalidArgument, "'{}' does not name a file", path);
  }
  FileWriter writer;
  writer.path_ = path;
  // The process id keeps two conversions to the same target from writing into each other.
  writer.temporary_ =
      (target.parent_path() / fmt::format(".{}.{}.part", target.filename().string(), getpid()))
          .string();
  writer.fd_ = ::open(writer.temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (writer.fd_ < 0) {
    const int error = errno;
    writer.temporary_.clear();
    return fail(ErrorCode::kInvalidArgument, "cannot create {}: {}", path, errno_text(error));
  }
  if (bytes > 0) {
    const int error = posix_fallocate(writer.fd_, 0, static_cast<off_t>(bytes));
    if (error != 0) {
      return fail(ErrorCode::kTooLarge, "cannot reserve {} bytes for {}: {}", bytes, path,
                  errno_text(error));
    }
  }
  return writer;
}

Status FileWriter::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    // Linux writes at most 2 GiB - 4 KiB at a time; a smaller step also keeps a signal's wait
    // short.
    const std::size_t step = std::min<std::size_t>(bytes.size(), std::size_t{64} << 20);
    const ssize_t written = pwrite(fd_, bytes.data(), step, static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return fail(ErrorCode::kInternal, "cannot write {}: {}", path_, errno_text(errno));
    }
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status FileWriter::commit() {
  if (fsync(fd_) != 0) {
    return fail(ErrorCode::kInternal, "cannot write {}: {}", path_, errno_text(errno));
  }
  if (::close(std::exchange(fd_, -1)) != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return fail(ErrorCode::kInternal, "cannot write {}: {}", path_, errno_text(errno));
  }
  temporary_.clear();
  sync_directory_of(path_);
  return {};
}

FileWriter::~FileWriter() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
  if (!temporary_.empty()) {
    unlink(temporary_.c_str());
  }
}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})) {}

FileWriter& FileWriter::operator=(FileWriter&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  return *this;
}

}  // namespace monocle
