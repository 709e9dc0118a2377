// SPDX-License-Identifier: Apache-2.0
#include "http/head.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "http/request_parser.h"

namespace monocle {
namespace {

using namespace std::string_literals;

// What the connection does with a whole head.
int status_of(const std::string& head, HttpRequest* request = nullptr) {
  HttpRequest own;
  if (HttpVerdict verdict = check_head_bytes(head, {})) return verdict->status;
  RequestParser parser;
  if (HttpVerdict verdict = parser.head(head, request != nullptr ? request : &own))
    return verdict->status;
  return 0;
}

struct HeadCase {
  const char* name;
  std::string head;
  int status;  // 0: accepted
};

std::string with(const std::string& fields) {
  return "POST /a HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

class Head : public testing::TestWithParam<HeadCase> {};

TEST_P(Head, IsJudged) { EXPECT_EQ(status_of(GetParam().head), GetParam().status); }

std::vector<HeadCase> line_cases() {
  return {
      {"plain", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0},
      {"http_1_0_without_host", "GET / HTTP/1.0\r\n\r\n", 0},
      {"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two_hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400},
      {"no_version", "GET /\r\nHost: x\r\n\r\n", 400},
      {"one_word", "GET\r\n\r\n", 400},
      {"two_spaces", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"space_in_target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"leading_space", " GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"http_2", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"http_2_preface", "PRI * HTTP/2.0\r\n\r\n", 505},
      {"http_0_9", "GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505},
      {"http_1_2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505},
      {"lower_protocol", "GET / http/1.1\r\nHost: x\r\n\r\n", 400},
      {"lower_method", "get / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"connect", "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", 501},
      {"method_with_mark", "G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"tls_hello", "\x16\x03\x01\x02\x00\x01\r\n\r\n"s, 400},
      {"relative_target", "GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"fragment", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 0},
      {"absolute", "GET http://x/a HTTP/1.1\r\nHost: X\r\n\r\n", 0},
      {"absolute_other_host", "GET http://evil/a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"absolute_with_user", "GET http://x@evil/a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"bad_percent", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"cut_percent", "GET /a%2 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"encoded_nul", "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"encoded_line_break", "GET /a%0d%0ab HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"percent_in_query_is_the_readers", "GET /a?%zz HTTP/1.1\r\nHost: x\r\n\r\n", 0},
  };
}

std::vector<HeadCase> field_cases() {
  return {
      {"folded", with("A: b\r\n c\r\n"), 400},
      {"folded_by_tab", with("A: b\r\n\tc\r\n"), 400},
      {"first_field_folded", "POST / HTTP/1.1\r\n Host: x\r\n\r\n", 400},
      {"bare_lf", with("A: b\nC: d\r\n"), 400},
      {"bare_cr", with("A: b\rC: d\r\n"), 400},
      {"nul", with("A: b\0c\r\n"s), 400},
      {"delete_byte", with("A: b\x7f\r\n"), 400},
      {"tab_inside", with("A: b\tc\r\n"), 0},
      {"space_before_colon", with("A : b\r\n"), 400},
      {"no_colon", with("A\r\n"), 400},
      {"no_name", with(": b\r\n"), 400},
      {"empty_value", with("A:\r\n"), 0},
      {"mark_in_name", with("A(b): c\r\n"), 400},
      {"high_bytes_in_value", with("A: \xe4\xbd\xa0\r\n"), 0},
      {"two_authorizations", with("Authorization: Bearer a\r\nAUTHORIZATION: Bearer b\r\n"), 400},
      {"two_origins", with("Origin: http://x\r\nOrigin: http://y\r\n"), 400},
      {"two_content_types", with("Content-Type: a/b\r\nContent-Type: c/d\r\n"), 400},
      {"two_of_another", with("Accept: a\r\nAccept: b\r\n"), 0},
      {"length", with("Content-Length: 5\r\n"), 0},
      {"length_twice", with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      {"lengths_differ", with("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      {"length_list", with("Content-Length: 5, 5\r\n"), 400},
      {"length_negative", with("Content-Length: -1\r\n"), 400},
      {"length_plus", with("Content-Length: +5\r\n"), 400},
      {"length_hex", with("Content-Length: 0x5\r\n"), 400},
      {"length_fraction", with("Content-Length: 5.0\r\n"), 400},
      {"length_empty", with("Content-Length:\r\n"), 400},
      {"length_word", with("Content-Length: five\r\n"), 400},
      {"length_wraps_64_bits", with("Content-Length: 18446744073709551621\r\n"), 400},
      {"length_of_19_digits", with("Content-Length: 1000000000000000000\r\n"), 400},
      {"chunked", with("Transfer-Encoding: chunked\r\n"), 0},
      {"chunked_in_capitals", with("Transfer-Encoding: CHUNKED\r\n"), 0},
      {"length_then_chunked", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"chunked_then_length", with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
      {"chunked_twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"gzip_chunked", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"chunked_identity", with("Transfer-Encoding: chunked, identity\r\n"), 501},
      {"unknown_coding", with("Transfer-Encoding: xchunked\r\n"), 501},
      {"quoted_coding", with("Transfer-Encoding: \"chunked\"\r\n"), 501},
      {"vertical_tab_coding",
       with("Transfer-Encoding: \x0b"
            "chunked\r\n"),
       400},
      {"chunked_in_http_1_0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
  };
}

const auto kName = [](const testing::TestParamInfo<HeadCase>& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Lines, Head, testing::ValuesIn(line_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Fields, Head, testing::ValuesIn(field_cases()), kName);

TEST(HeadLength, FindsTheEndWhereverTheReadsCut) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string bytes = head + "GET /next";
  for (std::size_t scanned = 0; scanned < head.size(); ++scanned) {
    EXPECT_EQ(head_length(bytes, scanned), head.size()) << scanned;
    EXPECT_EQ(head_length(std::string_view(bytes).substr(0, scanned), 0), 0U) << scanned;
  }
}

TEST(HeadLimits, AreExact) {
  HttpLimits limits;
  limits.header_fields = 3;
  limits.target_bytes = 10;
  const auto status = [&](const std::string& head) {
    const HttpVerdict verdict = check_head_bytes(head, limits);
    return verdict ? verdict->status : 0;
  };
  EXPECT_EQ(status("GET /23456789 HTTP/1.1\r\na:\r\nb:\r\nc:\r\n\r\n"), 0);
  EXPECT_EQ(status("GET /2345678901 HTTP/1.1\r\n\r\n"), 414);
  EXPECT_EQ(status("GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n"), 431);
  const std::string head = "GET / HTTP/1.1\r\na:\r\n\r\n";
  limits.header_bytes = head.size();
  EXPECT_EQ(status(head), 0);
  limits.header_bytes = head.size() - 1;
  EXPECT_EQ(status(head), 431);
}

TEST(HeadLimits, AreSeenBeforeTheEnd) {
  HttpLimits limits;
  limits.target_bytes = 100;
  limits.header_bytes = 1000;
  EXPECT_FALSE(check_partial_head("GET /" + std::string(90, 'a'), limits));
  EXPECT_EQ(check_partial_head("GET /" + std::string(300, 'a'), limits)->status, 414);
  const std::string line = "GET / HTTP/1.1\r\nA: ";
  EXPECT_FALSE(check_partial_head(line + std::string(900, 'a'), limits));
  EXPECT_EQ(check_partial_head(line + std::string(1000, 'a'), limits)->status, 431);
}

TEST(Target, IsSplitAndDecoded) {
  const auto split = [](std::string_view target) {
    HttpRequest request;
    EXPECT_EQ(status_of(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", target), &request), 0)
        << target;
    EXPECT_EQ(request.target, target);
    return request.path + "|" + request.query;
  };
  EXPECT_EQ(split("/"), "/|");
  EXPECT_EQ(split("/a/b?c=d&e=%20"), "/a/b|c=d&e=%20");
  EXPECT_EQ(split("/a%2Fb%20c"), "/a/b c|");
  EXPECT_EQ(split("/a??"), "/a|?");
  EXPECT_EQ(split("/%E4%BD%A0"), "/\xe4\xbd\xa0|");
  EXPECT_EQ(split("http://x"), "/|");
  EXPECT_EQ(split("http://x?q"), "/|q");
  EXPECT_EQ(split("http://x/a/../b?q"), "/a/../b|q");
  EXPECT_EQ(split("*"), "*|");
}

TEST(Request, HeadersAreFoundInAnyCase) {
  HttpRequest request;
  ASSERT_EQ(status_of(with("X-Key:  a b \r\nx-key: second\r\n"), &request), 0);
  EXPECT_EQ(request.header("x-KEY"), "a b");
  EXPECT_EQ(request.header("absent"), "");
  EXPECT_EQ(count_headers(request, "X-KEY"), 2U);
  EXPECT_EQ(request.method, "POST");
}

}  // namespace
}  // namespace monocle
