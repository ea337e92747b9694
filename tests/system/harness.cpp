#include "harness.h"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace mxw::test {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

constexpr auto kPatience = 60s;   // sanitized servers on a busy machine are slow
constexpr int kStartAttempts = 5; // another process may take the port between picking and using it

/// Returns an address of 127/8 that no other living test process uses: 22 bits of process id below
/// 127.64/10.
std::string own_address() {
  const auto pid = static_cast<unsigned>(getpid());
  return "127." + std::to_string(64 + ((pid >> 16) & 63)) + '.' + std::to_string((pid >> 8) & 255) +
         '.' + std::to_string(pid & 255);
}

std::vector<char *> pointers(std::vector<std::string> &texts) {
  std::vector<char *> result;
  for (std::string &text : texts)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// Picks a port, calls `start`, which sets `process`, and waits for an answer. Throws with the log
/// if there is none.
void bring_up(const std::string &what, Endpoint &endpoint, const fs::path &log,
              std::unique_ptr<Process> &process, const std::function<void()> &start) {
  for (int attempt = 1;; ++attempt) {
    endpoint.port = free_port(endpoint.address);
    process.reset();
    fs::remove(log);
    start();
    const bool settled = eventually([&] {
      return !process->running() || ask(endpoint, {.name = "localhost", .timeout = 250ms});
    });
    if (settled && process->running())
      return;
    const std::string text = read_text(log);
    if (attempt == kStartAttempts || text.find("in use") == std::string::npos)
      throw std::runtime_error(what + " does not start:\n" + text);
  }
}

} // namespace

std::string setting(const std::string &name) {
  static const std::map<std::string, std::string> compiled_in = {
      {"MXW_TEST_COMMAND", MXW_TEST_COMMAND},
      {"MXW_TEST_MODULE", MXW_TEST_MODULE},
      {"MXW_TEST_NSD", MXW_TEST_NSD},
      {"MXW_TEST_PRELOAD", MXW_TEST_PRELOAD},
      {"MXW_TEST_UNBOUND_DIR", MXW_TEST_UNBOUND_DIR}};
  const char *value = std::getenv(name.c_str());
  return value != nullptr ? value : compiled_in.at(name);
}

