// The file of the event log, and what happens to files: it is rotated, removed, replaced by what is
// none, and the disk is full. Questions are answered all the same, and each event is in some file
// once, or told as lost.
#include "world.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <fstream>
#include <map>
#include <sched.h>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace mxw::test;
using nlohmann::json;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

ResolverOptions logging_to(const std::string &file) {
  ResolverOptions options = with_rules(protect("redirect", "action = \"redirect\""));
  const std::string usual = "@DIR@/events.json";
  options.main.replace(options.main.find(usual), usual.size(), file);
  return options;
}

/// What files of events say, taken together.
struct Told {
  std::map<std::string, int> times; ///< of each name that was asked
  std::uint64_t lost = 0;
  int torn = 0; ///< lines that are no JSON
};

Told read_events(const std::vector<fs::path> &files) {
  Told told;
  for (const fs::path &file : files) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      const json event = json::parse(line, nullptr, false);
      if (event.is_discarded())
        ++told.torn;
      else if (event["event"]["action"] == "events-dropped")
        told.lost += event["mxwarden"]["dropped"].get<std::uint64_t>();
      else
        ++told.times[event["dns"]["question"]["name"]];
    }
  }
  return told;
}

/// Asks for names that nobody asked for, and expects the answers of policy.
class Asker {
public:
  explicit Asker(const Resolver &resolver) : resolver_(&resolver) {}

  std::string ask() {
    const Question question{.name = "n" + std::to_string(asked_++) + ".redirect.ml"};
    if (text(resolver_->ask(question)) != text(policy_answer(question, "redirect")))
      ++wrong_;
    return question.name;
  }
  /// Asks until one of the questions is in the file.
  [[nodiscard]] bool is_heard(const fs::path &file) {
    return eventually([&] {
      const std::string name = ask();
      std::this_thread::sleep_for(20ms);
      return read_events({file}).times.count(name) == 1;
    });
  }
  [[nodiscard]] std::uint64_t asked() const { return asked_; }
  [[nodiscard]] int wrong() const { return wrong_; }

private:
  const Resolver *resolver_;
  std::uint64_t asked_ = 0;
  int wrong_ = 0;
};

void check_all_told(const Asker &asker, const Told &told) {
  CHECK(asker.wrong() == 0);
  CHECK(told.times.size() + told.lost == asker.asked());
  for (const auto &[name, times] : told.times) {
    CAPTURE(name);
    CHECK(times == 1);
  }
}

/// A file system in memory for this process and its children. For root.
class Mount {
public:
  explicit Mount(unsigned long flags, const std::string &options) {
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", path().c_str(), "tmpfs", flags, options.c_str()) != 0)
      throw std::runtime_error("cannot mount a tmpfs");
  }
  ~Mount() { umount2(path().c_str(), MNT_DETACH); }
  Mount(const Mount &) = delete;
  Mount &operator=(const Mount &) = delete;

  [[nodiscard]] const fs::path &path() const { return dir_.path(); }
  void remount(unsigned long flags) const {
    REQUIRE(mount(nullptr, path().c_str(), nullptr, MS_REMOUNT | flags, nullptr) == 0);
  }

private:
  TempDir dir_;
};

[[nodiscard]] bool can_mount() {
  if (geteuid() == 0)
    return true;
  WARN("skipped: only root can mount");
  return false;
}

[[nodiscard]] int complaints(const Resolver &module, const std::string &what) {
  int count = 0;
  const std::string log = module.log();
  for (auto at = log.find(what); at != std::string::npos; at = log.find(what, at + 1))
    ++count;
  return count;
}

} // namespace

TEST_CASE("event log: rotated under questions, each event is in one of the files, once",
          "[event_log]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), logging_to("@DIR@/events.json"));
  Asker asker(module);
  const fs::path file = module.dir() / "events.json";
  std::vector<fs::path> files = {file};
  constexpr int kRotations = 15;
  for (int i = 0; i < kRotations; ++i) {
    REQUIRE(asker.is_heard(file));
    for (int more = 0; more < 20; ++more)
      asker.ask();
    const fs::path old = module.dir() / ("events.json." + std::to_string(i));
    fs::rename(file, old); // now or never: those asked for just now may be on their way
    if (i % 3 == 0)
      std::ofstream(file, std::ios::app) << ""; // as logrotate does where it is told to create
    files.push_back(old);
    for (int more = 0; more < 20; ++more)
      asker.ask();
  }
  module.stop();
  const Told told = read_events(files);
  check_all_told(asker, told);
  CHECK(told.torn == 0);
  CHECK(told.lost == 0);
  CHECK(complaints(module, "event log") == 0);
}

