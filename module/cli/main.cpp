// The `mxwarden` command: what administrators do with rule files, by the core that the resolver
// uses.
#include <cstdlib>
#include <ctime>
#include <exception>
#include <iostream>

#include "cli/commands.h"

namespace mxw::cli {

void add_rule_options(CLI::App &command, RuleOptions &options) {
  const char *set = std::getenv("MXWARDEN_CONFIG"); // NOLINT(concurrency-mt-unsafe): one thread
  options.config = set != nullptr ? set : "/etc/mxwarden/mxwarden.toml";
  command.add_option("-c,--config", options.config, "main file; MXWARDEN_CONFIG names another")
      ->capture_default_str()
      ->type_name("FILE");
  command
      .add_option("-r,--rules", options.rules,
                  "rule files, or directories of them, instead of a main file")
      ->type_name("PATH...");
}

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

int main(int argc, char **argv) {
  using namespace mxw::cli;
  try {
    CLI::App app("mxwarden: answers MX look-ups for look-alikes of protected domains by policy");
    app.set_version_flag("-V,--version", "mxwarden " MXW_VERSION);
    app.require_subcommand(1);
    app.footer("mxwarden COMMAND --help tells more; see also mxwarden(1).");
    Exit exit = Exit::clean;
    add_check(app, exit);
    add_explain(app, exit);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError &e) {
      return app.exit(e) == 0 ? 0 : static_cast<int>(Exit::cannot_run);
    }
    return static_cast<int>(exit);
  } catch (const std::exception &e) {
    std::cerr << "mxwarden: " << e.what() << '\n';
    return static_cast<int>(Exit::cannot_run);
  }
}
