#include "loader/loader.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <tuple>
#include <utility>

#include <glob.h>

#include "loader/dns_text.h"
#include "loader/source.h"
#include "loader/toml_reader.h"

namespace mxw {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSchema = 1;
constexpr std::size_t kMaxRuleFileBytes = std::size_t{64} << 20U;
constexpr std::size_t kMaxListBytes = std::size_t{1} << 30U;
/// A list that is no list of names would give a finding a line.
constexpr std::size_t kMaxFindingsAList = 20;
constexpr std::size_t kMaxHosts = 16;
constexpr std::size_t kMaxAddresses = 16;

/// Which suffixes a suffix is mistyped as, where a rule names none: delegated top-level domains one
/// edit away, and what people type most.
struct UsualSlips {
  std::string_view suffix;
  std::vector<std::string_view> typed;
};
const std::vector<UsualSlips> &usual_slips() {
  static const std::vector<UsualSlips> table = {
      {"mil", {"ml", "il", "mi", "mit", "ril"}},
      {"gov", {"goo", "gop", "got", "mov"}},
      {"com", {"co", "cm", "om", "bom", "cam", "mom", "con"}},
      {"net", {"ne", "et", "bet", "pet", "vet", "nec", "new", "next", "ntt"}},
      {"org", {"ong", "or"}},
      {"edu", {"eu"}},
  };
  return table;
}

constexpr std::array kRuleActions = {Action::redirect, Action::null_mx, Action::nxdomain,
                                     Action::nodata,   Action::refused, Action::servfail,
                                     Action::drop,     Action::pass};

template <class Enum, class Values>
std::optional<Enum> find_by_name(const Values &values, std::string_view text) {
  for (const Enum value : values)
    if (to_string(value) == text)
      return value;
  return std::nullopt;
}

Name known_name(std::string_view text) { return parse_name(text).value_or(Name()); }

/// Reads the files of one configuration into a PolicySpec.
class Loader {
public:
  explicit Loader(std::int64_t now_s) : now_s_(now_s) {}

  void read_main(const fs::path &file);
  void read_rules(const std::vector<fs::path> &paths);
  Loaded finish() &&;

private:
  struct PendingClients {
    std::uint32_t rule;
    const Source *source;
    std::vector<Text> ids;
  };
  struct PendingAction {
    std::uint32_t rule;
    const Source *source;
    std::optional<Position> redirect; // set where the rule says so itself
  };

  bool has_error() const {
    return std::any_of(out_.findings.begin(), out_.findings.end(),
                       [](const Diagnostic &d) { return d.severity == Severity::error; });
  }
  void add(Diagnostic d) { out_.findings.push_back(std::move(d)); }

  /// Reads one file. `is_main` allows the keys that only the main file has.
  void read_file(const fs::path &file, bool is_main);
  void read_file_once(const fs::path &file);
  void read_patterns(TableReader &reader);
  void read_events(const Source &source, const toml::table &table);
  void read_warning_mx(const Source &source, const toml::table &table);
  void read_clients(const Source &source, const toml::table &table);
  void read_protect(const Source &source, const toml::table &table);
  void read_slips(TableReader &reader, Rule &rule);
  void read_allow(const Source &source, const toml::table &table);
  void read_exempt(const Source &source, const toml::table &table);
  void read_test(const Source &source, const toml::table &table);

  std::optional<Name> read_name(TableReader &reader, const Text &text, std::string_view what);
  std::vector<Name> read_names(TableReader &reader, std::string_view key);
  /// The names of `domains` and of the lists in `files`.
  std::vector<Name> read_domains(TableReader &reader, bool protects);
  void read_list(TableReader &reader, const Text &file, bool protects, std::vector<Name> &names);
  /// Reports a name that cannot be protected, and returns false.
  bool can_protect(const Source &source, Position at, const Name &name);

  void resolve_clients();
  void resolve_actions();
  void check_warning_hosts();

