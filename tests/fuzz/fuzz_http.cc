// SPDX-License-Identifier: Apache-2.0
// The bytes of a connection, as the HTTP room reads them: head, rules, body. However they are cut
// into reads (the first byte says how), the same requests come out, and none larger than allowed.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "http/head.h"
#include "http/request_parser.h"

namespace {

using namespace monocle;

constexpr std::size_t kBodyBytes = 4096;

struct Outcome {
  std::vector<std::string> requests;
  int refused = 0;  // status, 0 = none
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

class Reader {
 public:
  void read(std::string_view bytes) {
    input_ += bytes;
    while (outcome_.refused == 0 && (parser_ ? read_body() : read_head())) {
    }
  }
  [[nodiscard]] const Outcome& outcome() const { return outcome_; }

 private:
  bool refuse(const HttpRefusal& refusal) {
    MONOCLE_CHECK(refusal.status >= 400 && refusal.status < 600 && !refusal.message.empty());
    outcome_.refused = refusal.status;
    return false;
  }

  bool read_head() {
    const std::size_t length = head_length(input_, 0);
    if (length == 0) {
      const HttpVerdict verdict = check_partial_head(input_, limits_);
      return verdict ? refuse(*verdict) : false;
    }
    MONOCLE_CHECK(length <= input_.size());
    const std::string_view head = std::string_view(input_).substr(0, length);
    request_ = {};
    HttpVerdict verdict = check_head_bytes(head, limits_);
    if (!verdict) {
      parser_ = std::make_unique<RequestParser>();
      verdict = parser_->head(head, &request_);
    }
    if (verdict) {
      return refuse(*verdict);
    }
    MONOCLE_CHECK(!request_.method.empty());
    MONOCLE_CHECK(request_.path.starts_with('/') || request_.path == "*");
    MONOCLE_CHECK(count_headers(request_, "host") <= 1);
    MONOCLE_CHECK(count_headers(request_, "content-length") <= 1);
    input_.erase(0, length);
    if (!parser_->needs_body()) {
      return done();
    }
    if (parser_->content_length().value_or(0) > kBodyBytes) {
      return refuse({413, "too large"});
    }
    parser_->limit_body(kBodyBytes);
    return true;
  }

  bool read_body() {
    std::size_t consumed = 0;
    const HttpVerdict verdict = parser_->body(input_, &request_.body, &consumed);
    MONOCLE_CHECK(consumed <= input_.size() && request_.body.size() <= kBodyBytes);
    input_.erase(0, consumed);
    if (verdict) {
      return refuse(*verdict);
    }
    return parser_->complete() ? done() : consumed > 0 && !input_.empty();
  }

  bool done() {
    outcome_.requests.push_back(request_.method + ' ' + request_.path + ' ' + request_.body);
    parser_.reset();
    return !input_.empty();
  }

  HttpLimits limits_;
  std::string input_;
  std::unique_ptr<RequestParser> parser_;
  HttpRequest request_;
  Outcome outcome_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Reader whole;
  whole.read(bytes);
  Reader cut;
  const std::size_t step = 1U + data[0] % 32U;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    cut.read(bytes.substr(at, step));
  }
  MONOCLE_CHECK(whole.outcome().requests == cut.outcome().requests);
  MONOCLE_CHECK((whole.outcome().refused == 0) == (cut.outcome().refused == 0));
  return 0;
}
