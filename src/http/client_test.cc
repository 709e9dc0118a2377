// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "http/test_server.h"

namespace monocle {
namespace {

struct Outcome {
  int status = 0;
  std::string body;
  int parts = 0;
  Status end;
};

// One request, and what became of it.
class Pending {
 public:
  Pending(HttpClient& client, HttpAsk ask) {
    HttpAskEvents events;
    events.on_head = [this](int status) { outcome_.status = status; };
    events.on_body = [this](std::string_view bytes) {
      outcome_.body += bytes;
      ++outcome_.parts;
    };
    events.on_end = [this](Status end) {
      outcome_.end = std::move(end);
      done_.set_value();
    };
    client.send(std::move(ask), std::move(events));
  }
  const Outcome& wait() {
    done_.get_future().wait();
    return outcome_;
  }

 private:
  Outcome outcome_;
  std::promise<void> done_;
};

HttpAsk ask_for(std::string target) {
  HttpAsk ask;
  ask.target = std::move(target);
  return ask;
}

std::unique_ptr<HttpClient> client_of(std::uint16_t port) {
  auto client = HttpClient::make({"127.0.0.1", port, ""});
  return std::move(client).value();
}

TEST(HttpClient, AsksAndReusesItsConnection) {
  test::TestServer server;
  const auto client = client_of(server.port());
  for (int i = 0; i < 3; ++i) {
    HttpAsk ask = ask_for("/a?b");
    ask.method = "POST";
    ask.body = "body";
    Pending pending(*client, std::move(ask));
    const Outcome& outcome = pending.wait();
    EXPECT_TRUE(outcome.end);
    EXPECT_EQ(outcome.status, 200);
    EXPECT_EQ(outcome.body, "POST /a b body");
    EXPECT_EQ(server.stats().connections, 1);
  }
}

TEST(HttpClient, HandsAStreamOnAsItComes) {
  test::TestServer server;
  const auto client = client_of(server.port());
  std::promise<void> first;
  std::promise<Status> ended;
  std::string body;
  HttpAskEvents events;
  events.on_head = [](int) {};
  events.on_body = [&](std::string_view bytes) {
    if (body.empty()) first.set_value();
    body += bytes;
  };
  events.on_end = [&](Status end) { ended.set_value(std::move(end)); };
  client->send(ask_for("/hold"), std::move(events));
  const auto exchange = server.held();
  ASSERT_TRUE(exchange);
  exchange->start(200, {});
  exchange->write("one ");
  first.get_future().wait();
  exchange->write("two");
  exchange->finish();
  EXPECT_TRUE(ended.get_future().get());
  EXPECT_EQ(body, "one two");
}

TEST(HttpClient, SaysWhatWentWrong) {
  test::TestServer server;
  const auto client = client_of(server.port());
  Pending cut(*client, ask_for("/drop_stream"));
  EXPECT_FALSE(cut.wait().end);
  HttpAsk slow = ask_for("/hold");
  slow.timeout = std::chrono::milliseconds(50);
  Pending late(*client, std::move(slow));
  EXPECT_FALSE(late.wait().end);
  EXPECT_TRUE(server.held());
  const auto nobody = client_of(1);
  Pending refused(*nobody, ask_for("/"));
  EXPECT_FALSE(refused.wait().end);
}

TEST(HttpClient, ConnectsAgainWhenAKeptConnectionIsGone) {
  HttpOptions options;
  options.limits.idle_time = std::chrono::milliseconds(20);
  test::TestServer server(std::move(options));
  const auto client = client_of(server.port());
  for (int i = 0; i < 3; ++i) {
    Pending pending(*client, ask_for("/echo"));
    EXPECT_EQ(pending.wait().status, 200);
    while (server.stats().connections > 0) std::this_thread::yield();
  }
}

TEST(HttpClient, RunsManyAtOnce) {
  test::TestServer server;
  const auto client = client_of(server.port());
  std::vector<std::unique_ptr<Pending>> all;
  for (int i = 0; i < 100; ++i)
    all.push_back(std::make_unique<Pending>(*client, ask_for("/stream")));
  for (const auto& pending : all) EXPECT_EQ(pending->wait().body, "one two three");
}

TEST(HttpUrl, IsParsedStrictly) {
  const auto text = [](std::string_view url) {
    const auto parsed = parse_http_url(url);
    return parsed ? fmt::format("{}|{}|{}", parsed->host, parsed->port, parsed->path) : "refused";
  };
  EXPECT_EQ(text("http://127.0.0.1:7860/v1/"), "127.0.0.1|7860|/v1");
  EXPECT_EQ(text("http://localhost"), "localhost|80|");
  EXPECT_EQ(text("http://[::1]:99/a"), "::1|99|/a");
  EXPECT_EQ(text("http://[::1]"), "::1|80|");
  for (const char* bad : {"", "x", "https://x", "http://", "http://:80", "http://x:0",
                          "http://x:65536", "http://x:", "http://x:8a"}) {
    EXPECT_EQ(text(bad), "refused") << bad;
  }
}

}  // namespace
}  // namespace monocle