  std::int64_t now_s_;
  Loaded out_;
  PolicySpec spec_;
  std::vector<std::unique_ptr<Source>> sources_; // findings of the second pass point into them
  std::set<fs::path> seen_;
  std::map<std::string, std::uint32_t, std::less<>> client_ids_;
  std::set<std::string, std::less<>> rule_ids_;
  std::vector<PendingClients> pending_clients_;
  std::vector<PendingAction> pending_actions_;
  const Source *warning_mx_source_ = nullptr;
  std::vector<Position> warning_host_places_;
};

/// The files that `pattern` matches, sorted; none where there are none.
std::vector<fs::path> expand(const fs::path &pattern) {
  glob_t found = {};
  std::vector<fs::path> files;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return files;
}

/// Relative paths in a file are meant from where that file stands.
fs::path beside(const Source &source, const std::string &path) {
  return source.file().parent_path() / path;
}

std::int64_t seconds_of(const toml::date &date) {
  using namespace std::chrono;
  const auto day = year_month_day(year(date.year), month(date.month), std::chrono::day(date.day));
  return duration_cast<seconds>(sys_days(day).time_since_epoch()).count();
}

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= 63 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string actions_text() {
  std::string text;
  for (const Action action : kRuleActions)
    text += (text.empty() ? "" : ", ") + std::string(to_string(action));
  return text;
}

void Loader::read_main(const fs::path &file) {
  seen_.insert(file.lexically_normal()); // a pattern may match it
  read_file(file, true);
}

void Loader::read_rules(const std::vector<fs::path> &paths) {
  for (const fs::path &path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      read_file_once(path);
      continue;
    }
    const auto files = expand(path / "*.toml");
    if (files.empty()) {
      Diagnostic d;
      d.severity = Severity::warning;
      d.code = "MXW007";
      d.file = path;
      d.message = "no file matches '*.toml' in this directory";
      d.help = "rule files end in .toml";
      add(std::move(d));
    }
    for (const fs::path &found : files)
      read_file_once(found);
  }
}

void Loader::read_file_once(const fs::path &file) {
  if (seen_.insert(file.lexically_normal()).second)
    read_file(file, false);
}

void Loader::read_file(const fs::path &file, bool is_main) {
  auto read = Source::read(file, kMaxRuleFileBytes);
  if (!read) {
    add(std::move(read.error()));
    return;
  }
  sources_.push_back(std::make_unique<Source>(std::move(*read)));
  const Source &source = *sources_.back();
  out_.files.push_back(file);
  toml::table root;
  try {
    root = toml::parse(std::string_view(source.text()), std::string_view(file.native()));
  } catch (const toml::parse_error &e) {
    std::string message(e.description());
    message = message.substr(0, message.find('\n'));
    add(source.finding(Severity::error, "MXW002", position_of(e.source()), message,
                       "the rest of this file was not read"));
    return;
  }

  TableReader reader(source, root, is_main ? "the main file" : "a rule file", out_.findings);
  // Without a schema number the rest may mean something else, so it is not judged.
  const auto schema = reader.integer("schema", std::numeric_limits<std::int64_t>::min(),
                                     std::numeric_limits<std::int64_t>::max());
  if (!schema && reader.has("schema"))
    return;
  if (!schema || *schema != kSchema) {
    const bool newer = schema && *schema > kSchema;
    reader.error(
        "MXW006", schema ? reader.at("schema") : Position{1, 1},
        schema ? "schema " + std::to_string(*schema) + " is not known; this version reads 1"
               : std::string("there is no 'schema'"),
        newer ? "the file was written for a newer mxwarden" : "begin it with 'schema = 1'");
    return;
  }
  if (const auto *table = reader.table("events"); table != nullptr && is_main)
    read_events(source, *table);
  else if (table != nullptr)
    reader.error("MXW008", reader.at("events"), "[events] belongs into the main file",
                 "rule files hold rules only");
  if (const auto *table = reader.table("warning_mx"))
    read_warning_mx(source, *table);
  for (const auto *table : reader.tables("clients"))
    read_clients(source, *table);
  for (const auto *table : reader.tables("protect"))
    read_protect(source, *table);
  for (const auto *table : reader.tables("allow"))
    read_allow(source, *table);
  for (const auto *table : reader.tables("exempt"))
    read_exempt(source, *table);
  for (const auto *table : reader.tables("test"))
    read_test(source, *table);
  if (is_main) {
    read_patterns(reader);
  } else if (reader.has("rules")) {
    reader.error("MXW008", reader.at("rules"), "'rules' belongs into the main file",
                 "a rule file cannot name others");
    reader.strings("rules");
  }
  reader.finish();
}

