// SPDX-License-Identifier: Apache-2.0
// How the program speaks: errors on stderr with an exit code, long work with a line that moves.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "base/result.h"

namespace monocle::app {

inline constexpr int kExitFailure = 1;
inline constexpr int kExitBadInput = 2;

// Prints "monocle: <message>" and returns the exit code of the error's kind.
int report(const Error& error);

// One line on a terminal that names the phase and its seconds, shown once work has taken a second
// and wiped before anything else is printed. Silent when stderr is not a terminal.
class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void phase(const char* name) {
    phase_.store(name, std::memory_order_relaxed);
  }  // a string literal
  // Wipes the line; nothing is drawn afterwards.
  void stop();

 private:
  void draw();
  std::atomic<const char*> phase_{nullptr};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace monocle::app
