// What the checks of `mxwarden doctor` look at, and what they find.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/host.h"
#include "loader/loader.h"

namespace mxw::cli {

/// What one look found.
struct Found {
  /// `skip`: there is nothing of that kind here, or what it needs is missing, which another tells.
  enum class Level : std::uint8_t { ok, skip, warn, fail };
  Level level = Level::ok;
  std::string what;
  std::string help; ///< what to do about it; for warn and fail
};
using Founds = std::vector<Found>;

Founds good(std::string what);
Founds skipped(std::string what);
Found warning(std::string what, std::string help);
Found failure(std::string what, std::string help);
/// `bad`, or one that all is well where that is empty.
Founds or_good(Founds bad, std::string what);

/// Where things are, found out once.
struct Facts {
  HostOptions host;
  bool offline = false;
  std::optional<Running> runs;
  std::string modules; ///< module-config as the files have it
  std::string chroot;
  std::string user;
  std::string version;          ///< what `unbound -V` says
  std::string no_version;       ///< why it says nothing
  std::string unsound;          ///< why unbound-checkconf refuses; empty: it does not
  std::filesystem::path config; ///< as the resolver sees it; so the next
  std::filesystem::path state;
  Loaded loaded;
  std::optional<Sample> sample;
  Server server;                                ///< the resolver itself
  std::optional<nlohmann::ordered_json> status; ///< of the running module
  std::string no_status;                        ///< why there is none

  /// As the command sees what the resolver calls `path`.
  [[nodiscard]] std::filesystem::path outside(const std::filesystem::path &path) const {
    return in_chroot(chroot, path);
  }
  /// Why the resolver's user may not do `mode` (as access(2) takes it) to `path`; empty: it may.
  [[nodiscard]] std::string forbidden(const std::filesystem::path &path, int mode) const;
  /// True if the module is to be loaded, as far as the configuration says.
  [[nodiscard]] bool is_on() const;
};

// The checks, one for each name in the table of doctor.cpp.
Founds check_host(const Facts &facts);
Founds check_dynlib(const Facts &facts);
Founds check_running(const Facts &facts);
Founds check_build_id(const Facts &facts);
Founds check_module(const Facts &facts);
Founds check_libraries(const Facts &facts);
Founds check_order(const Facts &facts);
Founds check_rules(const Facts &facts);
Founds check_rule_files(const Facts &facts);
Founds check_mode(const Facts &facts);
Founds check_state(const Facts &facts);
Founds check_events(const Facts &facts);
Founds check_control(const Facts &facts);
Founds check_in_force(const Facts &facts);
Founds check_view(const Facts &facts);
Founds check_apparmor(const Facts &facts);
Founds check_clock(const Facts &facts);
Founds check_unbound_control(const Facts &facts);
Founds check_dnssec(const Facts &facts);
Founds check_answer(const Facts &facts);
Founds check_resolv_conf(const Facts &facts);
Founds check_nsswitch(const Facts &facts);
Founds check_warning_mx(const Facts &facts);

} // namespace mxw::cli