void Loader::read_patterns(TableReader &reader) {
  for (const Text &pattern : reader.strings("rules")) {
    const auto files = expand(beside(reader.source(), pattern.value));
    const bool literal = pattern.value.find_first_of("*?[") == std::string::npos;
    if (files.empty() && literal)
      reader.error("MXW001", pattern.at, "there is no file '" + pattern.value + "'",
                   "paths are relative to the file that names them");
    else if (files.empty())
      reader.warning("MXW007", pattern.at, "no file matches '" + pattern.value + "'",
                     "patterns are relative to the main file");
    for (const fs::path &file : files)
      read_file_once(file);
  }
}

void Loader::read_events(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[events]", out_.findings);
  if (const auto file = reader.string("file"))
    out_.settings.events_file = file->value.empty() ? fs::path() : beside(source, file->value);
  reader.finish();
}

void Loader::read_warning_mx(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[warning_mx]", out_.findings);
  if (warning_mx_source_ != nullptr)
    reader.error("MXW023", reader.at(),
                 "[warning_mx] stands in '" + warning_mx_source_->file().string() + "' already",
                 "there is one set of warning hosts");
  warning_mx_source_ = &source;
  for (const Text &text : reader.strings("hosts"))
    if (const auto name = read_name(reader, text, "a warning host")) {
      spec_.warning_hosts.push_back({*name, {}});
      warning_host_places_.push_back(text.at);
    }
  if (spec_.warning_hosts.empty())
    reader.error("MXW005", reader.at(), "[warning_mx] has no 'hosts'",
                 "name the hosts that tell senders, or leave [warning_mx] out");
  if (spec_.warning_hosts.size() > kMaxHosts)
    reader.error("MXW014", reader.at("hosts"),
                 "there are more than " + std::to_string(kMaxHosts) + " warning hosts",
                 "two are enough");
  if (const auto *addresses = reader.table("addresses")) {
    TableReader of_host(source, *addresses, "addresses", out_.findings);
    for (const auto &[host_text, node] : of_host.entries()) {
      const auto host_name = read_name(reader, host_text, "a warning host");
      const auto host = std::find_if(spec_.warning_hosts.begin(), spec_.warning_hosts.end(),
                                     [&](const WarningHost &h) { return host_name == h.name; });
      if (host_name && host == spec_.warning_hosts.end()) {
        reader.error("MXW021", host_text.at, "'" + host_text.value + "' is not among the 'hosts'",
                     "addresses are given for warning hosts only");
        continue;
      }
      for (const Text &text : of_host.strings_of(*node, host_text.value)) {
        const auto address = parse_address(text.value);
        if (!address)
          reader.error("MXW020", text.at, "'" + text.value + "' is not an address",
                       "write an IPv4 or IPv6 address, such as \"198.51.100.25\"");
        else if (host_name)
          host->addresses.push_back(*address);
      }
      if (host_name && host->addresses.size() > kMaxAddresses)
        reader.error("MXW014", host_text.at,
                     "'" + host_text.value + "' has more than " + std::to_string(kMaxAddresses) +
                         " addresses",
                     "a few are enough");
    }
  }
  reader.finish();
}

void Loader::read_clients(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[[clients]]", out_.findings);
  const auto id = reader.string("id");
  if (!id)
    reader.error("MXW005", reader.at(), "[[clients]] has no 'id'",
                 "rules name the set by it: id = \"outbound-relays\"");
  else if (!is_id(id->value))
    reader.error("MXW012", id->at, "'" + id->value + "' is not an id",
                 "an id has 1 to 63 of a-z, 0-9 and '-'");
  else if (!client_ids_.emplace(id->value, spec_.clients.size()).second)
    reader.error("MXW012", id->at, "there is a client set '" + id->value + "' already",
                 "every id stands once");
  std::vector<ClientSet::Subnet> subnets;
  for (const Text &text : reader.strings("subnets")) {
    if (const auto subnet = parse_subnet(text.value))
      subnets.push_back(*subnet);
    else
      reader.error("MXW019", text.at, "'" + text.value + "' is not a subnet",
                   "write an address and a prefix length, such as \"192.0.2.0/24\"");
  }
  if (!reader.has("subnets"))
    reader.error("MXW005", reader.at(), "[[clients]] has no 'subnets'",
                 "subnets = [\"192.0.2.0/24\"]");
  spec_.clients.emplace_back(subnets);
  reader.finish();
}

