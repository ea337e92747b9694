// `mxwarden policy`: answers mail servers that ask about recipients, one on standard input and
// output, or all that connect to it where that is a listening socket.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <iostream>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "cli/commands.h"
#include "loader/dns_text.h"
#include "loader/rule_options.h"
#include "loader/source.h"
#include "runtime/event_log.h"
#include "runtime/file_watch.h"

namespace mxw::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// Mail servers keep connections; one more than this ends the one that was idle longest, which they
/// expect.
constexpr std::size_t kMaxConnections = 500;
/// Of answers that nobody reads; then no more requests are read from there.
constexpr std::size_t kMaxUnsent = 65'536;

/// spawn(8) has all three on the connection: what is said there would be taken for an answer.
bool is_stderr_the_connection() {
  struct stat in = {};
  struct stat err = {};
  return isatty(STDERR_FILENO) == 0 && fstat(STDIN_FILENO, &in) == 0 &&
         fstat(STDERR_FILENO, &err) == 0 && in.st_dev == err.st_dev && in.st_ino == err.st_ino;
}

bool is_listening(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0;
}

/// The rules as they are in the files; where they have errors, those before.
class CurrentRules {
public:
  using Complain = void (*)(const std::string &line);

  CurrentRules(const RuleOptions &options, Complain complain)
      : options_(options), complain_(complain) {
    load();
  }

  [[nodiscard]] const Loaded &get() const noexcept { return rules_; }
  [[nodiscard]] int fd() const noexcept { return watch_.fd(); }
  void look_again() {
    if (watch_.changed())
      load();
  }

private:
  void load() {
    Loaded loaded = cli::load(options_);
    watch_.watch(loaded.inputs);
    for (const Diagnostic &finding : loaded.findings)
      if (finding.severity == Severity::error)
        for (const std::string &line : lines_of(render(finding)))
          complain_(line);
    if (!loaded.has_errors()) {
      rules_ = std::move(loaded);
      return;
    }
    complain_(rules_.policy != nullptr
                  ? "the rules have errors; those from before stay in force"
                  : "the rules have errors, and there are none from before: a warning MX refuses "
                    "all without saying why, a submission server lets all pass");
  }

  const RuleOptions &options_;
  Complain complain_;
  FileWatch watch_;
  Loaded rules_;
};

/// Written by processes that may be many: a line goes to the file in one piece.
class WarningLog {
public:
  WarningLog(std::filesystem::path file, CurrentRules::Complain complain)
      : log_(std::move(file)), complain_(complain) {}

  void write(Warning warning) {
    if (log_.discards())
      return;
    warning.time_us = now_us();
    const bool is_written = log_.open() && log_.write(to_json(warning));
    if (!is_written && !std::exchange(complained_, true))
      complain_("cannot write events: " + log_.error() + "; they are lost until that is mended");
    complained_ = complained_ && !is_written;
  }

private:
  EventLog log_;
  CurrentRules::Complain complain_;
  bool complained_ = false;
};

struct Connection {
  int in;
  int out;
  PolicyParser parser;
  std::string unsent;
  bool is_over = false; ///< nothing more is asked
  Clock::time_point used = Clock::now();
};

class Service {
public:
  Service(const PolicyServiceOptions &options, PolicyOptions answers,
          CurrentRules::Complain complain)
      : answers_(std::move(answers)), rules_(options.rules, complain),
        log_(options.events, complain) {}

  /// Returns when there is nobody left who could ask.
  void run() {
    listens_ = is_listening(STDIN_FILENO);
    if (!listens_)
      connections_.push_back({STDIN_FILENO, STDOUT_FILENO, {}, {}});
    while (listens_ || !connections_.empty())
      wait_and_work();
  }

private:
  static constexpr std::size_t kFirst = 2; // of waiting_: before it the rules and the listener

