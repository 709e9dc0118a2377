// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 over TCP: bytes in, bytes out; no JSON, no model. Asynchronous, so that thousands of
// idle streams cost memory only. The server owns its I/O and worker threads; an exchange (one
// request and its answer) is shared by the connection and whoever answers, and may be used from any
// thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace monocle {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method;               // upper case
  std::string target;               // as sent
  std::string path;                 // percent-decoded, without query; "%2F" decodes to "/"
  std::string query;                // after "?", as sent
  std::vector<HttpHeader> headers;  // in order of arrival
  std::string body;
  std::string remote;    // the peer's address, without port
  double upload_ms = 0;  // from the first byte of the head to the last of the body

  // The first header of that name, in any case; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct HttpReply {
  int status = 200;
  std::vector<HttpHeader>
      headers;  // Content-Length, Date, Connection and the like are the server's
  std::string body;
};

// Answer with exactly one of reply(), or start() + write()* + finish(). What comes after the client
// has gone is dropped silently. Destroyed unanswered, it replies 500; destroyed in the middle of a
// stream, it ends the connection without the stream's end mark, so that the client sees that
// something is missing.
class HttpExchange {
 public:
  struct Impl;
  explicit HttpExchange(std::shared_ptr<Impl> impl);
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  [[nodiscard]] const HttpRequest& request() const;

  void reply(HttpReply reply);

  // A stream: chunked for HTTP/1.1 clients, delimited by the end of the connection for HTTP/1.0.
  void start(int status, std::vector<HttpHeader> headers);
  void write(std::string bytes);
  void finish();
  // write() in two halves, for whoever has something to say to many clients: nobody's thread is
  // woken before everything is said. finish() also flushes.
  void append(std::string bytes);
  void flush();

  // Bytes written and not yet taken by the client's socket.
  [[nodiscard]] std::size_t queued_bytes() const;
  [[nodiscard]] bool gone() const;

  // A client that closes its sending side (FIN) while it waits has usually left, and counts as
  // gone; what it asked with GET or HEAD it still gets. This call says that the answer to this
  // request, too, is to be delivered. A stream (start) ends at a FIN whatever was said.
  void allow_half_close();

  // Called at most once, on an I/O thread (or at once, when it has happened already): the client
  // disconnected or was cut off before the answer was complete. Must return quickly.
  void on_gone(std::function<void()> callback);
  // Called on an I/O thread each time the queue has fallen below half of HttpLimits::send_bytes
  // after having been above it.
  void on_drained(std::function<void()> callback);

 private:
  std::shared_ptr<Impl> impl_;
};

struct HttpLimits {
  std::size_t header_bytes = std::size_t{16} << 10;
  std::size_t header_fields = 64;
  std::size_t target_bytes = std::size_t{8} << 10;
  std::size_t send_bytes = std::size_t{256} << 10;  // queue above which a writer should pause
  int connections = 8192;
  int connections_per_address = 256;  // loopback is exempt
  double descriptor_share = 0.95;     // of RLIMIT_NOFILE, for connections and what was open before
  std::chrono::milliseconds header_time{10'000};
  std::chrono::milliseconds idle_time{75'000};   // keep-alive
  std::chrono::milliseconds stall_time{10'000};  // a client that takes nothing while bytes wait
  std::chrono::milliseconds body_grace{5'000};   // then at least body_bytes_per_s
  std::size_t body_bytes_per_s = std::size_t{16} << 10;
  std::size_t waiting_requests = 1024;  // complete, and no worker free; more are refused with 503
  std::size_t body_memory_bytes = std::size_t{1} << 30;  // all bodies together; above: 503
};

struct HttpOptions {
  std::string address = "127.0.0.1";  // numeric; "::1" and the like for IPv6
  std::uint16_t port = 7860;          // 0 = any free one
  int io_threads = 1;
  int worker_threads = 2;
  int worker_niceness =
      0;  // the workers give way to all other threads, by so many steps of nice(2)
  HttpLimits limits;
  // Largest body by request head (method, path, headers are set). A larger one is refused with 413
  // before it is read.
  std::function<std::size_t(const HttpRequest&)> body_limit;
  // Looks at the head before the body is read: a reply refuses the request (401, 403, 404, 415).
  // I/O thread; must be quick.
  std::function<std::optional<HttpReply>(const HttpRequest&)> precheck;
  // Answers at once on the I/O thread what must never wait behind other work (health, metrics).
  std::function<std::optional<HttpReply>(const HttpRequest&)> immediate;
  // Renders errors that the server itself finds (malformed head, limits, timeouts); default: text.
  std::function<HttpReply(int status, std::string_view message)> render_error;
};

using HttpHandler = std::function<void(const std::shared_ptr<HttpExchange>&)>;  // worker thread

struct HttpStats {
  std::int64_t connections = 0;  // open now
  std::int64_t requests = 0;     // heads read completely
  std::int64_t refused = 0;      // by a limit, before the handler
  std::int64_t gone = 0;         // clients that left before their answer was complete
  std::int64_t slow = 0;         // cut off because they did not take their answer
};

class HttpServer {
 public:
  // Binds, listens and starts the threads. kUnavailable: the address cannot be bound, with the
  // reason.
  static Result<std::unique_ptr<HttpServer>> start(HttpOptions options, HttpHandler handler);
  ~HttpServer();  // stop(0)
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] HttpStats stats() const;

  // No new connections and no further requests on open ones; waits for running exchanges, at most
  // `grace`, then cuts them, and joins the threads: not to be called from a handler or a callback.
  // Idempotent.
  void stop(std::chrono::milliseconds grace);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace monocle