void Loader::read_protect(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[[protect]]", out_.findings);
  const auto number = static_cast<std::uint32_t>(spec_.rules.size());
  Rule rule;
  rule.place = {source.file(), static_cast<std::uint32_t>(reader.at().line)};
  if (const auto id = reader.string("id")) {
    rule.id = id->value;
    if (!is_id(id->value))
      reader.error("MXW012", id->at, "'" + id->value + "' is not an id",
                   "an id has 1 to 63 of a-z, 0-9 and '-'");
    else if (!rule_ids_.insert(id->value).second)
      reader.error("MXW012", id->at, "there is a rule '" + id->value + "' already",
                   "every id stands once");
  } else if (!reader.has("id")) {
    reader.error("MXW005", reader.at(), "[[protect]] has no 'id'",
                 "events and explanations name the rule by it: id = \"dod\"");
  }
  rule.domains = read_domains(reader, true);
  if (const auto suffix = reader.string("suffix"))
    rule.suffix = read_name(reader, *suffix, "a suffix");
  if (const auto min_label = reader.integer("min_label", 1, 63))
    rule.matching.min_label = static_cast<std::size_t>(*min_label);
  read_slips(reader, rule);
  rule.mirror = read_names(reader, "mirror");
  if (!rule.mirror.empty() && !reader.has("suffix"))
    reader.error("MXW016", reader.at("mirror"), "'mirror' has no 'suffix' to mirror",
                 "say which suffix is meant, such as suffix = \"mil\"");
  for (const Name &mirror : rule.mirror)
    if (rule.suffix && mirror.is_at_or_below(*rule.suffix))
      reader.error("MXW016", reader.at("mirror"),
                   "'" + to_string(mirror) + "' is legitimate by 'suffix'",
                   "mirror another suffix than the rule's own");
  if (rule.domains.empty() && rule.mirror.empty() && !rule.suffix && !reader.has("domains") &&
      !reader.has("files"))
    reader.error("MXW025", reader.at(), "[[protect]] protects nothing",
                 "give it 'domains', 'files' or 'suffix'");

  PendingAction pending{number, &source, std::nullopt};
  if (const auto action = reader.string("action")) {
    const auto known = find_by_name<Action>(kRuleActions, action->value);
    if (!known) {
      std::vector<std::string_view> names;
      for (const Action a : kRuleActions)
        names.push_back(to_string(a));
      reader.error("MXW013", action->at,
                   "unknown action '" + action->value + "'" + did_you_mean(action->value, names),
                   "the actions are " + actions_text());
    } else {
      rule.action = *known;
      if (*known == Action::redirect)
        pending.redirect = action->at;
      if (*known == Action::refused || *known == Action::servfail || *known == Action::drop)
        reader.warning("MXW029", action->at,
                       "'" + action->value +
                           "' makes senders wait for days, and leaks past a second resolver",
                       "redirect and null-mx tell the sender at once");
    }
  } else if (!reader.has("action")) {
    rule.action = Action::redirect; // if there is a warning host: see resolve_actions()
  }
  pending_actions_.push_back(pending);
  if (const auto mode = reader.string("mode")) {
    const auto known = find_by_name<Mode>(std::array{Mode::enforce, Mode::observe}, mode->value);
    if (known)
      rule.mode = *known;
    else
      reader.error("MXW013", mode->at,
                   "unknown mode '" + mode->value + "'" +
                       did_you_mean(mode->value, {"enforce", "observe"}),
                   "the modes are enforce, observe");
  }
  if (reader.has("clients")) {
    pending_clients_.push_back({number, &source, reader.strings("clients")});
    if (pending_clients_.back().ids.empty())
      reader.error("MXW018", reader.at("clients"), "'clients' names no client set",
                   "leave it out where the rule is for everyone");
  } else {
    reader.strings("clients"); // known, though not there
  }
  if (const auto contact = reader.string("contact"))
    rule.contact = contact->value;
  reader.finish();
  spec_.rules.push_back(std::move(rule));
}

