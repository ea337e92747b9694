// `mxwarden enable` and `mxwarden disable`: the module into the resolver's configuration, and out
// of it, without a minute in which it does not resolve.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <net/if.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/host.h"
#include "cli/module_client.h"
#include "cli/trial.h"
#include "loader/atomic_file.h"
#include "loader/dns_text.h"
#include "loader/posix.h"
#include "loader/source.h"

namespace mxw::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxDropInBytes = std::size_t{1} << 20U;

/// Says why, and returns `exit`.
Exit refuse(Exit exit, std::string why) {
  while (why.ends_with('\n'))
    why.pop_back();
  std::cerr << "mxwarden: " << why << '\n';
  return exit;
}

/// What the drop-in is for `host` with `modules`.
std::string drop_in_text(const HostOptions &host, const std::string &modules) {
  return std::string(kDropInMark) +
         " it away.\n"
         "# What is changed here is lost when it is written again.\n"
         "server:\n"
         "    module-config: \"" +
         modules +
         "\"\n"
         "dynlib:\n"
         "    dynlib-file: \"" +
         host.module.native() + "\"\n";
}

/// The drop-in, which is as it was before when this goes, unless the change is kept.
class DropIn {
public:
  explicit DropIn(fs::path file) : file_(std::move(file)) {
    std::error_code error;
    is_there_ = fs::exists(fs::symlink_status(file_, error));
    if (auto source =
            is_there_ ? Source::read(file_, kMaxDropInBytes) : Result<Source>(Source(file_, "")))
      before_ = now_ = source->octets();
    else
      unreadable_ = source.error().message;
    is_now_ = is_there_;
  }
  DropIn(const DropIn &) = delete;
  DropIn &operator=(const DropIn &) = delete;
  ~DropIn() {
    if (changed_)
      restore();
  }

  [[nodiscard]] const fs::path &file() const noexcept { return file_; }
  [[nodiscard]] const std::string &unreadable() const noexcept { return unreadable_; }
  [[nodiscard]] bool is_there() const noexcept { return is_there_; }
  [[nodiscard]] bool is_ours() const { return is_there_ && before_.starts_with(kDropInMark); }
  [[nodiscard]] bool is(const std::string &text) const { return is_there_ && before_ == text; }

  Written put(const std::string &text) {
    Written written = is_now_ ? replace_file(file_, text, now_) : create_file(file_, text);
    if (written) {
      changed_ = true;
      is_now_ = true;
      now_ = text;
    }
    return written;
  }
  Written remove() {
    if (unlink(file_.c_str()) != 0)
      return tl::unexpected("cannot remove " + quote(file_.native()) + ": " + error_text(errno));
    changed_ = true;
    is_now_ = false;
    return {};
  }
  void keep() noexcept { changed_ = false; }

  /// Makes it what it was. Says so if that fails.
  bool restore() {
    changed_ = false;
    Written written;
    if (!is_there_)
      written = is_now_ ? remove() : Written();
    else
      written = is_now_ ? replace_file(file_, before_) : create_file(file_, before_);
    changed_ = false;
    is_now_ = is_there_;
    if (!written)
      std::cerr << "mxwarden: " << printable(written.error())
                << "; put it right before unbound starts again\n";
    return written.has_value();
  }

private:
  fs::path file_;
  bool is_there_ = false; ///< before
  std::string before_;
  std::string unreadable_;
  bool changed_ = false;
  bool is_now_ = false; ///< there
  std::string now_;
};

