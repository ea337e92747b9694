#include "loader/loader.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "core/hash.h"
#include "loader/dns_text.h"
#include "loader/lint.h"
#include "loader/list_file.h"
#include "loader/public_suffix.h"
#include "loader/rule_options.h"
#include "loader/source.h"
#include "loader/toml_reader.h"

namespace mxw {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSchema = 1;
/// What a [[test]] expects where there is no rule, name or mode.
constexpr std::string_view kNone = "none";
/// What stands for all clients where client sets are named.
constexpr std::string_view kEveryone = "everyone";
constexpr std::size_t kMaxListBytes = std::size_t{64} << 20U; // some four million names
/// Names of all files together: what a resolver can be asked to keep (some 2 GB while it loads).
constexpr std::size_t kMaxNames = 1'000'000;
/// A list that is no list of names would give a finding a line.
constexpr std::size_t kMaxFindingsAList = 20;
/// Each costs a question time, and readers of findings patience.
constexpr std::size_t kMaxRules = 10'000;
constexpr std::size_t kMaxAllows = 10'000;
constexpr std::size_t kMaxClientSets = 1'000;
/// Pairs of what is typed and what is meant, of all rules together.
constexpr std::size_t kMaxSlips = 100'000;
constexpr std::size_t kMaxHosts = 16;
constexpr std::size_t kMaxAddresses = 16;
constexpr std::size_t kMaxLanguageSuffixes = 1'000;

/// Which suffixes a suffix is mistyped as, where a rule names none: delegated top-level domains one
/// edit away. Those that are not delegated need no list.
struct UsualSlips {
  std::string_view suffix;
  std::vector<std::string_view> typed;
};
const std::vector<UsualSlips> &usual_slips() {
  static const std::vector<UsualSlips> table = {
      {"mil", {"ml", "il", "mi", "mit", "ril"}},
      {"gov", {"goo", "gop", "got", "mov"}},
      {"com", {"co", "cm", "om", "bom", "cam", "mom"}},
      {"net", {"ne", "et", "bet", "pet", "vet", "nec", "new", "next", "ntt"}},
      {"org", {"ong"}},
      {"edu", {"eu"}},
  };
  return table;
}

Name known_name(std::string_view text) { return parse_name(text).value_or(Name()); }

/// The slips for `suffix` that every rule has which names none.
std::vector<Slip> usual_slips_for(const Name &suffix) {
  std::vector<Slip> slips;
  for (const UsualSlips &usual : usual_slips())
    if (known_name(usual.suffix) == suffix)
      for (const std::string_view typed : usual.typed)
        slips.push_back({known_name(typed), suffix});
  return slips;
}

/// What a name is given for, as far as it decides which names are good and what helps.
struct NameUse {
  std::size_t min_labels;
  std::string_view form;     ///< help for what is no name
  std::string_view too_wide; ///< help for what has fewer labels
};
constexpr NameUse kProtected = {2, "write a domain, such as \"army.mil\"",
                                "'suffix' makes every name under it legitimate"};
constexpr NameUse kPassed = {2, "write a domain, such as \"gouv.ml\"",
                             "name the domains under it that are meant"};
constexpr NameUse kHost = {2, "write a host, such as \"warn1.example.mil\"",
                           "write the host's whole name, such as \"warn1.example.mil\""};
constexpr NameUse kMeant = {1, "write what was meant, such as \"army.mil\"", ""};
constexpr NameUse kSuffix = {1, "write a suffix, such as \"mil\"", ""};

NameUse in_a_list(NameUse use) {
  use.form = "a list has a name a line, or in the first column; # begins a comment";
  return use;
}

/// Reads the files of one configuration into a PolicySpec.
class Loader {
public:
  Loader(RuleFiles files, std::int64_t now_s) : files_(std::move(files)), now_s_(now_s) {}

  void read_main(const fs::path &file);
  void read_rules(const std::vector<fs::path> &paths);
  Loaded finish() &&;

private:
  /// Client sets that a rule or an allow entry names: they may be defined later.
  struct PendingClients {
    bool of_allow;
    std::uint32_t number;
    Said<std::vector<Text>> ids;
  };
  struct PendingRedirect {
    std::uint32_t rule;
    std::optional<Said<Action>> said; // unless nobody said so
  };

  /// Reads `file`. Where it cannot be read, the finding is about the file itself.
  void read_file(const fs::path &file, bool is_main);
  void read_file_once(const fs::path &file);
  /// Reads the file that `path` names, relative to the reader's. Where it cannot be read, the
  /// finding is about the place that names it.
  std::optional<Source> read_named(TableReader &reader, const Text &path, std::size_t max_bytes);
  /// Whoever may write rules decides where mail goes.
  void look_at_mode(const Source &source) {
    if (source.is_open_to_all())
      findings_.warning(source, "MXW044", {}, "every user of this machine may write to this file",
                        "take that away: chmod o-w");
  }
  /// Returns true for a file that was not read before, by whatever name.
  bool is_new(const fs::path &file) { return seen_.insert(files_.identity(file)).second; }
  /// Reads the tables of one file. `is_main` allows the keys that only the main file has.
  void read_tables(Source &&read, bool is_main);
  /// Reads each table of the array `key` by `read`, which makes one more of `all` of it.
  template <class All>
  void read_each(TableReader &reader, std::string_view key, const All &all, std::size_t max,
                 void (Loader::*read)(const Source &, const toml::table &));
  void read_patterns(TableReader &reader);
  void read_events(const Source &source, const toml::table &table);
  void read_defaults(TableReader &reader, bool is_main);
  void read_warning_mx(const Source &source, const toml::table &table);
  void read_languages(const Source &source, const toml::table &table);
  void read_clients(const Source &source, const toml::table &table);
  void read_protect(const Source &source, const toml::table &table);
  void read_slips(TableReader &reader, Rule &rule);
  void read_look_alikes(TableReader &reader, Rule &rule);
  void read_allow(const Source &source, const toml::table &table);
  void read_exempt(const Source &source, const toml::table &table);
  void read_test(const Source &source, const toml::table &table);