void Loader::read_slips(TableReader &reader, Rule &rule) {
  // What the names of this rule end in: its suffix, or their top-level domains.
  std::vector<Name> intended;
  for (const Name &name : rule.domains) {
    const Name end =
        rule.suffix && name.is_at_or_below(*rule.suffix) ? *rule.suffix : name.ancestor(1);
    if (std::find(intended.begin(), intended.end(), end) == intended.end())
      intended.push_back(end);
  }
  if (!reader.has("slips")) {
    reader.strings("slips"); // known, though not there
    for (const UsualSlips &usual : usual_slips()) {
      const Name suffix = known_name(usual.suffix);
      if (std::find(intended.begin(), intended.end(), suffix) == intended.end())
        continue;
      for (const std::string_view typed : usual.typed)
        rule.matching.slips.push_back({known_name(typed), suffix});
    }
    return;
  }
  for (const Text &text : reader.strings("slips")) {
    const auto typed = read_name(reader, text, "a slip");
    if (!typed)
      continue;
    if (std::find(intended.begin(), intended.end(), *typed) != intended.end() ||
        (rule.suffix && typed->is_at_or_below(*rule.suffix)))
      reader.error("MXW017", text.at,
                   "'" + text.value + "' is what names of this rule end in themselves",
                   "name suffixes that are typed by mistake");
    else
      for (const Name &end : intended)
        rule.matching.slips.push_back({*typed, end});
  }
}

void Loader::read_allow(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[[allow]]", out_.findings);
  Allow allow;
  allow.place = {source.file(), static_cast<std::uint32_t>(reader.at().line)};
  allow.domains = read_domains(reader, false);
  if (!reader.has("domains") && !reader.has("files"))
    reader.error("MXW025", reader.at(), "[[allow]] allows nothing", "give it 'domains' or 'files'");
  if (const auto reason = reader.string("reason"))
    allow.reason = reason->value;
  else if (!reader.has("reason"))
    reader.error("MXW005", reader.at(), "[[allow]] has no 'reason'",
                 "whoever reads this in a year wants to know: reason = \"ticket 4711\"");
  if (const auto owner = reader.string("owner"))
    allow.owner = owner->value;
  if (const auto expires = reader.date("expires")) {
    constexpr std::int64_t kDayS = 24 * 60 * 60;
    allow.expires_s = seconds_of(*expires) + kDayS; // the day itself is still allowed
    if (*allow.expires_s <= now_s_)
      reader.warning("MXW028", reader.at("expires"), "this entry has expired and allows nothing",
                     "renew it or take it out");
  }
  reader.finish();
  spec_.allows.push_back(std::move(allow));
}

void Loader::read_exempt(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[[exempt]]", out_.findings);
  for (const Name &name : read_domains(reader, false))
    spec_.exempt.push_back(name);
  if (!reader.has("domains") && !reader.has("files"))
    reader.error("MXW025", reader.at(), "[[exempt]] exempts nothing",
                 "give it 'domains' or 'files'");
  reader.finish();
}

void Loader::read_test(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[[test]]", out_.findings);
  TestCase test;
  test.failure = source.finding(Severity::error, "MXW027", reader.at(), "", "");
  const auto query = reader.string("query");
  if (!query && !reader.has("query"))
    reader.error("MXW005", reader.at(), "[[test]] has no 'query'", "query = \"army.ml\"");
  std::optional<Name> name;
  if (query) {
    test.question = query->value;
    if (auto parsed = parse_name(query->value))
      name = *parsed;
    else
      reader.error("MXW010", query->at,
                   "'" + query->value + "' is not a domain name: " + std::string(parsed.error()),
                   "write the name that is asked for, such as \"army.ml\"");
  }
  if (const auto type = reader.string("qtype")) {
    if (const auto number = parse_qtype(type->value))
      test.query.type = *number;
    else
      reader.error("MXW030", type->at, "unknown type '" + type->value + "'",
                   "write an RR type, such as \"MX\"");
  }
  if (const auto client = reader.string("client")) {
    test.query.client = parse_address(client->value);
    if (!test.query.client)
      reader.error("MXW020", client->at, "'" + client->value + "' is not an address",
                   "write the address of a client, such as \"192.0.2.1\"");
  }
  if (const auto *expect = reader.table("expect")) {
    TableReader wanted(source, *expect, "expect", out_.findings);
    const auto read = [&](std::string_view key, std::string &to) {
      if (const auto text = wanted.string(key))
        to = text->value;
    };
    read("action", test.expect.action);
    read("reason", test.expect.reason);
    read("protected", test.expect.protected_name);
    read("technique", test.expect.technique);
    read("rule", test.expect.rule);
    read("mode", test.expect.mode);
    if (expect->empty())
      reader.error("MXW005", reader.at("expect"), "'expect' expects nothing",
                   "expect = { action = \"redirect\" }");
    wanted.finish();
  } else if (!reader.has("expect")) {
    reader.error("MXW005", reader.at(), "[[test]] has no 'expect'",
                 "expect = { action = \"redirect\" }");
  }
  reader.finish();
  if (name) {
    test.query.name = *name;
    out_.tests.push_back(std::move(test));
  }
}

