// SPDX-License-Identifier: Apache-2.0
#include "http/core.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http/exchange.h"

namespace monocle {
namespace {

using boost::asio::ip::make_address;

class CountingSink final : public ExchangeSink {
 public:
  void wake() override { ++wakes; }
  int wakes = 0;
};

TEST(Exchange, AppendedBytesWakeNobodyBeforeTheFlush) {
  const auto sink = std::make_shared<CountingSink>();
  HttpExchange::Impl exchange({}, sink, 100);
  exchange.start(200, {});
  EXPECT_EQ(sink->wakes, 1);
  EXPECT_TRUE(exchange.take().has_head);
  exchange.flush();  // nothing to say
  exchange.append("a");
  exchange.append("b");
  EXPECT_EQ(sink->wakes, 1);
  EXPECT_EQ(exchange.queued, 2U);
  exchange.flush();
  exchange.flush();
  EXPECT_EQ(sink->wakes, 2);
  EXPECT_EQ(exchange.take().pieces, (std::vector<std::string>{"a", "b"}));
  exchange.append("c");
  exchange.finish();
  EXPECT_EQ(sink->wakes, 3);
  const Outbox last = exchange.take();
  EXPECT_EQ(last.pieces, std::vector<std::string>{"c"});
  EXPECT_TRUE(last.finished);
}

TEST(AddressCounts, LimitsEachAddressAndForgetsIt) {
  AddressCounts counts(2);
  const auto one = make_address("192.0.2.1");
  EXPECT_TRUE(counts.enter(one));
  EXPECT_TRUE(counts.enter(one));
  EXPECT_FALSE(counts.enter(one));
  EXPECT_TRUE(counts.enter(make_address("192.0.2.2")));
  counts.leave(one);
  EXPECT_TRUE(counts.enter(one));
  EXPECT_FALSE(counts.enter(one));
}

TEST(AddressCounts, ANetworkOfIpv6IsOneClient) {
  AddressCounts counts(2);
  EXPECT_TRUE(counts.enter(make_address("2001:db8:0:1::1")));
  EXPECT_TRUE(counts.enter(make_address("2001:db8:0:1:ffff::2")));
  EXPECT_FALSE(counts.enter(make_address("2001:db8:0:1::3")));
  EXPECT_TRUE(counts.enter(make_address("2001:db8:0:2::1")));
  counts.leave(make_address("2001:db8:0:1::3"));
  EXPECT_TRUE(counts.enter(make_address("2001:db8:0:1::4")));
}

TEST(AddressCounts, LoopbackIsNotCounted) {
  AddressCounts counts(1);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(counts.enter(make_address("127.0.0.1")));
    EXPECT_TRUE(counts.enter(make_address("::1")));
  }
}

std::shared_ptr<HttpExchange::Impl> work() {
  return std::make_shared<HttpExchange::Impl>(HttpRequest{}, nullptr, 1);
}

TEST(WorkQueue, IsBoundedAndInOrder) {
  WorkQueue queue(2);
  const auto first = work();
  const auto second = work();
  EXPECT_TRUE(queue.push(first));
  EXPECT_TRUE(queue.push(second));
  EXPECT_FALSE(queue.push(work()));
  EXPECT_EQ(queue.pop(), first);
  EXPECT_TRUE(queue.push(work()));
  EXPECT_EQ(queue.pop(), second);
}

TEST(WorkQueue, ClosingWakesAndDrops) {
  WorkQueue queue(2);
  EXPECT_TRUE(queue.push(work()));
  queue.close();
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_FALSE(queue.push(work()));
  WorkQueue waiting(1);
  std::thread reader([&] { EXPECT_EQ(waiting.pop(), nullptr); });
  waiting.close();
  reader.join();
}

}  // namespace
}  // namespace monocle