  /// The id of a table, and whatever is wrong with it: `ids` holds those there are.
  std::string read_id(TableReader &reader, std::string_view what,
                      std::map<std::string, Place> &ids);
  std::optional<Name> read_name(const Source &source, const Text &text, const NameUse &use);
  std::vector<Name> read_names(TableReader &reader, std::string_view key, const NameUse &use);
  /// The names of `domains` and of the lists in `files`, each once.
  NameList read_domains(TableReader &reader, const NameUse &use);
  void read_list(TableReader &reader, const Text &file, const NameUse &use, NameList &names);
  void resolve_clients();
  void resolve_redirects();
  void check_warning_hosts();

  RuleFiles files_;
  std::int64_t now_s_;
  std::size_t names_ = 0; // read so far
  std::size_t slips_ = 0; // pairs, read so far
  Loaded out_;
  Findings findings_;
  PolicySpec spec_;
  std::vector<std::unique_ptr<Source>> sources_; // findings of the second pass point into them
  std::set<fs::path> seen_;
  std::map<std::string, std::uint32_t, std::less<>> client_ids_; // the valid ones
  std::map<std::string, Place> client_places_;
  std::map<std::string, Place> rule_places_;
  std::vector<PendingClients> pending_clients_;
  std::vector<PendingRedirect> pending_redirects_;
  RuleOptions main_defaults_;
  RuleOptions defaults_; // of the file that is being read
  const Source *warning_mx_source_ = nullptr;
  std::size_t warning_mx_line_ = 0;
};

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

/// A finding about `at`, to be completed.
Diagnostic place(const Source &source, Position at) {
  return source.finding(Severity::error, "", at, "", "");
}

Place place_of(const TableReader &reader) {
  return {reader.source().file(), static_cast<std::uint32_t>(reader.at().line)};
}

std::string text_of(const Place &place) { return place.file + ':' + std::to_string(place.line); }

void Loader::read_main(const fs::path &file) {
  is_new(file); // a pattern may match it
  read_file(file, true);
}

void Loader::read_rules(const std::vector<fs::path> &paths) {
  for (const fs::path &path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      read_file_once(path);
      continue;
    }
    const auto files = files_.match(path == "." ? fs::path() : path, "*.toml");
    if (!files || files->empty()) {
      Diagnostic d;
      d.severity = files ? Severity::warning : Severity::error;
      d.code = files ? "MXW007" : "MXW001";
      d.file = path;
      d.message =
          files ? "no file matches '*.toml' in this directory" : "cannot read this directory";
      d.help = files ? "rule files end in .toml"
                     : "it must be readable by the user that the resolver runs as";
      findings_.add(std::move(d));
      continue;
    }
    for (const fs::path &found : *files)
      read_file_once(found);
  }
}

void Loader::read_file_once(const fs::path &file) {
  if (is_new(file))
    read_file(file, false);
}

void Loader::read_file(const fs::path &file, bool is_main) {
  out_.inputs.push_back(file);
  auto read = files_.read(file, kMaxRuleFileBytes);
  if (!read) {
    findings_.add(std::move(read.error()));
    return;
  }
  look_at_mode(*read);
  read_tables(std::move(*read), is_main);
}

std::optional<Source> Loader::read_named(TableReader &reader, const Text &path,
                                         std::size_t max_bytes) {
  const fs::path file = beside(reader.source(), path.value);
  out_.inputs.push_back(file);
  auto read = files_.read(file, max_bytes);
  if (read) {
    look_at_mode(*read);
    return std::move(*read);
  }
  reader.error("MXW001", path.at, read.error().message, read.error().help);
  return std::nullopt;
}

