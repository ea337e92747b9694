#include "runtime/event_log.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "temp_dir.h"

using namespace mxw;
namespace fs = std::filesystem;

namespace {

std::string text(const fs::path &file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What a round of the housekeeping thread does.
bool write(EventLog &log, const std::string &line) {
  log.open();
  return log.write(line);
}

} // namespace

TEST_CASE("event log: a file that was moved or removed is made anew", "[event_log]") {
  const test::TempDir dir;
  const fs::path file = dir.path() / "state" / "events.json";
  EventLog log(file);
  CHECK(write(log, "1"));
  fs::rename(file, dir.path() / "old");
  CHECK(log.write("2")); // before anybody looked
  CHECK(write(log, "3"));
  CHECK(text(dir.path() / "old") == "1\n2\n");
  CHECK(text(file) == "3\n");
  fs::remove(file);
  CHECK(write(log, "4"));
  CHECK(text(file) == "4\n");
  fs::remove_all(file.parent_path());
  CHECK(write(log, "5"));
  CHECK(text(file) == "5\n");
  fs::rename(file, dir.path() / "old");
  std::ofstream(file) << "made by logrotate\n";
  CHECK(write(log, "6"));
  CHECK(text(file) == "made by logrotate\n6\n");
}

TEST_CASE("event log: a file that was truncated in place is appended to", "[event_log]") {
  const test::TempDir dir;
  const fs::path file = dir.path() / "events.json";
  EventLog log(file);
  CHECK(write(log, "1"));
  fs::resize_file(file, 0);
  CHECK(write(log, "2"));
  CHECK(text(file) == "2\n");
}

TEST_CASE("event log: while no new file can be made lines go to the one that was moved",
          "[event_log]") {
  const test::TempDir dir;
  const fs::path file = dir.path() / "events.json";
  EventLog log(file);
  CHECK(write(log, "1"));
  fs::rename(file, dir.path() / "old");
  fs::create_directory(file);
  CHECK_FALSE(log.open());
  CHECK(log.error().find("events.json': ") != std::string::npos);
  CHECK(log.write("2"));
  fs::remove(dir.path() / "old"); // nobody would read what came next
  CHECK_FALSE(log.open());
  CHECK_FALSE(log.is_open());
  CHECK_FALSE(log.write("3"));
  fs::remove(file);
  CHECK(write(log, "4"));
  CHECK(text(file) == "4\n");
}

TEST_CASE("event log: what is no file is neither waited for nor written", "[event_log]") {
  const test::TempDir dir;
  const fs::path file = dir.path() / "events.json";
  const fs::path fifo = dir.path() / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const std::string what = GENERATE("directory", "fifo", "link to a fifo", "link to itself");
  CAPTURE(what);
  if (what == "directory")
    fs::create_directory(file);
  else if (what == "fifo")
    fs::rename(fifo, file);
  else
    fs::create_symlink(what == "link to itself" ? file : fifo, file);
  EventLog log(file);
  CHECK_FALSE(log.open());
  CHECK(log.error().find("events.json': ") != std::string::npos);
  CHECK_FALSE(log.write("1"));
  fs::remove(file);
  CHECK(write(log, "2"));
  CHECK(text(file) == "2\n");
}

TEST_CASE("event log: a FIFO that somebody reads is not written either", "[event_log]") {
  const test::TempDir dir;
  const fs::path fifo = dir.path() / "events.json";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const std::fstream reader(fifo); // both ends, so that it does not wait
  EventLog log(fifo);
  CHECK_FALSE(log.open());
  CHECK(log.error().find("is no file") != std::string::npos);
}

TEST_CASE("event log: a symbolic link is followed, also to a file that is not there yet",
          "[event_log]") {
  const test::TempDir dir;
  const fs::path file = dir.path() / "events.json";
  fs::create_symlink(dir.path() / "elsewhere", file);
  EventLog log(file);
  CHECK(write(log, "1"));
  CHECK(write(log, "2"));
  CHECK(text(dir.path() / "elsewhere") == "1\n2\n");
  fs::remove(file);
  fs::create_symlink(dir.path() / "otherwhere", file);
  CHECK(write(log, "3"));
  CHECK(text(dir.path() / "otherwhere") == "3\n");
}

TEST_CASE("event log: half a line of before does not spoil the next one", "[event_log]") {
  const test::TempDir dir;
  const std::string before = GENERATE("", "1\n", "1\nhalf a l");
  const fs::path file = dir.write("events.json", before);
  EventLog log(file);
  CHECK(write(log, "2"));
  CHECK(write(log, "3"));
  CHECK(text(file) == before + (before.size() > 2 ? "\n" : "") + "2\n3\n");
}

TEST_CASE("event log: a file that it makes is for owner and group alone", "[event_log]") {
  const test::TempDir dir;
  const fs::path file = dir.path() / "events.json";
  const mode_t before = umask(022);
  EventLog log(file);
  CHECK(log.open());
  umask(before);
  CHECK(fs::status(file).permissions() == fs::perms(0640));
}

TEST_CASE("event log: without a file all is well", "[event_log]") {
  EventLog log({});
  CHECK(log.discards());
  CHECK(log.open());
  CHECK(log.write("1"));
}
