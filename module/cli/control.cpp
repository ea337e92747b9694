// `mxwarden status`, `stats`, `reload` and `tail`: what asks the running module.
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/commands.h"

namespace mxw::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string complaint(const std::filesystem::path &socket, const std::string &why,
                      const std::string &remedy) {
  return "cannot ask the module at '" + printable(socket.string()) + "': " + why + "; " + remedy;
}

/// A connection to the module.
class Connection {
public:
  Connection() = default;
  Connection(const Connection &) = delete;
  Connection &operator=(const Connection &) = delete;
  ~Connection() {
    if (fd_ >= 0)
      close(fd_);
  }

  /// Connects and sends `request`; says why where that fails.
  tl::expected<void, std::string> ask(const std::filesystem::path &socket, std::string request) {
    const auto fail = [&](int error) {
      const std::string why =
          std::strerror(error); // NOLINT(concurrency-mt-unsafe): there is one thread
      return tl::unexpected(
          complaint(socket, why,
                    error == EACCES || error == EPERM ? "it answers root and the resolver's group"
                    : error == ENOENT || error == ECONNREFUSED
                        ? "is the resolver running, with the module? --socket names another place"
                        : "--socket names another place"));
    };
    sockaddr_un address = {};
    if (socket.native().size() >= sizeof(address.sun_path))
      return fail(ENAMETOOLONG);
    address.sun_family = AF_UNIX;
    socket.native().copy(static_cast<char *>(address.sun_path), socket.native().size());
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    request += '\n';
    if (fd_ < 0 ||
        connect(fd_, static_cast<const sockaddr *>(static_cast<const void *>(&address)),
                sizeof(address)) != 0 ||
        send(fd_, request.data(), request.size(), MSG_NOSIGNAL) < 0)
      return fail(errno);
    return {};
  }
  /// From now on read_all() waits for so long at most for more.
  void limit(std::chrono::seconds wait) const {
    const timeval time = {wait.count(), 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  }

  /// Calls `take(octets)` with what comes, until the other side has no more, or it returns false.
  template <class Take> void read_all(Take &&take) const {
    std::array<char, 1U << 16U> buffer; // NOLINT(*-member-init): filled by recv()
    for (;;) {
      const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0 || !take(std::string_view(buffer.data(), static_cast<std::size_t>(got))))
        return;
    }
  }

private:
  int fd_ = -1;
};

/// The same as ask_module(), which tells standard error why there is no answer.
std::optional<Json> answer_to(const std::filesystem::path &socket, const std::string &request) {
  auto answer = ask_module(socket, request);
  if (answer)
    return std::move(*answer);
  std::cerr << "mxwarden: " << answer.error() << '\n';
  return std::nullopt;
}

std::string duration(std::int64_t seconds) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (seconds >= 2 * kDay)
    return std::to_string(seconds / kDay) + " days";
  if (seconds >= 2 * kHour)
    return std::to_string(seconds / kHour) + " hours";
  if (seconds >= 2 * kMinute)
    return std::to_string(seconds / kMinute) + " minutes";
  return std::to_string(seconds) + (seconds == 1 ? " second" : " seconds");
}

/// True if the rules of the files are in force.
bool is_as_written(const Json &status) {
  return status.at("source") == "files" && !status.at("refused").get<bool>();
}

void print_decisions(const Json &status) {
  for (const Json &one : status.at("decisions"))
    std::cout << "  " << printable(one.at("rule").get<std::string>()) << ' '
              << one.at("action").get<std::string>() << ' ' << one.at("mode").get<std::string>()
              << ": " << one.at("count") << '\n';
}

void print_status(const Json &status) {
  const auto row = [](const char *title, const std::string &value) {
    std::cout << title << printable(value) << '\n';
  };
  const auto number = [&](const char *key) {
    return std::to_string(status.at(key).get<std::uint64_t>());
  };
  const std::string source = status.at("source");
  row("version     ", status.at("version").get<std::string>() + " in unbound " +
                          status.at("host_version").get<std::string>() + ", running for " +
                          duration(status.at("uptime_s")));
  row("config      ", status.at("config"));
  row("rules       ", source == "none"        ? "NONE: nothing is enforced"
                      : source == "last-good" ? "THE LAST GOOD ONES: those in the files have errors"
                      : is_as_written(status)
                          ? "as they are in the files"
                          : "THOSE FROM BEFORE: the files were changed, and have errors");
  if (source != "none") {
    row("in force    ",
        "for " + duration(status.at("age_s")) + ", generation " + number("generation"));
    row("size        ", count(status.at("rules"), "rule") + ", " +
                            count(status.at("protected_names"), "protected name") + ", " +
                            count(status.at("memory_bytes"), "byte"));
  }
  if (status.at("refused").get<bool>())
    row("refused     ", duration(status.at("refused_age_s")) + " ago");
  row("events      ", number("events_dropped") + " dropped");
  row("cut short   ", number("look_ups_cut_short") + " look-ups");
  row("decisions", status.at("decisions").empty() ? "   none yet" : "");
  print_decisions(status);
  for (const Json &finding : status.at("findings"))
    std::cout << '\n' << finding.at("text").get<std::string>();
}

