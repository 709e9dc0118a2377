// SPDX-License-Identifier: Apache-2.0
// What a client may not do, each against a running server: sizes, times, numbers, malformed
// framing.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "http/test_server.h"

namespace monocle {
namespace {

using std::chrono::milliseconds;
using test::Answer;
using test::ask;
using test::Client;
using test::get;
using test::post;
using test::TestServer;

HttpOptions with(const std::function<void(HttpLimits&)>& change) {
  HttpOptions options;
  change(options.limits);
  options.immediate = [](const HttpRequest& request) -> std::optional<HttpReply> {
    if (request.path != "/health") return std::nullopt;
    return HttpReply{200, {}, "ok"};
  };
  return options;
}

// Waits for what another thread is about to do.
template <class Condition>
bool becomes(Condition condition) {
  for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(10));
  return condition();
}

TEST(HttpLimits, OversizedHeadsAreRefused) {
  TestServer server;
  EXPECT_EQ(ask(server.port(), get("/" + std::string(8190, 'a'))).status, 200);
  EXPECT_EQ(ask(server.port(), get("/" + std::string(8192, 'a'))).status, 414);
  EXPECT_EQ(ask(server.port(), "GET /" + std::string(100'000, 'a')).status, 414);
  EXPECT_EQ(ask(server.port(), get("/", "A: " + std::string(16'000, 'a') + "\r\n")).status, 200);
  EXPECT_EQ(ask(server.port(), get("/", "A: " + std::string(17'000, 'a') + "\r\n")).status, 431);
  std::string fields;
  for (int i = 0; i < 63; ++i) fields += fmt::format("X-{}: y\r\n", i);
  EXPECT_EQ(ask(server.port(), get("/", fields)).status, 200);
  EXPECT_EQ(ask(server.port(), get("/", fields + "X: y\r\n")).status, 431);
  EXPECT_EQ(server.stats().refused, 4);
}

TEST(HttpLimits, AHeadThatDoesNotCome) {
  TestServer server(with([](HttpLimits& limits) { limits.header_time = milliseconds(150); }));
  Client silent(server.port());
  EXPECT_TRUE(silent.ended());
  Client half(server.port());
  half.send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(half.read_answer().status, 408);
  EXPECT_TRUE(half.ended());
  // One byte now and then buys no time.
  Client dripping(server.port());
  bool cut = false;
  for (int i = 0; i < 100 && !cut; ++i) {
    cut = !dripping.send("a") || !dripping.read_some(milliseconds(20)).empty();
  }
  EXPECT_TRUE(cut);
}

TEST(HttpLimits, AnIdleConnectionEnds) {
  TestServer server(with([](HttpLimits& limits) { limits.idle_time = milliseconds(100); }));
  Client client(server.port());
  client.send(get("/"));
  EXPECT_EQ(client.read_answer().status, 200);
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(becomes([&] { return server.stats().connections == 0; }));
}

TEST(HttpLimits, ABodyThatDripsIsRefused) {
  TestServer server(with([](HttpLimits& limits) {
    limits.body_grace = milliseconds(100);
    limits.body_bytes_per_s = 10'000;
  }));
  Client client(server.port());
  const std::string whole = post("/", std::string(1000, 'a'));
  client.send(whole.substr(0, whole.size() - 900));
  EXPECT_EQ(client.read_answer().status, 408);
  EXPECT_TRUE(client.ended());
}

TEST(HttpLimits, ASlowBodyAboveTheRateIsTaken) {
  TestServer server(with([](HttpLimits& limits) {
    limits.body_grace = milliseconds(400);
    limits.body_bytes_per_s = 100;
  }));
  Client client(server.port());
  const std::string whole = post("/", std::string(1000, 'a'));
  client.send(whole.substr(0, whole.size() - 900));
  for (int i = 0; i < 9; ++i) {
    std::this_thread::sleep_for(milliseconds(70));  // 630 ms, past the grace
    client.send(std::string(100, 'a'));
  }
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST(HttpLimits, ChunkedBodiesHaveTheSameLimit) {
  HttpOptions options;
  options.body_limit = [](const HttpRequest&) { return std::size_t{1000}; };
  TestServer server(std::move(options));
  const std::string head = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string chunks;
  for (int i = 0; i < 10; ++i) chunks += "64\r\n" + std::string(100, 'a') + "\r\n";
  EXPECT_EQ(ask(server.port(), head + chunks + "0\r\n\r\n").status, 200);
  EXPECT_EQ(ask(server.port(), head + chunks + "1\r\na\r\n0\r\n\r\n").status, 413);
  EXPECT_EQ(ask(server.port(), head + "3e9\r\n" + std::string(1001, 'a') + "\r\n0\r\n\r\n").status,
            413);
}

TEST(HttpLimits, BadChunksAreRefused) {
  TestServer server;
  const std::string head = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& body :
       {std::string("-2\r\nab\r\n0\r\n\r\n"), std::string("x\r\nab\r\n0\r\n\r\n"),
        std::string("\r\nab\r\n0\r\n\r\n"), std::string("0x2\r\nab\r\n0\r\n\r\n"),
        std::string("2 \r\nab\r\n0\r\n\r\n"), std::string("fffffffffffffffff\r\nab\r\n0\r\n\r\n"),
        std::string("2\r\nabc\r\n0\r\n\r\n"), std::string("2\nab\n0\n\n"),
        std::string("2\r\nab0\r\n\r\n"), std::string("2;a=\"\r\nab\r\n0\r\n\r\n"),
        "2;" + std::string(100'000, 'e') + "\r\nab\r\n0\r\n\r\n",
        "0\r\nA: " + std::string(100'000, 'e') + "\r\n\r\n"}) {
    const Answer answer = ask(server.port(), head + body);
    EXPECT_TRUE(answer.status == 400 || answer.status == 413)
        << answer.status << " " << body.substr(0, 30);
  }
  // A size beyond every limit is known from its line.
  EXPECT_EQ(ask(server.port(), head + "ffffffffffffffff\r\n").status, 413);
}

// After a refusal nothing of the connection is read as a request: what follows may be a body.
TEST(HttpLimits, NothingIsSmuggledBehindARefusal) {
  TestServer server;
  const std::string smuggled = get("/smuggled");
  for (const char* fields : {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                             "Content-Length: 4\r\nContent-Length: 0\r\n", "Content-Length: -1\r\n",
                             "Content-Length: 99999999999999999999\r\n",
                             "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding : chunked\r\n",
                             "Content-Length: 0\r\n\tx\r\n", "A: b\nContent-Length: 60\r\n"}) {
    Client client(server.port());
    client.send(fmt::format("POST / HTTP/1.1\r\nHost: x\r\n{}\r\n{}", fields, smuggled));
    const Answer answer = client.read_answer();
    EXPECT_TRUE(answer.status == 400 || answer.status == 501) << fields;
    EXPECT_TRUE(client.ended());
  }
  EXPECT_EQ(server.stats().requests, 0);
}

TEST(HttpLimits, BodiesShareOneMemory) {
  TestServer server(with([](HttpLimits& limits) { limits.body_memory_bytes = 3000; }));
  Client first(server.port());
  first.send(post("/hold", std::string(2000, 'a')));
  auto exchange = server.held();
  ASSERT_TRUE(exchange);
  EXPECT_EQ(ask(server.port(), post("/", std::string(2000, 'b'))).status, 503);
  EXPECT_EQ(ask(server.port(), post("/", std::string(900, 'b'))).status, 200);
  exchange->reply({});
  EXPECT_EQ(first.read_answer().status, 200);
  exchange.reset();
  EXPECT_TRUE(
      becomes([&] { return ask(server.port(), post("/", std::string(2000, 'b'))).status == 200; }));
}

TEST(HttpLimits, AnswersWhileAThousandHeadsAreUnfinished) {
  TestServer server(with([](HttpLimits&) {}));
  std::vector<Client> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.emplace_back(server.port());
    ASSERT_TRUE(clients.back().send("POST /v1/chat HTTP/1.1\r\nHost: x\r\nCont"));
  }
  EXPECT_EQ(ask(server.port(), get("/health")).body, "ok");
  EXPECT_EQ(ask(server.port(), get("/echo")).status, 200);
  EXPECT_GE(server.stats().connections, 1000);
}

// Whoever has waited longest without a request makes room; running exchanges are safe.
TEST(HttpLimits, AFullServerLetsTheOldestIdlersGo) {
  TestServer server(with([](HttpLimits& limits) { limits.connections = 4; }));
  Client busy(server.port());
  busy.send(get("/hold"));
  const auto exchange = server.held();
  ASSERT_TRUE(exchange);
  std::vector<Client> idle;
  for (int i = 0; i < 3; ++i) {
    idle.emplace_back(server.port());
    ASSERT_TRUE(becomes([&] { return server.stats().connections == 2 + i; }));
  }
  EXPECT_EQ(ask(server.port(), get("/health")).status, 200);
  EXPECT_TRUE(idle[0].ended());
  exchange->reply({});
  EXPECT_EQ(busy.read_answer().status, 200);
}

TEST(HttpLimits, TheLastDescriptorsAreLeftToOthers) {
  TestServer server(with([](HttpLimits& limits) { limits.descriptor_share = 0.0; }));
  EXPECT_EQ(ask(server.port(), get("/health")).status, 503);
  EXPECT_EQ(server.stats().connections, 0);
}

TEST(HttpLimits, AServerFullOfRunningRequestsRefuses) {
  TestServer server(with([](HttpLimits& limits) { limits.connections = 2; }));
  Client first(server.port());
  Client second(server.port());
  first.send(get("/hold"));
  second.send(get("/hold"));
  const auto one = server.held();
  const auto two = server.held();
  ASSERT_TRUE(one && two);
  Client third(server.port());
  EXPECT_EQ(third.read_answer().status, 503);
  EXPECT_TRUE(third.ended());
  one->reply({});
  two->reply({});
  EXPECT_EQ(first.read_answer().status, 200);
  EXPECT_EQ(second.read_answer().status, 200);
  EXPECT_TRUE(becomes([&] { return ask(server.port(), get("/health")).status == 200; }));
}

}  // namespace
}  // namespace monocle
