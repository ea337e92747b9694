#include "runtime/last_good.h"

#include <csignal>
#include <fstream>
#include <iterator>
#include <string>

#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include "loader/loader.h"
#include "temp_dir.h"

using namespace mxw;
using test::TempDir;

namespace {

constexpr std::int64_t kNow = 1'800'000'000;
const std::filesystem::path kMain = "/etc/mxwarden/mxwarden.toml";

SavedFiles files() {
  SavedFiles saved;
  saved.texts[kMain] = "schema = 1\nrules = [\"rules.d/*.toml\"]\n";
  saved.texts["/etc/mxwarden/rules.d/10.toml"] = std::string("a\0b:,\n12:", 10);
  saved.texts["/etc/mxwarden/odd\nname"] = "";
  saved.matches["/etc/mxwarden/rules.d/*.toml"] = {"/etc/mxwarden/rules.d/10.toml"};
  saved.matches["/etc/mxwarden/none/*"] = {};
  saved.identities[kMain] = "/srv/mxwarden.toml";
  return saved;
}

std::string read_text(const std::filesystem::path &file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t entries(const std::filesystem::path &directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), {}));
}

} // namespace

TEST_CASE("last good: what was kept comes back, for its main file alone", "[last-good]") {
  const TempDir dir;
  const auto state = dir.path() / "not" / "there yet";
  CHECK_FALSE(LastGood(state).load(kMain));
  CHECK(LastGood(state).keep(kMain, files(), kNow) == std::nullopt);
  LastGood again(state);
  const auto kept = again.load(kMain);
  REQUIRE(kept);
  CHECK(kept->files == files());
  CHECK(kept->time_s == kNow);
  CHECK(again.load("/etc/other.toml").error().find("is of another main file") != std::string::npos);
  CHECK(entries(state) == 1);
}

TEST_CASE("last good: the same is not written again, something else is", "[last-good]") {
  const TempDir dir;
  REQUIRE_FALSE(LastGood(dir.path()).keep(kMain, files(), kNow));
  LastGood again(dir.path());
  REQUIRE_FALSE(again.keep(kMain, files(), kNow + 60));
  CHECK(again.load(kMain)->time_s == kNow);
  SavedFiles other = files();
  other.texts[kMain] += "# and more\n";
  REQUIRE_FALSE(again.keep(kMain, other, kNow + 60));
  CHECK(LastGood(dir.path()).load(kMain)->files == other);
  CHECK(LastGood(dir.path()).load(kMain)->time_s == kNow + 60);
}

TEST_CASE("last good: what somebody took away is written again", "[last-good]") {
  const TempDir dir;
  const auto state = dir.path() / "state";
  LastGood last_good(state);
  REQUIRE_FALSE(last_good.keep(kMain, files(), kNow));
  std::filesystem::remove_all(state);
  REQUIRE_FALSE(last_good.keep(kMain, files(), kNow));
  CHECK(LastGood(state).load(kMain)->files == files());
}

TEST_CASE("last good: a file that is damaged anywhere is not believed", "[last-good]") {
  const TempDir dir;
  LastGood last_good(dir.path());
  REQUIRE_FALSE(last_good.keep(kMain, files(), kNow));
  const std::string whole = read_text(last_good.file());
  const auto is_believed = [&](const std::string &text) {
    std::ofstream(last_good.file(), std::ios::binary) << text;
    const auto kept = LastGood(dir.path()).load(kMain);
    return kept && kept->files == files();
  };
  CHECK(is_believed(whole));
  const std::size_t body = whole.find('\n') + 1;
  const std::size_t time = whole.rfind(' ', body) + 1;
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    CAPTURE(bytes);
    CHECK_FALSE(is_believed(whole.substr(0, bytes)));
    std::string changed = whole;
    changed[bytes] ^= 1;
    // The time is not under the checksum: a wrong one is told, and does no harm.
    if (bytes < time || bytes + 1 >= body)
      CHECK_FALSE(is_believed(changed));
  }
  CHECK_FALSE(is_believed(whole + "0:,"));
  // Whoever damages it knowingly can make the checksum, and no more than that.
  for (const std::string text : {"", "9:", "1:a,", "99999999999999999999:a,", "1:a;", ":,"})
    CHECK_FALSE(is_believed(text));
}

TEST_CASE("last good: what cannot be written is told, and what was there stays", "[last-good]") {
  const TempDir dir;
  LastGood last_good(dir.path());
  REQUIRE_FALSE(last_good.keep(kMain, files(), kNow));
  SavedFiles large = files();
  large.texts["/large"] = std::string(100'000, 'x');
  // As a full disk does.
  rlimit before = {};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {10'000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto failed = last_good.keep(kMain, large, kNow);
  setrlimit(RLIMIT_FSIZE, &before);
  (void)std::signal(SIGXFSZ, handler);
  REQUIRE(failed);
  CHECK(failed->find("cannot write") != std::string::npos);
  CHECK(LastGood(dir.path()).load(kMain)->files == files());
  CHECK(entries(dir.path()) == 1); // nothing half-written is left
  REQUIRE_FALSE(last_good.keep(kMain, large, kNow));
  CHECK(LastGood(dir.path()).load(kMain)->files == large);

  CHECK(LastGood("/dev/null/state").keep(kMain, files(), kNow)->find("Not a directory") !=
        std::string::npos);
}

TEST_CASE("last good: rules load from what was kept as they did from the files", "[last-good]") {
  const TempDir dir;
  dir.write("main.toml", "schema = 1\nrules = [\"rules.d/*.toml\", \"one.toml\", \"link.toml\"]\n");
  dir.write("one.toml", "schema = 1\n[[protect]]\nid = \"one\"\nfiles = [\"names.txt\"]\n");
  dir.write("names.txt", "army.mil\nnavy.mil\n");
  dir.write("rules.d/10.toml", "schema = 1\n[[protect]]\nid = \"ten\"\ndomains = [\"af.mil\"]\n");
  std::filesystem::create_symlink("one.toml", dir.path() / "link.toml");
  const auto main_file = dir.path() / "main.toml";
  SavedFiles saved;
  const Loaded before = load_config(main_file, kNow, RuleFiles(&saved));
  REQUIRE(before.policy);
  CHECK(before.policy->rules().size() == 2);
  std::filesystem::remove_all(dir.path() / "rules.d");
  std::filesystem::remove(dir.path() / "one.toml");
  std::filesystem::remove(main_file);
  const Loaded after = load_config(main_file, kNow, RuleFiles(saved));
  REQUIRE(after.policy);
  CHECK(after.files == before.files);
  CHECK(after.policy->rules().size() == 2);
  CHECK(after.policy->index().names().size() == 3);
}
