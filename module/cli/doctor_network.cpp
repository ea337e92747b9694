// The checks of `mxwarden doctor` about what is around the resolver: who asks it, who asks others,
// and the warning MX.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/module_client.h"
#include "loader/dns_text.h"
#include "loader/posix.h"
#include "loader/source.h"

namespace mxw::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kAnswerLimit(3000);
constexpr std::chrono::seconds kSmtpLimit(10);
constexpr std::size_t kMaxNameServers = 3; // as resolv.conf(5) has it
constexpr std::size_t kMaxAddresses = 4;   // of one warning host

std::uint64_t decisions_of(const std::optional<nlohmann::ordered_json> &status) {
  std::uint64_t sum = 0;
  if (status)
    for (const auto &one : status->at("decisions"))
      sum += one.at("count").get<std::uint64_t>();
  return sum;
}

/// What became of the question for the sample.
struct Asked {
  std::optional<Answer> answer;
  bool as_decided = false; ///< and it is enforced
  bool came_here = false;  ///< the running module has counted it
};

/// Asks `server` for `sample`, and the running module whether it has decided.
Asked ask_sample(const Facts &facts, const Sample &sample, const Server &server) {
  const auto status_now = [&]() -> std::optional<nlohmann::ordered_json> {
    if (auto status = ask_module(facts.outside(facts.state) / "control", "status"))
      return std::move(*status);
    return std::nullopt;
  };
  const Policy &policy = *facts.loaded.policy;
  const auto before = status_now();
  Asked asked;
  asked.answer = ask(server, sample.query.name, qtype::kMx,
                     kAnswerLimit + std::chrono::milliseconds(
                                        policy.rules()[sample.verdict.rule].verify.timeout_ms));
  asked.as_decided = sample.verdict.enforced() && is_as_decided(asked.answer, sample, policy);
  const auto after = status_now();
  asked.came_here = before && after && decisions_of(after) > decisions_of(before);
  return asked;
}

/// The sample, as it is for a client at `address`; nullopt where no rule is for that one.
std::optional<Sample> sample_for(const Facts &facts, const std::string &address) {
  if (!facts.sample)
    return std::nullopt;
  Sample sample = *facts.sample;
  sample.query.client = parse_address(address);
  sample.verdict = facts.loaded.policy->decide(sample.query);
  if (sample.verdict.reason != Reason::look_alike || sample.verdict.rule == Verdict::kNone)
    return std::nullopt;
  return sample;
}

/// One conversation, in which nothing is ever sent.
class Smtp {
public:
  /// Why there is no connection; empty where there is one.
  std::string connect_to(const std::string &address) {
    const bool is_v6 = address.find(':') != std::string::npos;
    sockaddr_in6 v6 = {};
    sockaddr_in v4 = {};
    v6.sin6_family = AF_INET6;
    v4.sin_family = AF_INET;
    v6.sin6_port = v4.sin_port = htons(25);
    if (is_v6 ? inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) != 1
              : inet_pton(AF_INET, address.c_str(), &v4.sin_addr) != 1)
      return "it is no address";
    fd_ = Descriptor(
        socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const void *to = is_v6 ? static_cast<const void *>(&v6) : static_cast<const void *>(&v4);
    if (fd_.get() < 0 || (connect(fd_.get(), static_cast<const sockaddr *>(to),
                                  is_v6 ? sizeof v6 : sizeof v4) != 0 &&
                          errno != EINPROGRESS))
      return error_text(errno);
    if (!wait(POLLOUT, Clock::now() + kSmtpLimit))
      return "no connection in time";
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? "" : error_text(error);
  }

