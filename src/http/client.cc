// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "http/response_parser.h"

namespace monocle {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using BoostError = boost::system::error_code;

class Wire;

// What the connections of one client share; its thread only.
struct Pool {
  std::unordered_set<Wire*> open;  // before the context, whose end lets the last of them go
  asio::io_context context{1};
  Tcp::endpoint endpoint;
  std::string host;  // as in the Host header
  std::vector<std::shared_ptr<Wire>> idle;
};

std::string request_bytes(const HttpAsk& ask, const std::string& host) {
  std::string bytes = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", ask.method, ask.target, host);
  for (const HttpHeader& header : ask.headers) {
    bytes += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  if (!ask.body.empty() || ask.method == "POST") {
    bytes += fmt::format("Content-Length: {}\r\n", ask.body.size());
  }
  return bytes + "\r\n" + ask.body;
}

// One connection; one request at a time.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  explicit Wire(Pool& pool) : pool_(pool), socket_(pool.context), timer_(pool.context) {
    pool_.open.insert(this);
  }
  ~Wire() { pool_.open.erase(this); }

  void ask(HttpAsk ask, HttpAskEvents events) {
    ask_ = std::move(ask);
    events_ = std::move(events);
    parser_ = std::make_unique<ResponseParser>();
    output_ = request_bytes(ask_, pool_.host);
    input_.clear();
    head_told_ = false;
    written_ = false;
    reused_ = socket_.is_open();
    timer_.expires_after(ask_.timeout);
    timer_.async_wait([self = shared_from_this()](BoostError error) {
      if (!error && self->parser_)
        self->end(fail(ErrorCode::kUnavailable, "no answer within the time"));
    });
    reused_ ? write() : connect();
  }

  void close() {
    BoostError ignored;
    parser_.reset();
    timer_.cancel();
    socket_.close(ignored);
  }

 private:
  void connect() {
    socket_.async_connect(pool_.endpoint, [self = shared_from_this()](BoostError error) {
      if (!self->parser_) return;
      if (error)
        return self->end(fail(ErrorCode::kUnavailable, "cannot connect: {}", error.message()));
      BoostError ignored;
      self->socket_.set_option(Tcp::no_delay(true), ignored);
      self->write();
    });
  }

  // Reads at the same time: a server may refuse before it has read everything.
  void write() {
    asio::async_write(
        socket_, asio::buffer(output_),
        [self = shared_from_this()](BoostError error, std::size_t) { self->written_ = !error; });
    read();
  }

  void read() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](BoostError error, std::size_t bytes) {
                              if (self->parser_) self->on_read(error, bytes);
                            });
  }

  void on_read(BoostError error, std::size_t bytes) {
    if (error) {
      // The server may have closed a kept connection just before it was used again.
      if (reused_ && !head_told_ && input_.empty()) {
        BoostError ignored;
        socket_.close(ignored);
        reused_ = false;
        return connect();
      }
      return end(parser_->end());
    }
    input_.append(buffer_.data(), bytes);
    std::string body;
    const Result<std::size_t> used = parser_->feed(input_, &body);
    if (!used) return end(tl::unexpected<Error>(used.error()));
    input_.erase(0, *used);
    if (!head_told_ && parser_->head_done()) {
      head_told_ = true;
      events_.on_head(parser_->status());
    }
    if (!body.empty()) events_.on_body(body);
    parser_->complete() ? end({}) : read();
  }

  void end(Status status) {
    const bool keep = status && written_ && parser_->keep_alive() && input_.empty();
    parser_.reset();
    timer_.cancel();
    const HttpAskEvents events = std::exchange(events_, {});
    if (keep) {
      pool_.idle.push_back(shared_from_this());
    } else {
      close();
    }
    events.on_end(std::move(status));
  }

  Pool& pool_;
  Tcp::socket socket_;
  asio::steady_timer timer_;
  std::array<char, 16384> buffer_{};
  HttpAsk ask_;
  HttpAskEvents events_;
  std::unique_ptr<ResponseParser> parser_;  // null: nothing runs
  std::string output_;
  std::string input_;
  bool head_told_ = false;
  bool written_ = false;
  bool reused_ = false;
};

bool parse_port(std::string_view text, std::uint16_t* port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *port);
  return error == std::errc() && end == text.data() + text.size() && *port > 0;
}

}  // namespace

Result<HttpUrl> parse_http_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) {
    return fail(ErrorCode::kInvalidArgument, "the URL '{}' does not begin with http://", url);
  }
  std::string_view rest = url.substr(kScheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  HttpUrl parsed;
  parsed.path = rest.substr(slash);
  while (parsed.path.ends_with('/')) parsed.path.pop_back();
  rest = rest.substr(0, slash);
  const std::size_t bracket = rest.find(']');
  const std::size_t colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const bool port_good =
      colon == std::string_view::npos || parse_port(rest.substr(colon + 1), &parsed.port);
  if (host.empty() || !port_good) {
    return fail(ErrorCode::kInvalidArgument, "the URL '{}' names no host and port", url);
  }
  parsed.host = host;
  return parsed;
}

struct HttpClient::Impl {
  Pool pool;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::thread thread;
};

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<HttpClient>> HttpClient::make(const HttpUrl& url) {
  auto impl = std::make_unique<Impl>();
  BoostError error;
  const auto found =
      Tcp::resolver(impl->pool.context).resolve(url.host, std::to_string(url.port), error);
  if (error || found.empty()) {
    return fail(ErrorCode::kNotFound, "the host '{}' cannot be resolved: {}", url.host,
                error.message());
  }
  impl->pool.endpoint = found.begin()->endpoint();
  const bool v6 = url.host.find(':') != std::string::npos;
  impl->pool.host = fmt::format("{}{}{}:{}", v6 ? "[" : "", url.host, v6 ? "]" : "", url.port);
  impl->work.emplace(asio::make_work_guard(impl->pool.context));
  impl->thread = std::thread([raw = impl.get()] { raw->pool.context.run(); });
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

HttpClient::~HttpClient() {
  asio::post(impl_->pool.context, [this] {
    impl_->pool.idle.clear();
    const std::vector<Wire*> open(impl_->pool.open.begin(), impl_->pool.open.end());
    for (Wire* wire : open) wire->close();
    impl_->work.reset();
  });
  impl_->thread.join();
}

void HttpClient::send(HttpAsk ask, HttpAskEvents events) {
  auto carried =
      std::make_shared<std::pair<HttpAsk, HttpAskEvents>>(std::move(ask), std::move(events));
  asio::post(impl_->pool.context, [this, carried] {
    Pool& pool = impl_->pool;
    std::shared_ptr<Wire> wire;
    if (pool.idle.empty()) {
      wire = std::make_shared<Wire>(pool);
    } else {
      wire = std::move(pool.idle.back());
      pool.idle.pop_back();
    }
    wire->ask(std::move(carried->first), std::move(carried->second));
  });
}

}  // namespace monocle
