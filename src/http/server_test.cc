// SPDX-License-Identifier: Apache-2.0
// The protocol as a client sees it: replies, streams, keep-alive, pipelining, bodies, hooks.
#include "http/server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

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

TEST(HttpServer, EndsTheConnectionWhenAsked) {
  TestServer server;
  Client client(server.port());
  client.send(get("/", "Connection: close\r\n"));
  EXPECT_EQ(client.read_answer().status, 200);
  EXPECT_TRUE(client.ended());
}

TEST(HttpServer, StreamsInChunks) {
  TestServer server;
  Client client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send(get("/stream"));
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.body, "one two three");
    EXPECT_NE(answer.head.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  }
}

TEST(HttpServer, EveryWriteReachesTheClientAtOnce) {
  TestServer server;
  Client client(server.port());
  client.send(get("/hold"));
  const auto exchange = server.held();
  ASSERT_TRUE(exchange);
  exchange->start(200, {});
  EXPECT_NE(client.read_some().find("200 OK"), std::string::npos);
  for (int i = 0; i < 20; ++i) {
    exchange->write(fmt::format("token {}", i));
    EXPECT_NE(client.read_some().find(fmt::format("token {}", i)), std::string::npos);
  }
  exchange->finish();
  EXPECT_EQ(client.read_some(), "0\r\n\r\n");
  exchange->write("too late");
  exchange->reply({});
  client.send(get("/echo"));
  EXPECT_EQ(client.read_answer().body, "GET /echo  ");
}

TEST(HttpServer, Http10GetsNoChunks) {
  TestServer server;
  const Answer stream = ask(server.port(), "GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_EQ(stream.body, "one two three");
  EXPECT_TRUE(stream.whole);
  EXPECT_EQ(stream.head.find("chunked"), std::string::npos);
  Client plain(server.port());
  plain.send("GET /echo HTTP/1.0\r\n\r\n");
  EXPECT_EQ(plain.read_answer().body, "GET /echo  ");
  EXPECT_TRUE(plain.ended());
  Client kept(server.port());
  for (int i = 0; i < 2; ++i) {
    kept.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(kept.read_answer().body, "GET /echo  ");
  }
}

TEST(HttpServer, HeadHasTheLengthAndNoBody) {
  TestServer server;
  Client client(server.port());
  client.send("HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n" +
              get("/echo"));
  EXPECT_NE(client.read_answer(true).head.find("Content-Length: 12\r\n"), std::string::npos);
  EXPECT_EQ(client.read_answer(true).status, 200);
  EXPECT_EQ(client.read_answer().body, "GET /echo  ");
}

TEST(HttpServer, AMalformedHeadBehindAHeadRequestHasABody) {
  TestServer server;
  Client client(server.port());
  client.send("HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n");
  EXPECT_EQ(client.read_answer(true).status, 200);
  const Answer refused = client.read_answer();
  EXPECT_EQ(refused.status, 400);
  EXPECT_TRUE(refused.whole);
  EXPECT_FALSE(refused.body.empty());
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  TestServer server;
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += i % 3 == 0   ? get(fmt::format("/a?{}", i))
           : i % 3 == 1 ? post("/b", std::to_string(i))
                        : get("/stream");
  }
  Client client(server.port());
  std::thread sender([&] { client.send(all); });
  for (int i = 0; i < 200; ++i) {
    const Answer answer = client.read_answer();
    const std::string wanted = i % 3 == 0   ? fmt::format("GET /a {} ", i)
                               : i % 3 == 1 ? fmt::format("POST /b  {}", i)
                                            : "one two three";
    ASSERT_EQ(answer.body, wanted) << i;
  }
  sender.join();
  EXPECT_EQ(server.stats().gone, 0);
}

TEST(HttpServer, AcceptsARequestByteByByte) {
  TestServer server;
  Client client(server.port());
  for (const char c : post("/slow", "body") + "\r\n" + get("/next")) client.send({&c, 1});
  EXPECT_EQ(client.read_answer().body, "POST /slow  body");
  EXPECT_EQ(client.read_answer().body, "GET /next  ");
}