void Loader::read_tables(Source &&read, bool is_main) {
  sources_.push_back(std::make_unique<Source>(std::move(read)));
  const Source &source = *sources_.back();
  out_.files.push_back(source.file());
  const auto root = parse_toml(source, findings_);
  if (!root)
    return;

  TableReader reader(source, *root, is_main ? "the main file" : "a rule file", findings_);
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
    reader.error("MXW008", reader.at("events"), "[events] belongs in the main file",
                 "move it there; a rule file holds rules only");
  read_defaults(reader, is_main);
  if (const auto *table = reader.table("warning_mx"))
    read_warning_mx(source, *table);
  if (const auto *table = reader.table("languages"))
    read_languages(source, *table);
  read_each(reader, "clients", spec_.clients, kMaxClientSets, &Loader::read_clients);
  read_each(reader, "protect", spec_.rules, kMaxRules, &Loader::read_protect);
  read_each(reader, "allow", spec_.allows, kMaxAllows, &Loader::read_allow);
  for (const auto *table : reader.tables("exempt"))
    read_exempt(source, *table);
  for (const auto *table : reader.tables("test"))
    read_test(source, *table);
  if (is_main) {
    read_patterns(reader);
  } else if (reader.has("rules")) {
    reader.error("MXW008", reader.at("rules"), "'rules' belongs in the main file",
                 "move it there; a rule file cannot name others");
    reader.strings("rules", 0);
  }
  reader.finish();
}

template <class All>
void Loader::read_each(TableReader &reader, std::string_view key, const All &all, std::size_t max,
                       void (Loader::*read)(const Source &, const toml::table &)) {
  for (const auto *table : reader.tables(key)) {
    if (all.size() == max) {
      reader.error("MXW014", position_of(table->source()),
                   "there are more than " + std::to_string(max) + " [[" + std::string(key) +
                       "]] in all files",
                   "one can have many names or subnets, in lists too");
      return;
    }
    (this->*read)(reader.source(), *table);
  }
}

void Loader::read_patterns(TableReader &reader) {
  for (const Text &pattern : reader.strings("rules", 0)) {
    if (pattern.value.find_first_of("*?[") == std::string::npos) {
      if (auto read = read_named(reader, pattern, kMaxRuleFileBytes); read && is_new(read->file()))
        read_tables(std::move(*read), false);
      continue;
    }
    out_.inputs.push_back(beside(reader.source(), pattern.value));
    const auto files = files_.match(reader.source().file().parent_path(), pattern.value);
    if (!files)
      reader.error("MXW001", pattern.at, "cannot read the directory of " + quote(pattern.value),
                   "it must be readable by the user that the resolver runs as, inside its chroot");
    else if (files->empty())
      reader.warning("MXW007", pattern.at, "no file matches " + quote(pattern.value),
                     "patterns are relative to the main file");
    else
      for (const fs::path &file : *files)
        read_file_once(file);
  }
}

void Loader::read_events(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[events]", findings_);
  if (const auto file = reader.string("file")) {
    out_.settings.events_file = file->value.empty() ? fs::path() : beside(source, file->value);
    if (file->value.find('\0') != std::string::npos)
      reader.error("MXW001", file->at,
                   "cannot write " + quote(file->value) + ": its name has a NUL octet",
                   "write the name of a file");
  }
  reader.finish();
}

void Loader::read_defaults(TableReader &reader, bool is_main) {
  RuleOptions defaults;
  if (const auto *table = reader.table("defaults")) {
    TableReader of(reader.source(), *table, "[defaults]", findings_);
    defaults = RuleOptions::read(of);
    of.finish();
  }
  if (is_main)
    main_defaults_ = defaults;
  else
    defaults.inherit(main_defaults_);
  defaults_ = std::move(defaults);
}

void Loader::read_warning_mx(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[warning_mx]", findings_);
  if (warning_mx_source_ != nullptr)
    reader.error("MXW023", reader.at(),
                 "[warning_mx] stands at '" + warning_mx_source_->file().string() + ':' +
                     std::to_string(warning_mx_line_) + "' already",
                 "there is one set of warning hosts: put all of them there");
  warning_mx_source_ = &source;
  warning_mx_line_ = reader.at().line;
  auto &hosts = spec_.warning_hosts;
  const auto find_host = [&](const Name &name) {
    return std::find_if(hosts.begin(), hosts.end(),
                        [&](const WarningHost &host) { return host.name == name; });
  };
  const std::vector<Text> texts = reader.strings("hosts");
  if (texts.size() > kMaxHosts)
    reader.error("MXW014", reader.at("hosts"),
                 "there are " + std::to_string(texts.size()) + " warning hosts; the limit is " +
                     std::to_string(kMaxHosts),
                 "two are enough");
  for (std::size_t i = 0; i < std::min(texts.size(), kMaxHosts); ++i) {
    const Text &text = texts[i];
    const auto name = read_name(source, text, kHost);
    if (name && find_host(*name) != hosts.end())
      reader.error("MXW024", text.at, "there is a warning host " + quote(text.value) + " already",
                   "name every host once");
    if (!name)
      continue;
    hosts.push_back({*name, {}});
    out_.places.warning_hosts.push_back(place(source, text.at));
  }
  if (!reader.has("hosts"))
    reader.error("MXW005", reader.at(), "[warning_mx] has no 'hosts'",
                 "name the hosts that tell senders, or leave [warning_mx] out");
  if (const auto *table_of_addresses = reader.table("addresses")) {
    TableReader addresses(source, *table_of_addresses, "addresses", findings_);
    for (const auto &[text, node] : addresses.entries()) {
      const auto name = parse_rule_name(text.value);
      const auto host = name ? find_host(*name) : hosts.end();
      if (host == hosts.end()) {
        reader.error("MXW021", text.at, quote(text.value) + " is not among the 'hosts'",
                     "write a host of 'hosts', in quotes: "
                     "\"warn1.example.mil\" = [\"198.51.100.25\"]");
        continue;
      }
      const std::vector<Text> all = addresses.strings_of(*node, text.value);
      if (all.size() > kMaxAddresses) {
        reader.error("MXW014", text.at,
                     quote(text.value) + " has " + std::to_string(all.size()) +
                         " addresses; the limit is " + std::to_string(kMaxAddresses),
                     "a few are enough");
        continue;
      }
      for (const Text &wanted : all) {
        const auto address = parse_address(wanted.value);
        if (!address || !is_host_address(*address))
          reader.error("MXW020", wanted.at,
                       quote(wanted.value) +
                           (address ? " is no address of a host" : " is not an address"),
                       "write an IPv4 or IPv6 address, such as \"198.51.100.25\"");
        else if (std::find(host->addresses.begin(), host->addresses.end(), *address) ==
                 host->addresses.end()) // an RRset has no record twice
          host->addresses.push_back(*address);
      }
    }
  }
  reader.finish();
}