/// One at a time: nobody else changes the drop-in meanwhile.
class Lock {
public:
  explicit Lock(const fs::path &directory)
      : fd_(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  /// Nothing, or why it was not had.
  [[nodiscard]] std::optional<std::string> take() const {
    if (fd_.get() >= 0 && flock(fd_.get(), LOCK_EX | LOCK_NB) == 0)
      return std::nullopt;
    return errno == EWOULDBLOCK ? "another `mxwarden enable` or `disable` is at work; wait for it"
                                : error_text(errno);
  }

private:
  Descriptor fd_;
};

/// The state directory, which goes again unless it is kept. What the resolver's user owns it has to
/// be, and there may be none yet.
class StateDirectory {
public:
  StateDirectory(fs::path path, const std::string &user) : path_(std::move(path)) {
    std::error_code error;
    if (fs::exists(path_, error))
      return;
    made_ = fs::create_directory(path_, error);
    if (!made_) {
      error_ = "cannot make " + in_quotes(path_) + ": " + error.message();
      return;
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
    const passwd *entry = user.empty() ? nullptr : getpwnam(user.c_str());
    // Its parent may be that user's, who could put a link to something of root's in its place.
    const Descriptor fd(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd.get() < 0 || (entry != nullptr && fchown(fd.get(), entry->pw_uid, entry->pw_gid) != 0))
      error_ = "cannot give " + in_quotes(path_) + " to '" + user + "'";
  }
  StateDirectory(const StateDirectory &) = delete;
  StateDirectory &operator=(const StateDirectory &) = delete;
  ~StateDirectory() {
    if (made_)
      rmdir(path_.c_str());
  }
  [[nodiscard]] const std::string &error() const noexcept { return error_; }
  void keep() noexcept { made_ = false; }

private:
  fs::path path_;
  std::string error_;
  bool made_ = false;
};

/// How the resolver that runs takes its new configuration.
enum class Way : std::uint8_t { reload_unit, restart_unit, control, by_hand, none };

bool answers_control(const HostOptions &host) {
  const auto status = run({host.program("unbound-control"), "-c", host.conf.native(), "status"});
  return status && status->status == 0;
}

/// The resolver as it runs, and what it has to be told.
struct Situation {
  std::optional<Running> runs;
  Way way = Way::none;
  std::string why_restart; ///< why a reload is not enough; empty where it is
  fs::path state;          ///< as we see it
};

Situation situation_of(const HostOptions &host, const std::string &chroot,
                       const std::string &modules) {
  Situation now;
  now.runs = running(host);
  now.state = path_of(now.runs, "MXWARDEN_STATE", state_directory());
  if (!now.runs)
    return now;
  if (!now.runs->is_program)
    now.why_restart = "the program that runs is not " + in_quotes(host.program("unbound"));
  else if (!chroot.empty())
    now.why_restart = "a reload reads the configuration inside the chroot";
  else if (modules.find("ipset") != std::string::npos)
    now.why_restart = "ipset must start as root";
  now.way = Way::by_hand;
  if (is_unit_active())
    now.way = now.why_restart.empty() ? Way::reload_unit : Way::restart_unit;
  else if (now.why_restart.empty() && answers_control(host))
    now.way = Way::control;
  return now;
}

std::vector<std::string> command_of(const HostOptions &host, Way way) {
  switch (way) {
  case Way::reload_unit:
    return {"systemctl", "reload", "unbound"};
  case Way::restart_unit:
    return {"systemctl", "restart", "unbound"};
  case Way::control:
    return {host.program("unbound-control"), "-c", host.conf.native(), "reload"};
  case Way::by_hand:
  case Way::none:
    break;
  }
  return {};
}

std::string joined(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words)
    text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string next_step(const HostOptions &host, const Situation &now) {
  const std::string words = joined(command_of(host, now.way));
  switch (now.way) {
  case Way::reload_unit:
  case Way::control:
    return "next: " + words;
  case Way::restart_unit:
    return "next: " + words + " (" + now.why_restart + ")";
  case Way::by_hand:
    return now.why_restart.empty()
               ? "next: have unbound (process " + std::to_string(now.runs->pid) +
                     ") reload its configuration: kill -HUP " + std::to_string(now.runs->pid)
               : "next: restart unbound (" + now.why_restart + ")";
  case Way::none:
    return "next: start unbound, which does not run";
  }
  return "";
}

/// True once `good` is, before `limit` has gone by.
template <class Good> bool wait_for(std::chrono::seconds limit, Good &&good) {
  const auto deadline = Clock::now() + limit;
  while (Clock::now() < deadline && !Interruptions::came()) {
    if (good())
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

/// True if the resolver runs.
bool is_alive(const HostOptions &host, const Situation &now) {
  return answers_control(host) || (now.way != Way::control && is_unit_active());
}

/// Has the resolver take the configuration, and waits until `good`.
template <class Good>
std::optional<std::string> tell(const HostOptions &host, const Situation &now,
                                std::chrono::seconds limit, Good &&good) {
  const std::vector<std::string> words = command_of(host, now.way);
  const std::string said = joined(words);
  const auto ran = run(words, limit + kProgramLimit);
  if (!ran)
    return ran.error();
  if (ran->status != 0)
    return "'" + said + "' failed: " + ran->out + ran->err;
  if (wait_for(limit, std::forward<Good>(good)))
    return std::nullopt;
  return Interruptions::came() ? "interrupted"
                               : "after '" + said +
                                     "' the resolver did not come up as it should "
                                     "within " +
                                     std::to_string(limit.count()) + " seconds";
}

/// After `why`: the drop-in as it was, and the resolver too.
Exit take_back(const HostOptions &host, const Situation &now, DropIn &drop_in,
               std::chrono::seconds limit, const std::string &why) {
  const bool restored = drop_in.restore();
  std::string text = why;
  while (text.ends_with('\n'))
    text.pop_back();
  text += restored ? "; " + in_quotes(drop_in.file()) + " is as it was before" : "";
  // It may have ended: then a unit is started anew, and of what is no unit somebody must know.
  const Situation then = {now.runs, now.way == Way::reload_unit ? Way::restart_unit : now.way, "",
                          now.state};
  if (then.way == Way::restart_unit) // it may have failed too often to be started once more
    run({"systemctl", "reset-failed", "unbound"});
  if (const auto failed = tell(host, then, limit, [&] { return is_alive(host, then); }))
    return refuse(Exit::findings, text + ", BUT UNBOUND DOES NOT ANSWER, start it: " + *failed);
  return refuse(Exit::findings, text + ", and unbound runs with it");
}

/// What `enable` and `disable` begin with.
struct Begun {
  std::string modules; ///< the module-config in force
  std::string chroot;
  std::string user;
};
tl::expected<Begun, std::string> begin(const HostOptions &host) {
  for (const fs::path &path : {host.conf, host.module, host.drop_in})
    if (!path.is_absolute() || path.native().find_first_of("\"\n\r") != std::string::npos)
      return tl::unexpected(in_quotes(path) +
                            " cannot stand in unbound.conf; write a path from / without quotes");
  const auto sound = run({host.program("unbound-checkconf"), host.conf.native()});
  if (!sound)
    return tl::unexpected(sound.error() + "; apt-get install unbound, or name its directory by "
                                          "--host");
  if (sound->status != 0)
    return tl::unexpected("the configuration is not sound as it is, so nothing was changed: " +
                          sound->out + sound->err);
  Begun begun;
  for (const auto &[option, value] :
       {std::pair{"module-config", &begun.modules}, std::pair{"chroot", &begun.chroot},
        std::pair{"username", &begun.user}}) {
    auto found = effective(host, option);
    if (!found)
      return tl::unexpected(found.error());
    *value = std::move(*found);
  }
  if (!begun.chroot.empty() && begun.chroot.ends_with('/'))
    begun.chroot.pop_back();
  return begun;
}

/// The settings that others than the drop-in have, which are in the way.
std::vector<Setting> of_others(const HostOptions &host) {
  std::vector<Setting> settings = module_settings(host.conf);
  std::erase_if(settings, [&](const Setting &setting) {
    return real_path(setting.file) == real_path(host.drop_in);
  });
  return settings;
}

std::string listed(const std::vector<Setting> &settings) {
  std::string text;
  for (const Setting &setting : settings)
    if (setting.key == "dynlib-file" || has_module(setting.value, "dynlib"))
      text += (text.empty() ? "" : ", ") + place_of(setting) + " (" + setting.key + ": \"" +
              printable(setting.value) + "\")";
  return text;
}

/// The module-config without the drop-in.
std::string base_modules(const HostOptions &host, const Begun &begun, const DropIn &drop_in) {
  if (!drop_in.is_ours())
    return begun.modules;
  std::string base = without_dynlib(begun.modules);
  for (const Setting &setting : of_others(host))
    if (setting.key == "module-config")
      base = setting.value;
  return without_dynlib(base);
}

/// Whether the module is in the configuration already, and if so how.
enum class Already : std::uint8_t { no, yes, otherwise };
Already look(const HostOptions &host, const Begun &begun) {
  const auto files = effective(host, "dynlib-file");
  if (!has_module(begun.modules, "dynlib"))
    return listed(of_others(host)).empty() ? Already::no : Already::otherwise;
  return files && real_path(*files) == real_path(host.module) &&
                 begun.modules == with_dynlib(begun.modules)
             ? Already::yes
             : Already::otherwise;
}

/// What the two commands do once nobody else is at it.
using Work = Exit (*)(const EnableOptions &, const Begun &, DropIn &);

/// Calls `work`, in which the drop-in is `done`, unless something is in its way.
Exit with_drop_in(const EnableOptions &options, const char *done, Work work) {
  const HostOptions &host = options.host;
  if (geteuid() != 0 && !options.dry_run)
    return refuse(Exit::cannot_run, "only root can change the resolver; --dry-run shows what would "
                                    "be " +
                                        std::string(done));
  const auto begun = begin(host);
  if (!begun)
    return refuse(Exit::cannot_run, begun.error());
  // Both until the drop-in is what it has to be.
  const Interruptions interruptions;
  const Lock lock(real_path(host.drop_in).parent_path());
  if (const auto busy = options.dry_run ? std::nullopt : lock.take())
    return refuse(Exit::cannot_run,
                  in_quotes(real_path(host.drop_in).parent_path()) + ": " + *busy);
  DropIn drop_in(host.drop_in);
  if (!drop_in.unreadable().empty())
    return refuse(Exit::cannot_run, printable(drop_in.unreadable()));
  return work(options, *begun, drop_in);
}

Exit switch_on(const EnableOptions &options, const Begun &begun, DropIn &drop_in) {
  const HostOptions &host = options.host;
  const std::string modules = with_dynlib(base_modules(host, begun, drop_in));
  const std::string text = drop_in_text(host, modules);
  const Already already = look(host, begun);
  if (already == Already::yes && (drop_in.is(text) || !drop_in.is_ours())) {
    std::cout << "already on: module-config is \"" << begun.modules << "\", by "
              << place_of(module_settings(host.conf).back()) << '\n';
    return Exit::clean;
  }
  if (const std::string hand_made = listed(of_others(host)); !hand_made.empty())
    return refuse(Exit::findings, "dynlib is configured already, and not by this command: " +
                                      hand_made + "; take it out there, then this does the rest");
  if (drop_in.is_there() && !drop_in.is_ours())
    return refuse(Exit::findings, in_quotes(host.drop_in) + " is not mxwarden's, so it stays as it "
                                                            "is; move it away, or name another "
                                                            "--drop-in");
  const Situation now = situation_of(host, begun.chroot, modules);
  const fs::path config = path_of(now.runs, "MXWARDEN_CONFIG", default_config());
  const Loaded loaded = load_config(in_chroot(begun.chroot, config), std::time(nullptr));
  if (loaded.has_errors()) {
    print(loaded.findings);
    return refuse(Exit::findings, "the rules have errors; mend them first. Nothing was changed");
  }
  std::error_code error;
  if (!fs::is_regular_file(in_chroot(begun.chroot, host.module), error))
    return refuse(Exit::findings, "there is no module at " +
                                      in_quotes(in_chroot(begun.chroot, host.module)) +
                                      "; install it, or name it by --module");
  if (options.dry_run) {
    std::cout << "# would be written to " << printable(host.drop_in.native()) << '\n' << text;
    return Exit::clean;
  }
  if (options.now && command_of(host, now.way).empty())
    return refuse(Exit::findings,
                  "--now: unbound cannot be told here, nothing was changed; leave --now out. " +
                      next_step(host, now));

  StateDirectory state(in_chroot(begun.chroot, now.state), begun.user);
  if (!state.error().empty())
    return refuse(Exit::cannot_run, state.error());
  if (!drop_in.is_there())
    if (const Written written = drop_in.put(std::string(kDropInMark) + " it away.\n"); !written)
      return refuse(Exit::cannot_run, printable(written.error()));
  if (!options.no_trial) {
    TrialPlan plan;
    plan.host = host;
    plan.target = real_path(host.drop_in);
    plan.text = text;
    plan.modules = modules;
    plan.config = config;
    plan.state = now.state;
    plan.chroot = begun.chroot;
    for (const std::string &anchor :
         lines_of(effective(host, "auto-trust-anchor-file").value_or("")))
      plan.anchors.emplace_back(real_path(anchor));
    for (const std::string &name : lines_of(effective(host, "interface").value_or("")))
      if (const std::string device = name.substr(0, name.find('@'));
          device != "lo" && if_nametoindex(device.c_str()) != 0)
        plan.interfaces.push_back(device);
    plan.policy = loaded.policy.get();
    plan.sample = sample_look_alike(*loaded.policy);
    plan.limit = std::chrono::seconds(options.wait_s);
    const TrialResult result = try_out(plan);
    if (Interruptions::came())
      return refuse(Exit::cannot_run, "interrupted; everything is as before");
    if (result.outcome != TrialResult::Outcome::passed)
      return refuse(result.outcome == TrialResult::Outcome::failed ? Exit::findings
                                                                   : Exit::cannot_run,
                    result.text + "everything is as before");
    std::cout << "trial: " << printable(result.text) << '\n';
  }
  if (const Written written = drop_in.put(text); !written)
    return refuse(Exit::cannot_run, printable(written.error()) + "; everything is as before");
  const auto after = effective(host, "module-config");
  const auto sound = run({host.program("unbound-checkconf"), host.conf.native()});
  if (!after || *after != modules || !sound || sound->status != 0) {
    const std::string why = !after ? after.error()
                            : *after != modules
                                ? "module-config is \"" + printable(*after) + "\" and not \"" +
                                      modules + "\": another file sets it later, or " +
                                      in_quotes(host.drop_in) + " is not read"
                            : !sound ? sound.error()
                                     : "unbound-checkconf: " + sound->out + sound->err;
    const std::string help = remedy_for(why);
    return refuse(Exit::findings,
                  why + (help.empty() ? "" : "\n  help: " + help) + "\neverything is as before");
  }
  if (!options.now) {
    if (Interruptions::came())
      return refuse(Exit::cannot_run, "interrupted; everything is as before");
    drop_in.keep();
    state.keep();
    std::cout << "wrote " << in_quotes(host.drop_in) << ": module-config \"" << modules << "\"\n"
              << next_step(host, now) << '\n';
    return Exit::clean;
  }
  state.keep();
  const std::time_t told_s = std::time(nullptr);
  const fs::path socket = in_chroot(begun.chroot, now.state) / "control";
  const auto failed = tell(host, now, std::chrono::seconds(options.wait_s), [&] {
    const auto status = ask_module(socket, "status");
    return status && status->at("source") == "files" &&
           status->at("uptime_s").get<std::int64_t>() <= std::time(nullptr) - told_s + 1;
  });
  if (failed)
    return take_back(host, now, drop_in, std::chrono::seconds(options.wait_s), *failed);
  drop_in.keep();
  std::cout << "on: module-config is \"" << modules
            << "\", and the module answers; `mxwarden status` tells more\n";
  return Exit::clean;
}

Exit switch_off(const EnableOptions &options, const Begun &begun, DropIn &drop_in) {
  const HostOptions &host = options.host;
  const std::string hand_made = listed(of_others(host));
  if (!drop_in.is_there() && !has_module(begun.modules, "dynlib")) {
    std::cout << "already off: module-config is \"" << begun.modules << "\"\n";
    return Exit::clean;
  }
  if (!drop_in.is_ours())
    return refuse(Exit::findings,
                  "this was not written by `mxwarden enable`, so it stays as it is: " +
                      listed(module_settings(host.conf)) + "; take it out by hand");
  const Situation now = situation_of(host, begun.chroot, begun.modules);
  if (options.dry_run) {
    std::cout << "would remove " << in_quotes(host.drop_in) << '\n';
    return Exit::clean;
  }
  if (options.now && command_of(host, now.way).empty() && now.way != Way::none)
    return refuse(Exit::findings,
                  "--now: unbound cannot be told here, nothing was changed; leave --now out. " +
                      next_step(host, now));
  if (const Written written = drop_in.remove(); !written)
    return refuse(Exit::cannot_run, printable(written.error()));
  const auto sound = run({host.program("unbound-checkconf"), host.conf.native()});
  if (!sound || sound->status != 0)
    return refuse(Exit::findings, "without it the configuration is not sound, so it stays: " +
                                      (sound ? sound->out + sound->err : sound.error()));
  if (Interruptions::came())
    return refuse(Exit::cannot_run, "interrupted; everything is as before");
  const auto after = effective(host, "module-config");
  std::cout << "removed " << in_quotes(host.drop_in) << ": module-config \"" << after.value_or("")
            << "\"\n";
  if (!hand_made.empty())
    std::cout << "still there, by hand: " << hand_made << '\n';
  if (!options.now || now.way == Way::none) {
    drop_in.keep();
    if (now.way != Way::none)
      std::cout << next_step(host, now) << '\n';
    return Exit::clean;
  }
  const fs::path socket = in_chroot(begun.chroot, now.state) / "control";
  if (const auto failed = tell(host, now, std::chrono::seconds(options.wait_s), [&] {
        return !ask_module(socket, "status") && is_alive(host, now);
      }))
    return take_back(host, now, drop_in, std::chrono::seconds(options.wait_s), *failed);
  drop_in.keep();
  std::cout << "off: unbound runs without it\n";
  return Exit::clean;
}

} // namespace

Exit enable(const EnableOptions &options) { return with_drop_in(options, "written", switch_on); }
Exit disable(const EnableOptions &options) { return with_drop_in(options, "removed", switch_off); }

} // namespace mxw::cli
