// Rule files, with what must hold of them whatever the octets are.
//
// An input is the text of the main file. A line "--- NAME" ends it and begins the file with that
// name, which the main file or another may name: a rule file, a list, a CSV. Nothing touches the
// disk but the copy of the last good rules.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "fuzz/target.h"
#include "loader/dns_text.h"
#include "loader/lint.h"
#include "loader/loader.h"
#include "loader/toml_format.h"
#include "runtime/last_good.h"
#include "runtime/status.h"
#include "temp_dir.h"

namespace mxw::test {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNowS = 1795435200; // as the golden cases
const fs::path kMain = "mxwarden.toml";
constexpr std::string_view kPattern = "rules.d/*.toml";

/// Ends the program unless `holds`.
void require(bool holds, const std::string &what) {
  if (holds)
    return;
  std::fprintf(stderr, "does not hold: %s\n", what.c_str());
  std::abort();
}

SavedFiles files_of(std::string_view input) {
  constexpr std::string_view kMark = "--- ";
  SavedFiles files;
  std::string *text = &files.texts[kMain];
  std::vector<fs::path> rules;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    if (line.starts_with(kMark))
      text = &files.texts[line.substr(kMark.size())];
    else
      *text += input.substr(0, line.size() + 1);
    input.remove_prefix(std::min(line.size() + 1, input.size()));
  }
  for (const auto &[path, unused] : files.texts)
    if (path.native().starts_with("rules.d/"))
      rules.push_back(path);
  files.set_matches({}, std::string(kPattern), std::move(rules));
  return files;
}

/// Returns findings as people and programs read them.
std::string text_of(const std::vector<Diagnostic> &findings) {
  std::string text;
  for (const Diagnostic &finding : findings)
    text += render(finding);
  Status status;
  status.findings = findings;
  const auto json = nlohmann::json::parse(to_json(status, kNowS)); // or it throws
  require(json.at("findings").size() == findings.size(), "every finding is told");
  return text;
}

/// A place that there is, in a file that there is; or the whole of a file.
void check_place(const Diagnostic &finding, const SavedFiles &files) {
  const auto file = files.texts.find(finding.file);
  if (finding.line == 0) {
    require(!finding.file.empty(), "a finding names its file");
    return;
  }
  require(file != files.texts.end(), "what has lines can be read");
  const Source source(file->first, file->second);
  const auto lines =
      static_cast<std::size_t>(std::count(source.text().begin(), source.text().end(), '\n') + 1);
  require(finding.line <= lines, "a finding's line is in its file");
  const std::string_view line = source.line(finding.line);
  const auto points = static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & '\xc0') != '\x80'; }));
  // One more for the end, and one for the CR that line() leaves out.
  require(finding.column >= 1 && finding.column <= points + 2, "a finding's column is in its line");
}

void check_findings(const std::vector<Diagnostic> &findings, const SavedFiles &files) {
  for (const Diagnostic &finding : findings) {
    require(finding.code.size() == 6 && finding.code.starts_with("MXW0"), "a finding has a code");
    require(!finding.message.empty() && !finding.help.empty(), "a finding has words");
    require(render(finding).size() < 4000, "a finding can be read");
    check_place(finding, files);
  }
}

/// Whatever is protected, allowed or tested is asked for.
void ask(const Loaded &loaded) {
  std::vector<Name> names = {parse_name("army.ml").value(), parse_name("us.army.mil").value(), {}};
  const NameList &known = loaded.policy->index().names();
  for (std::size_t i = 0; i < std::min<std::size_t>(known.size(), 20); ++i)
    names.push_back(known[i]);
  for (const TestCase &test : loaded.tests)
    names.push_back(test.query.name);
  for (const Name &name : names) {
    const Verdict verdict = loaded.policy->decide({name, qtype::kMx, std::nullopt, kNowS});
    bool is_known = false;
    for (std::size_t i = 0; i < known.size() && !is_known; ++i)
      is_known = name.is_at_or_below(known[i]);
    require(!is_known || verdict.reason == Reason::is_protected ||
                verdict.reason == Reason::warning_mx,
            "what is protected is no look-alike");
    require(verdict.reason != Reason::look_alike || verdict.rule < loaded.policy->rules().size(),
            "a look-alike is some rule's");
  }
}

/// What was kept comes back as it was.
void check_last_good(const SavedFiles &files) {
  static const TempDir directory;
  LastGood last_good(directory.path());
  require(!last_good.keep(kMain, files, kNowS), "what is good can be kept");
  const auto kept = last_good.load(kMain);
  require(kept && kept->files == files, "what was kept comes back");
}

/// The layout of a text that has it is not changed.
void check_format(const std::string &text) {
  Findings findings;
  const auto once = format_toml(Source(kMain, text), findings);
  require(once.has_value() != findings.has_error(), "what is TOML can be formatted");
  require(!once || format_toml(Source(kMain, *once), findings) == once, "the layout is one");
}

} // namespace
} // namespace mxw::test

int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  using namespace mxw;
  using namespace mxw::test;
  const SavedFiles files =
      files_of({static_cast<const char *>(static_cast<const void *>(data)), size});
  const Loaded loaded = load_config(kMain, kNowS, RuleFiles(files));
  check_findings(loaded.findings, files);
  require(loaded.findings.size() <= Findings::kMax + 1, "findings are bounded");
  const auto is_error = [](const Diagnostic &d) { return d.severity == Severity::error; };
  require(std::any_of(loaded.findings.begin(), loaded.findings.end(), is_error) ==
              loaded.has_errors(),
          "what is refused has an error");
  const Loaded again = load_config(kMain, kNowS, RuleFiles(files));
  require(text_of(again.findings) == text_of(loaded.findings),
          "the same files have the same findings");
  check_format(files.texts.at(kMain));
  if (loaded.has_errors())
    return 0;
  ask(loaded);
  check_last_good(files);
  const auto told = lint(loaded, {}, kNowS);
  check_findings(told, files);
  const auto failures = run_tests(loaded, kNowS);
  check_findings(failures, files);
  require(text_of(lint(again, {}, kNowS)) == text_of(told) &&
              text_of(run_tests(again, kNowS)) == text_of(failures),
          "the same rules decide the same");
  return 0;
}