std::optional<Name> Loader::read_name(TableReader &reader, const Text &text,
                                      std::string_view what) {
  const auto name = parse_rule_name(text.value);
  if (!name) {
    reader.error("MXW010", text.at,
                 "'" + text.value + "' is not a domain name: " + std::string(name.error()),
                 "write " + std::string(what) + " as a name, such as \"example.mil\"");
    return std::nullopt;
  }
  if (name->labels() == 0) {
    reader.error("MXW011", text.at, "'.' is every name there is",
                 "write " + std::string(what) + " as a name, such as \"example.mil\"");
    return std::nullopt;
  }
  return *name;
}

std::vector<Name> Loader::read_names(TableReader &reader, std::string_view key) {
  std::vector<Name> names;
  for (const Text &text : reader.strings(key))
    if (const auto name = read_name(reader, text, "it"))
      names.push_back(*name);
  return names;
}

bool Loader::can_protect(const Source &source, Position at, const Name &name) {
  if (name.labels() < 2) {
    add(source.finding(
        Severity::error, "MXW011", at, "'" + to_string(name) + "' is a whole top-level domain",
        "to make every name under it legitimate, say suffix = \"" + to_string(name) + "\""));
    return false;
  }
  if (name.labels() > Index::kMaxProtectedLabels) {
    add(source.finding(Severity::error, "MXW026", at,
                       "'" + to_string(name) + "' has " + std::to_string(name.labels()) +
                           " labels; the limit is " + std::to_string(Index::kMaxProtectedLabels),
                       "protect a name above it"));
    return false;
  }
  return true;
}

std::vector<Name> Loader::read_domains(TableReader &reader, bool protects) {
  std::vector<Name> names;
  for (const Text &text : reader.strings("domains")) {
    const auto name = read_name(reader, text, "a domain");
    if (name && (!protects || can_protect(reader.source(), text.at, *name)))
      names.push_back(*name);
  }
  for (const Text &file : reader.strings("files"))
    read_list(reader, file, protects, names);
  return names;
}

void Loader::read_list(TableReader &reader, const Text &file, bool protects,
                       std::vector<Name> &names) {
  const auto list = Source::read(beside(reader.source(), file.value), kMaxListBytes);
  if (!list) {
    reader.error("MXW001", file.at, "'" + file.value + "': " + list.error().message,
                 list.error().help);
    return;
  }
  std::size_t findings = 0;
  std::size_t line_number = 0;
  std::string_view rest = list->text();
  while (!rest.empty() && findings < kMaxFindingsAList) {
    ++line_number;
    const std::size_t end = rest.find('\n');
    const std::string_view whole = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    // The first column of a CSV, a comment cut off, blanks and quotes around it too.
    std::string_view field = whole.substr(0, whole.find_first_of(",;#"));
    constexpr std::string_view kAround = " \t\r\"";
    const std::size_t first = field.find_first_not_of(kAround);
    if (first == std::string_view::npos)
      continue;
    field = field.substr(first, field.find_last_not_of(kAround) - first + 1);
    const Position at{line_number, first + 1};
    const auto name = parse_rule_name(field);
    if (name && name->labels() != 0) {
      if (!protects || can_protect(*list, at, *name))
        names.push_back(*name);
      else
        ++findings;
      continue;
    }
    ++findings;
    add(list->finding(
        Severity::error, "MXW010", at,
        "'" + std::string(field.substr(0, Name::kMaxWireBytes)) +
            "' is not a domain name: " + std::string(name ? "it is the root" : name.error()),
        "a list has a name a line, or in the first column; # begins a comment"));
  }
  if (findings == kMaxFindingsAList)
    add(list->finding(Severity::error, "MXW010", {}, "too many findings; the rest was not read",
                      "is this a list of names?"));
}

