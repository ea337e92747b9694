// `mxwarden explain`: what the resolver would do about a name, and why.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "core/answer.h"
#include "loader/dns_text.h"
#include "loader/source.h"

namespace mxw::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ExplainOptions {
  RuleOptions rules;
  std::vector<std::string> names;
  std::string qtype = "MX";
  std::optional<std::string> client;
  bool json = false;
  bool from_stdin = false;
};

/// What does not differ between the names of one run.
struct Asker {
  const Policy &policy;
  std::uint16_t type;
  std::optional<ClientAddress> client;
  bool json;
};

/// What a rule wants to be verified, as rule files say it.
std::vector<std::string> verify_words(const Verify &verify) {
  std::vector<std::string> words;
  if (verify.counterpart)
    words.emplace_back("counterpart");
  if (verify.same_owner)
    words.emplace_back("same-owner");
  return words;
}

/// The name that was meant; empty where there can be none.
std::string counterpart_text(const Name &typed, const Verdict &verdict) {
  const auto meant = Policy::counterpart(typed, verdict);
  return meant ? to_string(*meant) : std::string();
}

Json to_json(const Asker &asker, const std::string &text, const Query &query,
             const Verdict &verdict) {
  const Policy &policy = asker.policy;
  Json object = {{"query", text},
                 {"qtype", qtype_name(asker.type)},
                 {"decision", to_string(verdict.decision)},
                 {"reason", to_string(verdict.reason)},
                 {"protected", nullptr},
                 {"technique", nullptr},
                 {"edits", nullptr},
                 {"rule", nullptr},
                 {"file", nullptr},
                 {"line", nullptr},
                 {"mode", nullptr}};
  const auto put_place = [&](const Place &place) {
    object["file"] = place.file;
    object["line"] = place.line;
  };
  if (verdict.rule != Verdict::kNone) {
    const Rule &rule = policy.rules()[verdict.rule];
    object["protected"] = to_string(verdict.protected_name);
    object["rule"] = rule.id;
    object["mode"] = to_string(rule.mode);
    put_place(rule.place);
    if (!rule.contact.empty())
      object["contact"] = rule.contact;
    if (const auto words = verify_words(rule.verify);
        !words.empty() && verdict.reason == Reason::look_alike) {
      object["verify"] = words;
      object["counterpart"] = counterpart_text(query.name, verdict);
    }
  }
  if (verdict.allow != Verdict::kNone) {
    const Allow &allow = policy.allows()[verdict.allow];
    put_place(allow.place);
    object["allowed_because"] = allow.reason;
    if (!allow.owner.empty())
      object["allowed_by"] = allow.owner;
  }
  if (verdict.technique != Technique::none) {
    object["technique"] = to_string(verdict.technique);
    object["edits"] = verdict.edits;
  }
  return object;
}

/// "10 warn1.example.mil, 20 warn2.example.mil", or what else the client gets.
std::string answer_text(const Asker &asker, const Verdict &verdict) {
  const AnswerPlan todo = plan(asker.policy, verdict, asker.type);
  switch (todo.kind) {
  case AnswerPlan::Kind::pass:
    return "whatever the resolver finds";
  case AnswerPlan::Kind::drop:
    return "none";
  case AnswerPlan::Kind::error:
    return todo.rcode == rcode::kRefused ? "REFUSED" : "SERVFAIL";
  case AnswerPlan::Kind::records:
    break;
  }
  if (todo.answer == nullptr)
    return todo.rcode == rcode::kNxDomain ? "NXDOMAIN" : "NODATA";
  if (todo.answer == &asker.policy.null_mx())
    return "MX 0 .";
  std::string text;
  if (todo.answer == &asker.policy.redirect_mx()) {
    std::size_t preference = 0;
    for (const WarningHost &host : asker.policy.warning_hosts())
      text += (text.empty() ? "MX " : ", ") + std::to_string(preference += 10) + ' ' +
              to_string(host.name);
    return text;
  }
  for (const ClientAddress &address : asker.policy.warning_hosts()[verdict.host].addresses)
    if (address.is_v4() == (todo.answer->type == qtype::kA))
      text += (text.empty() ? "" : ", ") + to_string(address);
  return text;
}