TEST_CASE("event log: begun anew within seconds though nobody asks anything", "[event_log]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), logging_to("@DIR@/logs/events.json"));
  const fs::path file = module.dir() / "logs" / "events.json";
  REQUIRE(eventually([&] { return fs::exists(file); }));
  REQUIRE(fs::remove(file)); // whose directory nobody watches
  CHECK(eventually([&] { return fs::exists(file); }));
}

TEST_CASE("event log: truncated in place it goes on from its beginning", "[event_log]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), logging_to("@DIR@/events.json"));
  Asker asker(module);
  const fs::path file = module.dir() / "events.json";
  const fs::path copy = module.dir() / "copy";
  REQUIRE(asker.is_heard(file));
  fs::copy_file(file, copy);
  fs::resize_file(file, 0);
  REQUIRE(asker.is_heard(file));
  module.stop();
  const Told told = read_events({copy, file});
  check_all_told(asker, told);
  CHECK(told.torn == 0); // no hole in front of it either
}

TEST_CASE("event log: what stands in its place costs events while it does, and nothing else",
          "[event_log]") {
  const std::string what =
      GENERATE("directory", "fifo", "link to itself", "file for the directory");
  CAPTURE(what);
  const Nsd world(zones());
  Resolver module(world.endpoint(), logging_to("@DIR@/logs/events.json"));
  Asker asker(module);
  const fs::path file = module.dir() / "logs" / "events.json";
  const fs::path old = module.dir() / "old";
  REQUIRE(asker.is_heard(file));
  fs::copy_file(file, old);
  const fs::path obstacle = what == "file for the directory" ? file.parent_path() : file;
  fs::remove_all(obstacle);
  if (what == "directory")
    fs::create_directory(obstacle);
  else if (what == "fifo")
    REQUIRE(mkfifo(obstacle.c_str(), 0600) == 0);
  else if (what == "link to itself")
    fs::create_symlink(obstacle, obstacle);
  else
    std::ofstream(obstacle) << "x";
  const auto status = [&] {
    return json::parse(output_of({setting("MXW_TEST_COMMAND"), "status", "--json", "--socket",
                                  (module.dir() / "state" / "control").string()}));
  };
  CHECK(eventually([&] {
    asker.ask();
    return status()["events_dropped"] >= 5;
  }));
  CHECK(complaints(module, "cannot open the event log") == 1);
  fs::remove_all(obstacle);
  REQUIRE(asker.is_heard(file));
  module.stop();
  check_all_told(asker, read_events({old, file}));
}

TEST_CASE("event log: a full disk costs events until there is room, and no line that comes then",
          "[event_log]") {
  if (!can_mount())
    return;
  const Mount disk(0, "size=64k,mode=755");
  const fs::path file = disk.path() / "events.json";
  const Nsd world(zones());
  Resolver module(world.endpoint(), logging_to(file));
  Asker asker(module);
  REQUIRE(asker.is_heard(file));
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    std::ofstream(disk.path() / "filler") << std::string(1 << 20, 'x'); // as much as fits
    // there is room in the last page of the file; a line is torn where it ends
    CHECK(eventually([&] {
      asker.ask();
      std::this_thread::sleep_for(5ms);
      return complaints(module, "cannot write the event log") == round + 1;
    }));
    for (int i = 0; i < 20; ++i)
      asker.ask();
    fs::remove(disk.path() / "filler");
    REQUIRE(asker.is_heard(file));
    REQUIRE(eventually([&] {
      return read_events({file}).times.size() + read_events({file}).lost == asker.asked();
    }));
  }
  module.stop();
  const Told told = read_events({file});
  check_all_told(asker, told);
  CHECK(told.lost > 0);
  CHECK(told.torn >= 1);
  CHECK(told.torn <= 3);
}

TEST_CASE("event log: on a disk that is read-only it waits until it can be written",
          "[event_log]") {
  if (!can_mount())
    return;
  const Mount disk(MS_RDONLY, "mode=755");
  const fs::path file = disk.path() / "logs" / "events.json";
  const Nsd world(zones());
  Resolver module(world.endpoint(), logging_to(file));
  Asker asker(module);
  for (int i = 0; i < 20; ++i)
    asker.ask();
  CHECK(complaints(module, "Read-only file system") == 1);
  disk.remount(0);
  REQUIRE(asker.is_heard(file));
  module.stop();
  check_all_told(asker, read_events({file}));
}
