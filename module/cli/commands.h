// The subcommands of `mxwarden`, a file for each. What they take on the command line is declared in
// main.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/host.h"
#include "cli/policy_protocol.h"
#include "cli/replay_input.h"
#include "loader/loader.h"

namespace mxw::cli {

/// What a command returns to the shell.
enum class Exit : int { clean = 0, findings = 1, cannot_run = 2 };

/// Where the rules come from, as every command takes it.
struct RuleOptions {
  std::filesystem::path config = default_config();
  std::vector<std::filesystem::path> rules; ///< if any, instead of `config`
};

/// Loads what the options name, from `files`. Findings are not printed.
Loaded load(const RuleOptions &options, const RuleFiles &files = RuleFiles());
/// Reads a file, or standard input where it is "-". As Source::read().
Result<Source> read_input(const std::filesystem::path &file, std::size_t max_bytes);
/// What is the same for the same file; `file` itself where there is none.
std::filesystem::path real_path(const std::filesystem::path &file);
/// True for what is under /usr/share: a package's, which replaces it with its next version.
bool is_shipped(const std::filesystem::path &file);
/// "1 rule", "2 rules".
std::string count(std::size_t n, const std::string &what);

/// `text` as a basic string of TOML, with its quotes.
std::string toml_string(std::string_view text);

/// How findings are written.
enum class Format : std::uint8_t {
  text,   ///< for people, to standard error
  json,   ///< one object a line, to standard output
  github, ///< workflow commands that GitHub Actions shows beside the lines, to standard output
};
/// Writes findings. Text is coloured if standard error is a terminal that wants it
/// (https://no-color.org).
void print(const std::vector<Diagnostic> &findings, Format format = Format::text);

struct AllowOptions {
  RuleOptions rules;
  std::vector<std::string> names;
  std::string reason;
  std::string owner;
  std::string expires;
  std::filesystem::path file; ///< empty: the last that has an entry, else the first
  bool dry_run = false;       ///< prints the entry instead of adding it
};
Exit allow(const AllowOptions &options);

struct CheckOptions {
  RuleOptions rules;
  Format format = Format::text;
  bool notes = false;  ///< prints notes too
  bool online = false; ///< asks the DNS about the warning hosts
  std::string server;  ///< whom it asks, ADDRESS or ADDRESS@PORT; empty: resolv.conf(5)
  std::vector<std::filesystem::path> popular;
};
Exit check(const CheckOptions &options);

struct TestOptions {
  RuleOptions rules;
  Format format = Format::text;
};
/// Runs the [[test]] cases and nothing else.
Exit test(const TestOptions &options);

struct DoctorOptions {
  HostOptions host;
  bool offline = false; ///< asks nobody but the resolver here
  bool json = false;
};
/// Looks at everything that can be wrong, and prints a line for each thing.
Exit doctor(const DoctorOptions &options);

struct EnableOptions {
  HostOptions host;
  bool no_trial = false; ///< does not start the resolver with it first
  bool now = false;      ///< has the resolver take it
  bool dry_run = false;  ///< prints what would be written
  unsigned wait_s = 30;  ///< until the resolver answers, in the trial and after a reload
};
/// Puts the module into the resolver's configuration, or leaves everything as it is.
Exit enable(const EnableOptions &options);
/// Takes it out. `no_trial` is not looked at.
Exit disable(const EnableOptions &options);

struct ExplainOptions {
  RuleOptions rules;
  std::vector<std::string> names;
  std::string qtype = "MX";
  std::optional<std::string> client;
  bool json = false;
  bool from_stdin = false;
};
Exit explain(const ExplainOptions &options);

/// How the running module is asked.
struct ControlOptions {
  std::filesystem::path socket = control_socket();
  bool json = false;
};
enum class StatsFormat : std::uint8_t { text, json, prometheus };
struct StatsOptions {
  std::filesystem::path socket = control_socket();
  StatsFormat format = StatsFormat::text;
  std::filesystem::path output; ///< empty: standard output
};
Exit status(const ControlOptions &options);
Exit stats(const StatsOptions &options);
Exit reload(const ControlOptions &options);
/// Prints events until the module or somebody ends it.
Exit tail(const ControlOptions &options);

struct ExporterOptions {
  std::filesystem::path socket = control_socket();
  /// No exporter is known to have this port: it is unbound_exporter's, 9167, above the range that
  /// Prometheus' list of ports gives out, and below those that Linux gives to clients.
  std::string listen = "127.0.0.1:19167";
};
/// Answers Prometheus until it is ended by a signal.
Exit exporter(const ExporterOptions &options);

/// Prints the codes of findings, or the pages about `codes`.
Exit codes(const std::vector<std::string> &codes);

struct FmtOptions {
  std::filesystem::path config = default_config();
  std::vector<std::filesystem::path> paths; ///< if any, instead of the files of `config`
  bool check = false;                       ///< only tells which files would change
};
Exit fmt(const FmtOptions &options);

struct ImportOptions {
  std::filesystem::path file;         ///< "-": standard input
  std::filesystem::path output = "-"; ///< "-": standard output
  std::string column;                 ///< title or number from 1; empty: the usual titles, or 1
  std::string suffix;                 ///< what the names must be below; empty: any
};
Exit import(const ImportOptions &options);

struct InitOptions {
  std::filesystem::path directory = default_config().parent_path();
  std::vector<std::string> protect;    ///< none: whoever sits at the terminal is asked
  std::vector<std::string> warning_mx; ///< HOST or HOST=ADDRESS
  std::string contact;
  std::string mode = "observe";
};
/// Writes a main file and a rule file where there are none.
Exit init(InitOptions options);

struct ListOptions {
  RuleOptions rules;
  std::vector<std::string> names;
  std::string technique;
  std::string sensitivity = "default";
  bool has_rules = false; ///< else each name is looked at under a rule of its own
  bool json = false;
};
Exit list(const ListOptions &options);

struct PolicyServiceOptions {
  RuleOptions rules;
  PolicyRole role = PolicyRole::warning_mx;
  std::string client;           ///< an address; empty: any
  std::string language;         ///< for senders that [languages] does not name
  std::filesystem::path events; ///< empty: none are written
  bool local_parts = false;
};
/// Answers mail servers, until they have no more to ask.
Exit policy(const PolicyServiceOptions &options);

struct ReplayOptions {
  RuleOptions rules;
  std::vector<std::filesystem::path> files;   ///< "-" for standard input
  std::vector<std::filesystem::path> against; ///< the rules before; none: nothing is compared
  InputFormat format = InputFormat::automatic;
  std::size_t top = 20; ///< how many names are printed
  bool json = false;
};
Exit replay(const ReplayOptions &options);

struct ReportOptions {
  RuleOptions rules;
  bool has_rules = false;                   ///< else the usual main file, if it can be read
  std::vector<std::filesystem::path> files; ///< "-" for standard input, as if there are none
  std::filesystem::path output = "-";       ///< "-": standard output
  std::string title = "Mail questions for look-alike names";
  std::string since; ///< days, both included; empty: all
  std::string until;
  std::size_t top = 15; ///< rows of each table
};
/// Writes what an event log tells as an HTML page.
Exit report(ReportOptions options);

} // namespace mxw::cli
