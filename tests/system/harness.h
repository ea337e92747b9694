/// Real servers for the tests: NSD plays the outside world, Unbound with the module is what is
/// tested. Every test process has a loopback address and a directory of its own, so that tests can
/// run side by side. All of it belongs to the thread that runs the test case; only the DNS client
/// may be used from other threads.
#pragma once

#include "dns.h"
#include "temp_dir.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace mxw::test {

/// File name to text. "@DIR@" in a text stands for the directory that the files are put into.
using Files = std::map<std::string, std::string>;

/// Returns the value of the environment variable, else what CMake compiled in for it. Known:
/// MXW_TEST_COMMAND, _MODULE, _NSD, _PRELOAD and _UNBOUND_DIR.
[[nodiscard]] std::string setting(const std::string &name);

struct Outcome {
  int status; ///< as Process::wait()
  std::string output;
};

/// Runs a command to its end; returns how it ended, and what it printed on stdout and stderr.
[[nodiscard]] Outcome outcome_of(const std::vector<std::string> &command,
                                 const std::vector<std::string> &environment = {});
/// What it printed, and nothing else.
[[nodiscard]] std::string output_of(const std::vector<std::string> &command);

/// Waits until the condition holds, returns false if it does not within a time far beyond what is
/// needed.
[[nodiscard]] bool eventually(const std::function<bool()> &condition);

[[nodiscard]] std::string read_text(const std::filesystem::path &file);

/// True if the host under test has this module of its own.
[[nodiscard]] bool host_has(const std::string &module);

/// What the servers of the current test case logged, for the report of a failure.
[[nodiscard]] std::string &collected_logs();

/// A child process in a process group of its own, with stdout and stderr in a file. It ends with
/// the object, and also when the test process is killed.
class Process {
public:
  Process(const std::vector<std::string> &arguments, const std::vector<std::string> &environment,
          const std::filesystem::path &log);
  ~Process();
  Process(const Process &) = delete;
  Process &operator=(const Process &) = delete;

  [[nodiscard]] bool running() { return !reap(false); }

  /// Waits for the end. Returns the exit status, or 128 and the number of the signal that killed
  /// it.
  int wait();

  /// Asks with SIGTERM, then kills; the rest as wait().
  int stop();

private:
  bool reap(bool block);

  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// The outside world: an authoritative server for all names, with these zones. Zone name to
/// records; the SOA and NS of each zone are put in unless its text has a SOA.
class Nsd {
public:
  explicit Nsd(const Files &zones);

  [[nodiscard]] const Endpoint &endpoint() const { return endpoint_; }

private:
  TempDir dir_;
  Endpoint endpoint_;
  std::unique_ptr<Process> process_;
};

/// Sends the octets to a server over UDP and returns what comes back.
[[nodiscard]] std::optional<Bytes> relay(const Endpoint &server,
                                         std::span<const std::uint8_t> message);

/// Returns a clause that sends questions about this zone elsewhere.
[[nodiscard]] std::string forward_zone(const std::string &zone, const Endpoint &to);

/// A server of the outside world that does what no real one would: it is slow, or a function makes
/// its answers. UDP only. The function runs in a thread of its own.
class Upstream {
public:
  /// The answer to a question, nullopt for none.
  using Answer = std::function<std::optional<Bytes>(std::span<const std::uint8_t>)>;

  explicit Upstream(Answer answer, std::chrono::milliseconds delay = {});
  /// Answers like `world`, but later.
  Upstream(const Endpoint &world, std::chrono::milliseconds delay);
  ~Upstream();
  Upstream(const Upstream &) = delete;
  Upstream &operator=(const Upstream &) = delete;

  [[nodiscard]] const Endpoint &endpoint() const { return endpoint_; }
  /// How many questions came.
  [[nodiscard]] int questions() const { return questions_; }

private:
  void run();

  Answer answer_;
  std::chrono::milliseconds delay_;
  Endpoint endpoint_;
  int socket_ = -1;
  std::atomic<int> questions_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

struct ResolverOptions {
  bool module = true;
  bool starts = true; // false: it must give up by itself
  int threads = 1;
  std::string before = {};          // modules before the module, each with a blank behind it
  std::string modules = "iterator"; // those after the module
  std::string server = {};          // more lines for the clause "server:"
  std::string clauses = {};         // more clauses
  std::string main = {};            // text of the main file; empty: there is none
  Files files = {};                 // rule files, lists
  std::string address = {};         // where it listens; empty: the test's own address
  std::string unbound = {};         // path of the program; empty: the built host
};

/// Unbound with the module. Its end is a check: exit status 0, no report of a sanitizer.
class Resolver {
public:
  Resolver(const Endpoint &world, ResolverOptions options);
  ~Resolver();
  Resolver(const Resolver &) = delete;
  Resolver &operator=(const Resolver &) = delete;

  [[nodiscard]] const Endpoint &endpoint() const { return endpoint_; }
  [[nodiscard]] const std::filesystem::path &dir() const { return dir_.path(); }
  [[nodiscard]] std::optional<Reply> ask(const Question &question) const;
  [[nodiscard]] bool running() { return process_->running(); }
  [[nodiscard]] std::string log() const;

  /// Runs unbound-control; returns its output, which begins with "ok" if it worked.
  std::string control(const std::vector<std::string> &arguments);
  void write(const std::string &name, const std::string &text) const { dir_.write(name, text); }

  /// Ends the resolver, so that everything is written, and makes the checks of the destructor.
  void stop();

  /// Returns the lines of @DIR@/events.json, each as JSON. Throws if a line is not.
  [[nodiscard]] std::vector<nlohmann::json> events() const;

private:
  void start();
  [[nodiscard]] std::string configuration() const;

  TempDir dir_;
  ResolverOptions options_;
  Endpoint world_;
  Endpoint endpoint_;
  std::unique_ptr<Process> process_;
  bool stopped_ = false;
};

} // namespace mxw::test