  /// The reply to `command` (none: the banner), all of its lines; empty where none comes in time.
  std::string say(const std::string &command) {
    const auto deadline = Clock::now() + kSmtpLimit;
    if (!command.empty()) {
      const std::string line = command + "\r\n";
      if (send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(line.size()))
        return "";
    }
    constexpr std::size_t kMaxReply = 65'536;
    std::string reply;
    while (!is_whole(reply) && reply.size() < kMaxReply) {
      std::array<char, 4096> part = {};
      if (!wait(POLLIN, deadline))
        return "";
      const ssize_t got = recv(fd_.get(), part.data(), part.size(), 0);
      if (got <= 0)
        return "";
      reply.append(part.data(), static_cast<std::size_t>(got));
    }
    return is_whole(reply) ? reply : "";
  }

private:
  /// Source: RFC 5321 §4.2.1: the last line has a blank behind its code.
  static bool is_whole(const std::string &reply) {
    if (!reply.ends_with('\n'))
      return false;
    const std::size_t before =
        reply.size() < 2 ? std::string::npos : reply.rfind('\n', reply.size() - 2);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    return reply.size() > begin + 3 && reply[begin + 3] != '-';
  }
  [[nodiscard]] bool wait(short events, Clock::time_point deadline) const {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd one = {fd_.get(), events, 0};
    return left > 0 && poll(&one, 1, static_cast<int>(left)) > 0;
  }

  Descriptor fd_;
};

/// What is wrong with the warning MX at `address`; nothing where all is well.
std::optional<Found> look_at_warning_mx(const std::string &where, const std::string &address,
                                        const std::string &recipient) {
  const std::string help = "see docs/deploy-warning-mx.md; contrib/postfix/probe tells more";
  const auto wrong = [&](const std::string &what) { return failure(where + " " + what, help); };
  Smtp smtp;
  if (const std::string why = smtp.connect_to(address); !why.empty())
    return wrong("is not reached at port 25 (" + why + "): senders are told nothing, and wait");
  const std::string banner = smtp.say("");
  if (!banner.starts_with("220"))
    return wrong("does not greet: " + quote(banner));
  const std::string offers = smtp.say("EHLO doctor.invalid");
  if (!offers.starts_with("250"))
    return wrong("does not answer EHLO: " + quote(offers));
  if (const std::string reply = smtp.say("MAIL FROM:<sender@doctor.invalid>");
      !reply.starts_with("250"))
    return wrong("does not take MAIL, so that some senders wait: " + quote(reply));
  if (const std::string reply = smtp.say("RCPT TO:<" + recipient + ">");
      !reply.starts_with("550 5.7.1 "))
    return wrong((reply.starts_with("25") ? "TAKES MAIL for " : "does not refuse with 550 5.7.1 ") +
                 recipient + ": " + quote(reply));
  if (const std::string reply = smtp.say("DATA"); !reply.starts_with("5"))
    return wrong("asks for content: " + quote(reply)); // and is left alone with it
  smtp.say("QUIT");
  if (offers.find("STARTTLS") == std::string::npos)
    return warning(where + " does not offer STARTTLS: senders that insist on it wait", help);
  return std::nullopt;
}

} // namespace

Founds check_answer(const Facts &facts) {
  if (!facts.runs || !facts.is_on() || !facts.loaded.policy)
    return skipped("no module runs, or the rules have errors");
  const auto sample = sample_for(facts, facts.server.address);
  if (!sample)
    return skipped("no look-alike was found to ask for from this machine");
  const std::string name = to_string(sample->query.name);
  const Asked asked = ask_sample(facts, *sample, facts.server);
  const std::string at = facts.server.address + " port " + std::to_string(facts.server.port);
  if (asked.as_decided || (asked.came_here && !sample->verdict.enforced()))
    return good(name + " gets " +
                (sample->verdict.enforced() ? std::string(to_string(sample->verdict.decision))
                                            : std::string("its own answer, observed")) +
                " from " + at);
  if (asked.came_here && facts.loaded.policy->rules()[sample->verdict.rule].verify)
    return good(name + " is decided at " + at + ", by what was found out");
  return {failure("the MX question for " + name +
                      (asked.answer ? " is answered otherwise than the rules "
                                      "have it by "
                                    : " is not answered by ") +
                      at,
                  asked.answer
                      ? "is it refused to this machine (access-control), local data, or are "
                        "other rules in force?"
                      : "unbound does not answer there; its log says why")};
}

