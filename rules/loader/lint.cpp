#include "loader/lint.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "loader/dns_text.h"
#include "loader/source.h"

namespace mxw {
namespace {

constexpr std::int64_t kDayS = 86'400;
constexpr std::int64_t kSoonS = 30 * kDayS;
/// What is asked for to find out whether some allow entry has names below it that would be stopped.
constexpr std::size_t kMaxBelow = 2'000'000;
/// A rule that stops more of the popular names is worth a second look: twice to three times what
/// the usual ones stop (docs/matching.md), and no accident of a short list.
constexpr double kMaxShare = 0.005;
constexpr std::size_t kMinStopped = 10;

/// "'a.example'", or "'a.example' and 3 more".
std::string and_more(const Name &first, std::size_t all) {
  return quote(to_string(first)) + (all > 1 ? " and " + std::to_string(all - 1) + " more" : "");
}

std::string is_or_are(std::size_t n) { return n > 1 ? " are " : " is "; }

/// Nothing for one, else "; so it is with 3 more".
std::string so_with_more(std::size_t all) {
  return all > 1 ? "; so it is with " + std::to_string(all - 1) + " more" : "";
}

class Linter {
public:
  Linter(const Loaded &loaded, const LintOptions &options, std::int64_t now_s)
      : loaded_(loaded), policy_(*loaded.policy), options_(options), now_s_(now_s) {}

  std::vector<Diagnostic> all() && {
    find_protected_twice();
    find_near_each_other();
    look_at_allows();
    look_at_look_alikes();
    look_at_reach();
    look_at_clients();
    look_at_warning_hosts();
    return std::move(found_);
  }

private:
  void add(const Diagnostic &place, Severity severity, std::string_view code, std::string message,
           std::string help) {
    Diagnostic d = place;
    d.severity = severity;
    d.code = code;
    d.message = std::move(message);
    d.help = std::move(help);
    found_.push_back(std::move(d));
  }
  [[nodiscard]] Query query_of(const Name &name) const {
    return {name, qtype::kMx, std::nullopt, now_s_};
  }
  [[nodiscard]] const Rule &rule_of(std::uint32_t entry) const {
    return policy_.rules()[policy_.index().group_of(entry)];
  }
  static std::string text_of(const Rule &rule) {
    return "rule " + quote(rule.id) + " (" + rule.place.file + ':' +
           std::to_string(rule.place.line) + ')';
  }

  void find_protected_twice();
  void find_near_each_other();
  void look_at_allows();
  void look_at_look_alikes();
  void look_at_reach();
  void look_at_clients();
  void look_at_warning_hosts();

  /// True if somebody who asks for `name` or a name below it would be stopped by a rule, were there
  /// no allow entries; nullopt where that is too much to find out.
  std::optional<bool> would_be_stopped(const Name &name);

