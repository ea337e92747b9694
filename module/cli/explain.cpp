// `mxwarden explain`: what the resolver would do about a name, and why.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <optional>
#include <sstream>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "core/answer.h"
#include "loader/dns_text.h"
#include "loader/message.h"
#include "loader/public_suffix.h"
#include "loader/source.h"

namespace mxw::cli {
namespace {

using Json = nlohmann::ordered_json;

/// The protected names of a policy, matched by all techniques whatever the length of a label: what
/// the rules do not ask for.
class Generous {
public:
  explicit Generous(const Policy &policy) : policy_(policy) {}

  /// The matches of `name` that the policy does not have.
  std::vector<Match> matches(const Name &name) {
    const std::vector<Match> known = policy_.matches(name);
    if (!index_)
      build();
    struct Collector final : MatchSink {
      void add(const Match &match) noexcept override { all.push_back(match); }
      std::vector<Match> all;
    } collector;
    index_->find(Tails(name, kSeed), collector);
    std::vector<Match> more;
    for (const Match &match : collector.all) {
      const auto is_same = [&](const Match &other) { return other.entry == match.entry; };
      if (std::none_of(known.begin(), known.end(), is_same) &&
          std::none_of(more.begin(), more.end(), is_same))
        more.push_back(match);
    }
    std::stable_sort(more.begin(), more.end(),
                     [](const Match &a, const Match &b) { return a.edits < b.edits; });
    return more;
  }

  /// Why the policy does not have `match`.
  [[nodiscard]] std::string why_not(const Match &match) const {
    const IndexOptions &options = policy_.index().groups()[policy_.index().group_of(match.entry)];
    const TechniqueOptions &of = options.of(match.technique);
    if (of.level == Level::off)
      return "the technique is off";
    if (match.label_bytes < of.min_label)
      return "the label has " + std::to_string(match.label_bytes) + " letters, and min_label is " +
             std::to_string(of.min_label);
    return "the rule has no such slip"; // the only other thing that differs
  }

private:
  static constexpr std::uint64_t kSeed = 0;
  /// Two edits take fifty times as much memory; with more names than that nobody wants to wait.
  static constexpr std::size_t kMaxForTwoEdits = 100'000;

  void build() {
    const Index &index = policy_.index();
    std::vector<NameList> names(index.groups().size());
    for (std::uint32_t entry = 0; entry < index.names().size(); ++entry)
      names[index.group_of(entry)].push_back(index.names()[entry]);
    IndexOptions options;
    options.techniques.fill({Level::observe, 1});
    auto &two_edits = options.techniques[static_cast<std::size_t>(Technique::two_edits)];
    two_edits = {index.names().size() > kMaxForTwoEdits ? Level::off : Level::observe, 4};
    index_.emplace(std::move(names), std::vector<IndexOptions>(index.groups().size(), options),
                   is_public_suffix, kSeed);
  }

  const Policy &policy_;
  std::optional<Index> index_;
};

/// What does not differ between the names of one run.
struct Asker {
  const Policy &policy;
  std::uint16_t type;
  std::optional<ClientAddress> client;
  bool json;
  Generous &generous;
};

std::vector<std::string_view> names_of(Techniques techniques) {
  std::vector<std::string_view> names;
  techniques.for_each([&](Technique technique) { names.push_back(to_string(technique)); });
  return names;
}

/// "0.85", from percent.
std::string confidence_text(std::uint8_t percent) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << percent / 100.0;
  return out.str();
}

/// The matches besides what `verdict` tells of, best first.
std::vector<Match> other_matches(const Policy &policy, const Query &query, const Verdict &verdict) {
  std::vector<Match> others = policy.matches(query.name);
  std::erase_if(others, [&](const Match &match) {
    return policy.index().group_of(match.entry) == verdict.rule &&
           policy.index().names()[match.entry] == verdict.protected_name;
  });
  return others;
}

/// True where names near the one that is asked for are worth telling.
bool has_neighbours(const Verdict &verdict) {
  return verdict.reason != Reason::is_protected && verdict.reason != Reason::warning_mx;
}

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
    if (verdict.reason == Reason::look_alike) {
      object["message"] = message_of(policy, query.name, verdict);
      for (const auto &[language, message] : rule.messages)
        object["messages"][language] = message_of(policy, query.name, verdict, {language, {}});
    }
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
    object["techniques"] = names_of(verdict.techniques);
    object["edits"] = verdict.edits;
    object["confidence"] = verdict.confidence / 100.0;
    object["mode"] = to_string(verdict.mode);
  }
  if (!has_neighbours(verdict))
    return object;
  const auto describe = [&](const Match &match) {
    return Json{{"protected", to_string(policy.index().names()[match.entry])},
                {"rule", policy.rules()[policy.index().group_of(match.entry)].id},
                {"technique", to_string(match.technique)},
                {"techniques", names_of(match.techniques)},
                {"edits", match.edits}};
  };
  for (const Match &match : other_matches(policy, query, verdict)) {
    Json other = describe(match);
    other["confidence"] = match.confidence / 100.0;
    other["level"] = to_string(match.level);
    object["others"].push_back(std::move(other));
  }
  if (verdict.reason == Reason::no_match)
    for (const Match &match : asker.generous.matches(query.name)) {
      Json near = describe(match);
      near["why_not"] = asker.generous.why_not(match);
      object["near"].push_back(std::move(near));
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
                         ", edits: " + std::to_string(verdict.edits) +
                         ", confidence: " + confidence_text(verdict.confidence) + ")");
    for (const std::string_view name : names_of(verdict.techniques))
      if (name != to_string(verdict.technique))
        row("or       ", std::string(name));
    break;
  }
  if (verdict.rule != Verdict::kNone) {
    const Rule &rule = policy.rules()[verdict.rule];
    const bool is_told_of = verdict.reason == Reason::look_alike && verdict.mode != rule.mode;
    row("rule     ", rule.id + " (" + std::string(to_string(rule.mode)) +
                         (is_told_of ? ", but such look-alikes are only observed" : "") + "), " +
                         rule.place.file + ':' + std::to_string(rule.place.line));
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
  if (verdict.reason == Reason::look_alike) {
    row("message  ", message_of(policy, query.name, verdict));
    for (const auto &[language, message] : policy.rules()[verdict.rule].messages)
      row("message  ", language + ": " + message_of(policy, query.name, verdict, {language, {}}));
  }
  row("answer   ", answer_text(asker, verdict));
  if (!has_neighbours(verdict))
    return out.str();
  const auto describe = [&](const Match &match) {
    return "like '" + to_string(policy.index().names()[match.entry]) + "' (" +
           std::string(to_string(match.technique));
  };
  for (const Match &match : other_matches(policy, query, verdict)) {
    const Rule &rule = policy.rules()[policy.index().group_of(match.entry)];
    row("also     ", describe(match) + ", confidence: " + confidence_text(match.confidence) +
                         "), rule " + rule.id +
                         (match.level == Level::observe ? ", only observed" : "") +
                         (policy.holds_for(rule, query) ? "" : ", not for this client"));
  }
  if (verdict.reason == Reason::no_match)
    for (const Match &match : asker.generous.matches(query.name))
      row("not      ", describe(match) + "): " + asker.generous.why_not(match));
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

} // namespace

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
  Generous generous(*loaded.policy);
  const Asker asker{*loaded.policy, *type, client, options.json, generous};
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

} // namespace mxw::cli
