#include "runtime/housekeeper.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "names.h"
#include "temp_dir.h"

using namespace mxw;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

Event event(std::uint8_t edits = 1) {
  Event e;
  e.qname = test::name("army.ml");
  e.protected_name = test::name("army.mil");
  e.edits = edits;
  return e;
}

std::vector<json> lines(const fs::path &file) {
  std::vector<json> all;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    all.push_back(json::parse(line));
  return all;
}

} // namespace

TEST_CASE("housekeeper: writes every event of every worker before it ends", "[housekeeper]") {
  const test::TempDir dir;
  const fs::path file = dir.path() / "new" / "events.json"; // made where it is missing
  {
    Housekeeper keeper(file, 2, [](const char *) {});
    keeper.start();
    for (std::uint8_t i = 0; i < 100; ++i)
      keeper.push(i % 2U, event(i));
    CHECK(keeper.dropped() == 0);
  }
  const auto written = lines(file);
  REQUIRE(written.size() == 100);
  int sum = 0;
  for (const json &j : written)
    sum += j["mxwarden"]["edits"].get<int>();
  CHECK(sum == 4950);
}

TEST_CASE("housekeeper: counts events that do not fit, and says so in the log", "[housekeeper]") {
  const test::TempDir dir;
  const fs::path file = dir.path() / "events.json";
  std::uint64_t dropped = 0;
  {
    Housekeeper keeper(file, 1, [](const char *) {});
    keeper.start();
    for (int i = 0; i < 20000; ++i)
      keeper.push(0, event());
    keeper.push(7, event()); // no such worker
    dropped = keeper.dropped();
    CHECK(dropped >= 1);
  }
  const auto written = lines(file);
  std::uint64_t told = 0;
  std::uint64_t events = 0;
  for (const json &j : written)
    if (j["event"]["action"] == "events-dropped")
      told += j["mxwarden"]["dropped"].get<std::uint64_t>();
    else
      ++events;
  CHECK(told == dropped);
  CHECK(events + dropped == 20001);
}

TEST_CASE("housekeeper: does its chore when there is something to do", "[housekeeper]") {
  const test::TempDir dir;
  const int fd = eventfd(0, EFD_NONBLOCK);
  std::atomic<int> done = 0;
  {
    Housekeeper keeper(dir.path() / "events.json", 1, [](const char *) {});
    keeper.start({{fd, [&] {
                     std::uint64_t value = 0;
                     done += read(fd, &value, sizeof(value)) == sizeof(value);
                     throw std::bad_alloc(); // ends there
                   }}});
    for (int round = 1; round <= 3; ++round) {
      const std::uint64_t one = 1;
      REQUIRE(write(fd, &one, sizeof(one)) == sizeof(one));
      for (int i = 0; i < 500 && done < round; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      CHECK(done == round);
    }
  }
  close(fd);
}

TEST_CASE("housekeeper: the thread takes no signals, which are the host's", "[housekeeper]") {
  const test::TempDir dir;
  Housekeeper keeper(dir.path() / "events.json", 1, [](const char *) {});
  keeper.start();
  keeper.push(0, event());
  std::uint64_t blocked = 0;
  const auto find_thread = [&] {
    for (const auto &task : fs::directory_iterator("/proc/self/task")) {
      std::ifstream status(task.path() / "status");
      std::string text((std::istreambuf_iterator<char>(status)), {});
      if (text.find("Name:\tmxwarden\n") == std::string::npos)
        continue;
      const std::string key = "SigBlk:\t";
      blocked = std::stoull(text.substr(text.find(key) + key.size(), 16), nullptr, 16);
      return true;
    }
    return false;
  };
  bool found = false; // it names itself, a moment after it began
  for (int i = 0; i < 100 && !found; ++i, found = find_thread())
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  REQUIRE(found);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGPIPE, SIGALRM})
    CHECK((blocked >> (signal - 1) & 1U) == 1);
}

TEST_CASE("housekeeper: what no thread has written is written at the end", "[housekeeper]") {
  const test::TempDir dir;
  const fs::path file = dir.path() / "events.json";
  {
    Housekeeper keeper(file, 1, [](const char *) {});
    keeper.push(0, event());
    CHECK(lines(file).empty());
  }
  CHECK(lines(file).size() == 1);
}

TEST_CASE("housekeeper: a FIFO without a reader does not stop anything", "[housekeeper]") {
  const test::TempDir dir;
  const fs::path fifo = dir.path() / "events.json";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  std::vector<std::string> complaints;
  {
    Housekeeper keeper(fifo, 1, [&](const char *line) { complaints.emplace_back(line); });
    keeper.start();
    keeper.push(0, event());
  }
  REQUIRE(complaints.size() == 1);
  CHECK(complaints[0].find("is no file") != std::string::npos);
}

TEST_CASE("housekeeper: a log that cannot be opened is complained of once", "[housekeeper]") {
  const test::TempDir dir;
  std::ofstream(dir.path() / "file") << "x";
  std::vector<std::string> complaints;
  std::uint64_t dropped = 0;
  {
    // Complaints come from the other thread; it has ended when they are read.
    Housekeeper keeper(dir.path() / "file" / "events.json", 1,
                       [&](const char *line) { complaints.emplace_back(line); });
    keeper.start();
    for (int i = 0; i < 10; ++i)
      keeper.push(0, event());
    for (int i = 0; i < 100 && keeper.dropped() < 10; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    dropped = keeper.dropped();
  }
  CHECK(dropped == 10);
  REQUIRE(complaints.size() == 1);
  CHECK(complaints[0].find("cannot open the event log") != std::string::npos);
}

TEST_CASE("housekeeper: a full disk costs events only", "[housekeeper]") {
  std::vector<std::string> complaints;
  std::uint64_t dropped = 0;
  {
    Housekeeper keeper("/dev/full", 1, [&](const char *line) { complaints.emplace_back(line); });
    keeper.start();
    for (int i = 0; i < 500; ++i)
      keeper.push(0, event());
    for (int i = 0; i < 100 && keeper.dropped() == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    dropped = keeper.dropped();
  }
  CHECK(dropped > 0);
  CHECK(complaints.size() == 1);
}

TEST_CASE("housekeeper: when the clock goes back events are written in the order they came",
          "[housekeeper]") {
  const test::TempDir dir;
  const fs::path file = dir.path() / "events.json";
  {
    Housekeeper keeper(file, 1, [](const char *) {});
    keeper.start();
    for (std::uint8_t i = 0; i < 3; ++i) {
      Event e = event(i);
      e.time_us = 3'000'000 - i * std::int64_t{1'000'000};
      keeper.push(0, e);
      for (int wait = 0; wait < 500 && lines(file).size() <= i; ++wait)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  const auto written = lines(file);
  REQUIRE(written.size() == 3);
  for (int i = 0; i < 3; ++i)
    CHECK(written[static_cast<std::size_t>(i)]["mxwarden"]["edits"] == i);
  CHECK(written[0]["@timestamp"] > written[2]["@timestamp"]);
}

TEST_CASE("housekeeper: without a file events are discarded, not lost", "[housekeeper]") {
  Housekeeper keeper({}, 1, [](const char *) {});
  keeper.start();
  keeper.push(0, event());
  CHECK(keeper.dropped() == 0);
}
