// `mxwarden check`: are the rules sound, and do their [[test]] cases hold?
#include <algorithm>
#include <ctime>
#include <iostream>

#include "cli/commands.h"

namespace mxw::cli {
namespace {

std::string count(std::size_t n, const char *what) {
  return std::to_string(n) + ' ' + what + (n == 1 ? "" : "s");
}

} // namespace

Exit check(const CheckOptions &options) {
  const Loaded loaded = load(options.rules);
  print(loaded.findings);
  // A file that was named and cannot be read is no finding about rules.
  if (loaded.files.empty() && loaded.has_errors())
    return Exit::cannot_run;
  std::vector<Diagnostic> failures;
  if (!loaded.has_errors())
    failures = run_tests(loaded, std::time(nullptr));
  print(failures);
  std::cout << count(loaded.files.size(), "file");
  if (loaded.policy)
    std::cout << ", " << count(loaded.policy->rules().size(), "rule") << ", "
              << count(loaded.policy->index().names().size(), "protected name") << ", "
              << count(loaded.tests.size(), "test");
  const auto errors = static_cast<std::size_t>(
      std::count_if(loaded.findings.begin(), loaded.findings.end(),
                    [](const Diagnostic &d) { return d.severity == Severity::error; }));
  const std::size_t warnings = loaded.findings.size() - errors;
  std::cout << ": " << count(errors + failures.size(), "error") << ", "
            << count(warnings, "warning") << '\n';
  return errors + warnings + failures.size() == 0 ? Exit::clean : Exit::findings;
}

} // namespace mxw::cli