std::string to_prose(const Asker &asker, const std::string &text, const Query &query,
                     const Verdict &verdict) {
  const Policy &policy = asker.policy;
  std::ostringstream out;
  out << printable(text) << ' ' << qtype_name(asker.type) << ": " << to_string(verdict.decision)
      << " (" << to_string(verdict.reason) << ")\n";
  const auto row = [&](const char *title, const std::string &value) {
    out << "  " << title << printable(value) << '\n';
  };
  switch (verdict.reason) {
  case Reason::no_match:
    row("why      ", asker.client ? "no rule matches for this client" : "no rule matches");
    break;
  case Reason::exempt:
    row("why      ", "it is on an exempt list");
    break;
  case Reason::warning_mx:
    row("why      ", "it is a warning host whose addresses the module serves");
    break;
  case Reason::is_protected:
    row("why      ",
        "it is, or is below, '" + to_string(verdict.protected_name) + "', which is legitimate");
    break;
  case Reason::allowed: {
    const Allow &allow = policy.allows()[verdict.allow];
    row("why      ", "allowed: " + allow.reason);
    if (!allow.owner.empty())
      row("owner    ", allow.owner);
    row("written  ", allow.place.file + ':' + std::to_string(allow.place.line));
    break;
  }
  case Reason::look_alike:
    row("why      ", "it looks like '" + to_string(verdict.protected_name) + "' (" +
                         std::string(to_string(verdict.technique)) +
                         ", edits: " + std::to_string(verdict.edits) + ")");
    break;
  }
  if (verdict.rule != Verdict::kNone) {
    const Rule &rule = policy.rules()[verdict.rule];
    row("rule     ", rule.id + " (" + std::string(to_string(rule.mode)) + "), " + rule.place.file +
                         ':' + std::to_string(rule.place.line));
    if (!rule.contact.empty())
      row("contact  ", rule.contact);
    if (verdict.reason == Reason::look_alike && rule.verify) {
      const std::string meant = counterpart_text(query.name, verdict);
      if (rule.verify.counterpart)
        row("verify   ",
            "only if '" + meant + "' takes mail; the resolver asks, this command does not");
      if (rule.verify.same_owner)
        row("verify   ", "not if its mail goes to the hosts of '" + meant +
                             "'; the resolver asks, this command does not");
    }
  }
  row("answer   ", answer_text(asker, verdict));
  if (verdict.reason == Reason::look_alike || verdict.reason == Reason::no_match)
    for (const Match &match : policy.matches(query.name)) {
      const Name other = policy.index().names().name(match.entry);
      const std::uint32_t rule = policy.index().names().value(match.entry);
      if (other != verdict.protected_name || rule != verdict.rule)
        row("also     ",
            "like '" + to_string(other) + "' (" + std::string(to_string(match.technique)) +
                "), rule " + policy.rules()[rule].id +
                (policy.holds_for(policy.rules()[rule], query) ? "" : ", not for this client"));
    }
  return out.str();
}

/// Prints one explanation; false if `text` is no name.
bool explain_one(const Asker &asker, const std::string &text) {
  const auto name = parse_asked_name(text);
  if (!name) {
    const std::string why = quote(text) + " is not a domain name: " + std::string(name.error());
    if (asker.json)
      // Not every line is UTF-8.
      std::cout << Json({{"query", text}, {"error", why}})
                       .dump(-1, ' ', true, Json::error_handler_t::replace)
                << '\n';
    else
      std::cerr << "mxwarden: " << printable(why) << '\n';
    return false;
  }
  const Query query{*name, asker.type, asker.client, std::time(nullptr)};
  const Verdict verdict = asker.policy.decide(query);
  if (asker.json)
    std::cout
        << to_json(asker, text, query, verdict).dump(-1, ' ', true, Json::error_handler_t::replace)
        << '\n';
  else
    std::cout << to_prose(asker, text, query, verdict);
  return true;
}

/// Explains each line of standard input, as lists of names are written: blanks around a name and
/// lines that are empty or begin with # are nothing. False if one was no name.
bool explain_lines(const Asker &asker) {
  bool all_good = true;
  bool is_first = true;
  for (std::string line; std::getline(std::cin, line); is_first = false) {
    std::string_view name = line;
    if (is_first && name.starts_with(kByteOrderMark))
      name.remove_prefix(kByteOrderMark.size());
    name.remove_prefix(std::min(name.find_first_not_of(" \t\r"), name.size()));
    name = name.substr(0, name.find_last_not_of(" \t\r") + 1);
    if (!name.empty() && name.front() != '#')
      all_good = explain_one(asker, std::string(name)) && all_good;
  }
  return all_good;
}

Exit explain(const ExplainOptions &options) {
  const auto refuse = [](const std::string &message) {
    std::cerr << "mxwarden: " << printable(message) << '\n';
    return Exit::cannot_run;
  };
  const auto type = parse_qtype(options.qtype);
  if (!type)
    return refuse("unknown type " + quote(options.qtype) + "; write an RR type, such as MX");
  std::optional<ClientAddress> client;
  if (options.client) {
    client = parse_address(*options.client);
    if (!client)
      return refuse(quote(*options.client) + " is not an address; write one such as 192.0.2.1");
  }
  const Loaded loaded = load(options.rules);
  if (loaded.has_errors()) {
    print(loaded.findings);
    return refuse("the rules have errors, so nothing can be explained");
  }
  const Asker asker{*loaded.policy, *type, client, options.json};
  bool all_good = true;
  for (const std::string &name : options.names)
    all_good = explain_one(asker, name) && all_good;
  if (options.from_stdin) {
    all_good = explain_lines(asker) && all_good;
    if (std::ferror(stdin) != 0)
      return refuse("cannot read standard input to its end");
  }
  return all_good ? Exit::clean : Exit::findings;
}

} // namespace

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

} // namespace mxw::cli
