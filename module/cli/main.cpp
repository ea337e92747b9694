// The `mxwarden` command: what administrators do with rule files, by the core that the resolver
// uses.
#include <algorithm>
#include <ctime>
#include <exception>
#include <iostream>

#include "cli/commands.h"
#include "loader/source.h"
#include "loader/toml_reader.h"

namespace mxw::cli {

void add_rule_options(CLI::App &command, RuleOptions &options) {
  options.config = default_config();
  auto *config =
      command.add_option("-c,--config", options.config, "main file; MXWARDEN_CONFIG names another")
          ->capture_default_str()
          ->type_name("FILE");
  command
      .add_option("-r,--rules", options.rules,
                  "rule files, or directories of them, instead of a main file")
      ->type_name("PATH...")
      ->excludes(config);
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

namespace {

/// True, and says so, if `word` stands where a command must and is none.
bool is_unknown_command(const CLI::App &app, const std::string &word) {
  std::vector<std::string> names;
  for (const CLI::App *command : app.get_subcommands({}))
    names.push_back(command->get_name());
  if (word.starts_with('-') || std::find(names.begin(), names.end(), word) != names.end())
    return false;
  const std::vector<std::string_view> known(names.begin(), names.end());
  std::cerr << "mxwarden: unknown command " << printable(quote(word)) << did_you_mean(word, known)
            << '\n';
  return true;
}

} // namespace

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
    add_list(app, exit);
    if (argc > 1 && is_unknown_command(app, argv[1])) // CLI11 would say that there must be one
      return static_cast<int>(Exit::cannot_run);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError &e) {
      return app.exit(e) == 0 ? 0 : static_cast<int>(Exit::cannot_run);
    }
    // What was cut short must not pass for the whole.
    if (!std::cout.flush()) {
      std::cerr << "mxwarden: cannot write standard output\n";
      exit = Exit::cannot_run;
    }
    return static_cast<int>(exit);
  } catch (const std::exception &e) {
    std::cerr << "mxwarden: " << e.what() << '\n';
    return static_cast<int>(Exit::cannot_run);
  }
}