TEST(HttpServer, AcceptsChunkedBodies) {
  TestServer server;
  const std::string head = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  Client client(server.port());
  client.send(head + "3\r\nabc\r\n0A;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n" +
              get("/next"));
  EXPECT_EQ(client.read_answer().body, "POST /c  abc0123456789");
  EXPECT_EQ(client.read_answer().body, "GET /next  ");
  for (const char c : head + "2\r\nhi\r\n0\r\n\r\n") client.send({&c, 1});
  EXPECT_EQ(client.read_answer().body, "POST /c  hi");
}

TEST(HttpServer, TakesALargeBody) {
  HttpOptions options;
  options.body_limit = [](const HttpRequest&) { return std::size_t{8} << 20; };
  TestServer server(std::move(options));
  std::string body(std::size_t{8} << 20, ' ');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  const Answer answer = ask(server.port(), post("/big", body));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == "POST /big  " + body);
}

TEST(HttpServer, SendsContinueWhenItIsExpected) {
  TestServer server;
  Client client(server.port());
  const std::string whole = post("/e", "abc", "Expect: 100-continue\r\n");
  client.send(whole.substr(0, whole.size() - 3));
  EXPECT_EQ(client.read_answer().status, 100);
  client.send("abc");
  EXPECT_EQ(client.read_answer().body, "POST /e  abc");
  client.send(post("/e", "abc", "Expect: a miracle\r\n"));
  EXPECT_EQ(client.read_answer().status, 417);
}

TEST(HttpServer, RefusesByHeadBeforeTheBodyIsSent) {
  HttpOptions options;
  options.precheck = [](const HttpRequest& request) -> std::optional<HttpReply> {
    if (request.header("authorization") == "Bearer key") return std::nullopt;
    return HttpReply{401, {{"WWW-Authenticate", "Bearer"}}, "key?"};
  };
  options.body_limit = [](const HttpRequest& request) -> std::size_t {
    return request.path == "/small" ? 10 : 100;
  };
  TestServer server(std::move(options));
  const std::string promise = "Content-Length: 1000\r\nExpect: 100-continue\r\n";
  const auto ask_with = [&](std::string_view fields) {
    return ask(server.port(), fmt::format("POST /small HTTP/1.1\r\nHost: x\r\n{}\r\n", fields));
  };
  EXPECT_EQ(ask_with(promise).status, 401);
  const Answer large = ask_with(promise + "Authorization: Bearer key\r\n");
  EXPECT_EQ(large.status, 413);
  EXPECT_NE(large.body.find("1000"), std::string::npos);
  EXPECT_NE(large.body.find("10"), std::string::npos);
  EXPECT_EQ(ask_with("Content-Length: 4\r\nContent-Encoding: gzip\r\nAuthorization: Bearer key\r\n")
                .status,
            415);
  EXPECT_EQ(
      ask(server.port(), post("/other", std::string(100, 'a'), "Authorization: Bearer key\r\n"))
          .status,
      200);
  EXPECT_EQ(server.stats().refused, 3);
}

// The answer must not be lost because the client is still sending when the connection ends.
TEST(HttpServer, ARefusalReachesAClientThatIsStillSending) {
  TestServer server;
  Client client(server.port());
  std::thread sender([&] { client.send(post("/", std::string(std::size_t{20} << 20, 'a'))); });
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.status, 413);
  EXPECT_NE(answer.head.find("Connection: close\r\n"), std::string::npos);
  sender.join();
}