/// As the text format of Prometheus has label values.
std::string label_value(const std::string &text) {
  std::string escaped;
  for (const char c : text)
    escaped += c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : std::string(1, c);
  return '"' + escaped + '"';
}

void print_metrics(const Json &status) {
  const auto metric = [&](const char *name, const char *type, const char *help, const Json &value) {
    std::cout << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' ' << type << '\n'
              << name << ' ' << value << '\n';
  };
  std::cout << "# HELP mxwarden_decisions_total Decisions about look-alikes.\n"
               "# TYPE mxwarden_decisions_total counter\n";
  for (const Json &one : status.at("decisions"))
    std::cout << "mxwarden_decisions_total{action=" << label_value(one.at("action"))
              << ",rule=" << label_value(one.at("rule")) << ",mode=" << label_value(one.at("mode"))
              << "} " << one.at("count") << '\n';
  metric("mxwarden_policy_generation", "gauge", "How many rule sets were in force, this one too.",
         status.at("generation"));
  metric("mxwarden_policy_age_seconds", "gauge", "For how long the rules have been in force.",
         status.at("age_s"));
  metric("mxwarden_policy_rules", "gauge", "Rules in force.", status.at("rules"));
  metric("mxwarden_policy_protected_names", "gauge", "Protected names in force.",
         status.at("protected_names"));
  metric("mxwarden_policy_stale", "gauge", "1 while the rules in force are not those in the files.",
         is_as_written(status) ? 0 : 1);
  metric("mxwarden_memory_bytes", "gauge", "Memory of the module on the heap.",
         status.at("memory_bytes"));
  metric("mxwarden_events_dropped_total", "counter", "Events that were lost.",
         status.at("events_dropped"));
  metric("mxwarden_candidate_cap_hits_total", "counter",
         "Look-ups with more candidates than are verified, since the rules came into force.",
         status.at("look_ups_cut_short"));
}

} // namespace

tl::expected<Json, std::string> ask_module(const std::filesystem::path &socket,
                                           const std::string &request) {
  constexpr std::chrono::seconds kPatience(60); // a million names are read in two
  Connection connection;
  if (const auto asked = connection.ask(socket, request); !asked)
    return tl::unexpected(asked.error());
  connection.limit(kPatience);
  // Whoever listens there need not be the module.
  constexpr std::size_t kMaxAnswer = std::size_t{16} << 20U;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string text;
  connection.read_all([&](std::string_view octets) {
    text += octets;
    return text.size() < kMaxAnswer && std::chrono::steady_clock::now() < deadline;
  });
  Json answer = Json::parse(text, nullptr, false);
  if (answer.is_object() && answer.contains("generation"))
    return answer;
  return tl::unexpected(complaint(
      socket, text.empty() ? "it gave no answer" : "it did not understand",
      text.empty() ? "too many others may be asking; try again" : "it may be of another version"));
}

Exit status(const ControlOptions &options) {
  const auto answer = answer_to(options.socket, "status");
  if (!answer)
    return Exit::cannot_run;
  if (options.json)
    std::cout << answer->dump() << '\n';
  else
    print_status(*answer);
  return is_as_written(*answer) ? Exit::clean : Exit::findings;
}

Exit stats(const StatsOptions &options) {
  const auto answer = answer_to(options.socket, "status");
  if (!answer)
    return Exit::cannot_run;
  switch (options.format) {
  case StatsFormat::text:
    for (const Json &one : answer->at("decisions"))
      std::cout << printable(one.at("rule").get<std::string>()) << ' '
                << one.at("action").get<std::string>() << ' ' << one.at("mode").get<std::string>()
                << ' ' << one.at("count") << '\n';
    break;
  case StatsFormat::json:
    for (const Json &one : answer->at("decisions"))
      std::cout << one.dump() << '\n';
    break;
  case StatsFormat::prometheus:
    print_metrics(*answer);
    break;
  }
  return Exit::clean;
}

Exit reload(const ControlOptions &options) {
  const auto answer = answer_to(options.socket, "reload");
  if (!answer)
    return Exit::cannot_run;
  if (options.json) {
    std::cout << answer->dump() << '\n';
  } else {
    for (const Json &finding : answer->at("findings"))
      std::cerr << finding.at("text").get<std::string>();
    if (is_as_written(*answer))
      std::cout << count(answer->at("rules"), "rule") << ", "
                << count(answer->at("protected_names"), "protected name")
                << " in force, generation " << answer->at("generation") << '\n';
    else
      std::cout << "the rules have errors; "
                << (answer->at("source") == "none" ? "nothing is enforced\n"
                                                   : "those from before stay in force\n");
  }
  return is_as_written(*answer) ? Exit::clean : Exit::findings;
}

Exit tail(const ControlOptions &options) {
  Connection connection;
  if (const auto asked = connection.ask(options.socket, "tail"); !asked) {
    std::cerr << "mxwarden: " << asked.error() << '\n';
    return Exit::cannot_run;
  }
  connection.read_all(
      [](std::string_view octets) { return static_cast<bool>(std::cout << octets << std::flush); });
  return Exit::clean;
}

} // namespace mxw::cli
