// The rule files that are shipped, and those that the documentation shows: sound, and deciding as
// their own tests say.
#include <cstdlib>

#include <catch2/catch.hpp>

#include "files.h"
#include "loader/dns_text.h"
#include "loader/loader.h"

namespace mxw::test {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = MXW_SOURCE_DIR;

std::vector<fs::path> sets() {
  std::vector<fs::path> files;
  for (const auto &entry : fs::directory_iterator(kSource / "rules/sets"))
    if (entry.path().extension() == ".toml")
      files.push_back(entry.path());
  return files;
}

/// What is wrong with the rules, as people read it.
std::string complaints(const Loaded &loaded) {
  std::string text;
  for (const Diagnostic &finding : loaded.findings)
    text += render(finding);
  if (!loaded.has_errors())
    for (const Diagnostic &failure : run_tests(loaded, kNowS))
      text += render(failure);
  return text;
}

} // namespace

TEST_CASE("sets: each shipped set is sound, and decides as its tests say", "[sets]") {
  const fs::path set = GENERATE(from_range(sets()));
  CAPTURE(set.filename());
  const Loaded loaded = load_rules({set}, kNowS);
  CHECK(complaints(loaded) == "");
  CHECK(loaded.tests.size() >= 10);
}

TEST_CASE("sets: all of them together are, too", "[sets]") {
  const Loaded loaded = load_rules({kSource / "rules/sets"}, kNowS);
  CHECK(complaints(loaded) == "");
  CHECK(loaded.files.size() == sets().size());
  CHECK(sets().size() >= 3);
}

TEST_CASE("sets: the example configuration is sound with a set and with what docs extend it by",
          "[sets][docs]") {
  const Scratch scratch;
  fs::create_directory("rules.d");
  fs::copy_file(kSource / "contrib/mxwarden.toml", "mxwarden.toml");
  fs::copy_file(kSource / "rules/sets/us-dod.toml", "rules.d/us-dod.toml");
  const std::string page = read_text(kSource / "rules/sets/README.md");
  const std::size_t section = page.find("## Extending them");
  const std::string fence = "```toml\n";
  const std::size_t from = page.find(fence, section) + fence.size();
  std::ofstream("rules.d/own.toml") << page.substr(from, page.find("```", from) - from);
  const Loaded loaded = load_config("mxwarden.toml", kNowS);
  CHECK(complaints(loaded) == "");
  CHECK(loaded.files.size() == 3);
}

TEST_CASE("sets: no real name of the lists in MXW_TEST_DATA is taken for a look-alike",
          "[sets][data]") {
  const char *data = std::getenv("MXW_TEST_DATA");
  if (data == nullptr) {
    WARN("MXW_TEST_DATA names no directory with gov.txt, mil_registered.txt and others; skipped");
    return;
  }
  const fs::path dir = fs::absolute(data);
  const Scratch scratch;
  std::ofstream("rules.toml") << "schema = 1\n[[protect]]\nid = \"dod\"\nfiles = [\""
                              << (dir / "mil_registered.txt").string()
                              << "\"]\n[[protect]]\nid = \"gov\"\nfiles = [\""
                              << (dir / "gov.txt").string() << "\"]\n";
  const bool shipped = GENERATE(false, true);
  CAPTURE(shipped);
  const Loaded loaded =
      load_rules({shipped ? kSource / "rules/sets" : fs::path("rules.toml")}, kNowS);
  CHECK(complaints(loaded) == "");
  REQUIRE(loaded.policy);
  std::size_t asked = 0;
  for (const char *list : {"opendns_top10k.txt", "gov.txt", "mil_hostnames.txt"}) {
    std::ifstream lines(dir / list);
    for (std::string line; std::getline(lines, line); ++asked) {
      const auto name = parse_name(line);
      REQUIRE(name);
      const Verdict verdict = loaded.policy->decide({*name, qtype::kMx, std::nullopt, kNowS});
      if (verdict.enforced())
        FAIL_CHECK(line + " of " + list + " is " + std::string(to_string(verdict.reason)));
    }
  }
  CHECK(asked > 30'000);
}

} // namespace mxw::test