void Loader::read_languages(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[languages]", findings_);
  for (const auto &[language, node] : reader.entries()) {
    look_at_language(reader, language);
    for (const Text &text : reader.strings_of(*node, language.value)) {
      if (out_.languages.size() == kMaxLanguageSuffixes) {
        reader.error("MXW014", text.at,
                     "there are more than " + std::to_string(kMaxLanguageSuffixes) +
                         " suffixes in [languages] of all files",
                     "a suffix stands for everything below it");
        return;
      }
      const auto suffix = read_name(source, text, kSuffix);
      if (!suffix)
        continue;
      const auto other =
          std::find_if(out_.languages.begin(), out_.languages.end(),
                       [&](const SenderLanguage &one) { return one.suffix == *suffix; });
      if (other != out_.languages.end())
        reader.error("MXW024", text.at,
                     "senders of " + quote(text.value) + " read " + quote(other->language) +
                         " already",
                     "give them one language");
      else
        out_.languages.push_back({*suffix, language.value});
    }
  }
}

std::string Loader::read_id(TableReader &reader, std::string_view what,
                            std::map<std::string, Place> &ids) {
  const auto id = reader.string("id");
  if (!id) {
    if (!reader.has("id"))
      reader.error("MXW005", reader.at(), std::string(reader.title()) + " has no 'id'",
                   "give it one of a-z, 0-9 and '-', such as id = \"ours\"");
    return {};
  }
  if (!is_id(id->value)) {
    reader.error("MXW012", id->at, quote(id->value) + " is not an id",
                 "an id has 1 to 63 of a-z, 0-9 and '-'");
    return {};
  }
  const bool is_everyone = &ids == &client_places_ && id->value == kEveryone;
  if (id->value == kNone || is_everyone) {
    reader.error("MXW012", id->at,
                 is_everyone ? std::string("'everyone' means all clients")
                             : "'none' means that there is no " + std::string(what),
                 "give it another id");
    return {};
  }
  const auto [other, is_new] = ids.emplace(id->value, place_of(reader));
  if (!is_new)
    reader.error("MXW024", id->at,
                 "there is a " + std::string(what) + " " + quote(id->value) + " already, at '" +
                     text_of(other->second) + "'",
                 "give one of them another id");
  return id->value;
}

void Loader::read_clients(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[[clients]]", findings_);
  if (const std::string id = read_id(reader, "client set", client_places_); !id.empty())
    client_ids_.emplace(id, static_cast<std::uint32_t>(spec_.clients.size()));
  std::vector<ClientSet::Subnet> subnets;
  for (const Text &text : reader.strings("subnets")) {
    const auto subnet = parse_subnet(text.value);
    // IPv4 clients have mapped addresses in the core: ::ffff:0:0/96.
    constexpr unsigned kMappedBits = 96;
    if (!subnet)
      reader.error("MXW019", text.at, quote(text.value) + " is not a subnet",
                   "write an address and a prefix length, such as \"192.0.2.0/24\"");
    else if (subnet->prefix_bits < kMappedBits &&
             ClientSet({&*subnet, 1}).contains(*parse_address("0.0.0.0")))
      reader.error("MXW019", text.at, quote(text.value) + " has every IPv4 address in it too",
                   "write IPv4 as \"192.0.2.0/24\"; all of IPv6 in use is \"2000::/3\"");
    else if (const ClientAddress first = ClientSet::first_of(*subnet); first != subnet->address)
      reader.warning("MXW019", text.at,
                     quote(text.value) + " has bits behind its prefix; all of " +
                         quote(to_string(first) + text.value.substr(text.value.find('/'))) +
                         " is taken",
                     "write that, or the address alone");
    if (subnet)
      subnets.push_back(*subnet);
  }
  if (!reader.has("subnets"))
    reader.error("MXW005", reader.at(), "[[clients]] has no 'subnets'",
                 "say who is in the set: subnets = [\"192.0.2.0/24\"]");
  spec_.clients.emplace_back(subnets);
  out_.places.clients.push_back(place(source, reader.at()));
  reader.finish();
}

