#include "loader/atomic_file.h"

#include <csignal>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temp_dir.h"

using namespace mxw;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  Fixture() { std::ofstream(file) << "before"; }

  static std::string text_of(const fs::path &path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// How many names the directory has: more than were made if something is left behind.
  [[nodiscard]] auto names() const {
    return std::distance(fs::directory_iterator(temp.path()), fs::directory_iterator());
  }
  static mode_t mode_of(const fs::path &path) {
    struct stat status = {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
  }

  const test::TempDir temp;
  const fs::path file = temp.path() / "rules.toml";
};

} // namespace

TEST_CASE_METHOD(Fixture, "atomic file: the text is replaced, the mode is kept", "[atomic_file]") {
  const mode_t mode = GENERATE(0600, 0640, 0664);
  REQUIRE(chmod(file.c_str(), mode) == 0);
  CHECK(replace_file(file, "after", "before"));
  CHECK(text_of(file) == "after");
  CHECK(mode_of(file) == mode);
  CHECK(names() == 1);
}

TEST_CASE_METHOD(Fixture, "atomic file: the owner is kept", "[atomic_file]") {
  if (geteuid() != 0)
    return; // nobody else may give files away
  REQUIRE(chown(file.c_str(), 4711, 4712) == 0);
  CHECK(replace_file(file, "after"));
  struct stat status = {};
  REQUIRE(stat(file.c_str(), &status) == 0);
  CHECK(status.st_uid == 4711);
  CHECK(status.st_gid == 4712);
}

TEST_CASE_METHOD(Fixture, "atomic file: a link stays a link, and leads to the new text",
                 "[atomic_file]") {
  const fs::path link = temp.path() / "link.toml";
  fs::create_symlink("rules.toml", link);
  CHECK(replace_file(link, "after", "before"));
  CHECK(fs::is_symlink(link));
  CHECK(text_of(file) == "after");
}

TEST_CASE_METHOD(Fixture, "atomic file: what another has changed since is not lost",
                 "[atomic_file]") {
  const std::string before = GENERATE("befor", "before ", "BEFORE", "",
                                      "\xef\xbb\xbf"
                                      "before");
  CAPTURE(before);
  const Written written = replace_file(file, "after", before);
  REQUIRE(!written);
  CHECK(written.error().find("another has changed it") != std::string::npos);
  CHECK(text_of(file) == "before");
  CHECK(names() == 1);
}

TEST_CASE_METHOD(Fixture, "atomic file: a byte order mark is compared too", "[atomic_file]") {
  std::ofstream(file) << "\xef\xbb\xbf"
                         "x";
  CHECK(!replace_file(file, "after", "x"));
  CHECK(replace_file(file, "after",
                     "\xef\xbb\xbf"
                     "x"));
}

TEST_CASE_METHOD(Fixture, "atomic file: a new file is readable by all, and must be new if asked",
                 "[atomic_file]") {
  const fs::path made = temp.path() / "new.toml";
  const mode_t mask = umask(077);
  CHECK(create_file(made, "new"));
  umask(mask);
  CHECK(text_of(made) == "new");
  CHECK(mode_of(made) == 0644);
  CHECK(!create_file(made, "newer"));
  CHECK(text_of(made) == "new");
  CHECK(!replace_file(temp.path() / "gone.toml", "after", "before"));
  CHECK(names() == 2);
}

TEST_CASE_METHOD(Fixture, "atomic file: what is no regular file is refused", "[atomic_file]") {
  const fs::path pipe = temp.path() / "pipe";
  const fs::path nowhere = temp.path() / "nowhere";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  fs::create_symlink("gone", nowhere);
  for (const fs::path &bad : {pipe, nowhere, temp.path(), fs::path("/dev/null"), fs::path(),
                              file / "below", fs::path(std::string("nul\0", 4))}) {
    CAPTURE(bad);
    CHECK(!replace_file(bad, "after"));
  }
  CHECK(fs::is_fifo(pipe));
  CHECK(names() == 3);
}

TEST_CASE_METHOD(Fixture, "atomic file: where no more can be written all is as it was",
                 "[atomic_file]") {
  rlimit usual = {};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &usual) == 0);
  const rlimit small = {3, usual.rlim_max};
  auto *const handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const Written written = replace_file(file, "after", "before");
  REQUIRE(setrlimit(RLIMIT_FSIZE, &usual) == 0);
  std::signal(SIGXFSZ, handler);
  REQUIRE(!written);
  CHECK(written.error().find("File too large") != std::string::npos);
  CHECK(text_of(file) == "before");
  CHECK(names() == 1);
}
