// SPDX-License-Identifier: Apache-2.0
// A raw client for tests: sends exactly the bytes that it is given, reads with a time limit.
// Blocking, one thread, no HTTP knowledge beyond finding the end of an answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace monocle::test {

struct Answer {
  int status = 0;  // 0: the connection ended, or the time was over
  std::string head;
  std::string body;
  bool whole = false;  // the body came to its end
};

class Client {
 public:
  // receive_bytes > 0 sets the socket's receive buffer.
  explicit Client(std::uint16_t port, int receive_bytes = 0);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  Client(Client&& other) noexcept;

  bool send(std::string_view bytes);  // false: the other side is gone
  std::string read_some(
      std::chrono::milliseconds limit = std::chrono::seconds(5));  // "": end or time
  // Reads one answer; bytes after it stay for the next call.
  Answer read_answer(bool head_only = false);
  // Whether the server ends the connection within the limit; what it still sends is thrown away.
  bool ended(std::chrono::milliseconds limit = std::chrono::seconds(5));
  void half_close();
  void close();
  void reset();  // RST
  [[nodiscard]] int descriptor() const { return socket_; }

 private:
  bool fill();
  Answer read_chunks(Answer answer);

  int socket_ = -1;
  std::string buffer_;
  bool end_ = false;
};

// One request on a fresh connection.
Answer ask(std::uint16_t port, std::string_view request);

// "GET <target> HTTP/1.1" with a Host header.
std::string get(std::string_view target, std::string_view extra = "");
std::string post(std::string_view target, std::string_view body, std::string_view extra = "");

}  // namespace monocle::test
