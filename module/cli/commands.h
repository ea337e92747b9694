// The subcommands of `mxwarden`, a file for each.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "loader/loader.h"

namespace mxw::cli {

/// What a command returns to the shell.
enum class Exit : int { clean = 0, findings = 1, cannot_run = 2 };

/// Where the rules come from, as every command takes it.
struct RuleOptions {
  std::filesystem::path config;
  std::vector<std::filesystem::path> rules; ///< if any, instead of `config`
};

/// Adds --config and --rules to `command`. `options` must outlive the parsing.
void add_rule_options(CLI::App &command, RuleOptions &options);
/// Loads what the options name. Findings are not printed.
Loaded load(const RuleOptions &options);
/// Writes findings to standard error.
void print(const std::vector<Diagnostic> &findings);

/// Adds a subcommand to `app`; when it was chosen, `exit` is what it returned.
void add_check(CLI::App &app, Exit &exit);
void add_explain(CLI::App &app, Exit &exit);
void add_list(CLI::App &app, Exit &exit);

} // namespace mxw::cli
