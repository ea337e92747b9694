#include "core/policy.h"

#include <algorithm>
#include <tuple>

#include "core/edit.h"

namespace mxw {
namespace {

/// What a name in Policy::known_ means: two bits of its value, a position in the rest.
enum class Known : std::uint32_t { suffix, allowed, exempt };
constexpr std::uint32_t known_value(Known kind, std::uint32_t position) noexcept {
  return (position << 2U) | static_cast<std::uint32_t>(kind);
}
constexpr Known kind_of(std::uint32_t value) noexcept { return static_cast<Known>(value & 3U); }
constexpr std::uint32_t position_of(std::uint32_t value) noexcept { return value >> 2U; }

// RFC 8461 §3.1 and §3.3: where a sender looks for an MTA-STS policy of a domain.
constexpr std::string_view kMtaSts = "mta-sts";
constexpr std::string_view kMtaStsRecord = "_mta-sts";
// RFC 7672 §3: where a sender looks for the TLSA of a host, below its name.
constexpr std::string_view kTcp = "\x04_tcp";
constexpr std::string_view kTlsaOfMail = "\x03_25\x04_tcp";

bool is_mail_question(std::uint16_t type) noexcept {
  return type == qtype::kMx || type == qtype::kAny; // some senders ask ANY
}

bool answers_every_type(Action action) noexcept {
  return action == Action::nxdomain || action == Action::nodata;
}

bool is_mta_sts(std::string_view label) noexcept {
  return label == kMtaSts || label == kMtaStsRecord;
}

/// True if `label`, which has no capitals, is the first one of `qname` (wire form, any case).
bool begins_with(std::span<const std::uint8_t> qname, std::string_view label) noexcept {
  return qname.size() > label.size() && qname[0] == label.size() &&
         std::equal(label.begin(), label.end(), qname.begin() + 1, [](char a, std::uint8_t b) {
           return static_cast<std::uint8_t>(a) == (b >= 'A' && b <= 'Z' ? b + 32 : b);
         });
}

/// What `action` means for a question of `type` about `qname`, of which the last `apex_labels` are
/// the look-alike. MX alone is enough where a positive answer is given or delivery is refused; a
/// negative answer must cover every type, or senders fall back to the domain's own address.
Action effective(Action action, std::uint16_t type, const Name &qname,
                 std::size_t apex_labels) noexcept {
  if (answers_every_type(action))
    return action;
  if (action == Action::redirect && qname.labels() > apex_labels && is_mta_sts(qname.label(0)))
    return Action::nxdomain;
  return is_mail_question(type) ? action : Action::pass;
}

/// True if `rule` could change the answer to this query for somebody, at some time.
bool matters(const Rule &rule, const Query &query) noexcept {
  return is_mail_question(query.type) ||
         effective(rule.action, query.type, query.name, 0) != Action::pass;
}

/// Sorts matches: closer, then longer protected name, then the rule file's order.
bool better(const Match &a, const Match &b, const NameTable &names) noexcept {
  return std::tuple(a.edits, -static_cast<int>(names.wire(a.entry).size()), a.entry) <
         std::tuple(b.edits, -static_cast<int>(names.wire(b.entry).size()), b.entry);
}

RrSet rrset_of(std::uint16_t type, const std::vector<ClientAddress> &addresses) {
  RrSet rrset{type, {}};
  for (const ClientAddress &address : addresses) {
    if (address.is_v4() != (type == qtype::kA))
      continue;
    const auto &bytes = address.bytes();
    rrset.rdatas.emplace_back(address.is_v4() ? bytes.begin() + 12 : bytes.begin(), bytes.end());
  }
  return rrset;
}

} // namespace

/// Keeps the best of the matches whose rule holds for the query's client.
struct Policy::BestMatch final : MatchSink {
  BestMatch(const Policy &p, const Query &q) noexcept : policy(p), query(q) {}
  void add(const Match &match) noexcept override {
    const NameTable &names = policy.index_.names();
    const Rule &rule = policy.rules()[names.value(match.entry)];
    contested = contested || matters(rule, query);
    if (!policy.holds_for(rule, query))
      return;
    if (!best || better(match, *best, names))
      best = match;
  }
  const Policy &policy;
  const Query &query;
  std::optional<Match> best;
  bool contested = false;
};

Policy::Policy(PolicySpec spec, std::uint64_t seed)
    : spec_(std::move(spec)), seed_(seed), known_(seed), mirrors_(seed) {
  std::vector<IndexEntry> entries;
  std::vector<IndexOptions> groups;
  for (std::uint32_t i = 0; i < spec_.rules.size(); ++i) {
    Rule &rule = spec_.rules[i];
    for (const Name &name : rule.domains)
      entries.push_back({name, i});
    if (rule.suffix)
      known_.add(*rule.suffix, known_value(Known::suffix, i));
    for (const Name &mirror : rule.mirror) {
      const std::size_t edits = edit_distance(mirror.tail(mirror.labels()).substr(1),
                                              rule.suffix->tail(rule.suffix->labels()).substr(1));
      mirrors_.add(mirror, static_cast<std::uint32_t>(mirror_of_.size()));
      mirror_of_.push_back({i, static_cast<std::uint8_t>(edits)});
    }
    groups.push_back(std::move(rule.matching));
    // The index has its own copy; a million names need not be kept twice.
    rule.domains = {};
    any_type_ = any_type_ || answers_every_type(rule.action);
    redirects_ = redirects_ || rule.action == Action::redirect;
    tells_clients_apart_ = tells_clients_apart_ || !rule.clients.empty();
  }
  for (std::uint32_t i = 0; i < spec_.allows.size(); ++i) {
    for (const Name &name : spec_.allows[i].domains)
      known_.add(name, known_value(Known::allowed, i));
    spec_.allows[i].domains = {};
  }
  for (const Name &name : spec_.exempt)
    known_.add(name, known_value(Known::exempt, 0));
  spec_.exempt = {};
  redirect_mx_.type = qtype::kMx;
  for (std::uint32_t i = 0; i < spec_.warning_hosts.size(); ++i) {
    const WarningHost &host = spec_.warning_hosts[i];
    const std::size_t preference = 10 * (std::size_t{i} + 1);
    std::string rdata{static_cast<char>(preference >> 8U), static_cast<char>(preference & 0xffU)};
    rdata += host.name.tail(host.name.labels());
    redirect_mx_.rdatas.push_back(std::move(rdata));
    host_a_.push_back(rrset_of(qtype::kA, host.addresses));
    host_aaaa_.push_back(rrset_of(qtype::kAaaa, host.addresses));
    if (host.addresses.empty())
      continue;
    served_.push_back({host.name, i, true});
    // Without an answer of ours the world would say that the host is not there.
    for (const std::string_view below : {kTcp, kTlsaOfMail})
      if (const auto name = join(below, host.name))
        served_.push_back({*name, i, false});
  }
  index_ = Index(entries, groups, seed);
  known_.seal();
  mirrors_.seal();
}

bool Policy::concerns(std::uint16_t type, std::span<const std::uint8_t> qname) const noexcept {
  if (is_mail_question(type) || any_type_)
    return true;
  if (redirects_ && (begins_with(qname, kMtaSts) || begins_with(qname, kMtaStsRecord)))
    return true;
  return std::any_of(served_.begin(), served_.end(),
                     [&](const ServedName &served) { return served.name.is(qname); });
}

Verdict Policy::decide(const Query &query) const noexcept {
  for (const ServedName &served : served_) {
    if (served.name != query.name)
      continue;
    Verdict verdict;
    verdict.decision = Action::local_data;
    verdict.reason = Reason::warning_mx;
    if (served.has_addresses)
      verdict.host = served.host;
    verdict.apex_labels = static_cast<std::uint8_t>(spec_.warning_hosts[served.host].name.labels());
    return verdict;
  }
  return decide_by_rules(query);
}

Verdict Policy::decide_by_rules(const Query &query) const noexcept {
  Verdict verdict;
  if (query.name.labels() == 0)
    return verdict;
  std::optional<std::uint32_t> protecting;
  std::optional<std::uint32_t> allowing;
  bool exempt = false;
  const Tails tails(query.name, seed_);
  index_.names().find_covering(tails, [&](std::uint32_t entry) {
    if (!protecting) {
      protecting = index_.names().value(entry);
      verdict.protected_name = index_.names().name(entry);
    }
  });
  known_.find_covering(tails, [&](std::uint32_t entry) {
    const std::uint32_t value = known_.value(entry);
    const std::uint32_t position = position_of(value);
    switch (kind_of(value)) {
    case Known::suffix:
      if (!protecting) {
        protecting = position;
        verdict.protected_name = known_.name(entry);
      }
      break;
    case Known::allowed: {
      const auto &expires_s = spec_.allows[position].expires_s;
      if (!allowing && (!expires_s || query.now_s < *expires_s))
        allowing = position;
      break;
    }
    case Known::exempt:
      exempt = true;
      break;
    }
  });
  if (protecting) {
    verdict.reason = Reason::is_protected;
    verdict.rule = *protecting;
  } else if (allowing) {
    verdict.reason = Reason::allowed;
    verdict.allow = *allowing;
    // Another answer will be due when the entry has expired.
    verdict.contested = spec_.allows[*allowing].expires_s.has_value() &&
                        (any_type_ || is_mail_question(query.type));
  } else if (exempt) {
    verdict.reason = Reason::exempt;
  } else {
    find_look_alike(query, tails, verdict);
  }
  return verdict;
}

Verdict Policy::follow_alias(const Query &query, const Verdict &verdict,
                             const Name &target) const noexcept {
  if (settles(verdict))
    return verdict;
  Query of_target = query;
  of_target.name = target;
  Verdict found = decide_by_rules(of_target);
  const bool contested = verdict.contested || found.contested;
  // Of two that only observe, the first one is told of.
  if (found.reason != Reason::look_alike ||
      (verdict.reason == Reason::look_alike && !found.enforced()))
    found = verdict;
  else
    found.alias = true;
  found.contested = contested;
  return found;
}

bool Policy::holds_for(const Rule &rule, const Query &query) const noexcept {
  return rule.clients.empty() || !query.client ||
         std::any_of(rule.clients.begin(), rule.clients.end(),
                     [&](std::uint32_t set) { return spec_.clients[set].contains(*query.client); });
}

void Policy::find_look_alike(const Query &query, const Tails &tails,
                             Verdict &verdict) const noexcept {
  BestMatch sink(*this, query);
  index_.find(tails, sink);
  verdict.contested = sink.contested;
  if (sink.best) {
    const Match &match = *sink.best;
    verdict.technique = match.technique;
    verdict.edits = match.edits;
    verdict.apex_labels = match.apex_labels;
    verdict.rule = index_.names().value(match.entry);
    verdict.protected_name = index_.names().name(match.entry);
  }
  mirrors_.find_covering(tails, [&](std::uint32_t entry) {
    const std::size_t typed_labels = mirrors_.labels(entry);
    const auto [rule, edits] = mirror_of_[mirrors_.value(entry)];
    if (typed_labels == query.name.labels())
      return; // the suffix itself is nobody's mail domain
    verdict.contested = verdict.contested || matters(spec_.rules[rule], query);
    if (verdict.rule != Verdict::kNone || !holds_for(spec_.rules[rule], query))
      return;
    const Name apex = query.name.ancestor(typed_labels + 1);
    const auto meant = join(apex.head(typed_labels), *spec_.rules[rule].suffix);
    if (!meant)
      return;
    verdict.technique = Technique::mirror;
    verdict.edits = edits;
    verdict.apex_labels = static_cast<std::uint8_t>(apex.labels());
    verdict.rule = rule;
    verdict.protected_name = *meant;
  });
  if (verdict.rule == Verdict::kNone)
    return;
  const Rule &rule = spec_.rules[verdict.rule];
  verdict.reason = Reason::look_alike;
  verdict.mode = rule.mode;
  verdict.decision = effective(rule.action, query.type, query.name, verdict.apex_labels);
}

std::vector<Match> Policy::matches(const Name &name) const {
  struct Collector final : MatchSink {
    void add(const Match &match) noexcept override { all.push_back(match); }
    std::vector<Match> all;
  } collector;
  index_.find(Tails(name, seed_), collector);
  auto &all = collector.all;
  std::sort(all.begin(), all.end(),
            [&](const Match &a, const Match &b) { return better(a, b, index_.names()); });
  all.erase(std::unique(all.begin(), all.end(),
                        [](const Match &a, const Match &b) { return a.entry == b.entry; }),
            all.end());
  return all;
}

} // namespace mxw