Founds check_resolv_conf(const Facts &facts) {
  if (facts.offline)
    return skipped("not looked at (--offline)");
  std::vector<std::string> servers;
  std::ifstream in("/etc/resolv.conf");
  for (std::string line; std::getline(in, line);) {
    const auto words = words_of(line);
    if (words.size() > 1 && words[0] == "nameserver" && servers.size() < kMaxNameServers)
      servers.push_back(words[1]);
  }
  if (servers.empty())
    servers.emplace_back("127.0.0.1"); // as libc does
  if (!facts.loaded.policy)
    return skipped("the rules have errors");
  Founds bad;
  for (const std::string &server : servers) {
    const auto sample =
        sample_for(facts, server.starts_with("127.") ? server : facts.server.address);
    if (!sample)
      return skipped("no look-alike was found to ask for from this machine");
    const std::string name = to_string(sample->query.name);
    const Asked asked = ask_sample(facts, *sample, {server, 53, ""});
    if (asked.as_decided || asked.came_here)
      continue;
    std::string who = "nameserver " + server;
    if (server == "127.0.0.53" || server == "127.0.0.54")
      who += " (systemd-resolved, whose servers resolvectl tells)";
    if (!asked.answer)
      bad.push_back(warning(who.append(" gives no answer"), "take it out of /etc/resolv.conf"));
    else
      bad.push_back(failure(who.append(" does not go by these rules for ")
                                .append(name)
                                .append(", and mail that is refused here leaks there"),
                            "have this resolver alone in /etc/resolv.conf, or the module in that "
                            "one too"));
  }
  return or_good(std::move(bad), count(servers.size(), "nameserver") + ", by these rules");
}

Founds check_nsswitch(const Facts & /*facts*/) {
  std::ifstream in("/etc/nsswitch.conf");
  for (std::string line; std::getline(in, line);) {
    const auto words = words_of(line.substr(0, line.find('#')));
    if (words.empty() || words[0] != "hosts:")
      continue;
    const auto has = [&](const char *word) {
      return std::find(words.begin(), words.end(), word) != words.end();
    };
    if (!has("dns") && !has("resolve"))
      return {warning("'hosts:' of /etc/nsswitch.conf has no dns: programs here ask no resolver",
                      "write hosts: files dns")};
    return good(has("resolve") ? "addresses of hosts come from systemd-resolved, MX by resolv.conf"
                               : "hosts are looked up by DNS");
  }
  return good("/etc/nsswitch.conf says nothing of hosts, so DNS is asked");
}

Founds check_warning_mx(const Facts &facts) {
  if (!facts.loaded.policy || facts.loaded.policy->warning_hosts().empty())
    return skipped("the rules name none");
  if (facts.offline)
    return skipped("not looked at (--offline)");
  const std::string recipient =
      "someone@" + (facts.sample ? to_string(facts.sample->query.name) : "example.invalid");
  Founds bad;
  std::size_t looked_at = 0;
  for (const WarningHost &host : facts.loaded.policy->warning_hosts()) {
    const std::string name = to_string(host.name);
    std::vector<std::string> addresses;
    for (const ClientAddress &address : host.addresses)
      addresses.push_back(to_string(address));
    if (addresses.empty() && facts.runs)
      for (const std::uint16_t type : {qtype::kA, qtype::kAaaa})
        if (const auto answer = ask(facts.server, host.name, type, kAnswerLimit))
          addresses.insert(addresses.end(), answer->addresses.begin(), answer->addresses.end());
    if (addresses.empty())
      bad.push_back(failure(name + " has no address",
                            "publish one, or write it under addresses of [warning_mx]"));
    addresses.resize(std::min(addresses.size(), kMaxAddresses));
    for (const std::string &address : addresses) {
      ++looked_at;
      std::string where = name;
      where.append(" (").append(address).append(")");
      if (auto found = look_at_warning_mx(where, address, recipient))
        bad.push_back(std::move(*found));
    }
  }
  return or_good(std::move(bad),
                 "each of them refuses, at once and in words (" + std::to_string(looked_at) + ")");
}

} // namespace mxw::cli
