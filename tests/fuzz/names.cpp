// Names, folds and look-ups, with what must hold of them whatever the octets are.
//
// The first octet of an input says which part it is for; the parts' own comments tell what follows.
#include "fuzz/target.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/fold.h"
#include "core/policy.h"
#include "loader/dns_text.h"
#include "loader/public_suffix.h"
#include "reference/difference.h"
#include "reference/reference.h"

namespace mxw::test {
namespace {

constexpr std::uint64_t kSeed = 4711;

/// Ends the program unless `holds`.
void require(bool holds, const char *what) {
  if (holds)
    return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// Takes the first octet of `input`; 0 where there is none.
std::uint8_t take(std::string_view &input) {
  if (input.empty())
    return 0;
  const auto octet = static_cast<std::uint8_t>(input[0]);
  input.remove_prefix(1);
  return octet;
}

/// Takes what stands before the next line break.
std::string_view take_line(std::string_view &input) {
  const std::string_view line = input.substr(0, input.find('\n'));
  input.remove_prefix(std::min(line.size() + 1, input.size()));
  return line;
}

std::span<const std::uint8_t> octets(std::string_view text) {
  return {static_cast<const std::uint8_t *>(static_cast<const void *>(text.data())), text.size()};
}

/// The name whose labels stand in `text` between dots, as they are; easier to hit than a wire form.
std::optional<Name> plain_name(std::string_view text) {
  std::string wire;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    if (label.empty() || label.size() > Name::kMaxLabelBytes)
      return std::nullopt;
    wire += static_cast<char>(label.size());
    wire += label;
    text.remove_prefix(std::min(label.size() + 1, text.size()));
  }
  wire += '\0';
  return Name::from_wire(octets(wire));
}

// Names ------------------------------------------------------------------------------------------

/// RFC 1035 §3.1, octet by octet.
bool is_wire_form(std::string_view wire) {
  if (wire.size() > 255)
    return false;
  while (!wire.empty() && wire[0] != 0) {
    const std::size_t label = 1U + static_cast<std::uint8_t>(wire[0]);
    if (label > 64 || label > wire.size())
      return false;
    wire.remove_prefix(label);
  }
  return wire.size() == 1;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// All octets are a wire form, or none.
void try_wire(std::string_view wire) {
  Name name;
  const bool is_name = name.assign(octets(wire));
  require(is_name == is_wire_form(wire), "what is read is what RFC 1035 says");
  require(is_name == Name::from_wire(octets(wire)).has_value(), "assign and from_wire agree");
  if (!is_name) {
    require(name == Name(), "what is no name leaves the root");
    return;
  }
  require(name.is(octets(wire)), "a name is what it was read from");
  const std::string_view own = name.tail(name.labels());
  require(std::equal(own.begin(), own.end(), wire.begin(), wire.end(),
                     [](char a, char b) { return a == lower(b); }),
          "the octets are kept, in lower case");
  std::size_t total = 1;
  for (std::size_t i = 0; i < name.labels(); ++i)
    total += name.label(i).size() + 1;
  require(total == own.size(), "the labels are all there is");
  for (std::size_t n = 0; n <= name.labels(); ++n) {
    const Name above = name.ancestor(n);
    require(above.labels() == n && above.tail(n) == name.tail(n) && name.is_at_or_below(above),
            "an ancestor has the last labels");
    require(join(name.head(n), above) == name, "a head and an ancestor make the name");
  }
  const auto again = parse_name(to_string(name));
  require(again && *again == name, "text is read back");
}

/// All octets are text, as somebody might write it.
void try_text(std::string_view text) {
  const auto check = [](const NameOrWhy &name) {
    if (name)
      try_wire(name->tail(name->labels()));
    else
      require(!name.error().empty(), "what is no name has a reason");
  };
  const NameOrWhy asked = parse_asked_name(text);
  const NameOrWhy rule = parse_rule_name(text);
  check(parse_name(text));
  check(asked);
  check(rule);
  if (!rule)
    return;
  require(asked && *asked == *rule, "what a rule may name can be asked for");
  const auto again = parse_rule_name(to_string(*rule));
  require(again && *again == *rule, "a rule's name can be written in ASCII");
}

// Folds ------------------------------------------------------------------------------------------

/// All octets are a label, or Punycode.
void try_fold(std::string_view label) {
  std::array<char, Name::kMaxLabelBytes> out;
  const std::size_t size = fold_ascii(label, out);
  const std::string folded(out.data(), size);
  const std::string_view kept = label.substr(0, out.size());
  require(size <= kept.size(), "a fold is no longer than what it is of");
  require(has_ascii_folds(kept) == (folded != kept), "what has folds is changed");
  if (const auto seen = fold_idn(label, out)) {
    require(*seen > 0 && *seen <= out.size(), "what a label looks like fits into one");
    const std::string_view text(out.data(), *seen);
    require(std::none_of(text.begin(), text.end(), [](char c) { return (c & '\x80') != 0; }),
            "what a label looks like is ASCII");
    require(label.starts_with("xn--"), "what is seen in an A-label is of one");
  }
  std::array<char32_t, Name::kMaxLabelBytes> points;
  const auto decoded = decode_punycode(label, points);
  if (!decoded)
    return;
  require(*decoded <= label.size(), "Punycode is no shorter than what it is of");
  const std::u32string_view text(points.data(), *decoded);
  for (const char32_t c : text) {
    require(c <= 0x10ffff && (c < 0xd800 || c > 0xdfff), "Punycode is of code points");
    require(look_of(c).size() <= 4, "a look has four octets at most");
  }
  require(a_label(text) == "xn--" + std::string(label), "Punycode is the only one of its text");
}

// Look-ups ---------------------------------------------------------------------------------------

auto members(const Verdict &v) {
  return std::tuple(v.decision, v.reason, v.technique, v.techniques, v.mode, v.edits, v.confidence,
                    v.apex_labels, v.alias, v.contested, v.rule, v.allow, v.host);
}

bool same(const Verdict &a, const Verdict &b) {
  return members(a) == members(b) && a.protected_name == b.protected_name;
}

/// What holds for every policy, and what it decides.
Verdict decide(const Policy &policy, const Query &query) {
  const Verdict verdict = policy.decide(query);
  require(same(verdict, policy.decide(query)), "the same question has the same verdict");
  require(verdict.confidence <= 100, "no more than all is sure");
  require(policy.concerns(query.type, query.name.wire()) || verdict.decision == Action::pass,
          "what is of no concern is passed");
  const NameList &names = policy.index().names();
  for (std::size_t i = 0; i < names.size(); ++i)
    require(!query.name.is_at_or_below(names[i]) || verdict.reason == Reason::is_protected ||
                verdict.reason == Reason::warning_mx,
            "a protected name is no look-alike");
  if (verdict.reason != Reason::look_alike)
    return verdict;
  require(verdict.techniques.has(verdict.technique), "the technique is one of those that explain");
  require(verdict.apex_labels > 0 && verdict.apex_labels <= query.name.labels() &&
              verdict.apex_labels <= kMaxRuleLabels,
          "a look-alike is in the query");
  if (const auto meant = Policy::counterpart(query.name, verdict))
    require(policy.decide_by_rules({*meant, query.type, query.client, query.now_s}).reason ==
                Reason::is_protected,
            "what was meant is protected");
  return verdict;
}

/// What matches() tells is what decide() had to choose from.
void try_matches(const Policy &policy, const Query &query, const Verdict &verdict) {
  const std::vector<Match> matches = policy.matches(query.name);
  const NameList &names = policy.index().names();
  bool is_told = verdict.reason != Reason::look_alike || verdict.technique == Technique::mirror;
  for (const Match &match : matches) {
    require(match.entry < names.size() && match.level != Level::off && match.confidence <= 100 &&
                match.techniques.has(match.technique),
            "a match is one");
    require(match.apex_labels <= query.name.labels(), "a match is in the query");
    is_told = is_told || names[match.entry] == verdict.protected_name;
  }
  require(is_told || policy.look_ups_cut_short() != 0, "what decides is among the matches");
  if (!matches.empty())
    require(policy.confidence_among(matches) <= matches[0].confidence,
            "what competes makes nothing surer");
}

void try_alias(const Policy &policy, const Query &query, const Verdict &verdict,
               const Name &target) {
  const Verdict found = policy.follow_alias(query, verdict, target);
  require(same(found, policy.follow_alias(query, verdict, target)),
          "the same alias has the same verdict");
  require(!settles(verdict) || same(found, verdict), "what is settled stays so");
  require(!found.alias || found.reason == Reason::look_alike,
          "an alias is told of where it matters");
}

IndexOptions everything(std::uint8_t min_label) {
  IndexOptions options;
  options.techniques.fill({Level::block, min_label});
  return options;
}

Name known(std::string_view text) { return plain_name(text).value(); }

ClientAddress client_of(std::uint8_t octet) {
  return ClientAddress(std::array<std::uint8_t, 4>{octet, 0, 2, 1});
}

/// A bit of everything that a rule can say.
PolicySpec fixed_spec() {
  Rule all;
  all.id = "all";
  for (const char *text : {"army.mil", "us.army.mil", "af.mil", "gmail.com", "lockheed-martin.com",
                           "example.co.uk", "google.com", "aaaa.com", "bamako.gov.ml"})
    all.domains.push_back(known(text));
  all.domains.push_back(known(a_label(U"m\u00fcnchen") + ".de"));
  all.domains.push_back(known(a_label(U"\u043f\u043e\u0447\u0442\u0430") + ".org"));
  all.domains.push_back(known(std::string(63, 'a') + '.' + std::string(63, 'b') + ".net"));
  all.matching = everything(1);
  all.matching.keyboards = 15;
  for (const auto &[typed, intended] :
       {std::pair("ml", "mil"), {"co", "com"}, {"uk", "co.uk"}, {"army.ml", "army.mil"}})
    all.matching.slips.push_back({known(typed), known(intended)});
  Rule some = all; // for some clients, and every type
  some.id = "some";
  some.action = Action::nxdomain;
  some.clients = {0};
  some.domains = {known("navy.mil"), known("gmail.com"), known("gmial.org")};
  some.matching = {};
  some.matching.techniques = techniques_of(Preset::aggressive);
  some.matching.min_confidence = 50;
  Rule mirror;
  mirror.id = "mirror";
  mirror.action = Action::redirect;
  mirror.suffix = known("edu.example");
  mirror.mirror = {known("eu.example"), known("ed")};
  PolicySpec spec;
  spec.rules = {std::move(all), std::move(some), std::move(mirror)};
  spec.allows = {{{known("arny.mil")}, "", "", 1, {}, {}},
                 {{known("amry.mil")}, "", "", 0, {}, {}},
                 {{known("army.il")}, "", "", std::nullopt, {}, {0}}};
  spec.exempt = {known("gmaill.com")};
  spec.clients = {ClientSet(std::array{ClientSet::Subnet{client_of(192), 120}})};
  spec.warning_hosts = {{known("warn.army.mil"), {client_of(198)}}, {known("mx.example"), {}}};
  spec.is_public_suffix = is_public_suffix;
  return spec;
}

/// An octet for the type and the client, a name, and on the next line what it is an alias of.
void try_fixed_policy(std::string_view input) {
  static const Policy policy(fixed_spec(), kSeed);
  constexpr std::array<std::uint16_t, 4> kTypes = {qtype::kMx, qtype::kA, qtype::kAny, 16};
  const std::uint8_t how = take(input);
  const auto name = plain_name(take_line(input));
  if (!name)
    return;
  Query query{*name, kTypes[how % kTypes.size()], std::nullopt, 0};
  if ((how & 4U) != 0)
    query.client = client_of((how & 8U) != 0 ? 192 : 198);
  const Verdict verdict = decide(policy, query);
  try_matches(policy, query, verdict);
  if (const auto target = plain_name(take_line(input)))
    try_alias(policy, query, verdict, *target);
}

/// The index against a plain scan.
void compare(const Index &index, const Reference &reference, const Name &query) {
  constexpr std::size_t kMaxBytes = 80; // the scan is slow
  if (query.wire().size() > kMaxBytes)
    return;
  const auto found = index_matches(index, query, kSeed);
  const std::vector<ReferenceMatch> expected = expected_matches(reference, query);
  if (!found || *found == expected)
    return;
  std::fprintf(stderr, "%s\n", to_string(query).c_str());
  for (const auto &[who, list] : {std::pair("index", &*found), std::pair("reference", &expected)})
    for (const ReferenceMatch &match : *list)
      std::fprintf(stderr, "  %s: %s %s\n", who, to_string(match).c_str(),
                   to_string(index.names()[match.entry]).c_str());
  require(false, "the index finds what the reference finds");
}

/// True if the index may be given `name`: its suffix has no octets that rule files cannot have, and
/// is short, since every edit of it is tried.
bool may_be_protected(const Name &name) {
  constexpr std::size_t kMaxBytes = 80;
  constexpr std::size_t kMaxSuffixBytes = 24;
  constexpr std::size_t kMaxSuffixLabels = 3;
  return name.labels() > 1 && name.labels() <= kMaxRuleLabels && name.wire().size() <= kMaxBytes &&
         name.tail(1).size() <= kMaxSuffixBytes &&
         parse_rule_name(to_string(name.ancestor(kMaxSuffixLabels))).has_value();
}

/// An octet for the options, and names, one a line: each is asked for, and all but the last are
/// protected, in turn by one of two rules.
void try_own_policy(std::string_view input) {
  constexpr std::size_t kMaxNames = 7;
  const std::uint8_t how = take(input);
  std::vector<Name> names;
  while (!input.empty() && names.size() < kMaxNames)
    if (const auto name = plain_name(take_line(input)))
      names.push_back(*name);
  if (names.empty())
    return;
  IndexOptions options = everything(static_cast<std::uint8_t>(1 + how / 16));
  if ((how & 1U) != 0)
    options.techniques = techniques_of((how & 2U) != 0 ? Preset::aggressive : Preset::standard);
  if ((how & 4U) != 0)
    for (const auto &[typed, intended] : fake_slips())
      options.slips.push_back({name_of(typed), name_of(intended)});
  PolicySpec spec;
  spec.is_public_suffix = (how & 8U) != 0 ? nullptr : is_fake_public_suffix;
  spec.rules.resize(2);
  for (Rule &rule : spec.rules)
    rule.matching = options;
  spec.rules[1].matching.slips.resize(options.slips.size() / 2);
  spec.rules[1].matching.unreal_slips = false;
  std::vector<ReferenceEntry> entries; // in the order of Index::names()
  for (std::uint32_t group = 0; group < 2; ++group)
    for (std::size_t i = group; i + 1 < names.size(); i += 2)
      if (may_be_protected(names[i])) {
        spec.rules[group].domains.push_back(names[i]);
        entries.push_back({names[i], group});
      }
  const Reference reference(
      entries, {ReferenceGroup(spec.rules[0].matching), ReferenceGroup(spec.rules[1].matching)},
      is_fake_public_suffix);
  const Policy policy(std::move(spec), kSeed);
  for (const Name &name : names) {
    const Query query{name, qtype::kMx, std::nullopt, 0};
    const Verdict verdict = decide(policy, query);
    try_matches(policy, query, verdict);
    if ((how & 8U) == 0)
      compare(policy.index(), reference, name);
  }
}

} // namespace
} // namespace mxw::test

int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  using namespace mxw::test;
  constexpr std::array kParts = {try_wire, try_text, try_fold, try_fixed_policy, try_own_policy};
  std::string_view input(static_cast<const char *>(static_cast<const void *>(data)), size);
  const std::uint8_t part = take(input);
  kParts[part % kParts.size()](input);
  return 0;
}
