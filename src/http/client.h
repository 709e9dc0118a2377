// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 client for load and health checks: many requests to one server at once, answers
// as they arrive. One thread of its own; events come on it and must return quickly. No TLS.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/server.h"

namespace monocle {

struct HttpUrl {
  std::string host;
  std::uint16_t port = 80;
  std::string path;  // without a slash at its end: "" for "http://x/"
};

// "http://host:port/path", "http://[::1]:80".
Result<HttpUrl> parse_http_url(std::string_view url);

struct HttpAsk {
  std::string method = "GET";
  std::string target;
  std::vector<HttpHeader> headers;  // besides Host and Content-Length
  std::string body;
  std::chrono::milliseconds timeout{600'000};  // for all of it
};

struct HttpAskEvents {
  std::function<void(int status)> on_head;
  std::function<void(std::string_view bytes)> on_body;
  std::function<void(Status)> on_end;  // exactly once, unless the client is destroyed before
};

class HttpClient {
 public:
  // Resolves the host. Connections are opened when they are needed and kept for the next request.
  static Result<std::unique_ptr<HttpClient>> make(const HttpUrl& url);
  ~HttpClient();  // what still runs ends without an event
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void send(HttpAsk ask, HttpAskEvents events);  // any thread

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace monocle