void Loader::read_protect(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[[protect]]", findings_);
  const auto number = static_cast<std::uint32_t>(spec_.rules.size());
  Rule rule;
  rule.place = place_of(reader);
  rule.id = read_id(reader, "rule", rule_places_);
  rule.domains = read_domains(reader, kProtected);
  if (const auto suffix = reader.string("suffix"))
    rule.suffix = read_name(source, *suffix, kSuffix);
  RuleOptions options = RuleOptions::read(reader);
  options.inherit(defaults_);
  options.apply_to(rule);
  read_slips(reader, rule);
  read_look_alikes(reader, rule);
  rule.mirror = read_names(reader, "mirror", kSuffix);
  if (!rule.mirror.empty() && !reader.has("suffix"))
    reader.error("MXW016", reader.at("mirror"), "'mirror' has no 'suffix' to mirror",
                 "say which suffix is meant, such as suffix = \"mil\"");
  for (const Name &mirror : rule.mirror)
    if (rule.suffix && mirror.is_at_or_below(*rule.suffix))
      reader.error("MXW016", reader.at("mirror"),
                   quote(to_string(mirror)) + " is legitimate by 'suffix'",
                   "mirror another suffix than the rule's own");
    else if (rule.suffix && rule.suffix->is_at_or_below(mirror))
      reader.error("MXW016", reader.at("mirror"),
                   quote(to_string(mirror)) + " has the rule's own 'suffix' in it",
                   "mirror a suffix that is typed by mistake");
  // Whoever writes 'slips = []' wants the names to be legitimate, and nothing else.
  const std::size_t min_label = rule.matching.of(Technique::omission).min_label;
  if (!rule.domains.empty() && rule.mirror.empty() && rule.matching.slips.empty() &&
      !reader.has("slips") && options.techniques.empty() && rule.look_alikes.empty()) {
    bool any_is_long = false;
    for (std::size_t i = 0; i < rule.domains.size() && !any_is_long; ++i) {
      const Name name = rule.domains[i];
      any_is_long = name.head(1).size() >= min_label + name.labels() - 1;
    }
    if (!any_is_long)
      reader.warning("MXW032", reader.at(),
                     "no look-alike of these names would be found, but for suffixes that do not "
                     "exist: they are shorter than 'min_label' (" +
                         std::to_string(min_label) + ") and have no 'slips'",
                     "name 'slips', or lower 'min_label' and look at what that catches");
  }
  if (!reader.has("domains") && !reader.has("files") && !reader.has("suffix") &&
      !reader.has("mirror"))
    reader.error("MXW025", reader.at(), "[[protect]] protects nothing",
                 "give it 'domains', 'files' or 'suffix'");

  if (options.verify && reader.has("verify") && rule.verify && rule.action == Action::pass)
    reader.warning("MXW033", reader.at("verify"), "'verify' has no effect with the action 'pass'",
                   "take it out, or choose the action that is to be verified");
  for (const std::string_view key : {"on_unknown", "verify_timeout_ms"})
    if (reader.has(key) && !options.verify && !reader.has("verify"))
      reader.error("MXW033", reader.at(key), quote(key) + " has no 'verify' to belong to",
                   "say what is to be verified, such as verify = \"counterpart\"");
  if (rule.action == Action::redirect)
    pending_redirects_.push_back({number, options.action});
  if (options.clients)
    pending_clients_.push_back({false, number, *options.clients});
  reader.finish();
  spec_.rules.push_back(std::move(rule));
  out_.places.rules.push_back(place(source, reader.at()));
}

void Loader::read_slips(TableReader &reader, Rule &rule) {
  // What the names of this rule end in: its suffix, or their top-level domains.
  std::vector<Name> intended;
  std::set<std::string, std::less<>> seen;
  for (std::size_t i = 0; i < rule.domains.size(); ++i) {
    const Name name = rule.domains[i];
    const Name end =
        rule.suffix && name.is_at_or_below(*rule.suffix) ? *rule.suffix : name.ancestor(1);
    if (seen.emplace(end.tail(end.labels())).second)
      intended.push_back(end);
  }
  if (!reader.has("slips")) {
    reader.strings("slips", 0); // known, though not there
    for (const Name &suffix : intended)
      for (const Slip &slip : usual_slips_for(suffix)) {
        rule.matching.slips.push_back(slip);
        if (rule.suffix && slip.typed.is_at_or_below(*rule.suffix))
          reader.error("MXW017", reader.at("suffix"),
                       quote(to_string(*rule.suffix)) + " is a slip for " +
                           quote(to_string(suffix)) + ", and cannot be legitimate too",
                       "name the suffix that is meant, or write 'slips' without this one");
      }
    return;
  }
  const std::vector<Text> slips = reader.strings("slips", 0);
  rule.matching.unreal_slips = !slips.empty(); // none means none
  if (!slips.empty() && !reader.has("domains") && !reader.has("files"))
    reader.error("MXW017", reader.at("slips"), "'slips' has no effect without 'domains' or 'files'",
                 "name the domains that are mistyped; 'mirror' is for all names of a suffix");
  slips_ += slips.size() * intended.size();
  if (slips_ > kMaxSlips) {
    reader.error("MXW014", reader.at("slips"),
                 "with these there are more than " + std::to_string(kMaxSlips) +
                     " pairs of a slip and what a name ends in",
                 "name the slips that are likely, in a rule for the names that they are for");
    return;
  }
  for (const Text &text : slips) {
    const auto typed = read_name(reader.source(), text, kSuffix);
    if (!typed)
      continue;
    if (seen.contains(typed->tail(typed->labels())) ||
        (rule.suffix && typed->is_at_or_below(*rule.suffix)))
      reader.error("MXW017", text.at,
                   quote(text.value) + " is what names of this rule end in themselves",
                   "name suffixes that are typed by mistake");
    else
      for (const Name &end : intended)
        rule.matching.slips.push_back({*typed, end});
  }
}

