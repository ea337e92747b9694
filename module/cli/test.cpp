// `mxwarden test`: do the [[test]] cases of the rules hold?
#include <ctime>
#include <iostream>

#include "cli/commands.h"

namespace mxw::cli {

Exit test(const TestOptions &options) {
  const Loaded loaded = load(options.rules);
  if (loaded.has_errors()) {
    print(loaded.findings, options.format);
    std::cerr << "mxwarden: the rules have errors, so nothing can be tested\n";
    return Exit::cannot_run;
  }
  const std::vector<Diagnostic> failures = run_tests(loaded, std::time(nullptr));
  print(failures, options.format);
  if (options.format == Format::text)
    std::cout << count(loaded.tests.size(), "test") << ": " << count(failures.size(), "failure")
              << '\n';
  return failures.empty() ? Exit::clean : Exit::findings;
}

} // namespace mxw::cli
