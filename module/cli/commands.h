// The subcommands of `mxwarden`, a file for each. What they take on the command line is declared in
// main.cpp.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loader/loader.h"

namespace mxw::cli {

/// What a command returns to the shell.
enum class Exit : int { clean = 0, findings = 1, cannot_run = 2 };

/// Where the rules come from, as every command takes it.
struct RuleOptions {
  std::filesystem::path config = default_config();
  std::vector<std::filesystem::path> rules; ///< if any, instead of `config`
};

/// Loads what the options name. Findings are not printed.
Loaded load(const RuleOptions &options);
/// Writes findings to standard error.
void print(const std::vector<Diagnostic> &findings);

struct CheckOptions {
  RuleOptions rules;
};
Exit check(const CheckOptions &options);

struct ExplainOptions {
  RuleOptions rules;
  std::vector<std::string> names;
  std::string qtype = "MX";
  std::optional<std::string> client;
  bool json = false;
  bool from_stdin = false;
};
Exit explain(const ExplainOptions &options);

struct ListOptions {
  RuleOptions rules;
  std::vector<std::string> names;
  std::string technique;
  std::string sensitivity = "default";
  bool has_rules = false; ///< else each name is looked at under a rule of its own
  bool json = false;
};
Exit list(const ListOptions &options);

} // namespace mxw::cli
