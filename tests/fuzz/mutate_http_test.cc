// SPDX-License-Identifier: Apache-2.0
// Damaged requests against a running server: each connection ends by itself, no answer is the
// server's own mistake, and good requests are answered all the while.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "http/test_server.h"
#include "mutate.h"

namespace monocle::fuzz {
namespace {

using test::get;
using test::post;

const std::string kChunked = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n";

std::vector<std::string> plain_requests() {
  return {
      get("/"),
      get("/v1/models"),
      get("/v1/models?limit=10&after=%20a"),
      get("/%E4%BD%A0%E5%A5%BD/a%2Fb"),
      get("/stream"),
      get("/stream", "Accept: text/event-stream\r\nCache-Control: no-cache\r\n"),
      get("/", "Connection: close\r\n"),
      get("/", "Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n"),
      get("/", "Authorization: Bearer 0123456789abcdef\r\nUser-Agent: OpenAI/Python 2.1\r\n"),
      get("/", "Cookie: a=b; c=d\r\nCookie: e=f\r\nX-Empty:\r\n"),
      get("/", "Range: bytes=0-1,5-\r\nIf-None-Match: \"abc\"\r\n"),
      get("/", "X-High: \xe4\xbd\xa0\r\nX-Tab: a\tb\r\n"),
      get("http://x/absolute?q"),
      get("/", "Content-Length: 0\r\n"),
      "GET / HTTP/1.0\r\n\r\n",
      "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
      "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\n\r\n",
      "DELETE /v1/files/1 HTTP/1.1\r\nHost: x\r\n\r\n",
      "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
      get("/a") + get("/b") + get("/stream") + get("/c"),
  };
}

std::vector<std::string> requests_with_bodies() {
  return {
      post("/v1/chat/completions",
           R"({"messages":[{"role":"user","content":"hi"}],"stream":true})"),
      post("/a", ""),
      post("/a", "x"),
      post("/a", std::string(2000, 'y'), "Content-Type: application/json\r\n"),
      post("/a", "x", "Expect: 100-continue\r\n"),
      post("/a", "x", "Content-Encoding: identity\r\n"),
      post("/a", "x", "Content-Encoding: gzip\r\n"),
      post("/stream", "x") + get("/"),
      "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
      "PATCH /a HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
      kChunked + "\r\n0\r\n\r\n",
      kChunked + "\r\n5\r\nhello\r\n0\r\n\r\n",
      kChunked + "\r\n5;a=b;c=\"d\"\r\nhello\r\n0A\r\n0123456789\r\n0\r\n\r\n",
      kChunked + "\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\nX-Trailer: y\r\n\r\n",
      kChunked + "Expect: 100-continue\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      kChunked + "\r\n3\r\nabc\r\n0\r\n\r\n" + get("/next"),
      kChunked + "Content-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      post("/a", "one") + post("/b", "two") + post("/c", "three"),
  };
}

std::vector<Seed> http_seeds() {
  std::vector<Seed> seeds;
  for (const auto& requests : {plain_requests(), requests_with_bodies()}) {
    for (const std::string& request : requests) {
      const auto* begin = reinterpret_cast<const std::byte*>(request.data());
      seeds.push_back({request.substr(0, request.find('\r')), {begin, begin + request.size()}});
    }
  }
  return seeds;
}

// What the server says to these bytes and an end of input.
std::string answers_of(const test::TestServer& server, std::span<const std::byte> bytes) {
  test::Client client(server.port());
  client.send({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  client.half_close();
  std::string all;
  for (std::string part = client.read_some(); !part.empty(); part = client.read_some()) all += part;
  EXPECT_TRUE(client.ended(std::chrono::milliseconds(0))) << "the connection is stuck";
  return all;
}

// The first bytes of an answer, while the client's side stays open: its end would count as leaving
// a stream, which may then end before it has said anything.
std::string first_bytes_for(const test::TestServer& server, std::span<const std::byte> bytes) {
  test::Client client(server.port());
  client.send({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return client.read_some();
}

TEST(MutatedRequests, NeitherCrashNorHangNorStayOpen) {
  const std::vector<Seed> seeds = http_seeds();
  ASSERT_EQ(seeds.size(), 40U);
  test::TestServer server;
  for (const Seed& seed : seeds) {
    EXPECT_TRUE(first_bytes_for(server, seed.bytes).starts_with("HTTP/1.1 ")) << seed.name;
  }
  std::int64_t cases = 0;
  std::int64_t answered = 0;
  std::int64_t good = 0;
  run_campaign(seeds, {}, [&](std::span<const std::byte> bytes) {
    const std::string all = answers_of(server, bytes);
    answered += all.empty() ? 0 : 1;
    good += all.starts_with("HTTP/1.1 200") ? 1 : 0;
    EXPECT_TRUE(all.empty() || all.starts_with("HTTP/1.1 "));
    EXPECT_FALSE(all.starts_with("HTTP/1.1 500"));
    if (++cases % 500 == 0) {
      EXPECT_EQ(test::ask(server.port(), get("/")).status, 200);
    }
  });
  if (std::getenv("MONOCLE_FUZZ_CASE") == nullptr) {
    EXPECT_GT(good, cases / 20) << "the damage leaves nothing to serve";
    EXPECT_GT(answered, good + cases / 20) << "nothing was refused";
  }
  for (int i = 0; i < 500 && server.stats().connections > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(server.stats().connections, 0);
}

}  // namespace
}  // namespace monocle::fuzz
