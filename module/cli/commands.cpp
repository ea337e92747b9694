#include "cli/commands.h"

#include <ctime>
#include <iostream>

namespace mxw::cli {

Loaded load(const RuleOptions &options) {
  const std::time_t now_s = std::time(nullptr);
  return options.rules.empty() ? load_config(options.config, now_s)
                               : load_rules(options.rules, now_s);
}

void print(const std::vector<Diagnostic> &findings) {
  for (const Diagnostic &finding : findings)
    std::cerr << render(finding);
}

} // namespace mxw::cli
