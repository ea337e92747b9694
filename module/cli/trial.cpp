#include "cli/trial.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/mount.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/module_client.h"
#include "loader/dns_text.h"
#include "loader/posix.h"
#include "loader/source.h"

extern char **environ; // NOLINT(readability-redundant-declaration): POSIX has it in no header

namespace mxw::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Outcome = TrialResult::Outcome;

/// Nobody's address, so that no access-control and no rule of the configuration means it.
constexpr const char *kAddress = "127.77.88.99";
constexpr std::uint16_t kPort = 5354;
/// Answered by the resolver itself, before any module: it tells that it is there.
constexpr const char *kReadyName = "trial.mxwarden.invalid";
constexpr std::chrono::milliseconds kPatience(2000);
constexpr std::size_t kMaxLogLines = 12;

/// Makes a mount at `path` read-only or writable; with all below it where `recursive`.
bool set_mount(const char *path, std::uint64_t set, std::uint64_t clear, bool recursive,
               std::uint64_t propagation = 0) {
  mount_attr attributes = {};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  return syscall(SYS_mount_setattr, AT_FDCWD, path, recursive ? AT_RECURSIVE : 0, &attributes,
                 sizeof attributes) == 0;
}

/// The first process of the trial's namespaces.
class Trial {
public:
  explicit Trial(const TrialPlan &plan) : plan_(plan), state_(in_chroot(plan.chroot, plan.state)) {}

  TrialResult run_all() {
    if (!make_room())
      return {Outcome::cannot_run,
              why_ + "; --no-trial goes without it, by what unbound-checkconf says alone\n"};
    const bool passed =
        look_at_configuration() && start() && await() && look_at_decisions() && await() && stop();
    return {passed ? Outcome::passed : Outcome::failed, passed ? seen_ : told()};
  }

private:
  bool fail(std::string why) {
    why_ = std::move(why);
    return false;
  }
  bool fail_to(const std::string &what, int error) {
    return fail("the trial cannot " + what + ": " + error_text(error));
  }

