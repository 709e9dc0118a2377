// SPDX-License-Identifier: Apache-2.0
// The flags of a command, as its file sees them. CLI11 does the work, and only flags.cc and main.cc
// include it: its headers take longer to compile than most commands do. Handles: the parser that
// main() owns outlives them.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace monocle::app {

// One flag; every call returns the same one, for chains.
class Flag {
 public:
  explicit Flag(CLI::Option* option) : option_(option) {}

  Flag required();
  // The variable's value is shown as the default.
  Flag capture_default_str();
  Flag group(const char* title);
  Flag envname(const char* variable);
  Flag delimiter(char between);
  // Takes one value each time it is given.
  Flag one_value();
  Flag excludes(const char* other);
  Flag range(int least, int most);
  Flag range(double least, double most);
  Flag one_of(const std::vector<std::string>& values);
  // The function returns what is wrong with a value, "" for nothing.
  Flag check(std::string (*problem)(const std::string&));

 private:
  CLI::Option* option_;
};

class Flags {
 public:
  explicit Flags(CLI::App* app) : app_(app) {}

  // Both write to the variable when the command line is parsed. Defined in flags.cc for the types
  // in use: a new one is a link error until it is named there.
  template <typename T>
  Flag add_option(const char* names, T& variable, const char* text);
  template <typename T>
  Flag add_flag(const char* names, T& variable, const char* text);
  // A flag that was added before.
  Flag get_option(const char* name);
  void footer(const char* text);
  Flags add_subcommand(const char* name, const char* summary);
  void require_subcommand();
  [[nodiscard]] bool parsed() const;

 private:
  CLI::App* app_;
};

}  // namespace monocle::app
