// What `enable`, `disable` and `doctor` have in common: running other programs, and what the
// resolver's configuration says.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <tl/expected.hpp>

namespace mxw::cli {

/// How a program ended, and what it said.
struct Ran {
  int status = -1; ///< its exit status; -1: a signal ended it, or it took too long
  std::string out;
  std::string err;
};
constexpr std::chrono::seconds kProgramLimit(20);
/// Runs `words` with nothing on standard input, and ends it after `limit`. Fails, and says why,
/// where it cannot be started, takes too long, or somebody interrupts. Of each stream a MiB is
/// kept.
tl::expected<Ran, std::string> run(const std::vector<std::string> &words,
                                   std::chrono::milliseconds limit = kProgramLimit);

/// While one is there SIGINT, SIGTERM and SIGHUP end nothing, but are told by came().
class Interruptions {
public:
  Interruptions();
  Interruptions(const Interruptions &) = delete;
  Interruptions &operator=(const Interruptions &) = delete;
  ~Interruptions();
  static bool came() noexcept;
};

/// Where the resolver is.
struct HostOptions {
  std::filesystem::path directory = "/usr/sbin"; ///< of unbound, unbound-checkconf, unbound-control
  std::filesystem::path conf = "/etc/unbound/unbound.conf";
  std::filesystem::path drop_in = "/etc/unbound/unbound.conf.d/mxwarden.conf";
  std::filesystem::path module = MXW_MODULE_FILE;

  [[nodiscard]] std::string program(std::string_view name) const {
    return (directory / name).native();
  }
};

/// What stands before the drop-in's settings, by which it is known as ours.
constexpr std::string_view kDropInMark = "# Written by `mxwarden enable`; `mxwarden disable` takes";

/// A setting of unbound.conf, where it was written.
struct Setting {
  std::string key;
  std::string value;
  std::filesystem::path file;
  std::size_t line = 0;
};
/// Every `module-config` and `dynlib-file` in `conf` and what it includes, in the order in which
/// they are read. Files that cannot be read are left out: unbound-checkconf tells of them.
std::vector<Setting> module_settings(const std::filesystem::path &conf);
/// "FILE:LINE"
std::string place_of(const Setting &setting);

/// The value of `option` as Unbound understands its configuration, a line for each of a list; or
/// why there is none.
tl::expected<std::string, std::string> effective(const HostOptions &host,
                                                 const std::string &option);

/// `modules` as words.
std::vector<std::string> words_of(std::string_view text);
/// The lines of `text`, without their ends.
std::vector<std::string> lines_of(const std::string &text);
/// True if `module` is one of `modules`, a module-config.
bool has_module(std::string_view modules, std::string_view module);
/// `modules`, a module-config, without dynlib.
std::string without_dynlib(std::string_view modules);
/// The same with dynlib where it belongs: after what only makes names or questions of others,
/// before what answers.
std::string with_dynlib(std::string_view modules);

/// A resolver that runs.
struct Running {
  pid_t pid = 0;
  std::filesystem::path exe;                      ///< its program, as it was started
  bool is_program = false;                        ///< that is the file that would be started now
  std::map<std::string, std::string> environment; ///< of it what begins with MXWARDEN_
};
/// Where the resolver has a path from the environment: `usual` unless it runs and has `variable`.
std::filesystem::path path_of(const std::optional<Running> &runs, const std::string &variable,
                              const std::filesystem::path &usual);
/// The one that was started with the configuration of `host`; nullopt where there is none.
std::optional<Running> running(const HostOptions &host);

/// True if systemd runs the machine and has the resolver as a unit that is active.
bool is_unit_active();

/// Paths as the command sees them, for those that the resolver sees inside `chroot`.
std::filesystem::path in_chroot(const std::filesystem::path &chroot,
                                const std::filesystem::path &path);

/// `text` in quotes, printable, for a message.
std::string in_quotes(const std::filesystem::path &path);

} // namespace mxw::cli
