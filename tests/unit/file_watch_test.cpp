#include "runtime/file_watch.h"

#include <fstream>
#include <functional>

#include <catch2/catch.hpp>
#include <poll.h>

#include "temp_dir.h"

using namespace mxw;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  Fixture() {
    fs::create_directory(dir / "rules.d");
    write("mxwarden.toml");
    write("rules.d/a.toml");
    write("rules.d/note.txt");
    watch.watch({dir / "mxwarden.toml", dir / "rules.d/*.toml", dir / "rules.d/a.toml",
                 dir / "lists/mil.txt"});
  }

  void write(const std::string &name) const { std::ofstream(dir / name) << "x"; }
  /// True if the change was seen.
  bool sees(const std::function<void()> &change) {
    change();
    pollfd waiting = {watch.fd(), POLLIN, 0};
    poll(&waiting, 1, 100);
    return watch.changed();
  }

  const test::TempDir temp;
  const fs::path &dir = temp.path();
  FileWatch watch;
};

} // namespace

TEST_CASE_METHOD(Fixture, "file watch: sees what is written, replaced, removed and made readable",
                 "[file-watch]") {
  CHECK_FALSE(sees([] {}));
  CHECK(sees([&] { write("mxwarden.toml"); }));
  CHECK(sees([&] { write("rules.d/b.toml"); })); // new, and matches
  CHECK(sees([&] {
    write("new");
    fs::rename(dir / "new", dir / "rules.d/a.toml");
  }));
  CHECK(sees([&] { fs::permissions(dir / "mxwarden.toml", fs::perms::owner_read); }));
  CHECK(sees([&] { fs::remove(dir / "rules.d/b.toml"); }));
  CHECK(sees([&] { fs::create_directory(dir / "lists"); })); // on the way to what is watched
  CHECK_FALSE(sees([] {}));
}

TEST_CASE_METHOD(Fixture, "file watch: does not mind other files", "[file-watch]") {
  CHECK_FALSE(sees([&] { write("events.json"); }));
  CHECK_FALSE(sees([&] { write("rules.d/note.txt"); }));
  CHECK_FALSE(sees([&] { write("rules.d/.hidden.toml"); }));
  CHECK_FALSE(sees([&] { (void)std::ifstream(dir / "mxwarden.toml").get(); }));
}

TEST_CASE_METHOD(Fixture, "file watch: sees a directory exchanged by a symbolic link",
                 "[file-watch]") {
  for (const std::string version : {"v1", "v2"}) {
    fs::create_directories(dir / version);
    write(version + "/a.toml");
  }
  fs::create_directory_symlink("v1", dir / "current");
  REQUIRE(watch.watch({dir / "current/a.toml"}));
  CHECK(sees([&] { write("v1/a.toml"); })); // through the link
  CHECK(sees([&] {
    fs::create_directory_symlink("v2", dir / "next");
    fs::rename(dir / "next", dir / "current");
  }));
  REQUIRE(watch.watch({dir / "current/a.toml"}));
  CHECK(sees([&] { write("v2/a.toml"); }));
  CHECK_FALSE(sees([&] { write("v1/a.toml"); })); // not any more
}

TEST_CASE_METHOD(Fixture, "file watch: links that lead in a circle are an error", "[file-watch]") {
  fs::create_symlink("two", dir / "one");
  fs::create_symlink("one", dir / "two");
  CHECK_FALSE(watch.watch({dir / "one"}));
}
