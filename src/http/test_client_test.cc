// SPDX-License-Identifier: Apache-2.0
// The client of this room's tests.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "http/test_client.h"

namespace monocle::test {
namespace {

constexpr std::chrono::milliseconds kPatience{5'000};

std::size_t header_number(const std::string& head, std::string_view name) {
  const std::size_t at = head.find(name);
  return at == std::string::npos ? std::string::npos
                                 : std::strtoull(head.c_str() + at + name.size(), nullptr, 10);
}

}  // namespace

Client::Client(std::uint16_t port, int receive_bytes)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_bytes > 0) {
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  end_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
}

Client::Client(Client&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      buffer_(std::move(other.buffer_)),
      end_(std::exchange(other.end_, true)) {}

Client::~Client() { close(); }

void Client::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

void Client::half_close() { ::shutdown(socket_, SHUT_WR); }

void Client::reset() {
  const linger now{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string Client::read_some(std::chrono::milliseconds limit) {
  if (!buffer_.empty()) return std::exchange(buffer_, {});
  pollfd entry{socket_, POLLIN, 0};
  if (end_ || ::poll(&entry, 1, static_cast<int>(limit.count())) <= 0) return {};
  std::array<char, 16384> bytes{};
  const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
  end_ = count <= 0;
  return end_ ? std::string() : std::string(bytes.data(), static_cast<std::size_t>(count));
}

bool Client::fill() {
  std::string before = std::exchange(buffer_, {});
  const std::string more = read_some(kPatience);
  buffer_ = std::move(before) + more;
  return !more.empty();
}

Answer Client::read_answer(bool head_only) {
  Answer answer;
  while (buffer_.find("\r\n\r\n") == std::string::npos) {
    if (!fill()) return answer;
  }
  const std::size_t end = buffer_.find("\r\n\r\n") + 4;
  answer.head = buffer_.substr(0, end);
  buffer_.erase(0, end);
  answer.status = std::atoi(answer.head.c_str() + sizeof("HTTP/1.1"));
  if (answer.head.find("Transfer-Encoding: chunked") != std::string::npos && !head_only) {
    return read_chunks(std::move(answer));
  }
  const std::size_t length = header_number(answer.head, "Content-Length: ");
  const bool none =
      head_only || answer.status < 200 || answer.status == 204 || answer.status == 304;
  const std::size_t wanted = none ? 0 : length;
  while (buffer_.size() < wanted && fill()) {
  }
  answer.body = buffer_.substr(0, wanted);
  buffer_.erase(0, answer.body.size());
  answer.whole = answer.body.size() == wanted || (wanted == std::string::npos && end_);
  return answer;
}

Answer Client::read_chunks(Answer answer) {
  for (;;) {
    while (buffer_.find("\r\n") == std::string::npos) {
      if (!fill()) return answer;
    }
    const std::size_t size = std::strtoull(buffer_.c_str(), nullptr, 16);
    const std::size_t whole = buffer_.find("\r\n") + 2 + size + 2;
    while (buffer_.size() < whole) {
      if (!fill()) return answer;
    }
    answer.body += buffer_.substr(whole - size - 2, size);
    buffer_.erase(0, whole);
    if (size == 0) {
      answer.whole = true;
      return answer;
    }
  }
}

bool Client::ended(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  buffer_.clear();
  while (!end_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    read_some(left);
  }
  return true;
}

Answer ask(std::uint16_t port, std::string_view request) {
  Client client(port);
  client.send(request);
  return client.read_answer();
}

std::string get(std::string_view target, std::string_view extra) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", target, extra);
}

std::string post(std::string_view target, std::string_view body, std::string_view extra) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{}\r\n{}", target,
                     body.size(), extra, body);
}

}  // namespace monocle::test
