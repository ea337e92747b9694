#include "core/policy.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "core/edit.h"

namespace mxw {
namespace {

// RFC 8461 §3.1 and §3.3: where a sender looks for an MTA-STS policy of a domain.
constexpr std::string_view kMtaSts = "mta-sts";
constexpr std::string_view kMtaStsRecord = "_mta-sts";
// RFC 7672 §3: where a sender looks for the TLSA of a host, below its name.
constexpr std::string_view kTcp = "\x04_tcp";
constexpr std::string_view kTlsaOfMail = "\x03_25\x04_tcp";

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

std::uint8_t edits_between(const Name &typed, const Name &meant) {
  return static_cast<std::uint8_t>(
      edit_distance(typed.tail(typed.labels()).substr(1), meant.tail(meant.labels()).substr(1)));
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

/// Keeps the best of the matches whose rule holds for the query's client, and what competes with
/// it.
class Policy::BestMatch final : public MatchSink {
public:
  BestMatch(const Policy &p, const Query &q) noexcept : policy(p), query(q) {}
  void add(const Match &match) noexcept override {
    const Rule &rule = policy.rule_of(match);
    // What is only told of is answered as if there were no rule.
    contested = contested || (match.level == Level::block && matters(rule, query));
    if (!policy.holds_for(rule, query))
      return;
    for (Match &known : std::span(matches).first(size))
      if (known.entry == match.entry && known.apex_labels == match.apex_labels) {
        Techniques all = known.techniques;
        all.add(match.techniques);
        if (policy.is_better(match, known))
          known = match;
        known.techniques = all;
        return;
      }
    if (size < matches.size())
      matches[size++] = match;
    else if (policy.is_better(match, matches.back()))
      matches.back() = match;
  }
  void candidates_left() noexcept override {
    policy.cut_short_.fetch_add(1, std::memory_order_relaxed);
  }
  /// The best one first; none where there is none.
  std::span<const Match> found() noexcept {
    const auto all = std::span(matches).first(size);
    for (Match &match : all)
      if (policy.is_better(match, all.front()))
        std::swap(match, all.front());
    return all;
  }
  const Policy &policy;
  const Query &query;
  std::array<Match, 16> matches; // more of them do not compete in earnest
  std::size_t size = 0;
  bool contested = false;
};

Policy::Policy(PolicySpec spec, std::uint64_t seed)
    : spec_(std::move(spec)), seed_(seed), known_(seed), mirrors_(seed), listed_(seed),
      counts_(spec_.rules.size() * kActions * kModes) {
  std::vector<NameList> names;
  std::vector<IndexOptions> groups;
  for (std::uint32_t i = 0; i < spec_.rules.size(); ++i) {
    Rule &rule = spec_.rules[i];
    names.push_back(std::exchange(rule.domains, {})); // the index has them then
    if (rule.suffix)
      known_.add(*rule.suffix, known_value(Known::suffix, i));
    for (const Name &mirror : rule.mirror) {
      mirrors_.add(mirror, static_cast<std::uint32_t>(mirror_of_.size()));
      mirror_of_.push_back({i, edits_between(mirror, *rule.suffix)});
    }
    for (std::uint32_t k = 0; k < rule.look_alikes.size(); ++k) {
      const auto &[typed, meant] = rule.look_alikes[k];
      listed_.add(typed, static_cast<std::uint32_t>(listed_of_.size()));
      listed_of_.push_back({i, k, edits_between(typed, meant)});
    }
    groups.push_back(std::move(rule.matching));
    any_type_ = any_type_ || answers_every_type(rule.action);
    redirects_ = redirects_ || rule.action == Action::redirect;
    tells_clients_apart_ = tells_clients_apart_ || !rule.clients.empty();
  }
  for (std::uint32_t i = 0; i < spec_.allows.size(); ++i) {
    for (std::size_t k = 0; k < spec_.allows[i].domains.size(); ++k)
      known_.add(spec_.allows[i].domains[k], known_value(Known::allowed, i));
    spec_.allows[i].domains = {};
    tells_clients_apart_ = tells_clients_apart_ || !spec_.allows[i].clients.empty();
  }
  for (std::size_t i = 0; i < spec_.exempt.size(); ++i)
    known_.add(spec_.exempt[i], known_value(Known::exempt, 0));
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
  index_ = Index(std::move(names), std::move(groups), spec_.is_public_suffix, seed);
  known_.seal();
  mirrors_.seal();
  listed_.seal();
  tails_ = TailFilter(index_.tail_count() + known_.size() + mirrors_.size() + listed_.size());
  index_.add_to(tails_);
  known_.add_to(tails_);
  mirrors_.add_to(tails_);
  listed_.add_to(tails_);
}

bool Policy::concerns_name(std::span<const std::uint8_t> qname) const noexcept {
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
  Tails tails(query.name, seed_);
  tails.keep(tails_.possible(tails));
  index_.find_covering(tails, [&](std::uint32_t entry) {
    if (!protecting) {
      protecting = index_.group_of(entry);
      verdict.protected_name = index_.names()[entry];
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
      const Allow &allow = spec_.allows[position];
      if (allow.expires_s && query.now_s >= *allow.expires_s)
        break;
      if (!allowing &&
          (allow.clients.empty() || (query.client && is_one_of(*query.client, allow.clients))))
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
    // Another answer will be due when the entry has expired, and is due to other clients.
    const Allow &allow = spec_.allows[*allowing];
    verdict.contested = (allow.expires_s.has_value() || !allow.clients.empty()) &&
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

bool Policy::is_one_of(const ClientAddress &client,
                       const std::vector<std::uint32_t> &sets) const noexcept {
  return std::any_of(sets.begin(), sets.end(),
                     [&](std::uint32_t set) { return spec_.clients[set].contains(client); });
}

void Policy::find_look_alike(const Query &query, const Tails &tails,
                             Verdict &verdict) const noexcept {
  BestMatch sink(*this, query);
  index_.find(tails, sink);
  verdict.contested = sink.contested;
  Level level = Level::block;
  find_listed(query, tails, verdict, level);
  if (const auto found = sink.found(); verdict.rule == Verdict::kNone && !found.empty()) {
    const Match &match = found.front();
    verdict.technique = match.technique;
    verdict.techniques = match.techniques;
    verdict.edits = match.edits;
    verdict.apex_labels = match.apex_labels;
    verdict.confidence = confidence_among(found);
    verdict.rule = index_.group_of(match.entry);
    verdict.protected_name = index_.names()[match.entry];
    level = verdict.confidence < index_.groups()[verdict.rule].min_confidence ? Level::observe
                                                                              : match.level;
  }
  find_mirrored(query, tails, verdict, level);
  if (verdict.rule == Verdict::kNone)
    return;
  const Rule &rule = spec_.rules[verdict.rule];
  verdict.reason = Reason::look_alike;
  verdict.mode = level == Level::block ? rule.mode : Mode::observe;
  verdict.decision = effective(rule.action, query.type, query.name, verdict.apex_labels);
}

void Policy::find_listed(const Query &query, const Tails &tails, Verdict &verdict,
                         Level &level) const noexcept {
  listed_.find_covering(tails, [&](std::uint32_t entry) {
    const auto [number, at, edits] = listed_of_[listed_.value(entry)];
    const Rule &rule = spec_.rules[number];
    const Level of = index_.groups()[number].of(Technique::listed).level;
    if (of == Level::off)
      return;
    verdict.contested = verdict.contested || (of == Level::block && matters(rule, query));
    if (verdict.rule != Verdict::kNone || !holds_for(rule, query))
      return;
    level = of;
    verdict.technique = Technique::listed;
    verdict.techniques.add(Technique::listed);
    verdict.confidence = confidence_of(Technique::listed, Name::kMaxLabelBytes, false);
    verdict.edits = edits;
    verdict.apex_labels = static_cast<std::uint8_t>(listed_.labels(entry));
    verdict.rule = number;
    verdict.protected_name = rule.look_alikes[at].meant;
  });
}

void Policy::find_mirrored(const Query &query, const Tails &tails, Verdict &verdict,
                           Level &level) const noexcept {
  mirrors_.find_covering(tails, [&](std::uint32_t entry) {
    const std::size_t typed_labels = mirrors_.labels(entry);
    const auto [rule, edits] = mirror_of_[mirrors_.value(entry)];
    if (typed_labels == query.name.labels())
      return; // the suffix itself is nobody's mail domain
    const TechniqueOptions &of = index_.groups()[rule].of(Technique::mirror);
    if (of.level == Level::off)
      return;
    verdict.contested =
        verdict.contested || (of.level == Level::block && matters(spec_.rules[rule], query));
    if (verdict.technique == Technique::listed ||
        (verdict.rule != Verdict::kNone && level >= of.level) ||
        !holds_for(spec_.rules[rule], query))
      return;
    const Name apex = query.name.ancestor(typed_labels + 1);
    const auto meant = join(apex.head(typed_labels), *spec_.rules[rule].suffix);
    if (!meant)
      return;
    verdict.technique = Technique::mirror;
    verdict.techniques = {};
    verdict.techniques.add(Technique::mirror);
    verdict.confidence = confidence_of(Technique::mirror, apex.label(0).size(), false);
    level = of.level;
    verdict.edits = edits;
    verdict.apex_labels = static_cast<std::uint8_t>(apex.labels());
    verdict.rule = rule;
    verdict.protected_name = *meant;
  });
}

bool Policy::is_better(const Match &a, const Match &b) const noexcept {
  const auto rank = [&](const Match &match) {
    return std::tuple(-static_cast<int>(match.level), match.edits,
                      -static_cast<int>(index_.names().wire(match.entry).size()), match.entry,
                      -static_cast<int>(match.confidence));
  };
  return rank(a) < rank(b);
}

std::uint8_t Policy::confidence_among(std::span<const Match> matches) const noexcept {
  const Match &best = matches.front();
  const NameList &names = index_.names();
  unsigned all = best.confidence;
  for (std::size_t i = 1; i < matches.size(); ++i) {
    const auto is_same = [&](const Match &other) {
      return names.wire(other.entry) == names.wire(matches[i].entry);
    };
    // The same name in another rule does not compete.
    if (std::none_of(matches.begin(), matches.begin() + static_cast<std::ptrdiff_t>(i), is_same))
      all += matches[i].confidence;
  }
  return static_cast<std::uint8_t>(all == 0 ? 0 : best.confidence * best.confidence / all);
}

std::vector<Match> Policy::matches(const Name &name) const {
  struct Collector final : MatchSink {
    void add(const Match &match) noexcept override { all.push_back(match); }
    std::vector<Match> all;
  } collector;
  index_.find(Tails(name, seed_), collector);
  auto &all = collector.all;
  std::sort(all.begin(), all.end(),
            [&](const Match &a, const Match &b) { return is_better(a, b); });
  std::vector<Match> kept;
  for (const Match &match : all) {
    const auto known = std::find_if(kept.begin(), kept.end(),
                                    [&](const Match &other) { return other.entry == match.entry; });
    if (known == kept.end())
      kept.push_back(match);
    else if (known->apex_labels == match.apex_labels)
      known->techniques.add(match.techniques);
  }
  return kept;
}

} // namespace mxw