  bool make_room() {
    // What is mounted from here on is nobody else's, and nothing that is there can be written.
    if (!set_mount("/", MOUNT_ATTR_RDONLY, 0, true, MS_PRIVATE))
      return fail_to("make a file system of its own", errno);
    struct stat owner = {};
    if (stat(state_.c_str(), &owner) != 0)
      return fail_to("see the state directory " + in_quotes(state_), errno);
    const auto add_memory = [&] {
      return mount("mxwarden-trial", state_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") ==
             0;
    };
    if (!add_memory())
      return fail_to("mount memory at " + in_quotes(state_), errno);
    std::vector<fs::path> copied;
    for (const fs::path &anchor : plan_.anchors)
      if (!copy_in_memory(anchor.parent_path(), copied))
        return false;
    if (!add_memory() || chown(state_.c_str(), owner.st_uid, owner.st_gid) != 0 ||
        chmod(state_.c_str(), owner.st_mode & 07777U) != 0)
      return fail_to("mount memory at " + in_quotes(state_), errno);
    const fs::path drop_in = state_ / "drop-in.conf";
    if (!write(drop_in, plan_.text) || !write(conf(), conf_text()))
      return fail_to("write to its memory", errno);
    if (mount(drop_in.c_str(), plan_.target.c_str(), nullptr, MS_BIND, nullptr) != 0)
      return fail_to("put the drop-in at " + in_quotes(plan_.target), errno);
    return make_network();
  }

  /// What is written to `directory` from now on is in memory only.
  bool copy_in_memory(const fs::path &directory, std::vector<fs::path> &copied) {
    std::error_code error;
    if (!fs::is_directory(directory, error) ||
        std::find(copied.begin(), copied.end(), directory) != copied.end())
      return true;
    const fs::path memory = state_ / std::to_string(copied.size());
    for (const char *part : {"upper", "work"})
      fs::create_directories(memory / part, error);
    struct stat owner = {};
    if (stat(directory.c_str(), &owner) != 0 ||
        chown((memory / "upper").c_str(), owner.st_uid, owner.st_gid) != 0 ||
        chmod((memory / "upper").c_str(), owner.st_mode & 07777U) != 0)
      return fail_to("see " + in_quotes(directory), errno);
    const std::string options = "lowerdir=" + escaped(directory) +
                                ",upperdir=" + escaped(memory / "upper") +
                                ",workdir=" + escaped(memory / "work");
    if (mount("mxwarden-trial", directory.c_str(), "overlay", 0, options.c_str()) != 0)
      return fail_to("copy " + in_quotes(directory) + " in memory", errno);
    copied.push_back(directory);
    return true;
  }
  /// As overlayfs takes paths.
  static std::string escaped(const fs::path &path) {
    std::string text;
    for (const char c : path.native())
      text += c == ':' || c == ',' || c == '\\' ? std::string{'\\', c} : std::string{c};
    return text;
  }

  static bool write(const fs::path &file, const std::string &text) {
    std::ofstream out(file, std::ios::binary);
    out << text << std::flush;
    return out.good() && chmod(file.c_str(), 0644) == 0;
  }

  [[nodiscard]] std::string client() const {
    return plan_.sample && plan_.sample->query.client ? to_string(*plan_.sample->query.client)
                                                      : kAddress;
  }

  bool make_network() {
    std::string script = "link set lo up\n";
    if (client() != kAddress)
      script += "addr add " + client() + "/32 dev lo\n";
    int number = 0;
    for (const std::string &name : plan_.interfaces) {
      const std::string n = std::to_string(++number);
      script.append("link add ").append(name).append(" type veth peer name mxwtrial").append(n);
      script.append("\nlink set ").append(name).append(" up\naddr add 192.0.2.").append(n);
      script.append("/32 dev ").append(name).append("\n");
    }
    const fs::path file = state_ / "network";
    if (!write(file, script))
      return fail_to("write to its memory", errno);
    const auto ran = run({"ip", "-batch", file.native()});
    if (!ran)
      return fail(ran.error() + "; apt-get install iproute2");
    return ran->status == 0 || fail("the trial cannot make a network of its own: " + ran->err);
  }

  [[nodiscard]] fs::path conf() const { return state_ / "trial.conf"; }

  /// The resolver's own configuration, without what others of its kind would be disturbed by.
  [[nodiscard]] std::string conf_text() const {
    const std::string address(kAddress);
    return "include: \"" + plan_.host.conf.native() +
           "\"\n"
           "server:\n"
           "  interface: " +
           address + '@' + std::to_string(kPort) +
           "\n"
           "  ip-freebind: yes\n"
           "  interface-automatic: no\n"
           "  access-control: " +
           address + "/32 allow\n" + "  access-control: " + client() +
           "/32 allow\n"
           "  local-zone: \"" +
           kReadyName +
           ".\" static\n"
           "  do-ip4: yes\n"
           "  do-udp: yes\n"
           "  num-threads: 1\n"
           "  pidfile: \"\"\n"
           "  do-daemonize: no\n"
           "  use-systemd: no\n"
           "  use-syslog: no\n"
           "  logfile: \"\"\n"
           "  log-queries: no\n"
           "  log-replies: no\n"
           "  verbosity: 1\n"
           "  shm-enable: no\n"
           "remote-control:\n"
           "  control-enable: no\n"
           "dnstap:\n"
           "  dnstap-enable: no\n";
  }

  bool look_at_configuration() {
    const auto modules = effective(plan_.host, "module-config");
    if (!modules)
      return fail(modules.error());
    if (*modules != plan_.modules)
      return fail("with the drop-in module-config is \"" + printable(*modules) + "\" and not \"" +
                  plan_.modules + "\": " + overridden());
    const auto sound = run({plan_.host.program("unbound-checkconf"), plan_.host.conf.native()});
    if (!sound)
      return fail(sound.error());
    return sound->status == 0 || fail("unbound-checkconf: " + sound->out + sound->err);
  }
  [[nodiscard]] std::string overridden() const {
    const std::vector<Setting> settings = module_settings(plan_.host.conf);
    bool is_read = false;
    const Setting *last = nullptr;
    for (const Setting &setting : settings) {
      is_read = is_read || real_path(setting.file) == plan_.target;
      if (setting.key == "module-config")
        last = &setting;
    }
    if (!is_read)
      return "no 'include:' of " + in_quotes(plan_.host.conf) + " reads " +
             in_quotes(plan_.target) + "; --drop-in names a file that is read";
    return last == nullptr ? "something sets it"
                           : place_of(*last) + " sets it later; take that line out, mxwarden "
                                               "knows what the order must be";
  }

  bool start() {
    const std::string log = log_file().native();
    // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread
    for (const char *of_the_unit : {"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"})
      unsetenv(of_the_unit);
    setenv("MXWARDEN_CONFIG", plan_.config.c_str(), 1);
    setenv("MXWARDEN_STATE", plan_.state.c_str(), 1);
    // NOLINTEND(concurrency-mt-unsafe)
    std::array<std::string, 4> words = {plan_.host.program("unbound"), "-d", "-c", conf().native()};
    std::array<char *, 5> arguments = {words[0].data(), words[1].data(), words[2].data(),
                                       words[3].data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    const int error =
        posix_spawn(&pid_, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0 || fail("cannot run " + in_quotes(words[0]) + ": " + error_text(error));
  }

  [[nodiscard]] fs::path log_file() const { return state_ / "trial.log"; }

  bool is_gone() {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_)
      return false;
    pid_ = 0;
    fail(WIFSIGNALED(status)
             ? "unbound crashed in the trial (signal " + std::to_string(WTERMSIG(status)) + ")"
             : "unbound ended in the trial (exit status " + std::to_string(WEXITSTATUS(status)) +
                   ")");
    return true;
  }

  /// Until it answers.
  bool await() {
    constexpr std::chrono::milliseconds kStep(100);
    const auto deadline = Clock::now() + plan_.limit;
    const Name name = *parse_name(kReadyName);
    while (Clock::now() < deadline) {
      if (is_gone())
        return false;
      if (ask({kAddress, kPort, ""}, name, qtype::kA, kStep * 5))
        return true;
      std::this_thread::sleep_for(kStep);
    }
    return fail("unbound gives no answer in the trial within " +
                std::to_string(plan_.limit.count()) + " seconds");
  }

  bool look_at_decisions() {
    const auto before = ask_module(state_ / "control", "status");
    if (!before)
      return fail("unbound answers in the trial, but the module does not: " + before.error());
    if (before->at("source") != "files")
      return fail("the module cannot load the rules in the trial, though this command can");
    seen_ = count(before->at("rules"), "rule") + ", " +
            count(before->at("protected_names"), "protected name") + " loaded";
    if (!plan_.sample) {
      seen_ += "; no look-alike was found to ask for";
      return true;
    }
    const Sample &sample = *plan_.sample;
    const Rule &rule = plan_.policy->rules()[sample.verdict.rule];
    const std::string typed = to_string(sample.query.name);
    const auto answer = ask({kAddress, kPort, client()}, sample.query.name, qtype::kMx,
                            kPatience + std::chrono::milliseconds(rule.verify.timeout_ms));
    const auto after = ask_module(state_ / "control", "status");
    if (!after)
      return fail("the module stopped to answer in the trial: " + after.error());
    // By what is found out, or is not, a rule that verifies may pass.
    if (sample.verdict.enforced() && !rule.verify && !is_as_decided(answer, sample, *plan_.policy))
      return fail("in the trial the MX question for " + typed + " did not get '" +
                  std::string(to_string(sample.verdict.decision)) + "' of rule '" + rule.id +
                  "' as its answer; local data, a policy zone or access-control comes before it");
    if (total(*after, rule.id) == total(*before, rule.id))
      return fail("in the trial the module did not decide the MX question for " + typed +
                  "; local data, a policy zone or access-control comes before it");
    seen_ += "; " + typed + " " +
             (sample.verdict.enforced() ? "answered by " : "only observed by ") + "rule '" +
             rule.id + "'";
    // Nobody can resolve it here; it must reach those who would, and is not counted.
    const Name ordinary = sample.verdict.protected_name;
    ask({kAddress, kPort, client()}, ordinary, qtype::kMx, kPatience / 2);
    const auto at_end = ask_module(state_ / "control", "status");
    if (!at_end || total(*at_end, "") != total(*after, ""))
      return fail("in the trial the module decided the MX question for " + to_string(ordinary) +
                  ", which is no look-alike");
    seen_ += "; " + to_string(ordinary) + " passed on";
    return true;
  }
  /// What `rule` has decided, or all rules.
  static std::uint64_t total(const nlohmann::ordered_json &status, const std::string &rule) {
    std::uint64_t sum = 0;
    for (const auto &one : status.at("decisions"))
      if (rule.empty() || one.at("rule") == rule)
        sum += one.at("count").get<std::uint64_t>();
    return sum;
  }

  /// It must end well, too: a reload is an end and a start.
  bool stop() {
    kill(pid_, SIGTERM);
    const auto deadline = Clock::now() + std::chrono::seconds(10);
    int status = 0;
    while (Clock::now() < deadline) {
      if (waitpid(pid_, &status, WNOHANG) == pid_)
        return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
               fail("unbound did not end well in the trial");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return fail("unbound did not end in the trial when it was asked to");
  }

  /// What is wrong, what the resolver says of it, and what helps.
  [[nodiscard]] std::string told() const {
    std::string text = why_;
    while (text.ends_with('\n'))
      text.pop_back();
    text += '\n';
    std::ifstream log(log_file());
    std::vector<std::string> lines;
    for (std::string line; std::getline(log, line);)
      if (line.find("mxwarden") != std::string::npos || line.find("error") != std::string::npos ||
          line.find("dynlib") != std::string::npos || line.find("Unknown") != std::string::npos)
        lines.push_back(line.substr(line.starts_with('[') ? line.find("] ") + 2 : 0));
    std::string all = why_;
    for (std::size_t i = lines.size() - std::min(lines.size(), kMaxLogLines); i < lines.size();
         ++i) {
      text += "  " + printable(lines[i]) + '\n';
      all += lines[i] + '\n';
    }
    if (const std::string help = remedy_for(all); !help.empty())
      text += "  help: " + help + '\n';
    return text;
  }

  const TrialPlan &plan_;
  fs::path state_; // as we see it
  pid_t pid_ = 0;
  std::string why_;
  std::string seen_;
};

} // namespace

std::string remedy_for(std::string_view log) {
  struct Known {
    std::string_view said;
    std::string_view help;
  };
  static constexpr std::array kKnown = {
      Known{"refused to load: compiled for unbound",
            "install the mxwarden that was built for this unbound, or build it again against it"},
      Known{"not present (not compiled in)",
            "this unbound has no dynlib module: contrib/unbound/build makes one that has"},
      Known{"but that module is not available",
            "this unbound has no dynlib module: contrib/unbound/build makes one that has"},
      Known{"is not known to work", "unbound-checkconf knows no such order with dynlib; take out a "
                                    "module that is not needed"},
      Known{"undefined symbol",
            "the module was built for another unbound; install the one that was built for this"},
      Known{"No such file or directory",
            "with 'chroot:' the library, what it needs (ldd) and the rules must be inside it; see "
            "docs/deploy.md"},
      Known{"Permission denied",
            "the resolver's user, or AppArmor, may not read it; `mxwarden doctor` tells which"},
  };
  for (const Known &known : kKnown)
    if (log.find(known.said) != std::string_view::npos)
      return std::string(known.help);
  return "";
}

TrialResult try_out(const TrialPlan &plan) {
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return {Outcome::cannot_run, "cannot make a pipe: " + error_text(errno) + '\n'};
  const long made =
      syscall(SYS_clone, CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID | SIGCHLD,
              nullptr, nullptr, nullptr, nullptr);
  if (made == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) // whoever started it ends it
      std::signal(signal, SIG_DFL);                    // NOLINT(cert-err33-c)
    TrialResult result;
    try {
      result = Trial(plan).run_all();
    } catch (const std::exception &e) {
      result.text = std::string(e.what()) + '\n';
    }
    std::string_view text = result.text;
    while (!text.empty()) {
      const ssize_t done = write(ends[1], text.data(), text.size());
      if (done <= 0)
        break;
      text.remove_prefix(static_cast<std::size_t>(done));
    }
    _exit(static_cast<int>(result.outcome)); // and the kernel ends whatever is left of it
  }
  const int error = errno;
  close(ends[1]);
  TrialResult result;
  if (made < 0) {
    close(ends[0]);
    return {Outcome::cannot_run,
            "the trial cannot have namespaces of its own: " + error_text(error) +
                "; in a container it may be forbidden. --no-trial goes "
                "without it, by what unbound-checkconf says alone\n"};
  }
  const auto deadline = Clock::now() + 2 * plan.limit + std::chrono::seconds(60);
  std::array<char, 4096> part = {};
  for (;;) {
    pollfd end = {ends[0], POLLIN, 0};
    const int ready = poll(&end, 1, 100);
    if (Interruptions::came() || Clock::now() > deadline) {
      kill(static_cast<pid_t>(made), SIGKILL);
      result.text = Interruptions::came() ? "interrupted\n" : "the trial takes too long\n";
      break;
    }
    if (ready <= 0)
      continue;
    const ssize_t got = read(ends[0], part.data(), part.size());
    if (got == 0 || (got < 0 && errno != EINTR))
      break;
    if (got > 0)
      result.text.append(part.data(), static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(static_cast<pid_t>(made), &status, 0) < 0 && errno == EINTR)
    ;
  result.outcome = WIFEXITED(status) && WEXITSTATUS(status) <= 2
                       ? static_cast<Outcome>(WEXITSTATUS(status))
                       : Outcome::failed;
  return result;
}

} // namespace mxw::cli