void Loader::read_look_alikes(TableReader &reader, Rule &rule) {
  const auto *table = reader.table("look_alikes");
  if (table == nullptr)
    return;
  TableReader look_alikes(reader.source(), *table, "look_alikes", findings_);
  std::unordered_set<std::string_view> domains;
  for (std::size_t i = 0; i < rule.domains.size(); ++i)
    domains.insert(rule.domains.wire(i));
  const auto is_protected = [&](const Name &name) {
    if (rule.suffix && name.is_at_or_below(*rule.suffix))
      return true;
    for (std::size_t labels = 1; labels <= name.labels(); ++labels)
      if (domains.contains(name.tail(labels)))
        return true;
    return false;
  };
  for (const auto &[text, node] : look_alikes.entries()) {
    const auto meant_text =
        look_alikes.string_of(*node, text.value, "\"army-mail.com\" = \"army.mil\"");
    const auto typed = read_name(reader.source(), text, kPassed);
    const auto meant =
        meant_text ? read_name(reader.source(), *meant_text, kProtected) : std::optional<Name>();
    if (!typed || !meant)
      continue;
    if (is_protected(*typed))
      reader.error("MXW034", text.at, quote(text.value) + " is protected by this rule itself",
                   "a look-alike stands left, the protected name that is meant stands right");
    else if (!is_protected(*meant))
      reader.error(
          "MXW034", meant_text->at, quote(meant_text->value) + " is not protected by this rule",
          "name what the look-alike stands for, and protect it: it is suggested to senders");
    else
      rule.look_alikes.push_back({*typed, *meant});
  }
}

void Loader::read_allow(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[[allow]]", findings_);
  Allow allow;
  allow.place = place_of(reader);
  allow.domains = read_domains(reader, kPassed);
  if (!reader.has("domains") && !reader.has("files"))
    reader.error("MXW025", reader.at(), "[[allow]] allows nothing", "give it 'domains' or 'files'");
  allow.reason = reader.text("reason");
  if (!reader.has("reason"))
    reader.error("MXW005", reader.at(), "[[allow]] has no 'reason'",
                 "whoever reads this in a year wants to know: reason = \"ticket 4711\"");
  allow.owner = reader.text("owner");
  if (auto ids = read_client_ids(reader))
    pending_clients_.push_back(
        {true, static_cast<std::uint32_t>(spec_.allows.size()), std::move(*ids)});
  if (const auto expires = reader.date("expires")) {
    constexpr std::int64_t kDayS = 86'400;
    allow.expires_s = seconds_of(*expires) + kDayS; // the day itself is still allowed
    if (*allow.expires_s <= now_s_)
      reader.warning("MXW028", reader.at("expires"), "this entry has expired and allows nothing",
                     "renew it or take it out");
  }
  reader.finish();
  spec_.allows.push_back(std::move(allow));
  out_.places.allows.push_back(place(source, reader.at()));
}

void Loader::read_exempt(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[[exempt]]", findings_);
  spec_.exempt.append(read_domains(reader, kPassed));
  if (!reader.has("domains") && !reader.has("files"))
    reader.error("MXW025", reader.at(), "[[exempt]] exempts nothing",
                 "give it 'domains' or 'files'");
  reader.finish();
}

void Loader::read_test(const Source &source, const toml::table &table) {
  TableReader reader(source, table, "[[test]]", findings_);
  TestCase test;
  test.failure = place(source, reader.at());
  test.failure.code = "MXW027";
  const auto query = reader.string("query");
  if (!query && !reader.has("query"))
    reader.error("MXW005", reader.at(), "[[test]] has no 'query'",
                 "say which name is asked for: query = \"army.ml\"");
  std::optional<Name> name;
  if (query) {
    test.question = query->value;
    if (auto parsed = parse_asked_name(query->value))
      name = *parsed;
    else
      reader.error("MXW010", query->at,
                   quote(query->value) + " is not a domain name: " + std::string(parsed.error()),
                   "write the name that is asked for, such as \"army.ml\"");
  }
  if (const auto type = reader.string("qtype")) {
    if (const auto number = parse_qtype(type->value))
      test.query.type = *number;
    else
      reader.error("MXW030", type->at, "unknown type " + quote(type->value),
                   "write an RR type, such as \"MX\"");
  }
  if (const auto client = reader.string("client")) {
    test.query.client = parse_address(client->value);
    if (!test.query.client)
      reader.error("MXW020", client->at, quote(client->value) + " is not an address",
                   "write the address of a client, such as \"192.0.2.1\"");
  }
  if (const auto *expect = reader.table("expect")) {
    TableReader wanted(source, *expect, "expect", findings_);
    test.expect.action = wanted.word("action", all_names<Action>());
    test.expect.reason = wanted.word("reason", all_names<Reason>());
    test.expect.technique = wanted.word("technique", all_names<Technique>());
    std::vector<std::string_view> modes = all_names<Mode>();
    modes.push_back(kNone); // no rule
    test.expect.mode = wanted.word("mode", modes);
    test.expect.rule = wanted.text("rule");
    if (const auto text = wanted.string("protected"))
      if (const auto meant = read_name(source, *text, kMeant))
        test.expect.protected_name = to_string(*meant);
    if (expect->empty())
      reader.error("MXW025", reader.at("expect"), "'expect' is empty",
                   "say what is expected: expect = { action = \"redirect\" }");
    wanted.finish();
  } else if (!reader.has("expect")) {
    reader.error("MXW005", reader.at(), "[[test]] has no 'expect'",
                 "say what is expected: expect = { action = \"redirect\" }");
  }
  reader.finish();
  if (name) {
    test.query.name = *name;
    out_.tests.push_back(std::move(test));
  }
}

