// SPDX-License-Identifier: Apache-2.0
// Clients that leave, clients that do not read, and the end of the server.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "http/exchange.h"
#include "http/test_server.h"

namespace monocle {
namespace {

using std::chrono::milliseconds;
using test::Answer;
using test::Client;
using test::get;
using test::post;
using test::TestServer;

template <class Condition>
bool becomes(Condition condition) {
  for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(10));
  return condition();
}

// An exchange that counts its calls.
struct Watched {
  explicit Watched(std::shared_ptr<HttpExchange> exchange_in) : exchange(std::move(exchange_in)) {
    exchange->on_gone([this] { ++gone; });
    exchange->on_drained([this] { ++drained; });
  }
  std::atomic<int> gone{0};
  std::atomic<int> drained{0};
  std::shared_ptr<HttpExchange> exchange;
};

TEST(Disconnect, IsNoticedBeforeTheFirstByte) {
  TestServer server;
  for (const bool abruptly : {false, true}) {
    Client client(server.port());
    client.send(post("/hold", "x"));
    Watched watched(server.held());
    abruptly ? client.reset() : client.close();
    EXPECT_TRUE(becomes([&] { return watched.gone == 1; })) << abruptly;
    EXPECT_TRUE(watched.exchange->gone());
    watched.exchange->reply({});
    int late = 0;
    watched.exchange->on_gone([&] { ++late; });
    EXPECT_EQ(late, 1);
    EXPECT_EQ(watched.gone, 1);
  }
  EXPECT_EQ(server.stats().gone, 2);
  EXPECT_EQ(server.stats().connections, 0);
}

TEST(Disconnect, IsNoticedInTheMiddleOfAStream) {
  TestServer server;
  Client client(server.port());
  client.send(get("/hold"));
  Watched watched(server.held());
  watched.exchange->start(200, {});
  watched.exchange->write("token");
  EXPECT_FALSE(client.read_some().empty());
  client.half_close();
  EXPECT_TRUE(becomes([&] { return watched.gone == 1; }));
  watched.exchange->write("token");
  EXPECT_EQ(watched.exchange->queued_bytes(), 0U);
}

TEST(Disconnect, IsNoticedBehindPipelinedBytes) {
  TestServer server;
  Client client(server.port());
  std::string behind;
  while (behind.size() < 60'000) behind += get("/echo");
  client.send(get("/hold") + behind);
  Watched watched(server.held());
  watched.exchange->start(200, {});
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(watched.gone, 0);
  client.half_close();
  EXPECT_TRUE(becomes([&] { return watched.gone == 1; }));
}

TEST(Disconnect, PipelinedRequestsAreNoDisconnect) {
  TestServer server;
  Client client(server.port());
  client.send(post("/hold", "x"));
  Watched watched(server.held());
  client.send(get("/echo"));
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(watched.gone, 0);
  watched.exchange->reply({200, {}, "first"});
  EXPECT_EQ(client.read_answer().body, "first");
  EXPECT_EQ(client.read_answer().body, "GET /echo  ");
  EXPECT_EQ(watched.gone, 0);
}

TEST(HalfClose, PlainAnswersThatAllowItAreDelivered) {
  TestServer server;
  for (const std::string& request : {get("/hold"), post("/hold_plain", "x")}) {
    Client client(server.port());
    client.send(request + get("/echo"));
    client.half_close();
    Watched watched(server.held());
    std::this_thread::sleep_for(milliseconds(30));
    EXPECT_EQ(watched.gone, 0);
    watched.exchange->reply({200, {}, "still here"});
    EXPECT_EQ(client.read_answer().body, "still here");
    EXPECT_EQ(client.read_answer().body, "GET /echo  ");
    EXPECT_TRUE(client.ended());
  }
  EXPECT_EQ(server.stats().gone, 0);
}

TEST(HalfClose, QuickAnswersToPostAreDelivered) {
  TestServer server;
  Client client(server.port());
  client.send(post("/echo", "x"));
  client.half_close();
  EXPECT_EQ(client.read_answer().body, "POST /echo  x");
}

TEST(HalfClose, MeansGoneForWhatIsNotAllowed) {
  TestServer server;
  Client client(server.port());
  client.send(post("/hold", "x"));
  client.half_close();
  Watched watched(server.held());
  EXPECT_TRUE(becomes([&] { return watched.gone == 1; }));
}

TEST(Disconnect, DuringTheUploadCallsNoHandler) {
  TestServer server;
  Client client(server.port());
  const std::string whole = post("/hold", std::string(1000, 'a'));
  client.send(whole.substr(0, whole.size() - 10));
  ASSERT_TRUE(becomes([&] { return server.stats().requests == 1; }));
  client.close();
  EXPECT_TRUE(becomes([&] { return server.stats().connections == 0; }));
  EXPECT_EQ(server.stats().gone, 1);
}

TEST(SlowReader, IsCutAndCounted) {
  HttpOptions options;
  options.limits.stall_time = milliseconds(200);
  TestServer server(std::move(options));
  Client client(server.port(), 4096);
  client.send(get("/hold"));
  Watched watched(server.held());
  watched.exchange->start(200, {});
  for (int i = 0; i < 1000 && watched.gone == 0; ++i) {
    watched.exchange->write(std::string(10'000, 'a'));
  }
  EXPECT_TRUE(becomes([&] { return watched.gone == 1; }));
  EXPECT_EQ(server.stats().slow, 1);
  EXPECT_EQ(watched.exchange->queued_bytes(), 0U);
}

TEST(SlowReader, AReplyIsCutToo) {
  HttpOptions options;
  options.limits.stall_time = milliseconds(200);
  TestServer server(std::move(options));
  Client client(server.port(), 4096);
  client.send(get("/hold"));
  Watched watched(server.held());
  watched.exchange->reply({200, {}, std::string(std::size_t{16} << 20, 'a')});
  EXPECT_TRUE(becomes([&] { return watched.gone == 1; }));
  EXPECT_EQ(server.stats().slow, 1);
}

TEST(SlowReader, WhoTakesALittleNowAndThenIsKept) {
  HttpOptions options;
  options.limits.stall_time = milliseconds(400);
  TestServer server(std::move(options));
  Client client(server.port(), 32'768);
  client.send(get("/hold"));
  Watched watched(server.held());
  const std::string body(std::size_t{1} << 20, 'a');
  watched.exchange->reply({200, {}, body});
  std::size_t bytes = 0;
  for (int i = 0; i < 12; ++i) {
    for (int j = 0; j < 4; ++j) bytes += client.read_some().size();
    std::this_thread::sleep_for(milliseconds(60));
  }
  EXPECT_EQ(watched.gone, 0);
  while (watched.exchange->queued_bytes() > 0) bytes += client.read_some().size();
  while (bytes < body.size()) bytes += client.read_some().size();
  EXPECT_EQ(watched.gone, 0);
}

TEST(BackPressure, QueuedBytesRiseAndTheWriterIsCalledWhenTheyFall) {
  TestServer server;
  Client client(server.port(), 4096);
  client.send(get("/hold"));
  Watched watched(server.held());
  const std::size_t limit = HttpLimits{}.send_bytes;
  watched.exchange->start(200, {});
  std::size_t written = 0;
  for (int quiet = 0; quiet < 10; ++quiet) {  // until the kernel takes no more
    for (; watched.exchange->queued_bytes() <= limit; quiet = 0) {
      watched.exchange->write(std::string(5000, 'a'));
      written += 5000;
    }
    std::this_thread::sleep_for(milliseconds(5));
  }
  const int drained_before = watched.drained;
  watched.exchange->finish();
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.body.size(), written);
  EXPECT_TRUE(becomes([&] { return watched.drained > drained_before; }));
  EXPECT_EQ(watched.exchange->queued_bytes(), 0U);
}

TEST(Stop, WaitsForRunningExchanges) {
  TestServer server;
  Client idle(server.port());
  Client client(server.port());
  client.send(get("/hold"));
  const auto exchange = server.held();
  ASSERT_TRUE(exchange);
  auto stopped =
      std::async(std::launch::async, [&] { server.server().stop(milliseconds(20'000)); });
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(becomes([&] {
    return !Client(server.port()).send(get("/echo")) ||
           Client(server.port()).ended(milliseconds(10));
  }));
  exchange->reply({200, {}, "last"});
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.body, "last");
  EXPECT_NE(answer.head.find("Connection: close"), std::string::npos);
  stopped.get();
  server.server().stop(milliseconds(0));
}

TEST(Stop, CutsWhatDoesNotEnd) {
  TestServer server;
  Client streaming(server.port());
  streaming.send(get("/hold"));
  Watched watched(server.held());
  watched.exchange->start(200, {});
  watched.exchange->write("never ends");
  Client uploading(server.port());
  uploading.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n");
  server.server().stop(milliseconds(100));
  EXPECT_EQ(watched.gone, 1);
  EXPECT_TRUE(streaming.ended());
  EXPECT_TRUE(uploading.ended());
  EXPECT_EQ(server.stats().connections, 0);
}

TEST(Stop, AnExchangeMayOutliveItsServer) {
  std::shared_ptr<HttpExchange> exchange;
  int gone = 0;
  {
    TestServer server;
    Client client(server.port());
    client.send(post("/hold", "body"));
    exchange = server.held();
    ASSERT_TRUE(exchange);
    exchange->on_gone([&] { ++gone; });
  }
  EXPECT_EQ(gone, 1);
  EXPECT_EQ(exchange->request().body, "body");
  exchange->start(200, {});
  exchange->write("into the void");
  exchange->finish();
}

// Everything at once, for the sanitizers: streams written by other threads while clients leave.
TEST(Stop, ManyStreamsLeaversAndAStop) {
  HttpOptions options;
  options.io_threads = 2;
  TestServer server(std::move(options));
  std::vector<std::thread> threads;
  std::atomic<int> gone{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        Client client(server.port());
        client.send(get("/hold"));
        const auto exchange = server.held();
        if (!exchange) return;
        exchange->on_gone([&] { ++gone; });
        exchange->start(200, {});
        for (int j = 0; j < 20; ++j) exchange->write("token");
        if ((i + t) % 2 == 0) exchange->finish();
        if ((i + t) % 3 == 0) {
          client.read_some();  // its exchange is taken, maybe by another of these threads
          client.reset();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  server.server().stop(milliseconds(0));
  EXPECT_GT(gone, 0);
  EXPECT_EQ(server.stats().connections, 0);
}

}  // namespace
}  // namespace monocle
