// Rule files (TOML) to a compiled policy.
//
// The only part that knows the language of the rule files. Runs at start, on the command line and
// in the housekeeping thread, never on the query path. Findings of all files come in one run; where
// one of them is an error there is no policy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/diagnostic.h"
#include "core/policy.h"
#include "loader/rule_files.h"

namespace mxw {

/// What a rule file may have; toml++ needs 50 times as much memory.
constexpr std::size_t kMaxRuleFileBytes = std::size_t{16} << 20U;

/// What a [[test]] expects of one question; empty members are not compared.
struct ExpectedVerdict {
  std::string action;
  std::string reason;
  std::string protected_name;
  std::string technique;
  std::string rule;
  std::string mode;
};

struct TestCase {
  Query query; ///< now_s is set when the test runs
  std::string question;
  ExpectedVerdict expect;
  Diagnostic failure; ///< where the test stands; the message is written when it fails
};

/// What is not about rules but about the running module.
struct Settings {
  /// One JSON line a decision; empty: none.
  std::filesystem::path events_file = "/var/lib/unbound/mxwarden/events.json";
};

/// A finding about each thing of one kind, yet without code and message.
struct Places {
  std::vector<Diagnostic> rules;
  std::vector<Diagnostic> allows;
  std::vector<Diagnostic> clients;
  std::vector<Diagnostic> warning_hosts;
};

/// Which language senders read whose domain is `suffix` or below it.
struct SenderLanguage {
  Name suffix;
  std::string language;
};

struct Loaded {
  /// Sorted by file, line and column.
  std::vector<Diagnostic> findings;
  /// Null if one of the findings is an error.
  std::shared_ptr<const Policy> policy;
  Settings settings;
  std::vector<SenderLanguage> languages;
  std::vector<TestCase> tests;
  Places places;                            ///< in the order of the policy's
  std::vector<std::filesystem::path> files; ///< rule files read, the main file first
  /// Every file that was asked for, there or not, and every pattern: what has to be watched.
  std::vector<std::filesystem::path> inputs;

  [[nodiscard]] bool has_errors() const noexcept;
  /// The language for senders of `domain`, by the longest suffix; empty where none is named.
  [[nodiscard]] std::string_view language_for(const Name &domain) const noexcept;
};

/// The main file that the environment names in MXWARDEN_CONFIG, else /etc/mxwarden/mxwarden.toml.
/// Not while other threads change the environment.
std::filesystem::path default_config();

/// The directory that MXWARDEN_STATE in the environment names, else /var/lib/unbound/mxwarden. Not
/// while other threads change the environment.
std::filesystem::path state_directory();

/// The Unix socket by which the running module is asked, in the state directory.
std::filesystem::path control_socket();

/// Reads the main file and the rule files that its `rules` patterns name (relative to it).
/// `now_s` (seconds since 1970) decides which allow entries have expired.
Loaded load_config(const std::filesystem::path &main_file, std::int64_t now_s,
                   RuleFiles files = RuleFiles());

/// Reads rule files without a main file: files as they are, of directories every *.toml.
Loaded load_rules(const std::vector<std::filesystem::path> &paths, std::int64_t now_s,
                  RuleFiles files = RuleFiles());

/// The policy that a rule with `name` alone and defaults otherwise makes, in enforce mode.
std::shared_ptr<const Policy> policy_for(const Name &name, Preset preset);

/// Runs the [[test]] cases and returns a finding (MXW027) for each that fails. Needs a policy.
std::vector<Diagnostic> run_tests(const Loaded &loaded, std::int64_t now_s);

} // namespace mxw