std::optional<Name> Loader::read_name(const Source &source, const Text &text, const NameUse &use) {
  const auto error = [&](std::string_view code, const std::string &what, std::string_view help) {
    findings_.error(source, code, text.at, quote(text.value) + what, std::string(help));
    return std::nullopt;
  };
  const auto name = parse_rule_name(text.value);
  if (!name)
    return error("MXW010", " is not a domain name: " + std::string(name.error()), use.form);
  if (name->labels() == 0)
    return error("MXW011", " is every name there is", use.form);
  if (name->labels() < use.min_labels)
    return error("MXW011", " is a whole top-level domain", use.too_wide);
  if (name->labels() > kMaxRuleLabels)
    return error("MXW026",
                 " has " + std::to_string(name->labels()) + " labels; the limit is " +
                     std::to_string(kMaxRuleLabels),
                 "name a domain above it; that covers it too");
  return *name;
}

std::vector<Name> Loader::read_names(TableReader &reader, std::string_view key,
                                     const NameUse &use) {
  std::vector<Name> names;
  for (const Text &text : reader.strings(key))
    if (const auto name = read_name(reader.source(), text, use))
      names.push_back(*name);
  return names;
}

NameList Loader::read_domains(TableReader &reader, const NameUse &use) {
  NameList names;
  for (const Name &name : read_names(reader, "domains", use))
    names.push_back(name);
  for (const Text &file : reader.strings("files"))
    read_list(reader, file, use, names);
  names_ += names.size();
  // A list with a line for each address at a domain has the same name many times.
  names.remove_repeated();
  return names;
}

void Loader::read_list(TableReader &reader, const Text &file, const NameUse &use, NameList &names) {
  const auto list = read_named(reader, file, kMaxListBytes);
  if (!list)
    return;
  std::size_t entries = 0;
  std::size_t bad = 0;
  for_each_list_entry(*list, [&](const Text &text) {
    if (bad == kMaxFindingsAList) {
      findings_.error(*list, "MXW009", {},
                      std::to_string(bad) + " findings in this list; the rest was not read",
                      "a list has a name a line, or in the first column");
      return false;
    }
    ++entries;
    if (names_ + names.size() >= kMaxNames) {
      reader.error("MXW014", file.at,
                   "with " + quote(file.value) + " there are more than " +
                       std::to_string(kMaxNames) + " names in all files",
                   "protect the names that matter; each covers everything below it");
      return false;
    }
    if (const auto name = read_name(*list, text, in_a_list(use)))
      names.push_back(*name);
    else
      ++bad;
    return true;
  });
  if (entries == 0)
    reader.warning("MXW031", file.at, quote(file.value) + " has no name in it",
                   "fill the list, or take it out of 'files'");
}

void Loader::resolve_clients() {
  std::vector<std::string_view> known = {kEveryone};
  for (const auto &[name, position] : client_ids_)
    known.push_back(name);
  for (const auto &[of_allow, number, ids] : pending_clients_) {
    std::vector<std::uint32_t> &clients =
        of_allow ? spec_.allows[number].clients : spec_.rules[number].clients;
    const bool everyone = std::any_of(ids.value.begin(), ids.value.end(),
                                      [](const Text &id) { return id.value == kEveryone; });
    for (const Text &id : ids.value) {
      if (id.value == kEveryone)
        continue;
      const auto found = client_ids_.find(id.value);
      if (found != client_ids_.end()) {
        clients.push_back(found->second);
        continue;
      }
      if (!findings_.has_room(Severity::error))
        return;
      findings_.error(*ids.source, "MXW018", id.at,
                      "there is no client set " + quote(id.value) + did_you_mean(id.value, known),
                      "define it: [[clients]] with this id and its subnets");
    }
    if (everyone)
      clients.clear();
  }
}

void Loader::resolve_redirects() {
  if (warning_mx_source_ != nullptr)
    return;
  for (const auto &[rule, said] : pending_redirects_) {
    spec_.rules[rule].action = Action::null_mx;
    if (said)
      findings_.error(*said->source, "MXW015", said->at, "there is no warning MX to redirect to",
                      "name its hosts in [warning_mx], or use null-mx");
  }
}