  void wait_and_work() {
    waiting_.assign({{rules_.fd(), POLLIN, 0}, {listens_ ? STDIN_FILENO : -1, POLLIN, 0}});
    for (const Connection &one : connections_) {
      const bool takes = one.unsent.size() < kMaxUnsent && !one.is_over;
      // One is for input, the other for output: a pipe has two ends.
      waiting_.push_back({takes ? one.in : -1, POLLIN, 0});
      waiting_.push_back({one.unsent.empty() ? -1 : one.out, POLLOUT, 0});
    }
    if (poll(waiting_.data(), waiting_.size(), -1) < 0)
      return; // a signal
    if (waiting_[0].revents != 0)
      rules_.look_again();
    std::size_t at = kFirst;
    for (auto next = connections_.begin(); next != connections_.end(); at += 2) {
      const auto one = next++;
      const bool is_there = (waiting_[at].revents == 0 || read_from(*one)) && send_to(*one);
      if (!is_there || (one->is_over && one->unsent.empty()))
        end(one);
    }
    if (waiting_[1].revents != 0)
      accept_one();
  }

  void accept_one() {
    const int fd = accept4(STDIN_FILENO, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0)
      return;
    if (connections_.size() >= kMaxConnections)
      end(std::min_element(
          connections_.begin(), connections_.end(),
          [](const Connection &a, const Connection &b) { return a.used < b.used; }));
    connections_.push_back({fd, fd, {}, {}});
  }

  bool read_from(Connection &connection) {
    std::array<char, 16'384> octets; // NOLINT(*-member-init): read into
    const ssize_t got = read(connection.in, octets.data(), octets.size());
    if (got < 0)
      return errno == EINTR || errno == EAGAIN;
    connection.is_over = got == 0;
    connection.used = Clock::now();
    connection.parser.take(
        {octets.data(), static_cast<std::size_t>(got)}, [&](const PolicyRequest &request) {
          PolicyAnswer answer = answer_to(request, rules_.get(), answers_, std::time(nullptr));
          if (answer.warning)
            log_.write(std::move(*answer.warning));
          connection.unsent += "action=" + answer.action + "\n\n";
        });
    return true;
  }

  /// False if nobody is there to take it.
  static bool send_to(Connection &connection) {
    while (!connection.unsent.empty()) {
      const std::string &text = connection.unsent;
      ssize_t sent = send(connection.out, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == ENOTSOCK) // then there is one, and it may wait
        sent = write(connection.out, text.data(), text.size());
      if (sent < 0 && errno == EINTR)
        continue;
      if (sent < 0)
        return errno == EAGAIN;
      connection.unsent.erase(0, static_cast<std::size_t>(sent));
    }
    return true;
  }

  void end(std::list<Connection>::iterator one) {
    if (one->in != STDIN_FILENO)
      close(one->in);
    connections_.erase(one);
  }

  PolicyOptions answers_;
  CurrentRules rules_;
  WarningLog log_;
  bool listens_ = false;
  std::list<Connection> connections_;
  std::vector<pollfd> waiting_;
};

void complain_on_stderr(const std::string &line) {
  std::cerr << "mxwarden: " << printable(line) << '\n';
}

void complain_to_syslog(const std::string &line) {
  syslog(LOG_MAIL | LOG_WARNING, "%s", printable(line).c_str());
}

} // namespace

Exit policy(const PolicyServiceOptions &options) {
  const bool to_syslog = is_stderr_the_connection();
  if (to_syslog)
    openlog("mxwarden", LOG_PID, LOG_MAIL);
  const auto complain = to_syslog ? complain_to_syslog : complain_on_stderr;
  const auto refuse = [&](const std::string &message) {
    complain(message);
    return Exit::cannot_run;
  };
  PolicyOptions answers;
  answers.role = options.role;
  answers.language = options.language;
  answers.local_parts = options.local_parts;
  if (!options.language.empty() && !is_language(options.language))
    return refuse(quote(options.language) + " is no language; write a tag such as de");
  if (!options.client.empty()) {
    answers.client = parse_address(options.client);
    if (!answers.client)
      return refuse(quote(options.client) + " is not an IP address");
  }
  std::signal(SIGPIPE, SIG_IGN); // whoever does not want the answer has gone
  Service(options, std::move(answers), complain).run();
  return Exit::clean;
}

} // namespace mxw::cli