TEST(HttpServer, ErrorsAreRenderedByTheHook) {
  HttpOptions options;
  options.render_error = [](int status, std::string_view message) {
    return HttpReply{status, {{"Content-Type", "application/json"}}, fmt::format("[{}]", message)};
  };
  TestServer server(std::move(options));
  const Answer answer = ask(server.port(), "nonsense\r\n\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.head.find("application/json"), std::string::npos);
  EXPECT_TRUE(answer.body.starts_with('['));
  EXPECT_EQ(ask(server.port(), get("/drop")).body, "[the request was let go without an answer]");
}

TEST(HttpServer, AnUnansweredExchangeIs500) {
  TestServer server;
  Client client(server.port());
  for (const char* path : {"/drop", "/throw"}) {
    client.send(get(path));
    EXPECT_EQ(client.read_answer().status, 500);
  }
  client.send(get("/echo"));
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST(HttpServer, AnUnfinishedStreamHasNoEndMark) {
  TestServer server;
  Client client(server.port());
  client.send(get("/drop_stream"));
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "half");
  EXPECT_FALSE(answer.whole);
  EXPECT_TRUE(client.ended());
}

TEST(HttpServer, ImmediateAnswersNeedNoWorker) {
  HttpOptions options;
  options.worker_threads = 1;
  options.immediate = [](const HttpRequest& request) -> std::optional<HttpReply> {
    if (request.path != "/health") return std::nullopt;
    return HttpReply{200, {}, "ok"};
  };
  TestServer server(std::move(options));
  Client stuck(server.port());
  stuck.send(get("/block"));
  Client client(server.port());
  for (int i = 0; i < 5; ++i) {
    client.send(get("/health"));
    EXPECT_EQ(client.read_answer().body, "ok");
  }
  client.send(post("/health", "a body that nobody reads"));
  EXPECT_EQ(client.read_answer().body, "ok");
  EXPECT_TRUE(client.ended());
  server.unblock();
  EXPECT_EQ(stuck.read_answer().status, 200);
}

TEST(HttpServer, AThrowingHookEndsOneConnection) {
  HttpOptions options;
  options.precheck = [](const HttpRequest& request) -> std::optional<HttpReply> {
    if (request.path == "/bad") throw std::runtime_error("a hook's mistake");
    return std::nullopt;
  };
  TestServer server(std::move(options));
  EXPECT_EQ(ask(server.port(), get("/bad")).status, 0);
  EXPECT_EQ(ask(server.port(), get("/echo")).status, 200);
  while (server.stats().connections > 0) std::this_thread::yield();
}

TEST(HttpServer, SpeaksBothFamiliesOnTheUnspecifiedAddress) {
  HttpOptions options;
  options.address = "::";
  options.port = 0;
  auto server = HttpServer::start(options, [](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->reply({200, {}, exchange->request().remote});
  });
  if (!server) GTEST_SKIP() << server.error().message;
  EXPECT_EQ(ask((*server)->port(), get("/")).body, "127.0.0.1");
}

TEST(HttpServer, AFullQueueIs503) {
  HttpOptions options;
  options.worker_threads = 1;
  options.limits.waiting_requests = 1;
  TestServer server(std::move(options));
  Client running(server.port());
  running.send(get("/block"));
  server.wait_for_blocked();
  Client waiting(server.port());
  waiting.send(get("/echo"));
  while (server.stats().requests < 2) std::this_thread::sleep_for(milliseconds(1));
  const Answer answer = ask(server.port(), get("/echo"));
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.head.find("Retry-After: 1\r\n"), std::string::npos);
  server.unblock();
  EXPECT_EQ(waiting.read_answer().status, 200);
  EXPECT_EQ(running.read_answer().status, 200);
}

TEST(HttpServer, TellsTheRequestWhereItCameFromAndHowLongItTook) {
  TestServer server;
  Client client(server.port());
  const std::string whole = post("/hold", "ab");
  client.send(whole.substr(0, whole.size() - 1));
  std::this_thread::sleep_for(milliseconds(30));
  client.send("b");
  const auto exchange = server.held();
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->request().remote, "127.0.0.1");
  // From when the server has seen the first byte: a busy machine shortens it, nothing makes it
  // zero.
  EXPECT_GT(exchange->request().upload_ms, 0);
  exchange->reply({});
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST(HttpServer, SeveralIoThreadsServeManyClients) {
  HttpOptions options;
  options.io_threads = 3;
  options.worker_threads = 3;
  TestServer server(std::move(options));
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        Client client(server.port());
        client.send(get("/stream") + get("/echo"));
        if (client.read_answer().body == "one two three" && client.read_answer().status == 200)
          ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 160);
}

TEST(HttpServer, SaysWhyItCannotListen) {
  TestServer server;
  HttpOptions options;
  options.port = server.port();
  const auto second = HttpServer::start(options, [](const auto&) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(second.error().message.find(std::to_string(server.port())), std::string::npos);
  options.address = "localhost";
  const auto third = HttpServer::start(options, [](const auto&) {});
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace monocle