void Loader::check_warning_hosts() {
  const Policy &policy = *out_.policy;
  for (std::size_t i = 0; i < policy.warning_hosts().size(); ++i) {
    const Name &host = policy.warning_hosts()[i].name;
    // Its address is asked for, and must not be answered by the policy that names it.
    Query query{host, qtype::kMx, std::nullopt, now_s_};
    const Verdict verdict = policy.decide_by_rules(query);
    if (!would_act(policy, verdict))
      continue;
    Diagnostic d = out_.places.warning_hosts[i];
    d.code = "MXW022";
    d.message = "warning host " + quote(to_string(host)) + " is itself a near-miss of " +
                quote(to_string(verdict.protected_name));
    d.help = "use a host whose name no rule matches, or allow it";
    findings_.add(std::move(d));
  }
}

Loaded Loader::finish() && {
  resolve_clients();
  resolve_redirects();
  spec_.is_public_suffix = is_public_suffix;
  spec_.exempt.remove_repeated();
  if (!findings_.has_error()) {
    out_.policy = std::make_shared<const Policy>(std::move(spec_), random_seed());
    if (const std::string_view excess = out_.policy->index().excess(); !excess.empty()) {
      Diagnostic d = out_.places.rules.front();
      d.code = "MXW014";
      d.message = "the protected names of all rules " + std::string(excess);
      d.help = "protect the names that matter; each covers everything below it";
      findings_.add(std::move(d));
    } else {
      check_warning_hosts();
    }
    if (findings_.has_error())
      out_.policy = nullptr;
  }
  out_.findings = std::move(findings_).sorted();
  return std::move(out_);
}

} // namespace

bool Loaded::has_errors() const noexcept { return policy == nullptr; }

std::string_view Loaded::language_for(const Name &domain) const noexcept {
  const SenderLanguage *longest = nullptr;
  for (const SenderLanguage &one : languages)
    if (domain.is_at_or_below(one.suffix) &&
        (longest == nullptr || one.suffix.labels() > longest->suffix.labels()))
      longest = &one;
  return longest == nullptr ? std::string_view() : std::string_view(longest->language);
}

fs::path default_config() {
  const char *named = std::getenv("MXWARDEN_CONFIG"); // NOLINT(concurrency-mt-unsafe): see above
  return named != nullptr && *named != '\0' ? named : "/etc/mxwarden/mxwarden.toml";
}

fs::path state_directory() {
  const char *named = std::getenv("MXWARDEN_STATE"); // NOLINT(concurrency-mt-unsafe): see above
  return named != nullptr && *named != '\0' ? named : "/var/lib/unbound/mxwarden";
}

fs::path control_socket() { return state_directory() / "control"; }

Loaded load_config(const fs::path &main_file, std::int64_t now_s, RuleFiles files) {
  Loader loader(std::move(files), now_s);
  loader.read_main(main_file);
  return std::move(loader).finish();
}

std::shared_ptr<const Policy> policy_for(const Name &name, Preset preset) {
  Rule rule;
  rule.id = "defaults";
  rule.domains.push_back(name);
  rule.matching.techniques = techniques_of(preset);
  rule.matching.slips = usual_slips_for(name.ancestor(1));
  PolicySpec spec;
  spec.rules.push_back(std::move(rule));
  spec.is_public_suffix = is_public_suffix;
  return std::make_shared<const Policy>(std::move(spec), random_seed());
}

Loaded load_rules(const std::vector<fs::path> &paths, std::int64_t now_s, RuleFiles files) {
  Loader loader(std::move(files), now_s);
  loader.read_rules(paths);
  return std::move(loader).finish();
}

namespace {

/// `text` as it has to be written for a shell to take it for one word.
std::string shell_word(const std::string &text) {
  const auto is_plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain))
    return text;
  std::string word = "\"";
  for (const char c : text)
    word += std::string_view("\"\\$`").find(c) == std::string_view::npos ? std::string(1, c)
                                                                         : std::string{'\\', c};
  return word + '"';
}

} // namespace

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
         has_rule ? to_string(verdict.protected_name) : std::string(kNone)},
        {"technique", test.expect.technique, std::string(to_string(verdict.technique))},
        {"rule", test.expect.rule,
         has_rule ? loaded.policy->rules()[verdict.rule].id : std::string(kNone)},
        {"mode", test.expect.mode,
         std::string(verdict.reason == Reason::look_alike ? to_string(verdict.mode)
                     : has_rule ? to_string(loaded.policy->rules()[verdict.rule].mode)
                                : kNone)},
    }};
    for (const auto &[key, wanted, got] : compared) {
      if (wanted.empty() || wanted == got)
        continue;
      Diagnostic failure = test.failure;
      failure.message = quote(test.question) + ": " + std::string(key) + " is " + quote(got) +
                        ", expected " + quote(wanted);
      failure.help = "'mxwarden explain " + shell_word(test.question);
      if (query.type != qtype::kMx)
        failure.help += " --qtype " + qtype_name(query.type);
      if (query.client)
        failure.help += " --client " + to_string(*query.client);
      failure.help += "' shows why, with the same --config or --rules";
      failures.push_back(std::move(failure));
    }
  }
  return failures;
}

} // namespace mxw
