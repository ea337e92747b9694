#include "cli/host.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands.h"
#include "loader/posix.h"
#include "loader/source.h"

extern char **environ; // NOLINT(readability-redundant-declaration): POSIX has it in no header

namespace mxw::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxOutput = std::size_t{1} << 20U;
/// Of a file of unbound.conf, and how deep they may include each other: as Unbound has it.
constexpr std::size_t kMaxConfBytes = std::size_t{16} << 20U;
constexpr int kMaxIncludes = 100'000;

volatile std::sig_atomic_t interrupted = 0;
constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
std::array<struct sigaction, kSignals.size()> before;

/// A pipe whose ends go with it.
struct Pipe {
  std::array<int, 2> ends = {-1, -1};
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
      ends = {-1, -1};
  }
  Pipe(const Pipe &) = delete;
  Pipe &operator=(const Pipe &) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  void close_end(std::size_t end) {
    if (ends[end] >= 0)
      close(std::exchange(ends[end], -1));
  }
};

/// Reads what there is; false at the end.
bool drain(Pipe &pipe, std::string &text) {
  std::array<char, 4096> part = {};
  const ssize_t got = read(pipe.ends[0], part.data(), part.size());
  if (got > 0 && text.size() < kMaxOutput)
    text.append(part.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

/// Reads unbound.conf as far as the settings looked for need it.
class ConfReader {
public:
  std::vector<Setting> settings;

  void read(const fs::path &file) {
    // What includes itself would never end.
    if (!open_.insert(real_path(file)).second || ++files_ > kMaxIncludes)
      return;
    if (const auto source = Source::read(file, kMaxConfBytes))
      take(file, source->text());
    open_.erase(real_path(file));
  }

private:
  struct Word {
    std::string text;
    std::size_t line;
  };

  /// A keyword with its colon, or a value without its quotes; nullopt at the end.
  std::optional<Word> next(std::string_view text, std::size_t &at, std::size_t &line) {
    for (; at < text.size(); ++at)
      if (text[at] == '#')
        at = std::min(text.find('\n', at), text.size()) - 1;
      else if (text[at] == '\n')
        ++line;
      else if (std::isspace(static_cast<unsigned char>(text[at])) == 0)
        break;
    if (at >= text.size())
      return std::nullopt;
    Word word = {"", line};
    if (const char quote = text[at]; quote == '"' || quote == '\'') {
      const std::size_t end =
          std::min(text.find_first_of(std::string{quote, '\n'}, at + 1), text.size());
      word.text = text.substr(at + 1, end - at - 1);
      at = end < text.size() && text[end] == quote ? end + 1 : end;
      return word;
    }
    const std::size_t begin = at;
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) == 0 &&
           text[at] != '"' && text[at] != '\'')
      if (text[at++] == ':' && is_keyword(text.substr(begin, at - 1 - begin)))
        break;
    word.text = text.substr(begin, at - begin);
    return word;
  }
  static bool is_keyword(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '6'; });
  }

  void take(const fs::path &file, std::string_view text) {
    std::size_t at = 0;
    std::size_t line = 1;
    while (const auto key = next(text, at, line)) {
      const bool includes = key->text == "include:" || key->text == "include-toplevel:";
      if (!includes && key->text != "module-config:" && key->text != "dynlib-file:")
        continue;
      const auto value = next(text, at, line);
      if (!value)
        return;
      if (includes)
        include(value->text);
      else
        settings.push_back(
            {key->text.substr(0, key->text.size() - 1), value->text, file, key->line});
    }
  }
  void include(const std::string &pattern) {
    glob_t found = {};
    if (glob(pattern.c_str(), GLOB_BRACE | GLOB_TILDE | GLOB_NOMAGIC | GLOB_ERR, nullptr, &found) ==
        0)
      for (std::size_t i = 0; i < found.gl_pathc; ++i)
        read(found.gl_pathv[i]);
    globfree(&found);
  }

  std::set<fs::path> open_;
  int files_ = 0;
};

std::string text_of(const fs::path &file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The configuration that a resolver was started with.
fs::path conf_of(const fs::path &proc) {
  fs::path conf = HostOptions().conf;
  std::istringstream words(text_of(proc / "cmdline"));
  for (std::string word; std::getline(words, word, '\0');)
    if (word == "-c") {
      std::getline(words, word, '\0');
      conf = word;
    } else if (word.starts_with("-c")) {
      conf = word.substr(2);
    }
  return conf;
}

/// What /proc tells of `pid`, if it is the resolver with the configuration of `host`, and of no
/// container.
std::optional<Running> look_at(pid_t pid, const HostOptions &host) {
  const fs::path proc = fs::path("/proc") / std::to_string(pid);
  if (text_of(proc / "comm") != "unbound\n" || real_path(conf_of(proc)) != real_path(host.conf))
    return std::nullopt;
  std::error_code error;
  if (fs::read_symlink(proc / "ns/pid", error) != fs::read_symlink("/proc/self/ns/pid", error))
    return std::nullopt;
  Running found;
  found.pid = pid;
  found.exe = fs::read_symlink(proc / "exe", error);
  struct stat runs = {};
  struct stat would = {};
  found.is_program = stat((proc / "exe").c_str(), &runs) == 0 &&
                     stat(host.program("unbound").c_str(), &would) == 0 &&
                     runs.st_dev == would.st_dev && runs.st_ino == would.st_ino;
  std::istringstream variables(text_of(proc / "environ"));
  for (std::string one; std::getline(variables, one, '\0');)
    if (const std::size_t equals = one.find('=');
        one.starts_with("MXWARDEN_") && equals != std::string::npos)
      found.environment[one.substr(0, equals)] = one.substr(equals + 1);
  return found;
}

} // namespace