bool eventually(const std::function<bool()> &condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

std::string read_text(const fs::path &file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

bool host_has(const std::string &module) {
  static const std::string text = output_of({setting("MXW_TEST_UNBOUND_DIR") + "/unbound", "-V"});
  const auto line = text.find("Linked modules:");
  return text.substr(line, text.find('\n', line) - line).find(' ' + module) != std::string::npos;
}

std::string &collected_logs() {
  static std::string logs;
  return logs;
}

Process::Process(const std::vector<std::string> &arguments,
                 const std::vector<std::string> &environment, const fs::path &log) {
  // what allocates stands before the fork: other threads of the test may hold the heap's lock
  std::vector<std::string> argument_texts = arguments;
  std::vector<std::string> environment_texts = environment; // first, so that it wins
  for (char **entry = environ; *entry != nullptr; ++entry)
    environment_texts.emplace_back(*entry);
  const auto argv = pointers(argument_texts);
  const auto envp = pointers(environment_texts);
  const std::string log_name = log.string();
  prctl(PR_SET_CHILD_SUBREAPER, 1); // what a server leaves behind comes to wait()
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0)
    throw std::runtime_error("cannot start " + arguments.front());
  if (pid_ > 0)
    return;
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM); // not SIGKILL: NSD has children of its own to end
  const int fd = open(log_name.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  if (getppid() == parent && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0)
    execve(argv.front(), argv.data(), envp.data());
  _exit(127);
}

Process::~Process() { stop(); }

bool Process::reap(bool block) {
  int raw = 0;
  if (!status_ && waitpid(pid_, &raw, block ? 0 : WNOHANG) == pid_)
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  return status_.has_value();
}

int Process::wait() {
  const bool ended = eventually([this] { return reap(false); });
  // even if it has ended: some of its children may have outlived it
  kill(-pid_, SIGKILL);
  if (!ended)
    reap(true);
  while (waitpid(-pid_, nullptr, 0) > 0) {
  }
  return status_.value();
}

int Process::stop() {
  if (status_)
    return *status_;
  kill(pid_, SIGTERM); // a child that has ended, but was not waited for, does not mind
  return wait();
}

Outcome outcome_of(const std::vector<std::string> &command,
                   const std::vector<std::string> &environment) {
  const TempDir dir;
  const fs::path output = dir.path() / "output";
  const int status = Process(command, environment, output).wait();
  return {status, read_text(output)};
}

std::string output_of(const std::vector<std::string> &command) {
  return outcome_of(command).output;
}

Nsd::Nsd(const Files &zones) {
  endpoint_.address = own_address();
  constexpr auto kApex = "@ SOA ns.nic.example. hostmaster.nic.example. 1 3600 600 86400 900\n"
                         "@ NS ns.nic.example.\n";
  std::string clauses;
  for (int number = 0; const auto &[name, records] : zones) {
    const std::string file = "zone" + std::to_string(++number);
    const bool own_apex = records.find("SOA") != std::string::npos;
    dir_.write(file, std::string("$TTL 3600\n") + (own_apex ? "" : kApex) + records + '\n');
    clauses += "zone:\n  name: \"" + name + "\"\n  zonefile: " + file + '\n';
  }
  const fs::path log = dir_.path() / "nsd.log";
  bring_up("nsd", endpoint_, log, process_, [&] {
    // rate limits would drop what the tests ask at full speed
    const auto file = dir_.write("nsd.conf", "server:\n  ip-address: " + endpoint_.address + '@' +
                                                 std::to_string(endpoint_.port) + R"(
  username: ""
  zonesdir: @DIR@
  pidfile: @DIR@/nsd.pid
  zonelistfile: @DIR@/zone.list
  xfrdfile: @DIR@/xfrd.state
  xfrdir: @DIR@
  database: ""
  logfile: @DIR@/nsd.log
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
)" + clauses);
    process_ = std::make_unique<Process>(
        std::vector<std::string>{setting("MXW_TEST_NSD"), "-d", "-c", file.string()},
        std::vector<std::string>{}, log);
  });
  if (const std::string text = read_text(log); text.find("error:") != std::string::npos)
    throw std::runtime_error("nsd does not like its zones:\n" + text);
}

std::optional<Bytes> relay(const Endpoint &server, std::span<const std::uint8_t> message) {
  const Socket socket(Socket::Kind::udp, server, {}, 10s);
  socket.send(message);
  return socket.receive();
}

std::string forward_zone(const std::string &zone, const Endpoint &to) {
  return "forward-zone:\n  name: \"" + zone + "\"\n  forward-addr: " + to.address + '@' +
         std::to_string(to.port) + '\n';
}

Upstream::Upstream(Answer answer, std::chrono::milliseconds delay)
    : answer_(std::move(answer)), delay_(delay), endpoint_{own_address(), 0},
      socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  inet_pton(AF_INET, endpoint_.address.c_str(), &address.sin_addr);
  socklen_t size = sizeof(address);
  auto *any = reinterpret_cast<sockaddr *>(&address);
  if (bind(socket_, any, size) != 0 || getsockname(socket_, any, &size) != 0)
    throw std::runtime_error("cannot bind " + endpoint_.address);
  endpoint_.port = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

Upstream::Upstream(const Endpoint &world, std::chrono::milliseconds delay)
    : Upstream([world](auto question) { return relay(world, question); }, delay) {}

Upstream::~Upstream() {
  stop_ = true;
  thread_.join();
  close(socket_);
}

void Upstream::run() {
  using Clock = std::chrono::steady_clock;
  struct Due {
    Clock::time_point when;
    sockaddr_in to;
    Bytes message;
  };
  std::deque<Due> due; // in order: the delay is the same for all
  while (!stop_) {
    pollfd waiting{socket_, POLLIN, 0};
    poll(&waiting, 1, due.empty() ? 20 : 1);
    Bytes buffer(65535);
    sockaddr_in from = {};
    socklen_t size = sizeof(from);
    for (ssize_t got; (got = recvfrom(socket_, buffer.data(), buffer.size(), 0,
                                      reinterpret_cast<sockaddr *>(&from), &size)) > 0;) {
      ++questions_;
      if (auto message = answer_(std::span(buffer).first(static_cast<std::size_t>(got))))
        due.push_back({Clock::now() + delay_, from, std::move(*message)});
    }
    for (; !due.empty() && due.front().when <= Clock::now(); due.pop_front())
      sendto(socket_, due.front().message.data(), due.front().message.size(), 0,
             reinterpret_cast<const sockaddr *>(&due.front().to), sizeof(due.front().to));
  }
}

Resolver::Resolver(const Endpoint &world, ResolverOptions options)
    : options_(std::move(options)), world_(world) {
  endpoint_.address = options_.address.empty() ? own_address() : options_.address;
  if (!options_.main.empty())
    write("mxwarden.toml", options_.main);
  for (const auto &[name, text] : options_.files)
    write(name, text);
  if (options_.starts) {
    bring_up("unbound", endpoint_, dir_.path() / "unbound.log", process_, [this] { start(); });
  } else {
    endpoint_.port = free_port(endpoint_.address);
    start();
    process_->wait();
  }
}

Resolver::~Resolver() { stop(); }

void Resolver::start() {
  const std::string program =
      options_.unbound.empty() ? setting("MXW_TEST_UNBOUND_DIR") + "/unbound" : options_.unbound;
  const auto file = dir_.write("unbound.conf", configuration());
  std::vector<std::string> environment = {"MXWARDEN_CONFIG=" + (dir() / "mxwarden.toml").string(),
                                          "MXWARDEN_STATE=" + (dir() / "state").string()};
  if (const std::string preload = setting("MXW_TEST_PRELOAD"); !preload.empty())
    environment.insert(environment.end(), {"LD_PRELOAD=" + preload, "ASAN_OPTIONS=detect_leaks=1",
                                           "UBSAN_OPTIONS=print_stacktrace=1"});
  process_ = std::make_unique<Process>(std::vector<std::string>{program, "-d", "-c", file.string()},
                                       environment, dir() / "unbound.log");
}

std::string Resolver::configuration() const {
  const std::string modules =
      options_.before + (options_.module ? "dynlib " : "") + options_.modules;
  return R"(server:
  directory: "@DIR@"
  chroot: ""
  username: ""
  pidfile: "@DIR@/unbound.pid"
  use-syslog: no
  verbosity: 1
  do-not-query-localhost: no
  interface: )" +
         endpoint_.address + "\n  port: " + std::to_string(endpoint_.port) +
         "\n  num-threads: " + std::to_string(options_.threads) + "\n  module-config: \"" +
         modules + "\"\n" + options_.server + R"(
remote-control:
  control-enable: yes
  control-interface: "@DIR@/control"
  control-use-cert: no
forward-zone:
  name: "."
  forward-addr: )" +
         world_.address + '@' + std::to_string(world_.port) + '\n' + options_.clauses +
         (options_.module ? "dynlib:\n  dynlib-file: \"" + setting("MXW_TEST_MODULE") + "\"\n"
                          : "");
}

