// `mxwarden init`: a configuration to begin with, which is sound and says what can be changed.
#include <algorithm>
#include <ctime>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "cli/commands.h"
#include "loader/atomic_file.h"
#include "loader/dns_text.h"
#include "loader/loader.h"
#include "loader/source.h"

namespace mxw::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRules = "rules.d/10-local.toml";

Exit refuse(const std::string &message) {
  std::cerr << "mxwarden: " << printable(message) << '\n';
  return Exit::cannot_run;
}

/// Asks whoever sits at the terminal, who may answer nothing.
std::string ask(const std::string &question, const std::string &usual) {
  std::cout << question << " [" << (usual.empty() ? "none" : usual) << "]: " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer.empty() ? usual : answer;
}

void ask_for_all(InitOptions &options) {
  std::cout << "Which domains are to be protected, such as example.mil? Blanks between them.\n";
  options.protect = words_of(ask("Domains", ""));
  options.contact = ask("Whom can senders ask? An address", "");
  std::cout << "Hosts that tell senders of their mistake, each with its address if the world does\n"
               "not know it: warn1.example.mil=198.51.100.25. Without any, look-alikes get a null "
               "MX.\n";
  options.warning_mx = words_of(ask("Warning hosts", ""));
  options.mode = ask("observe (log only) or enforce", options.mode);
}

/// ["a", "b"]
std::string toml_array(const std::vector<std::string> &texts) {
  std::string array = "[";
  for (const std::string &text : texts)
    array += (array.size() > 1 ? ", " : "") + toml_string(text);
  return array + ']';
}

std::string warning_mx(const std::vector<std::string> &hosts) {
  if (hosts.empty())
    return "# Hosts that refuse each recipient and tell the sender why. Without them the action is "
           "null-mx.\n"
           "# [warning_mx]\n"
           "# hosts = [\"warn1.example.mil\", \"warn2.example.mil\"]\n";
  std::vector<std::string> names;
  std::string addresses;
  for (const std::string &text : hosts) {
    const std::size_t equals = text.find('=');
    names.push_back(text.substr(0, equals));
    if (equals != std::string::npos)
      addresses += (addresses.empty() ? "" : ", ") + toml_string(names.back()) + " = [" +
                   toml_string(text.substr(equals + 1)) + ']';
  }
  return "# Hosts that refuse each recipient and tell the sender why.\n[warning_mx]\nhosts = " +
         toml_array(names) + '\n' +
         (addresses.empty() ? "" : "addresses = { " + addresses + " }\n");
}

std::string mode_and_contact(const InitOptions &options) {
  return "mode = " + toml_string(options.mode) + '\n' +
         (options.contact.empty() ? "# contact = \"postmaster@example.mil\"\n"
                                  : "contact = " + toml_string(options.contact) + '\n');
}

std::string main_text(const InitOptions &options) {
  return "# The main file of mxwarden. `mxwarden check` tells what is wrong with it.\n"
         "schema = 1\n\n"
         "# Rule files, relative to this one. The shipped sets are in /usr/share/mxwarden/rules.\n"
         "rules = [\"rules.d/*.toml\"]\n\n"
         "# What holds for all rules that do not say otherwise. observe: log what would be done,\n"
         "# and answer nothing different; enforce: do it.\n"
         "[defaults]\n" +
         mode_and_contact(options) +
         "\n# One JSON line for each decision; \"\" switches it off.\n"
         "[events]\n"
         "file = \"/var/lib/unbound/mxwarden/events.json\"\n\n" +
         warning_mx(options.warning_mx);
}

/// A name that the policy takes for `meant`: two of its letters swapped, or its first left out.
std::optional<std::string> mistyped(const Policy &policy, const Name &meant) {
  const std::string text = to_string(meant);
  const auto is_caught = [&](const std::string &typed) {
    const auto name = parse_name(typed);
    if (!name)
      return false;
    const Verdict verdict = policy.decide({*name, qtype::kMx, std::nullopt, std::time(nullptr)});
    return verdict.reason == Reason::look_alike && verdict.protected_name == meant &&
           verdict.decision != Action::pass;
  };
  for (std::size_t at = 0; at + 1 < text.find('.'); ++at) {
    std::string typed = text;
    std::swap(typed[at], typed[at + 1]);
    if (is_caught(typed))
      return typed;
  }
  return std::nullopt;
}

