// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "command.h"
#include "report.h"

namespace monocle::app {
namespace {

struct Command {
  const char* name;
  const char* summary;
  Action (*add)(Flags&);
};

constexpr std::array kCommands{
    Command{"ask", "Ask a question, about pictures or without any", add_ask},
    Command{"serve", "Serve the web page and the OpenAI API on port 7860", add_serve},
    Command{"inspect", "Say what a checkpoint is and what it needs", add_inspect},
    Command{"quantize", "Write a checkpoint as one packed file: int8, int4, fp8 or bf16",
            add_quantize},
    Command{"bench", "Measure this machine and a model on it", add_bench},
    Command{"trace", "Run a reference case and write every intermediate tensor", add_trace},
    Command{"doctor", "Say what this machine offers and what is missing", add_doctor},
    Command{"healthcheck", "Ask a running server whether it takes requests", add_healthcheck},
};

constexpr const char* kAbout =
    "monocle runs Qwen3-VL on your own machine: questions about pictures, answered by one "
    "program.\n"
    "\n"
    "  monocle ask --image photo.jpg \"What does the sign say?\"\n"
    "  monocle ask --model Qwen3-VL-2B-Instruct --image a.png --image b.png \"Which one is "
    "newer?\"\n"
    "\n"
    "Without --model the small demo model answers: it was trained by this project on drawn text, "
    "screens,\n"
    "contracts and charts, and is not Qwen3-VL.";

int run(int argc, char** argv) {
  CLI::App app{kAbout, "monocle"};
  app.set_version_flag("--version", std::string("monocle ") + MONOCLE_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  std::vector<std::pair<CLI::App*, Action>> actions;
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    Flags flags(sub);
    actions.emplace_back(sub, command.add(flags));
  }
  // `monocle help` and `monocle help ask` are what people type first.
  std::vector<std::string> args(argv + 1, argv + argc);
  if (!args.empty() && args[0] == "help") {
    args.erase(args.begin());
    args.emplace_back("--help");
  }
  const auto is_first = [&](const Command& command) { return args[0] == command.name; };
  if (!args.empty() && !args[0].starts_with('-') && std::ranges::none_of(kCommands, is_first)) {
    return report({ErrorCode::kInvalidArgument,
                   "there is no command '" + args[0] + "'; `monocle help` lists them"});
  }
  std::vector<std::string> reversed(args.rbegin(), args.rend());  // as CLI11 wants them
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitBadInput;
  }
  for (const auto& [sub, action] : actions) {
    if (sub->parsed()) {
      return action();
    }
  }
  return kExitBadInput;
}

}  // namespace
}  // namespace monocle::app

int main(int argc, char** argv) {
  try {
    return monocle::app::run(argc, argv);
  } catch (const std::exception& error) {
    return monocle::app::report({monocle::ErrorCode::kInternal, error.what()});
  }
}
