// SPDX-License-Identifier: Apache-2.0
#include "http/wire.h"

#include <gtest/gtest.h>

namespace monocle {
namespace {

TEST(Wire, FramingIsTheServersAlone) {
  const std::string head = format_head({200, 5, false, true}, {{"Content-Length", "9"},
                                                               {"transfer-encoding", "chunked"},
                                                               {"Connection", "upgrade"},
                                                               {"Date", "today"},
                                                               {"X-Mine", "yes"}});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\nX-Mine: yes\r\nDate: "));
  EXPECT_TRUE(head.ends_with(" GMT\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(Wire, NothingInAHeaderAddsALine) {
  const std::string head = format_head(
      {200, 0, false, false},
      {{"A", "b\r\nSet-Cookie: c\n\r\n<html>"}, {"B\r\nC", "d"}, {"", "e"}, {"F G", "h"}});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\nA: b  Set-Cookie: c   <html>\r\nDate: "))
      << head;
  EXPECT_TRUE(head.ends_with("Content-Length: 0\r\nConnection: close\r\n\r\n"));
}

TEST(Wire, SomeAnswersHaveNoBody) {
  EXPECT_EQ(format_head({204, 0, false, true}, {}).find("Content-Length"), std::string::npos);
  EXPECT_EQ(format_head({304, {}, true, true}, {}).find("chunked"), std::string::npos);
  EXPECT_TRUE(has_body(200));
  EXPECT_FALSE(has_body(204));
  EXPECT_FALSE(has_body(304));
  EXPECT_FALSE(has_body(100));
}

TEST(Wire, ChunksAreHexadecimal) {
  EXPECT_EQ(chunk_prefix(1), "1\r\n");
  EXPECT_EQ(chunk_prefix(255), "ff\r\n");
  EXPECT_EQ(chunk_prefix(65536), "10000\r\n");
}

TEST(Wire, EveryStatusHasAText) {
  EXPECT_EQ(status_text(429), "Too Many Requests");
  EXPECT_EQ(status_text(799), "Status");
}

}  // namespace
}  // namespace monocle