  const Loaded &loaded_;
  const Policy &policy_;
  const LintOptions &options_;
  std::int64_t now_s_;
  std::size_t asked_below_ = 0;
  std::vector<Diagnostic> found_;
};

void Linter::find_protected_twice() {
  const NameList &names = policy_.index().names();
  std::vector<std::uint32_t> sorted(names.size());
  for (std::uint32_t i = 0; i < sorted.size(); ++i)
    sorted[i] = i;
  std::sort(sorted.begin(), sorted.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(names.wire(a), a) < std::pair(names.wire(b), b);
  });
  struct Twice {
    std::size_t names = 0;
    std::uint32_t first = 0;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Twice> twice; // of two rules, the later first
  std::vector<std::size_t> sizes(policy_.rules().size());
  for (std::size_t first = 0, i = 0; i < sorted.size(); ++i) {
    const std::uint32_t later = policy_.index().group_of(sorted[i]);
    ++sizes[later];
    if (names.wire(sorted[i]) != names.wire(sorted[first]))
      first = i;
    for (std::size_t k = first; k < i; ++k) {
      const std::uint32_t earlier = policy_.index().group_of(sorted[k]);
      const std::vector<std::uint32_t> &clients = policy_.rules()[earlier].clients;
      if (!clients.empty() && clients != policy_.rules()[later].clients)
        continue; // for other clients the later one counts
      Twice &of = twice[{later, earlier}];
      if (of.names++ == 0)
        of.first = sorted[i];
      break;
    }
  }
  for (const auto &[rules, of] : twice) {
    const Rule &later = policy_.rules()[rules.first];
    const Rule &earlier = policy_.rules()[rules.second];
    const bool all = of.names == sizes[rules.first] && !later.suffix && later.look_alikes.empty();
    add(loaded_.places.rules[rules.first], Severity::warning, "MXW036",
        and_more(names[of.first], of.names) + is_or_are(of.names) + "protected by " +
            text_of(earlier) + " already" + (all ? ", and nothing else by this rule" : ""),
        all ? "take this rule out: of two that match, the first counts"
            : "protect each name once: of two rules that match, the first counts");
  }
}

void Linter::find_near_each_other() {
  const Index &index = policy_.index();
  struct Nearest final : MatchSink {
    void add(const Match &match) noexcept override {
      if (match.level == Level::block && match.entry != self && !found)
        found = match.entry;
    }
    std::uint32_t self = 0;
    std::optional<std::uint32_t> found;
  };
  struct Pairs {
    std::size_t names = 0;
    std::uint32_t first = 0;
    std::uint32_t other = 0;
  };
  std::map<std::uint32_t, Pairs> pairs; // by rule
  for (std::uint32_t entry = 0; entry < index.names().size(); ++entry) {
    const Name name = index.names()[entry];
    Nearest nearest;
    nearest.self = entry;
    policy_.find_matches(name, nearest);
    if (!nearest.found || index.names()[*nearest.found].labels() != name.labels())
      continue;
    Pairs &of = pairs[index.group_of(entry)];
    if (of.names++ == 0) {
      of.first = entry;
      of.other = *nearest.found;
    }
  }
  for (const auto &[rule, of] : pairs)
    add(loaded_.places.rules[rule], Severity::note, "MXW040",
        quote(to_string(index.names()[of.first])) + " looks like " +
            quote(to_string(index.names()[of.other])) + ", and both are protected" +
            so_with_more(of.names),
        "nothing is to be done: a mail that goes to the one instead of the other is not found");
}

std::optional<bool> Linter::would_be_stopped(const Name &name) {
  const auto is_stopped = [&](const Name &asked) {
    return would_act(policy_, policy_.look_alike(query_of(asked)));
  };
  if (is_stopped(name))
    return true;
  const NameList &names = policy_.index().names();
  for (std::uint32_t entry = 0; entry < names.size(); ++entry) {
    const Name meant = names[entry];
    for (std::size_t end = 1; end < meant.labels(); ++end) {
      if (++asked_below_ > kMaxBelow)
        return std::nullopt;
      // us.af.ml below af.ml, army.mil.br below mil.br.
      if (const auto below = join(meant.head(end), name); below && is_stopped(*below))
        return true;
    }
  }
  return false;
}

void Linter::look_at_allows() {
  struct OfEntry {
    std::size_t names = 0;
    std::vector<Name> idle;                            // would not be stopped
    std::vector<std::pair<Name, std::string>> known;   // and the rule that protects it
    std::vector<std::pair<Name, std::string>> covered; // a protected name, below which one
  };
  std::vector<OfEntry> entries(policy_.allows().size());
  std::map<std::string, std::vector<std::uint32_t>> by_wire; // allowed names: which entries
  policy_.for_each_allowed([&](std::uint32_t number, const Name &name) {
    OfEntry &of = entries[number];
    ++of.names;
    by_wire[std::string(name.tail(name.labels()))].push_back(number);
    const Verdict verdict = policy_.decide_by_rules(query_of(name));
    if (verdict.reason == Reason::is_protected)
      of.known.emplace_back(name, policy_.rules()[verdict.rule].id);
    else if (const auto stopped = would_be_stopped(name); stopped && !*stopped)
      of.idle.push_back(name);
  });
  const NameList &names = policy_.index().names();
  for (std::uint32_t entry = 0; !by_wire.empty() && entry < names.size(); ++entry) {
    const Name name = names[entry];
    for (std::size_t labels = 1; labels < name.labels(); ++labels)
      if (const auto found = by_wire.find(std::string(name.tail(labels))); found != by_wire.end())
        for (const std::uint32_t number : found->second)
          entries[number].covered.emplace_back(name, to_string(name.ancestor(labels)));
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const OfEntry &of = entries[i];
    const Allow &allow = policy_.allows()[i];
    const Diagnostic &place = loaded_.places.allows[i];
    if (allow.expires_s && *allow.expires_s > now_s_ && *allow.expires_s <= now_s_ + kSoonS) {
      const std::int64_t days = (*allow.expires_s - now_s_) / kDayS;
      add(place, Severity::warning, "MXW037",
          "this entry expires " + (days == 0   ? "today"
                                   : days == 1 ? "tomorrow"
                                               : "in " + std::to_string(days) + " days"),
          allow.owner.empty() ? "renew it, or tell whoever writes to these names"
                              : "renew it, or ask " + quote(allow.owner));
    }
    if (!of.known.empty())
      add(place, Severity::warning, "MXW039",
          and_more(of.known[0].first, of.known.size()) + is_or_are(of.known.size()) +
              "legitimate by rule " + quote(of.known[0].second) + " already",
          "take it out of the entry: what is protected needs none");
    if (!of.covered.empty())
      add(place, Severity::warning, "MXW039",
          and_more(of.covered[0].first, of.covered.size()) + is_or_are(of.covered.size()) +
              "protected and below " + quote(of.covered[0].second) +
              ": look-alikes that are below it too are allowed",
          "allow the names that are meant, not all of " + quote(of.covered[0].second));
    if (!of.idle.empty())
      add(place, Severity::note, "MXW038",
          and_more(of.idle[0], of.idle.size()) + " would pass without this entry" +
              (of.idle.size() == of.names ? ", and so would all that it allows" : ""),
          "'mxwarden explain' tells why; take out what is not needed, lest it outlives its reason");
  }
}

void Linter::look_at_look_alikes() {
  for (std::uint32_t number = 0; number < policy_.rules().size(); ++number) {
    std::size_t idle = 0;
    const LookAlike *first = nullptr;
    std::string why;
    for (const LookAlike &known : policy_.look_alikes(number)) {
      const Verdict verdict = policy_.decide_by_rules(query_of(known.typed));
      if (verdict.reason == Reason::look_alike)
        continue;
      if (idle++ > 0)
        continue;
      first = &known;
      why = verdict.reason == Reason::is_protected
                ? "protected by rule " + quote(policy_.rules()[verdict.rule].id)
            : verdict.reason == Reason::allowed
                ? "allowed at " + policy_.allows()[verdict.allow].place.file + ':' +
                      std::to_string(policy_.allows()[verdict.allow].place.line)
            : verdict.reason == Reason::exempt ? std::string("on an exempt list")
                                               : std::string("turned off by 'techniques'");
    }
    if (idle > 0)
      add(loaded_.places.rules[number], Severity::warning, "MXW045",
          "the look-alike " + quote(to_string(first->typed)) + " is " + why + ", which goes first" +
              so_with_more(idle),
          "take it out of one of the two places");
  }
}

void Linter::look_at_reach() {
  struct Reach {
    std::size_t names = 0;
    Name first;
    std::map<Technique, std::size_t> by;
  };
  std::map<std::uint32_t, Reach> stopped;
  std::size_t all = 0;
  const auto ask = [&](const Name &name) {
    ++all;
    if (policy_.decide_by_rules(query_of(name)).reason == Reason::is_protected)
      return;
    const Verdict verdict = policy_.look_alike(query_of(name));
    if (!would_act(policy_, verdict))
      return;
    Reach &of = stopped[verdict.rule];
    if (of.names++ == 0)
      of.first = name;
    ++of.by[verdict.technique];
  };
  policy_.for_each_exempt(ask);
  for (std::size_t i = 0; i < options_.popular.size(); ++i)
    ask(options_.popular[i]);
  for (const auto &[number, of] : stopped) {
    if (of.names < kMinStopped ||
        static_cast<double>(of.names) <= kMaxShare * static_cast<double>(all))
      continue;
    const auto most =
        std::max_element(of.by.begin(), of.by.end(),
                         [](const auto &a, const auto &b) { return a.second < b.second; });
    add(loaded_.places.rules[number], Severity::warning, "MXW041",
        "this rule would stop " + std::to_string(of.names) + " of the " + std::to_string(all) +
            " exempt or popular names, such as " + quote(to_string(of.first)) + "; most of them (" +
            std::to_string(most->second) + ") by " + std::string(to_string(most->first)),
        "it will stop as many names that are on no list: raise 'min_label' or 'min_confidence', or "
        "observe first");
  }
}

void Linter::look_at_clients() {
  const std::vector<ClientSet> &sets = policy_.clients();
  for (std::size_t i = 0; i < sets.size(); ++i) {
    std::size_t overlaps = 0;
    std::size_t k = 0; // the first
    std::optional<ClientAddress> common;
    for (std::size_t other = 0; other < i; ++other)
      if (const auto found = sets[i].common(sets[other]); found && overlaps++ == 0) {
        k = other;
        common = found;
      }
    if (common)
      add(loaded_.places.clients[i], Severity::note, "MXW043",
          "this client set and the one at line " + std::to_string(loaded_.places.clients[k].line) +
              (loaded_.places.clients[k].file == loaded_.places.clients[i].file
                   ? std::string()
                   : " of " + quote(loaded_.places.clients[k].file)) +
              " have clients in common, such as " + quote(to_string(*common)) +
              so_with_more(overlaps),
          "the rules of both hold for these; keep them apart if that is not meant");
  }
}

void Linter::look_at_warning_hosts() {
  if (!options_.resolves)
    return;
  for (std::size_t i = 0; i < policy_.warning_hosts().size(); ++i) {
    const WarningHost &host = policy_.warning_hosts()[i];
    if (host.addresses.empty() && !options_.resolves(host.name))
      add(loaded_.places.warning_hosts[i], Severity::warning, "MXW042",
          "warning host " + quote(to_string(host.name)) + " has no address in the DNS",
          "senders keep the mail in their queue: mend its records, or give 'addresses'");
  }
}

} // namespace

bool would_act(const Policy &policy, const Verdict &verdict) noexcept {
  if (verdict.reason != Reason::look_alike)
    return false;
  const IndexOptions &options = policy.index().groups()[verdict.rule];
  return options.of(verdict.technique).level == Level::block &&
         verdict.confidence >= options.min_confidence;
}

std::vector<Diagnostic> lint(const Loaded &loaded, const LintOptions &options, std::int64_t now_s) {
  std::vector<Diagnostic> found = Linter(loaded, options, now_s).all();
  sort_by_place(found);
  return found;
}

} // namespace mxw