void Loader::resolve_clients() {
  for (const PendingClients &pending : pending_clients_)
    for (const Text &id : pending.ids) {
      const auto found = client_ids_.find(id.value);
      if (found != client_ids_.end()) {
        spec_.rules[pending.rule].clients.push_back(found->second);
        continue;
      }
      std::vector<std::string_view> known;
      for (const auto &[name, position] : client_ids_)
        known.push_back(name);
      add(pending.source->finding(Severity::error, "MXW018", id.at,
                                  "there is no client set '" + id.value + "'" +
                                      did_you_mean(id.value, known),
                                  "define it: [[clients]] with this id and its subnets"));
    }
}

void Loader::resolve_actions() {
  if (!spec_.warning_hosts.empty())
    return;
  for (const PendingAction &pending : pending_actions_) {
    Rule &rule = spec_.rules[pending.rule];
    if (rule.action != Action::redirect)
      continue;
    rule.action = Action::null_mx;
    if (pending.redirect)
      add(pending.source->finding(Severity::error, "MXW015", *pending.redirect,
                                  "there is no warning MX to redirect to",
                                  "name one in [warning_mx], or use null-mx"));
  }
}

void Loader::check_warning_hosts() {
  const Policy &policy = *out_.policy;
  for (std::size_t i = 0; i < policy.warning_hosts().size(); ++i) {
    const Name &host = policy.warning_hosts()[i].name;
    // Its address is asked for, and must not be answered by the policy that names it.
    Query query{host, qtype::kMx, std::nullopt, now_s_};
    const Verdict verdict = policy.decide(query);
    if (verdict.reason != Reason::look_alike)
      continue;
    add(warning_mx_source_->finding(Severity::error, "MXW022", warning_host_places_[i],
                                    "warning host '" + to_string(host) +
                                        "' is itself a near-miss of '" +
                                        to_string(verdict.protected_name) + "'",
                                    "use a host whose name no rule matches"));
  }
}

Loaded Loader::finish() && {
  resolve_clients();
  resolve_actions();
  if (!has_error()) {
    std::random_device random;
    const std::uint64_t seed = (std::uint64_t{random()} << 32U) | random();
    out_.policy = std::make_shared<const Policy>(std::move(spec_), seed);
    check_warning_hosts();
    if (has_error())
      out_.policy = nullptr;
  }
  std::stable_sort(out_.findings.begin(), out_.findings.end(),
                   [](const Diagnostic &a, const Diagnostic &b) {
                     return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
                   });
  return std::move(out_);
}

} // namespace

bool Loaded::has_errors() const noexcept { return policy == nullptr; }

Loaded load_config(const fs::path &main_file, std::int64_t now_s) {
  Loader loader(now_s);
  loader.read_main(main_file);
  return std::move(loader).finish();
}

Loaded load_rules(const std::vector<fs::path> &paths, std::int64_t now_s) {
  Loader loader(now_s);
  loader.read_rules(paths);
  return std::move(loader).finish();
}

std::vector<Diagnostic> run_tests(const Loaded &loaded, std::int64_t now_s) {
  std::vector<Diagnostic> failures;
  for (const TestCase &test : loaded.tests) {
    Query query = test.query;
    query.now_s = now_s;
    const Verdict verdict = loaded.policy->decide(query);
    const bool has_rule = verdict.rule != Verdict::kNone;
    const std::array<std::tuple<std::string_view, std::string, std::string>, 6> compared = {{
        {"action", test.expect.action, std::string(to_string(verdict.decision))},
        {"reason", test.expect.reason, std::string(to_string(verdict.reason))},
        {"protected", test.expect.protected_name,
         has_rule ? to_string(verdict.protected_name) : std::string("none")},
        {"technique", test.expect.technique, std::string(to_string(verdict.technique))},
        {"rule", test.expect.rule,
         has_rule ? loaded.policy->rules()[verdict.rule].id : std::string("none")},
        {"mode", test.expect.mode, std::string(to_string(verdict.mode))},
    }};
    for (const auto &[key, wanted, got] : compared) {
      if (wanted.empty() || wanted == got)
        continue;
      Diagnostic failure = test.failure;
      failure.message = "'" + test.question + "': " + std::string(key) + " is '" + got +
                        "', expected '" + wanted + "'";
      failure.help = "'mxwarden explain " + test.question + "' shows why";
      failures.push_back(std::move(failure));
    }
  }
  return failures;
}

} // namespace mxw