Interruptions::Interruptions() {
  interrupted = 0;
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    sigaction(kSignals[i], &action, &before[i]);
}

Interruptions::~Interruptions() {
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    sigaction(kSignals[i], &before[i], nullptr);
}

bool Interruptions::came() noexcept { return interrupted != 0; }

tl::expected<Ran, std::string> run(const std::vector<std::string> &words,
                                   std::chrono::milliseconds limit) {
  const auto fail = [&](const std::string &why) {
    return tl::unexpected("cannot run " + quote(words.front()) + ": " + why);
  };
  Pipe out;
  Pipe err;
  if (out.ends[1] < 0 || err.ends[1] < 0)
    return fail(error_text(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.ends[1], STDERR_FILENO);
  std::vector<char *> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string &word : words)
    arguments.push_back(const_cast<char *>(word.c_str())); // NOLINT(*-const-cast): as exec wants it
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error =
      posix_spawnp(&pid, arguments.front(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return fail(error_text(error));
  out.close_end(1);
  err.close_end(1);
  Ran ran;
  const auto deadline = Clock::now() + limit;
  std::array<pollfd, 2> ends = {{{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}}};
  bool in_time = true;
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 || Interruptions::came()) {
      in_time = false;
      break;
    }
    if (poll(ends.data(), ends.size(), static_cast<int>(std::min<std::int64_t>(left, 200))) < 0)
      continue;
    if (ends[0].revents != 0 && !drain(out, ran.out))
      ends[0].fd = -1;
    if (ends[1].revents != 0 && !drain(err, ran.err))
      ends[1].fd = -1;
  }
  if (!in_time)
    kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  if (!in_time)
    return fail(Interruptions::came() ? "it was interrupted" : "it takes too long");
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

std::vector<Setting> module_settings(const fs::path &conf) {
  ConfReader reader;
  reader.read(conf);
  return std::move(reader.settings);
}

std::string place_of(const Setting &setting) {
  return printable(setting.file.native()) + ':' + std::to_string(setting.line);
}

tl::expected<std::string, std::string> effective(const HostOptions &host,
                                                 const std::string &option) {
  auto ran = run({host.program("unbound-checkconf"), "-f", "-o", option, host.conf.native()});
  if (!ran)
    return tl::unexpected(ran.error());
  if (ran->status != 0)
    return tl::unexpected("unbound-checkconf cannot read '" + option + "' of " +
                          quote(host.conf.native()) + ": " +
                          (ran->err.empty() ? ran->out : ran->err));
  while (ran->out.ends_with('\n'))
    ran->out.pop_back();
  return ran->out;
}

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; in >> word;)
    words.push_back(word);
  return words;
}

std::vector<std::string> lines_of(const std::string &text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    lines.push_back(std::move(line));
  return lines;
}

bool has_module(std::string_view modules, std::string_view module) {
  const auto words = words_of(modules);
  return std::find(words.begin(), words.end(), module) != words.end();
}

std::string without_dynlib(std::string_view modules) {
  std::string rest;
  for (const std::string &word : words_of(modules))
    if (word != "dynlib")
      rest += (rest.empty() ? "" : " ") + word;
  return rest;
}

std::string with_dynlib(std::string_view modules) {
  std::string order;
  bool placed = false;
  for (const std::string &word : words_of(without_dynlib(modules))) {
    if (!placed && word != "dns64" && word != "python") {
      order += order.empty() ? "dynlib" : " dynlib";
      placed = true;
    }
    order += (order.empty() ? "" : " ") + word;
  }
  return order;
}

fs::path path_of(const std::optional<Running> &runs, const std::string &variable,
                 const fs::path &usual) {
  return runs && runs->environment.contains(variable) ? fs::path(runs->environment.at(variable))
                                                      : usual;
}

std::optional<Running> running(const HostOptions &host) {
  std::error_code error;
  std::optional<Running> oldest; // a reload of some versions has a second one for a moment
  for (const fs::directory_entry &entry : fs::directory_iterator("/proc", error)) {
    const int pid = std::atoi(entry.path().filename().c_str()); // NOLINT(cert-err34-c)
    auto found = pid > 0 ? look_at(pid, host) : std::nullopt;
    if (found && (!oldest || found->pid < oldest->pid))
      oldest = std::move(found);
  }
  return oldest;
}

bool is_unit_active() {
  std::error_code error;
  if (!fs::exists("/run/systemd/system", error))
    return false;
  const auto ran = run({"systemctl", "is-active", "--quiet", "unbound.service"});
  return ran && ran->status == 0;
}

fs::path in_chroot(const fs::path &chroot, const fs::path &path) {
  const std::string &prefix = chroot.native();
  if (prefix.empty() || path.native().starts_with(prefix + '/'))
    return path;
  return chroot / path.relative_path();
}

std::string in_quotes(const fs::path &path) { return printable(quote(path.native())); }

} // namespace mxw::cli
