// SPDX-License-Identifier: Apache-2.0
#include "flags.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <utility>

namespace monocle::app {

Flag Flag::required() {
  option_->required();
  return *this;
}

Flag Flag::capture_default_str() {
  option_->capture_default_str();
  return *this;
}

Flag Flag::group(const char* title) {
  option_->group(title);
  return *this;
}

Flag Flag::envname(const char* variable) {
  option_->envname(variable);
  return *this;
}

Flag Flag::delimiter(char between) {
  option_->delimiter(between);
  return *this;
}

Flag Flag::one_value() {
  option_->allow_extra_args(false);
  return *this;
}

Flag Flag::excludes(const char* other) {
  option_->excludes(other);
  return *this;
}

Flag Flag::range(int least, int most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Flag Flag::range(double least, double most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Flag Flag::one_of(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  return *this;
}

Flag Flag::check(std::string (*problem)(const std::string&)) {
  option_->check(problem);
  return *this;
}

template <typename T>
Flag Flags::add_option(const char* names, T& variable, const char* text) {
  return Flag(app_->add_option(names, variable, text));
}

template <typename T>
Flag Flags::add_flag(const char* names, T& variable, const char* text) {
  return Flag(app_->add_flag(names, variable, text));
}

// The types of the flags there are.
template Flag Flags::add_option(const char*, std::string&, const char*);
template Flag Flags::add_option(const char*, std::vector<std::string>&, const char*);
template Flag Flags::add_option(const char*, std::vector<double>&, const char*);
template Flag Flags::add_option(const char*, std::vector<std::int32_t>&, const char*);
template Flag Flags::add_option(const char*, std::vector<std::int64_t>&, const char*);
template Flag Flags::add_option(const char*, std::pair<std::int64_t, std::int64_t>&, const char*);
template Flag Flags::add_option(const char*, std::optional<double>&, const char*);
template Flag Flags::add_option(const char*, std::optional<float>&, const char*);
template Flag Flags::add_option(const char*, std::optional<std::int32_t>&, const char*);
template Flag Flags::add_option(const char*, std::optional<std::int64_t>&, const char*);
template Flag Flags::add_option(const char*, std::uint16_t&, const char*);
template Flag Flags::add_option(const char*, std::int32_t&, const char*);
template Flag Flags::add_option(const char*, std::int64_t&, const char*);
template Flag Flags::add_option(const char*, std::uint64_t&, const char*);
template Flag Flags::add_option(const char*, double&, const char*);
template Flag Flags::add_flag(const char*, bool&, const char*);
template Flag Flags::add_flag(const char*, std::optional<bool>&, const char*);

Flag Flags::get_option(const char* name) { return Flag(app_->get_option(name)); }

void Flags::footer(const char* text) { app_->footer(text); }

Flags Flags::add_subcommand(const char* name, const char* summary) {
  return Flags(app_->add_subcommand(name, summary));
}

void Flags::require_subcommand() { app_->require_subcommand(1); }

bool Flags::parsed() const { return app_->parsed(); }

}  // namespace monocle::app
