// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace monocle::app {

int report(const Error& error) {
  fmt::print(stderr, "monocle: {}\n", error.message);
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kTooLarge:
    case ErrorCode::kUnsupported:
      return kExitBadInput;
    case ErrorCode::kQueueFull:
    case ErrorCode::kCancelled:
    case ErrorCode::kUnavailable:
    case ErrorCode::kInternal:
      return kExitFailure;
  }
  return kExitFailure;
}

Progress::Progress() {
  if (isatty(STDERR_FILENO) != 0) {
    thread_ = std::thread([this] { draw(); });
  }
}

Progress::~Progress() { stop(); }

void Progress::stop() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Progress::draw() {
  using namespace std::chrono_literals;
  const auto start = std::chrono::steady_clock::now();
  bool drawn = false;
  while (!stop_.load(std::memory_order_relaxed)) {
    std::this_thread::sleep_for(50ms);
    const auto seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const char* name = phase_.load(std::memory_order_relaxed);
    if (seconds >= 1.0 && name != nullptr) {
      fmt::print(stderr, "\r\033[K{} ... {:.0f} s", name, seconds);
      std::fflush(stderr);
      drawn = true;
    }
  }
  if (drawn) {
    fmt::print(stderr, "\r\033[K");
    std::fflush(stderr);
  }
}

}  // namespace monocle::app
