// SPDX-License-Identifier: Apache-2.0
// All that Beast does for this room.

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <limits>

#include "http/request_parser.h"
#include "http/response_parser.h"

namespace monocle {
namespace {

namespace http = boost::beast::http;
using ErrorCodeOfBoost = boost::system::error_code;

// Appends to a string that grows with what arrives. Beast's own string_body takes the memory that
// Content-Length announces at once.
struct GrowingBody {
  using value_type = std::string*;
  class reader {
   public:
    template <bool IsRequest, class Fields>
    reader(http::header<IsRequest, Fields>& /*head*/, value_type& value) : value_(value) {}

    void init(const boost::optional<std::uint64_t>& /*length*/, ErrorCodeOfBoost& error) {
      error = {};
    }

    template <class Buffers>
    std::size_t put(const Buffers& buffers, ErrorCodeOfBoost& error) {
      error = {};
      std::size_t taken = 0;
      for (const auto buffer : boost::beast::buffers_range_ref(buffers)) {
        value_->append(static_cast<const char*>(buffer.data()), buffer.size());
        taken += buffer.size();
      }
      return taken;
    }

    void finish(ErrorCodeOfBoost& error) { error = {}; }

   private:
    value_type& value_;
  };
};

HttpVerdict refusal_of(const ErrorCodeOfBoost& error) {
  if (error == http::error::body_limit) return HttpRefusal{413, "the request body is too large"};
  if (error == http::error::header_limit) {
    return HttpRefusal{431, "the trailer of the request body is too long"};
  }
  return HttpRefusal{400, "the request is malformed: " + error.message()};
}

// Whether the line of a chunk's size ends inside a quoted value of its extension. Beast would wait
// for more and count the chunk's size against the limit again with every read.
bool line_ends_in_quotes(std::string_view rest) {
  if (rest.starts_with("\r\n")) rest.remove_prefix(2);  // of the chunk before
  const std::size_t end = rest.find("\r\n");
  if (end == std::string_view::npos) return false;
  bool quoted = false;
  for (std::size_t i = 0; i < end; ++i) {
    if (rest[i] == '"') quoted = !quoted;
    if (rest[i] == '\\' && quoted) ++i;
  }
  return quoted;
}

}  // namespace

struct RequestParser::Impl {
  http::request_parser<GrowingBody> parser;
};

RequestParser::RequestParser() : impl_(std::make_unique<Impl>()) {
  impl_->parser.header_limit(std::numeric_limits<std::uint32_t>::max());  // check_head_bytes did it
  impl_->parser.body_limit(boost::none);                                  // known after the head
}
RequestParser::~RequestParser() = default;

HttpVerdict RequestParser::head(std::string_view bytes, HttpRequest* request) {
  ErrorCodeOfBoost error;
  impl_->parser.eager(false);
  const std::size_t used =
      impl_->parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error && error != http::error::need_more) return refusal_of(error);
  if (!impl_->parser.is_header_done() || used != bytes.size()) {
    return HttpRefusal{400, "the request head is malformed"};
  }
  const auto& message = impl_->parser.get();
  request->method = message.method_string();
  request->target = message.target();
  for (const auto& field : message) {
    request->headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  if (HttpVerdict verdict = check_head_fields(*request, version())) return verdict;
  return split_target(request);
}

int RequestParser::version() const { return static_cast<int>(impl_->parser.get().version()); }
bool RequestParser::keep_alive() const { return impl_->parser.keep_alive(); }
bool RequestParser::needs_body() const { return !impl_->parser.is_done(); }

std::optional<std::uint64_t> RequestParser::content_length() const {
  const auto length = impl_->parser.content_length();
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

void RequestParser::limit_body(std::size_t bytes) { impl_->parser.body_limit(bytes); }

HttpVerdict RequestParser::body(std::string_view bytes, std::string* body, std::size_t* consumed) {
  *consumed = 0;
  auto& parser = impl_->parser;
  parser.get().body() = body;
  parser.eager(true);
  ErrorCodeOfBoost error;
  // One call may stop at the end of what it found complete; only need_more says that it is stuck.
  while (!parser.is_done() && *consumed < bytes.size() && !error) {
    const std::string_view rest = bytes.substr(*consumed);
    const std::size_t used = parser.put(boost::asio::buffer(rest.data(), rest.size()), error);
    if (used == 0) break;
    *consumed += used;
  }
  if (error && error != http::error::need_more) return refusal_of(error);
  if (parser.chunked() && !parser.is_done() && line_ends_in_quotes(bytes.substr(*consumed))) {
    return HttpRefusal{400, "the chunks of the request body are malformed"};
  }
  return {};
}

bool RequestParser::complete() const { return impl_->parser.is_done(); }

struct ResponseParser::Impl {
  http::response_parser<GrowingBody> parser;
};

ResponseParser::ResponseParser() : impl_(std::make_unique<Impl>()) {
  impl_->parser.body_limit(boost::none);  // handed on as it comes
  impl_->parser.eager(true);
}
ResponseParser::~ResponseParser() = default;

Result<std::size_t> ResponseParser::feed(std::string_view bytes, std::string* body) {
  auto& parser = impl_->parser;
  parser.get().body() = body;
  std::size_t consumed = 0;
  ErrorCodeOfBoost error;
  while (!parser.is_done() && consumed < bytes.size() && !error) {
    const std::string_view rest = bytes.substr(consumed);
    const std::size_t used = parser.put(boost::asio::buffer(rest.data(), rest.size()), error);
    if (used == 0) break;
    consumed += used;
  }
  if (error && error != http::error::need_more) {
    return fail(ErrorCode::kUnavailable, "the answer is not HTTP: {}", error.message());
  }
  return consumed;
}

Status ResponseParser::end() {
  ErrorCodeOfBoost error;
  if (impl_->parser.got_some()) impl_->parser.put_eof(error);
  if (error || !impl_->parser.is_done()) {
    return fail(ErrorCode::kUnavailable, "the connection ended before the answer did");
  }
  return {};
}

bool ResponseParser::head_done() const { return impl_->parser.is_header_done(); }
bool ResponseParser::complete() const { return impl_->parser.is_done(); }
bool ResponseParser::keep_alive() const { return impl_->parser.keep_alive(); }
int ResponseParser::status() const { return static_cast<int>(impl_->parser.get().result_int()); }

}  // namespace monocle