std::optional<Reply> Resolver::ask(const Question &question) const {
  return test::ask(endpoint_, question);
}

std::string Resolver::log() const { return read_text(dir() / "unbound.log"); }

std::string Resolver::control(const std::vector<std::string> &arguments) {
  std::vector<std::string> command = {setting("MXW_TEST_UNBOUND_DIR") + "/unbound-control", "-c",
                                      (dir() / "unbound.conf").string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return output_of(command);
}

void Resolver::stop() {
  if (stopped_)
    return;
  stopped_ = true;
  const int status = process_->stop();
  const std::string text = log();
  collected_logs() += "unbound (" + std::string(options_.module ? "with" : "without") +
                      " the module), exit status " + std::to_string(status) + ":\n" + text;
  CHECK((status == 0) == options_.starts);
  CHECK(status < 128);
  for (const std::string sign : {"Sanitizer", "runtime error:", "whitelist", "assertion"})
    CHECK_THAT(text, !Catch::Contains(sign));
}

std::vector<nlohmann::json> Resolver::events() const {
  std::vector<nlohmann::json> result;
  std::ifstream lines(dir() / "events.json");
  for (std::string line; std::getline(lines, line);)
    result.push_back(nlohmann::json::parse(line));
  return result;
}

} // namespace mxw::test
