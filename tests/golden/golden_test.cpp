// Rule files, and the exact findings about them.
//
// Every directory in cases/ is a configuration: a main file mxwarden.toml, or else rule files
// *.toml, with what they name. Its expected.txt is what render() gives for all findings, then what
// the policy is made of, if there is one; [[test]] tables in the case tell what it decides. What no
// repository can hold is done by the name: open-to-all.* is made writable for all, and there is no
// address for hosts called gone.
//
// To write expected.txt anew: MXW_UPDATE_GOLDEN=1 ctest -L golden, and then read the difference.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <regex>
#include <set>

#include <catch2/catch.hpp>

#include "files.h"
#include "loader/dns_text.h"
#include "loader/lint.h"
#include "loader/loader.h"
#include "loader/source.h"

namespace mxw::test {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = MXW_SOURCE_DIR;
const fs::path kPages = kSource / "docs/codes";

std::vector<fs::path> case_directories() {
  std::vector<fs::path> directories;
  for (const auto &entry : fs::directory_iterator(kSource / "tests/golden/cases"))
    if (entry.is_directory())
      directories.push_back(entry.path());
  std::sort(directories.begin(), directories.end());
  return directories;
}

/// What expected.txt of the case in the working directory must be.
std::string outcome() {
  for (const auto &entry : fs::directory_iterator("."))
    if (entry.path().stem() == "open-to-all")
      fs::permissions(entry.path(), fs::perms::others_write, fs::perm_options::add);
  const Loaded loaded =
      fs::exists("mxwarden.toml") ? load_config("mxwarden.toml", kNowS) : load_rules({"."}, kNowS);
  std::string text;
  std::vector<Diagnostic> findings = loaded.findings;
  if (!loaded.has_errors()) {
    LintOptions options;
    options.resolves = [](const Name &host) { return !to_string(host).starts_with("gone"); };
    for (Diagnostic &found : lint(loaded, options, kNowS))
      findings.push_back(std::move(found));
    sort_by_place(findings);
  }
  for (const Diagnostic &finding : findings) {
    text += render(finding);
    CHECK_FALSE(finding.help.empty());
    CHECK((finding.message[0] < 'A' || finding.message[0] > 'Z'));
  }
  if (loaded.has_errors())
    return text;
  for (const Diagnostic &failure : run_tests(loaded, kNowS))
    text += render(failure);
  const Policy &policy = *loaded.policy;
  const auto fact = [&](std::string_view what, std::size_t n) {
    text += std::string(what) + ": " + std::to_string(n) + '\n';
  };
  fact("files", loaded.files.size());
  fact("rules", policy.rules().size());
  fact("protected names", policy.index().names().size());
  fact("warning hosts", policy.warning_hosts().size());
  fact("tests", loaded.tests.size());
  return text;
}

/// Everything that the first group of `pattern` matches in `text`.
std::set<std::string> all_matches(const std::string &text, const std::string &pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), regex);
       match != std::sregex_iterator(); ++match)
    found.insert((*match)[1]);
  return found;
}

/// The codes that the loader can give.
std::set<std::string> codes() {
  std::set<std::string> found;
  for (const auto &entry : fs::directory_iterator(kSource / "rules/loader"))
    found.merge(all_matches(read_text(entry.path()), "\"(MXW[0-9]{3})\""));
  return found;
}

/// The pages about codes: code and text.
std::map<std::string, std::string> pages() {
  std::map<std::string, std::string> found;
  for (const auto &entry : fs::directory_iterator(kPages))
    if (entry.path().filename() != "README.md")
      found[entry.path().stem()] = read_text(entry.path());
  return found;
}

} // namespace

TEST_CASE("golden: a configuration gives exactly the findings that are expected", "[golden]") {
  const fs::path directory = GENERATE(from_range(case_directories()));
  CAPTURE(directory.filename());
  const Inside inside(directory);
  const std::string found = outcome();
  if (std::getenv("MXW_UPDATE_GOLDEN") != nullptr)
    std::ofstream("expected.txt", std::ios::binary) << found;
  REQUIRE(fs::exists("expected.txt"));
  CHECK(found == read_text("expected.txt"));
}

TEST_CASE("golden: every code has a case", "[golden]") {
  std::set<std::string> seen;
  for (const fs::path &directory : case_directories())
    seen.merge(all_matches(read_text(directory / "expected.txt"),
                           "(?:error|warning|note)\\[(MXW[0-9]{3})\\]"));
  CHECK(seen == codes());
}

TEST_CASE("golden: every code has a page, and every page a code", "[golden][docs]") {
  std::set<std::string> described;
  for (const auto &[code, text] : pages())
    described.insert(code);
  CHECK(described == codes());
}

TEST_CASE("golden: what a page shows is what a case gives", "[golden][docs]") {
  const std::string index = read_text(kPages / "README.md");
  std::string given;
  std::string written;
  for (const fs::path &directory : case_directories()) {
    given += read_text(directory / "expected.txt");
    for (const auto &entry : fs::recursive_directory_iterator(directory))
      if (entry.is_regular_file())
        written += read_text(entry.path());
  }
  for (const auto &[code, text] : pages()) {
    CAPTURE(code);
    const std::string title = text.substr(0, text.find('\n'));
    const std::string start = "# " + code + ": ";
    REQUIRE(title.substr(0, start.size()) == start);
    CHECK(index.find("| [" + code + "](" + code + ".md) | " + title.substr(start.size()) + " |") !=
          std::string::npos);
    const auto findings = all_matches(text, "```text\n([^`]+)```");
    CHECK(findings.size() == 1);
    for (const std::string &finding : findings) {
      CHECK(finding.find('[' + code + ']') != std::string::npos);
      CHECK(given.find(finding) != std::string::npos);
    }
    for (const std::string &example : all_matches(text, "```toml\n([^`]+)```"))
      CHECK(written.find(example) != std::string::npos);
  }
}

} // namespace mxw::test
