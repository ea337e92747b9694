// The `mxwarden` command: what administrators do with rule files, by the core that the resolver
// uses. Here is its command line, as all of its commands have it.
#include <algorithm>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/completion.h"
#include "core/technique.h"
#include "loader/source.h"
#include "loader/toml_reader.h"

namespace mxw::cli {
namespace {

/// `text` in lines of at most 80 columns, all but the first indented by `indent`. Line ends in it
/// stay, and what begins with a blank is left as it is.
std::string wrapped(const std::string &text, std::size_t indent) {
  constexpr std::size_t kColumns = 80;
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    out += out.empty() ? "" : "\n" + std::string(line.empty() ? 0 : indent, ' ');
    if (line.starts_with(' ')) {
      out += line;
      continue;
    }
    std::istringstream words(line);
    std::size_t column = indent;
    for (std::string word; words >> word; column += word.size()) {
      if (column > indent && column + 1 + word.size() > kColumns) {
        out += '\n' + std::string(indent, ' ');
        column = indent;
      } else if (column > indent) {
        out += ' ';
        ++column;
      }
      out += word;
    }
  }
  return out;
}

/// The words that a value must be one of, if there are such: CLI11 has them in the type's name.
std::vector<std::string> choices_of(const CLI::Option &option) {
  const std::string type = option.get_type_name();
  const std::size_t begin = type.find(":{");
  std::vector<std::string> choices;
  if (begin == std::string::npos)
    return choices;
  std::istringstream words(type.substr(begin + 2, type.rfind('}') - begin - 2));
  for (std::string word; std::getline(words, word, ',');)
    choices.push_back(word.substr(0, word.find("->")));
  return choices;
}

/// "FILE..."
std::string value_of(const CLI::Option &option) {
  const std::string type = option.get_type_name();
  return type.substr(0, type.find(':'));
}

/// Help as manual pages have it, in 80 columns.
class HelpFormatter : public CLI::Formatter {
public:
  std::string make_description(const CLI::App *app) const override {
    return wrapped(app->get_description(), 0) + "\n\n";
  }
  std::string make_usage(const CLI::App *app, std::string name) const override {
    std::string usage = "Usage: " + name + " [OPTIONS]";
    for (const CLI::Option *option : app->get_options())
      if (option->get_positional())
        usage += ' ' + (option->get_required() ? value_of(*option) : '[' + value_of(*option) + ']');
    return usage + (app->get_parent() == nullptr ? " COMMAND\n" : "\n");
  }
  std::string make_option(const CLI::Option *option, bool is_positional) const override {
    std::string text = option->get_description();
    if (const auto choices = choices_of(*option); !choices.empty())
      text += "; one of " + CLI::detail::join(choices, ", ");
    if (!is_positional && option->get_required())
      text += " (required)";
    if (const std::string usual = option->get_default_str(); !usual.empty())
      text += " (default: " + usual + ')';
    const std::string value = value_of(*option);
    return row(is_positional ? value
                             : option->get_name(false, true) + (value.empty() ? "" : ' ' + value),
               text);
  }
  std::string make_subcommand(const CLI::App *command) const override {
    return row(command->get_name(), command->get_description());
  }
  std::string make_footer(const CLI::App *app) const override {
    return wrapped(app->get_footer(), 0) + '\n';
  }

private:
  static std::string row(const std::string &title, const std::string &text) {
    constexpr std::size_t kColumn = 28;
    const std::string left = "  " + title;
    return left +
           (left.size() + 2 > kColumn ? '\n' + std::string(kColumn, ' ')
                                      : std::string(kColumn - left.size(), ' ')) +
           wrapped(text, kColumn) + '\n';
  }
};

/// Adds --config to `command`. `config` must outlive the parsing.
CLI::Option *add_config_option(CLI::App &command, std::filesystem::path &config) {
  return command.add_option("-c,--config", config, "main file; MXWARDEN_CONFIG names another")
      ->capture_default_str()
      ->type_name("FILE");
}

/// Adds --config and --rules to `command`. `options` must outlive the parsing.
void add_rule_options(CLI::App &command, RuleOptions &options) {
  auto *config = add_config_option(command, options.config);
  command
      .add_option("-r,--rules", options.rules,
                  "rule files, or directories of them, instead of a main file")
      ->type_name("PATH...")
      ->excludes(config);
}

/// Adds --format to `command`, for findings.
void add_format_option(CLI::App &command, Format &format) {
  const std::map<std::string, Format> formats = {
      {"text", Format::text}, {"json", Format::json}, {"github", Format::github}};
  command
      .add_option("-f,--format", format,
                  "how findings are written; json is one object a line, github annotations")
      ->transform(CLI::Transformer(formats, CLI::ignore_case))
      ->default_str("text")
      ->type_name("FORMAT");
}

// When a command was chosen, `exit` is what it returned.

void add_allow(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("allow", "add an [[allow]] entry for names to a rule file");
  command->footer(
      "The rules are loaded with the entry first, and their tests run; the file is replaced in "
      "one step, or not at all. What else is in it stays as it is.\n"
      "Exit status: 0 done, 1 the entry would be wrong, 2 cannot run.\n\n"
      "Examples:\n"
      "  mxwarden allow army.ml --reason 'ticket 4711' --owner mail-team --expires 30d\n"
      "  mxwarden allow army.ml navy.ml --reason partners --file rules.d/20-partners.toml\n"
      "  mxwarden allow army.ml --reason 'ticket 4711' --dry-run");
  const auto options = std::make_shared<AllowOptions>();
  command->add_option("name", options->names, "names that pass, with everything below them")
      ->required()
      ->type_name("NAME...");
  add_rule_options(*command, options->rules);
  command->add_option("--reason", options->reason, "why they may pass")
      ->required()
      ->type_name("TEXT");
  command->add_option("--owner", options->owner, "who answers for it")->type_name("TEXT");
  command
      ->add_option("--expires", options->expires,
                   "the last day: a date, or days, weeks, months or years from today (30d, 6m)")
      ->type_name("WHEN");
  command
      ->add_option("--file", options->file,
                   "where the entry goes, instead of the last file that has one")
      ->type_name("FILE");
  command->add_flag("--dry-run", options->dry_run, "print the entry, change nothing");
  command->callback([options, &exit] { exit = allow(*options); });
}

void add_check(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("check", "check rule files and run their [[test]] cases");
  command->footer("Exit status: 0 clean, 1 findings (notes are none), 2 cannot run.\n\n"
                  "Examples:\n"
                  "  mxwarden check\n"
                  "  mxwarden check --rules rules.d/10-dod.toml rules.d/20-partners.toml\n"
                  "  mxwarden check --online --popular top-10000.txt");
  const auto options = std::make_shared<CheckOptions>();
  add_rule_options(*command, options->rules);
  add_format_option(*command, options->format);
  command->add_flag("--notes", options->notes, "print what asks for nothing, too");
  auto *online = command->add_flag("--online", options->online,
                                   "ask the DNS whether the warning hosts resolve");
  command
      ->add_option("--server", options->server,
                   "whom --online asks, instead of the servers in /etc/resolv.conf")
      ->type_name("ADDRESS[@PORT]")
      ->needs(online);
  command
      ->add_option("--popular", options->popular,
                   "lists of names that many people write to: what rules would stop of them")
      ->type_name("FILE...");
  command->callback([options, &exit] { exit = check(*options); });
}

void add_test(CLI::App &app, Exit &exit) {
  auto *command =
      app.add_subcommand("test", "run the [[test]] cases of the rules, and nothing else");
  command->footer("Exit status: 0 all hold, 1 some do not, 2 cannot run.\n\n"
                  "Examples:\n"
                  "  mxwarden test\n"
                  "  mxwarden test --rules rules.d --format github");
  const auto options = std::make_shared<TestOptions>();
  add_rule_options(*command, options->rules);
  add_format_option(*command, options->format);
  command->callback([options, &exit] { exit = test(*options); });
}

/// Adds what names the resolver to `command`. `host` must outlive the parsing.
void add_host_options(CLI::App &command, HostOptions &host) {
  command
      .add_option("--host", host.directory,
                  "where unbound, unbound-checkconf and unbound-control are")
      ->capture_default_str()
      ->type_name("DIRECTORY");
  command.add_option("--unbound-conf", host.conf, "configuration of the resolver")
      ->capture_default_str()
      ->type_name("FILE");
  command.add_option("--drop-in", host.drop_in, "the file that switches the module on")
      ->capture_default_str()
      ->type_name("FILE");
}

void add_now_options(CLI::App &command, EnableOptions &options) {
  command.add_flag("--now", options.now,
                   "reload unbound, and take everything back if it does not come up");
  command.add_option("--wait", options.wait_s, "how long unbound may take, in seconds")
      ->check(CLI::Range(1, 600))
      ->capture_default_str()
      ->type_name("N");
}

void add_enable(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("enable", "switch the module on in unbound's configuration");
  command->footer(
      "Writes one file, after unbound was started with it in a network of its own, where it "
      "disturbs nobody, and has answered for a look-alike of the rules. Before that, and if "
      "anything fails, the configuration is what it was.\n"
      "Exit status: 0 it is on, 1 a check refused and everything is as before, 2 cannot run.\n\n"
      "Examples:\n"
      "  mxwarden enable --dry-run\n"
      "  mxwarden enable && systemctl reload unbound\n"
      "  mxwarden enable --now");
  const auto options = std::make_shared<EnableOptions>();
  add_host_options(*command, options->host);
  command->add_option("--module", options->host.module, "the module, instead of the installed one")
      ->type_name("FILE");
  add_now_options(*command, *options);
  command->add_flag("--no-trial", options->no_trial,
                    "do not start unbound: go by what unbound-checkconf says alone");
  command->add_flag("--dry-run", options->dry_run, "print what would be written, change nothing");
  command->callback([options, &exit] { exit = enable(*options); });
}

void add_disable(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("disable", "switch the module off again");
  command->footer(
      "Removes the file that mxwarden enable wrote, and nothing else.\n"
      "Exit status: 0 it is off, 1 a check refused and everything is as before, 2 cannot run.\n\n"
      "Examples:\n"
      "  mxwarden disable && systemctl reload unbound\n"
      "  mxwarden disable --now");
  const auto options = std::make_shared<EnableOptions>();
  add_host_options(*command, options->host);
  add_now_options(*command, *options);
  command->add_flag("--dry-run", options->dry_run, "print what would be removed, change nothing");
  command->callback([options, &exit] { exit = disable(*options); });
}

void add_doctor(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("doctor", "look at everything that can be wrong");
  command->footer(
      "A line for each thing: ok, skip where there is nothing of that kind, warn, or FAIL, what "
      "was found, and what to do. Asks the resolver, the servers of /etc/resolv.conf and the "
      "warning hosts for a look-alike, which the event log will have. Changes nothing.\n"
      "Exit status: 0 all is well, 1 something is to be mended, 2 cannot run.\n\n"
      "Examples:\n"
      "  mxwarden doctor\n"
      "  mxwarden doctor --offline --json | jq -r 'select(.level == \"fail\") | .help'");
  const auto options = std::make_shared<DoctorOptions>();
  add_host_options(*command, options->host);
  command
      ->add_option("--module", options->host.module,
                   "the module, where the configuration names none")
      ->type_name("FILE");
  command->add_flag("--offline", options->offline, "ask nobody but the resolver here");
  command->add_flag("--json", options->json, "one JSON object a line");
  command->callback([options, &exit] { exit = doctor(*options); });
}

void add_explain(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("explain", "tell what the resolver does about names, and why");
  command->footer("Without --client every rule holds, whoever it is for.\n"
                  "Exit status: 0 done, 1 something was no name, 2 cannot run.\n\n"
                  "Examples:\n"
                  "  mxwarden explain army.ml\n"
                  "  mxwarden explain army.ml --qtype A --client 192.0.2.1\n"
                  "  mxwarden explain --stdin --json --rules rules.d < names.txt");
  const auto options = std::make_shared<ExplainOptions>();
  auto *names =
      command->add_option("name", options->names, "names that are asked for")->type_name("NAME...");
  // Where a name must follow, --rules leaves the last argument to it.
  names->required();
  add_rule_options(*command, options->rules);
  command->add_option("-t,--qtype", options->qtype, "type of the question")
      ->capture_default_str()
      ->type_name("TYPE");
  command->add_option("--client", options->client, "address of the client that asks")
      ->type_name("ADDRESS");
  command->add_flag("--json", options->json, "one JSON object a line");
  command
      ->add_flag_callback(
          "--stdin",
          [options, names] {
            options->from_stdin = true;
            names->required(false);
          },
          "read names from standard input, one a line")
      ->trigger_on_parse();
  command->callback([options, &exit] { exit = explain(*options); });
}

void add_fmt(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("fmt", "give rule files the one layout");
  command->footer(
      "Moves blanks and line ends, and nothing else: keys, values, comments and their order stay.\n"
      "Prints the files that it changes, each of which is replaced in one step.\n"
      "Exit status: 0 done, 1 with --check: something would change, 2 cannot run.\n\n"
      "Examples:\n"
      "  mxwarden fmt\n"
      "  mxwarden fmt --check rules.d\n"
      "  mxwarden fmt - < 10-dod.toml");
  const auto options = std::make_shared<FmtOptions>();
  auto *paths = command
                    ->add_option("path", options->paths,
                                 "files, or directories of them, instead of those of the main "
                                 "file; - for standard input to output")
                    ->type_name("PATH...");
  add_config_option(*command, options->config)->excludes(paths);
  command->add_flag("--check", options->check, "only tell which files would change");
  command->callback([options, &exit] { exit = fmt(*options); });
}

void add_import(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("import", "turn a registry's CSV into a list of names");
  command->footer(
      "The list has a name a line, as A-labels, sorted, each once; rules take it in 'files'. What "
      "is no name is reported and left out. The output is replaced in one step, or not at all.\n"
      "Exit status: 0 done, 1 something was left out, 2 cannot run.\n\n"
      "Examples:\n"
      "  mxwarden import current-full.csv --suffix gov -o lists/gov.txt\n"
      "  mxwarden import registry.csv --column 2 > names.txt");
  const auto options = std::make_shared<ImportOptions>();
  command->add_option("file", options->file, "CSV file; - for standard input")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("-o,--output", options->output,
                   "where the list goes, instead of standard output (-)")
      ->type_name("FILE");
  command
      ->add_option("--column", options->column,
                   "which has the names, by title or by number from 1, instead of 'Domain Name' or "
                   "the first")
      ->type_name("COLUMN");
  command->add_option("--suffix", options->suffix, "take only names that are this or below it")
      ->type_name("NAME");
  command->callback([options, &exit] { exit = import(*options); });
}

void add_init(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("init", "write a configuration to begin with");
  command->footer(
      "Writes mxwarden.toml and rules.d/10-local.toml, with comments, and never over "
      "files that are there: a main file, such as the package's, stays as it is, and what "
      "holds for all rules goes into the one that is written. Without --protect it asks, if it "
      "has a terminal.\n"
      "Exit status: 0 written, 2 cannot run.\n\n"
      "Examples:\n"
      "  mxwarden init\n"
      "  mxwarden init --protect example.mil mail.example.org --contact j6@example.mil\n"
      "  mxwarden init --directory rules --protect example.mil \\\n"
      "    --warning-mx warn1.example.mil=198.51.100.25 --mode enforce");
  const auto options = std::make_shared<InitOptions>();
  command->add_option("-d,--directory", options->directory, "where the files go")
      ->capture_default_str()
      ->type_name("DIRECTORY");
  command->add_option("-p,--protect", options->protect, "domains to protect")->type_name("NAME...");
  command
      ->add_option("--warning-mx", options->warning_mx,
                   "hosts that tell senders; with an address if the world does not know it")
      ->type_name("HOST[=ADDRESS]...");
  command->add_option("--contact", options->contact, "whom senders can ask")->type_name("TEXT");
  command->add_option("--mode", options->mode, "of all rules")
      ->check(CLI::IsMember({"observe", "enforce"}))
      ->capture_default_str()
      ->type_name("MODE");
  command->callback([options, &exit] { exit = init(*options); });
}

void add_list(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("list", "print the near-misses of names that would be caught");
  command->footer(
      "Each line has the name, the likeliest technique, the confidence, and what is done: "
      "enforce, or observe where it is only told of. Names below these are caught too. "
      "Where any suffix or word would do, a few usual ones stand for all. Names that are two "
      "letters off are too many, and left out.\n"
      "Without --config and --rules a rule with this name alone is looked at.\n"
      "Exit status: 0 done, 1 something could not be listed, 2 cannot run.\n\n"
      "Examples:\n"
      "  mxwarden list army.mil\n"
      "  mxwarden list army.mil --technique idn-homoglyph\n"
      "  mxwarden list gmail.com --rules rules.d --json");
  const auto options = std::make_shared<ListOptions>();
  command->add_option("name", options->names, "protected names")->required()->type_name("NAME...");
  add_rule_options(*command, options->rules);
  std::vector<std::string> techniques;
  for (std::size_t i = 1; i < kTechniques; ++i)
    techniques.emplace_back(to_string(static_cast<Technique>(i)));
  command->add_option("-t,--technique", options->technique, "only what this explains best")
      ->check(CLI::IsMember(techniques))
      ->type_name("TECHNIQUE");
  command->add_option("-s,--sensitivity", options->sensitivity, "of the rule that is looked at")
      ->check(CLI::IsMember({"cautious", "default", "aggressive"}))
      ->capture_default_str()
      ->type_name("WORD")
      ->excludes("--config")
      ->excludes("--rules");
  command->add_flag("--json", options->json, "one JSON object a line");
  command->callback([options, command, &exit] {
    options->has_rules = command->count("--config") + command->count("--rules") > 0;
    exit = list(*options);
  });
}

void add_socket_option(CLI::App &command, std::filesystem::path &socket) {
  command
      .add_option("-s,--socket", socket,
                  "where the module listens; MXWARDEN_STATE names another directory")
      ->capture_default_str()
      ->type_name("PATH");
}

void add_status(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("status", "tell what the running module enforces");
  command->footer(
      "Exit status: 0 the rules of the files are in force, 1 they are not, 2 no answer.\n\n"
      "Examples:\n"
      "  mxwarden status\n"
      "  mxwarden status --json");
  const auto options = std::make_shared<ControlOptions>();
  add_socket_option(*command, options->socket);
  command->add_flag("--json", options->json, "one JSON object");
  command->callback([options, &exit] { exit = status(*options); });
}

void add_stats(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("stats", "print what the running module has counted");
  command->footer("A line for each rule, action and mode, since the resolver started.\n"
                  "Where the module does not answer, what is written for Prometheus says so.\n"
                  "Exit status: 0 done, 2 no answer, or the file cannot be written.\n\n"
                  "Examples:\n"
                  "  mxwarden stats\n"
                  "  mxwarden stats --format prometheus \\\n"
                  "    --output /var/lib/prometheus/node-exporter/mxwarden.prom");
  const auto options = std::make_shared<StatsOptions>();
  add_socket_option(*command, options->socket);
  const std::map<std::string, StatsFormat> formats = {{"text", StatsFormat::text},
                                                      {"json", StatsFormat::json},
                                                      {"prometheus", StatsFormat::prometheus}};
  command
      ->add_option("-f,--format", options->format,
                   "json is one object a line, prometheus has all other metrics too")
      ->transform(CLI::Transformer(formats, CLI::ignore_case))
      ->default_str("text")
      ->type_name("FORMAT");
  command
      ->add_option("-o,--output", options->output,
                   "file that is replaced in one step, instead of standard output")
      ->type_name("FILE");
  command->callback([options, &exit] { exit = stats(*options); });
}

void add_exporter(CLI::App &app, Exit &exit) {
  auto *command =
      app.add_subcommand("exporter", "give Prometheus what the running module has counted");
  command->footer(
      "Asks the module each time that it is asked, and goes on where the module does not answer: "
      "mxwarden_up is 0 then. It knows neither passwords nor TLS. Complaints go to standard "
      "error.\n"
      "Exit status: 0 ended by SIGTERM or SIGINT, 2 cannot run.\n\n"
      "Examples:\n"
      "  mxwarden exporter\n"
      "  mxwarden exporter --listen '[::1]:19167'\n"
      "  curl http://127.0.0.1:19167/metrics");
  const auto options = std::make_shared<ExporterOptions>();
  add_socket_option(*command, options->socket);
  command
      ->add_option("-l,--listen", options->listen,
                   "address and port where it listens; an IPv6 address in []")
      ->capture_default_str()
      ->type_name("ADDRESS");
  command->callback([options, &exit] { exit = exporter(*options); });
}

void add_reload(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("reload", "have the running module read its rules again");
  command->footer("It does so by itself when their files change; this tells how that went.\n"
                  "Exit status: 0 they are in force, 1 they have errors, 2 no answer.\n\n"
                  "Examples:\n"
                  "  mxwarden check && mxwarden reload");
  const auto options = std::make_shared<ControlOptions>();
  add_socket_option(*command, options->socket);
  command->add_flag("--json", options->json, "one JSON object, that of status");
  command->callback([options, &exit] { exit = reload(*options); });
}

void add_tail(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("tail", "print events as they happen, until it is stopped");
  command->footer("One JSON object a line, as in the event log.\n"
                  "Exit status: 0 the module has ended, 2 no answer.\n\n"
                  "Examples:\n"
                  "  mxwarden tail\n"
                  "  mxwarden tail | jq -r '.dns.question.name'");
  const auto options = std::make_shared<ControlOptions>();
  add_socket_option(*command, options->socket);
  command->callback([options, &exit] { exit = tail(*options); });
}

void add_codes(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("codes", "tell what the codes of findings mean");
  command->footer("Without a code, all of them, one a line.\n"
                  "Exit status: 0 done, 1 there is no such code, 2 cannot run.\n\n"
                  "Examples:\n"
                  "  mxwarden codes\n"
                  "  mxwarden codes MXW014");
  const auto wanted = std::make_shared<std::vector<std::string>>();
  command->add_option("code", *wanted, "codes to explain")->type_name("CODE...");
  command->callback([wanted, &exit] { exit = codes(*wanted); });
}

/// Everything that `app` takes, for completion.
std::vector<CompletedCommand> completed_commands(const CLI::App &app) {
  std::vector<CompletedCommand> commands;
  for (const CLI::App *command : app.get_subcommands({})) {
    CompletedCommand &completed = commands.emplace_back();
    completed.name = command->get_name();
    completed.help = command->get_description();
    for (const CLI::Option *option : command->get_options()) {
      CompletedOption &one = completed.options.emplace_back();
      for (const std::string &name : option->get_snames())
        one.names.push_back('-' + name);
      for (const std::string &name : option->get_lnames())
        one.names.push_back("--" + name);
      one.help = option->get_description();
      one.value = value_of(*option);
      one.choices = choices_of(*option);
    }
    // What stands without an option comes last: zsh gives it what no option takes.
    std::stable_partition(completed.options.begin(), completed.options.end(),
                          [](const CompletedOption &option) { return !option.names.empty(); });
  }
  return commands;
}

void add_completion(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("completion", "print what completes commands in a shell");
  command->footer("The package has it installed for both shells.\n"
                  "Exit status: 0 done, 2 cannot run.\n\n"
                  "Examples:\n"
                  "  source <(mxwarden completion bash)\n"
                  "  mxwarden completion zsh > ~/.zfunc/_mxwarden");
  const auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "the shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}))
      ->type_name("SHELL");
  command->callback([&app, shell, &exit] {
    const auto commands = completed_commands(app);
    std::cout << (*shell == "bash" ? bash_completion(commands) : zsh_completion(commands));
    exit = Exit::clean;
  });
}

void add_policy(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("policy", "tell mail servers what to tell senders");
  command->footer(
      "Speaks Postfix's policy delegation protocol on standard input and output. Where standard "
      "input is a listening socket it serves all that connect. Rules are read again when their "
      "files change; those with errors leave those before in force. Complaints go to standard "
      "error, or to syslog (mail) where that is the connection.\n"
      "Exit status: 0 nobody asks any more, 2 cannot run.\n\n"
      "Examples:\n"
      "  printf 'recipient=bob@army.ml\\n\\n' | mxwarden policy\n"
      "  mxwarden policy --submission --client 192.0.2.25");
  const auto options = std::make_shared<PolicyServiceOptions>();
  add_rule_options(*command, options->rules);
  auto *submission = command->add_flag_callback(
      "--submission", [options] { options->role = PolicyRole::submission; },
      "for a server that sends mail: refuse look-alikes, leave the rest to it; without, for a "
      "warning MX: refuse all");
  command
      ->add_option("--client", options->client,
                   "the address by which the resolver knows the mail server; without, rules for "
                   "any clients hold")
      ->type_name("ADDRESS")
      ->needs(submission);
  command
      ->add_option("--language", options->language,
                   "of senders that [languages] of the rules does not name")
      ->type_name("TAG");
  command->add_option("--events", options->events, "file to which a JSON line a warning is added")
      ->type_name("FILE");
  command->add_flag("--local-parts", options->local_parts,
                    "have the whole addresses in events, which name people");
  command->callback([options, &exit] { exit = policy(*options); });
}

void add_replay(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("replay", "tell what rules would have done to what was asked");
  command->footer(
      "Reads the query log of Unbound, the mail log of Postfix or Exim, a list of names, or a "
      "packet capture; compressed by gzip or not, \"-\" for standard input. Nothing is looked up.\n"
      "Exit status: 0 nothing would be stopped, 1 something would, 2 cannot run or a file could "
      "not be read to its end.\n\n"
      "Examples:\n"
      "  mxwarden replay /var/log/unbound.log*\n"
      "  mxwarden replay /var/log/mail.log.1 --rules rules.d\n"
      "  journalctl -u unbound | mxwarden replay - --json\n"
      "  mxwarden replay mail.log --rules new.d --against /etc/mxwarden/mxwarden.toml");
  const auto options = std::make_shared<ReplayOptions>();
  command->add_option("file", options->files, "logs, lists or captures")
      ->required()
      ->type_name("FILE...");
  add_rule_options(*command, options->rules);
  command
      ->add_option("--against", options->against,
                   "the rules before, a main file, rule files or directories: what would change")
      ->type_name("PATH...");
  const std::map<std::string, InputFormat> formats = {
      {"auto", InputFormat::automatic},  {"names", InputFormat::names},
      {"unbound", InputFormat::unbound}, {"postfix", InputFormat::postfix},
      {"exim", InputFormat::exim},       {"pcap", InputFormat::pcap}};
  command->add_option("-f,--format", options->format, "of the files; auto is seen by each line")
      ->transform(CLI::Transformer(formats, CLI::ignore_case))
      ->default_str("auto")
      ->type_name("FORMAT");
  command->add_option("-n,--top", options->top, "how many names are printed")
      ->check(CLI::Range(0, 50'000))
      ->capture_default_str()
      ->type_name("N");
  command->add_flag("--json", options->json, "the report as one JSON object");
  command->callback([options, &exit] { exit = replay(*options); });
}

void add_report(CLI::App &app, Exit &exit) {
  auto *command = app.add_subcommand("report", "make a page of an event log, to look at");
  command->footer(
      "Reads the JSON lines that the module and 'mxwarden policy' write, compressed by gzip or "
      "not; "
      "without a file, or of \"-\", standard input. The page needs neither scripts nor the "
      "network, "
      "and can be printed. Exceptions that end are told of by the rules, where these can be read. "
      "Days are those of UTC. The output is replaced in one step, or not at all.\n"
      "Exit status: 0 done, 1 some lines were no events, 2 cannot run or a file could not be read "
      "to its end.\n\n"
      "Examples:\n"
      "  mxwarden report /var/lib/unbound/mxwarden/events.json* -o report.html\n"
      "  mxwarden report events.json --since 2026-10-01 --until 2026-10-31 -o 2026-10.html\n"
      "  zcat warn1/*.gz | mxwarden report --title 'Warning MX, October' > report.html");
  const auto options = std::make_shared<ReportOptions>();
  command->add_option("file", options->files, "event logs")->type_name("FILE...");
  add_rule_options(*command, options->rules);
  command
      ->add_option("-o,--output", options->output,
                   "where the page goes, instead of standard output (-)")
      ->type_name("FILE");
  command->add_option("--since", options->since, "the first day that counts, YYYY-MM-DD")
      ->type_name("DATE");
  command->add_option("--until", options->until, "the last day that counts, YYYY-MM-DD")
      ->type_name("DATE");
  command->add_option("--title", options->title, "what stands above it")->type_name("TEXT");
  command->add_option("-n,--top", options->top, "how many rows a table has at most")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str()
      ->type_name("N");
  command->callback([options, command, &exit] {
    options->has_rules = command->count("--config") + command->count("--rules") > 0;
    exit = report(*options);
  });
}

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
    CLI::App app("answers MX look-ups for look-alikes of protected domains by policy");
    app.name("mxwarden");
    app.formatter(std::make_shared<HelpFormatter>());
    app.set_version_flag("-V,--version", "mxwarden " MXW_VERSION, "print the version");
    app.set_help_flag("-h,--help", "print this help");
    app.require_subcommand(1);
    app.footer("mxwarden COMMAND --help tells more; see also mxwarden(1).");
    Exit exit = Exit::clean;
    add_allow(app, exit);
    add_check(app, exit);
    add_codes(app, exit);
    add_completion(app, exit);
    add_disable(app, exit);
    add_doctor(app, exit);
    add_enable(app, exit);
    add_explain(app, exit);
    add_exporter(app, exit);
    add_fmt(app, exit);
    add_import(app, exit);
    add_init(app, exit);
    add_list(app, exit);
    add_policy(app, exit);
    add_replay(app, exit);
    add_report(app, exit);
    add_test(app, exit);
    add_status(app, exit);
    add_stats(app, exit);
    add_reload(app, exit);
    add_tail(app, exit);
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
