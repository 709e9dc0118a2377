// SPDX-License-Identifier: Apache-2.0
// The protocol as a client sees it: replies, streams, keep-alive, pipelining, bodies, hooks.
#include "http/server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "http/test_server.h"

namespace monocle {
namespace {

using test::Answer;
using test::ask;
using test::Client;
using test::get;
using test::post;
using test::TestServer;

TEST(HttpServer, RepliesWithLengthAndKeepsTheConnection) {
  TestServer server;
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send(get("/echo?a=b"));
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "GET /echo a=b ");
    EXPECT_NE(answer.head.find("Connection: keep-alive\r\n"), std::string::npos);
    EXPECT_NE(answer.head.find("Date: "), std::string::npos);
  }
  EXPECT_EQ(server.stats().requests, 3);
  EXPECT_EQ(server.stats().connections, 1);
}

TEST(HttpServer, StreamsInChunks) {
  TestServer server;
  const Answer answer = ask(server.port(), get("/stream"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, "one two three");
}

TEST(HttpServer, AnUnansweredExchangeIs500) {
  TestServer server;
  const Answer answer = ask(server.port(), get("/drop"));
  EXPECT_EQ(answer.status, 500);
}

}  // namespace
}  // namespace monocle
