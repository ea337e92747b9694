// `mxwarden doctor`: what is wrong with the resolver, the module, its rules and what is around
// them.
#include "cli/doctor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <exception>
#include <iostream>
#include <system_error>
#include <utility>

#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/module_client.h"
#include "loader/posix.h"

namespace mxw::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Level = Found::Level;

struct Check {
  std::string_view name;
  Founds (*look)(const Facts &);
};
/// In the order in which one thing needs the other; docs/doctor.md has the same names.
constexpr std::array kChecks = {
    Check{"host", check_host},
    Check{"dynlib", check_dynlib},
    Check{"running", check_running},
    Check{"build-id", check_build_id},
    Check{"module", check_module},
    Check{"libraries", check_libraries},
    Check{"order", check_order},
    Check{"rules", check_rules},
    Check{"rule-files", check_rule_files},
    Check{"mode", check_mode},
    Check{"state", check_state},
    Check{"events", check_events},
    Check{"control", check_control},
    Check{"in-force", check_in_force},
    Check{"view", check_view},
    Check{"apparmor", check_apparmor},
    Check{"clock", check_clock},
    Check{"unbound-control", check_unbound_control},
    Check{"dnssec", check_dnssec},
    Check{"answer", check_answer},
    Check{"resolv.conf", check_resolv_conf},
    Check{"nsswitch", check_nsswitch},
    Check{"warning-mx", check_warning_mx},
};

std::string_view word_of(Level level) {
  switch (level) {
  case Level::ok:
    return "ok";
  case Level::skip:
    return "skip";
  case Level::warn:
    return "warn";
  case Level::fail:
    return "FAIL";
  }
  return "FAIL";
}

/// On one line.
std::string line_of(const std::string &text) {
  std::string line;
  for (const std::string &word : words_of(text))
    line += (line.empty() ? "" : " ") + word;
  return printable(line);
}

void print(const Check &check, const Found &found, bool json) {
  if (json) {
    std::cout << Json({{"check", check.name},
                       {"level", found.level == Level::fail ? "fail" : word_of(found.level)},
                       {"found", found.what},
                       {"help", found.help}})
                     .dump(-1, ' ', false, Json::error_handler_t::replace)
              << '\n';
    return;
  }
  std::string title(word_of(found.level));
  title.resize(5, ' ');
  std::cout << title << check.name << ": " << line_of(found.what)
            << (found.help.empty() ? "" : "; " + line_of(found.help)) << std::endl;
}

/// What `check` finds. What is thrown, for instance by what only looks like an answer of the
/// module, is no reason to leave the others out.
Founds look(const Check &check, const Facts &facts) {
  try {
    return check.look(facts);
  } catch (const std::exception &e) {
    return {failure("this cannot be looked at: " + std::string(e.what()),
                    "is what answers there the module?")};
  }
}

/// Where the resolver itself answers: the first interface that it has, on this machine.
Server server_of(const HostOptions &host) {
  Server server;
  std::string interface = effective(host, "interface").value_or("");
  interface.resize(std::min(interface.size(), interface.find('\n')));
  std::string port = effective(host, "port").value_or("53");
  if (const std::size_t at = interface.find('@'); at != std::string::npos) {
    port = interface.substr(at + 1);
    interface.resize(at);
  }
  std::from_chars(port.data(), port.data() + port.size(), server.port);
  if (interface.empty() || interface == "0.0.0.0" ||
      interface.find_first_not_of("0123456789abcdef:.") != std::string::npos)
    server.address = "127.0.0.1";
  else if (interface == "::" || interface == "::0")
    server.address = "::1";
  else
    server.address = interface;
  return server;
}

Facts look_around(const DoctorOptions &options) {
  Facts facts;
  facts.host = options.host;
  facts.offline = options.offline;
  const auto sound = run({facts.host.program("unbound-checkconf"), facts.host.conf.native()});
  if (!sound)
    facts.unsound = sound.error();
  else if (sound->status != 0)
    facts.unsound = sound->out + sound->err;
  facts.modules = effective(facts.host, "module-config").value_or("");
  facts.chroot = effective(facts.host, "chroot").value_or("");
  if (facts.chroot.ends_with('/'))
    facts.chroot.pop_back();
  facts.user = effective(facts.host, "username").value_or("");
  facts.runs = running(facts.host);
  // What is configured is looked at, whichever module it names, and if unbound-checkconf refuses.
  for (const Setting &setting : module_settings(facts.host.conf))
    if (setting.key == "dynlib-file")
      facts.host.module = setting.value;
  facts.config = path_of(facts.runs, "MXWARDEN_CONFIG", default_config());
  facts.state = path_of(facts.runs, "MXWARDEN_STATE", state_directory());
  facts.loaded = load_config(facts.outside(facts.config), std::time(nullptr));
  if (facts.loaded.policy)
    facts.sample = sample_look_alike(*facts.loaded.policy);
  facts.server = server_of(facts.host);
  const auto version = run({facts.host.program("unbound"), "-V"});
  if (!version)
    facts.no_version = version.error();
  else
    facts.version = version->out + version->err;
  if (version && version->status != 0)
    facts.no_version = "'unbound -V' fails";
  if (auto status = ask_module(facts.outside(facts.state) / "control", "status"))
    facts.status = std::move(*status);
  else
    facts.no_status = status.error();
  return facts;
}

} // namespace

Founds good(std::string what) { return {{Level::ok, std::move(what), ""}}; }
Founds skipped(std::string what) { return {{Level::skip, std::move(what), ""}}; }
Found warning(std::string what, std::string help) {
  return {Level::warn, std::move(what), std::move(help)};
}
Found failure(std::string what, std::string help) {
  return {Level::fail, std::move(what), std::move(help)};
}
Founds or_good(Founds bad, std::string what) {
  return bad.empty() ? good(std::move(what)) : std::move(bad);
}

bool Facts::is_on() const { return has_module(modules, "dynlib"); }

std::string Facts::forbidden(const fs::path &path, int mode) const {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
  const passwd *entry = user.empty() ? nullptr : getpwnam(user.c_str());
  const pid_t child = fork();
  if (child == 0) {
    // As the resolver does it, so that all that the kernel knows of modes and lists is asked.
    if ((!chroot.empty() && (::chroot(chroot.c_str()) != 0 || chdir("/") != 0)) ||
        (entry != nullptr && (initgroups(entry->pw_name, entry->pw_gid) != 0 ||
                              setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0 ||
                              setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0)))
      _exit(errno);
    std::string inside = path.native();
    if (!chroot.empty() && inside.starts_with(chroot + '/'))
      inside.erase(0, chroot.size());
    _exit(access(inside.c_str(), mode) == 0 ? 0 : errno);
  }
  int ended = 0;
  if (child < 0 || waitpid(child, &ended, 0) != child || !WIFEXITED(ended))
    return "cannot be found out";
  return WEXITSTATUS(ended) == 0 ? "" : error_text(WEXITSTATUS(ended));
}

Exit doctor(const DoctorOptions &options) {
  if (geteuid() != 0) {
    std::cerr << "mxwarden: only root can look at all that has to be looked at\n";
    return Exit::cannot_run;
  }
  const Facts facts = look_around(options);
  bool all_good = true;
  for (const Check &check : kChecks)
    for (const Found &found : look(check, facts)) {
      print(check, found, options.json);
      all_good = all_good && (found.level == Level::ok || found.level == Level::skip);
    }
  return all_good ? Exit::clean : Exit::findings;
}

} // namespace mxw::cli