/// `defaults` is what the main file does not say.
std::string rules_text(const std::vector<std::string> &names, const std::string &defaults,
                       const Policy *policy) {
  std::string text = "# What is protected here, each name with everything below it.\n"
                     "schema = 1\n\n"
                     "[[protect]]\n"
                     "id = \"local\"\n"
                     "domains = " +
                     toml_array(names) + '\n' + defaults +
                     "\n# Names that look like these and are somebody's:\n"
                     "#   mxwarden allow NAME --reason \"ticket 1\" --expires 90d\n";
  if (policy == nullptr)
    return text;
  text += "\n# `mxwarden test` runs these.\n";
  for (const std::string &name : names) {
    const auto meant = parse_rule_name(name);
    const auto typed = mistyped(*policy, *meant);
    text +=
        "[[test]]\nquery = " + toml_string(typed.value_or(name)) +
        (typed ? "\nexpect = { reason = \"look-alike\", protected = " + toml_string(name) + " }\n"
               : "\nexpect = { reason = \"protected\" }\n");
    text += name == names.back() ? "" : "\n";
  }
  return text;
}

/// The two files as if they were there.
Loaded load_texts(const fs::path &main_file, const std::string &main, const std::string &rules) {
  const fs::path rule_file = main_file.parent_path() / kRules;
  SavedFiles files;
  files.texts = {{main_file, main}, {rule_file, rules}};
  files.set_matches(main_file.parent_path(), "rules.d/*.toml", {rule_file});
  return load_config(main_file, std::time(nullptr), RuleFiles(files));
}

} // namespace

Exit init(InitOptions options) {
  const fs::path main_file = (options.directory / "mxwarden.toml").lexically_normal();
  const fs::path rule_file = (options.directory / kRules).lexically_normal();
  std::error_code none;
  const bool has_main = fs::is_regular_file(fs::symlink_status(main_file, none));
  for (const fs::path &file : {main_file, rule_file})
    if (fs::exists(fs::symlink_status(file, none)) && !(has_main && file == main_file))
      return refuse(quote(file.native()) + " is there already; nothing was written");
  if (has_main && !options.warning_mx.empty())
    return refuse(quote(main_file.native()) +
                  " is there already; write [warning_mx] into it, instead of --warning-mx");
  if (options.protect.empty() && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1)
    ask_for_all(options);
  if (options.protect.empty())
    return refuse("nothing is to be protected; write --protect with a domain, such as example.mil");
  for (const std::string &text : options.protect)
    if (const auto name = parse_rule_name(text); !name || name->labels() < 2)
      return refuse(quote(text) + " is no domain to protect" +
                    (name ? ": name the domains under it" : ": " + std::string(name.error())));

  std::string main = main_text(options);
  std::string defaults;
  if (has_main) {
    const auto source = Source::read(main_file, kMaxRuleFileBytes);
    if (!source) {
      print({source.error()});
      return Exit::cannot_run;
    }
    main = source->text();
    defaults = mode_and_contact(options);
  }
  const Loaded first = load_texts(main_file, main, rules_text(options.protect, defaults, nullptr));
  const std::string rules = rules_text(options.protect, defaults, first.policy.get());
  const Loaded loaded = load_texts(main_file, main, rules);
  const bool is_sound = !loaded.has_errors() && run_tests(loaded, std::time(nullptr)).empty();
  if (is_sound && loaded.policy->rules().empty())
    return refuse(quote(main_file.native()) + " does not read " + quote(std::string(kRules)) +
                  "; nothing was written. Its 'rules' must have \"rules.d/*.toml\"");
  if (!is_sound) {
    print(loaded.findings);
    return refuse("the configuration would have errors, so nothing was written");
  }
  fs::create_directories(rule_file.parent_path(), none); // create_file() tells what is wrong
  std::string wrote;
  for (const auto &[file, text] : {std::pair(rule_file, rules), std::pair(main_file, main)}) {
    if (has_main && file == main_file)
      continue;
    if (const Written written = create_file(file, text); !written)
      return refuse(written.error());
    wrote += (wrote.empty() ? "" : " and ") + printable(quote(file.native()));
  }
  std::cout << "wrote " << wrote << "; look through " << (has_main ? "it" : "them") << ", and run\n"
            << "  mxwarden check --config " << printable(main_file.native()) << '\n';
  return Exit::clean;
}

} // namespace mxw::cli
