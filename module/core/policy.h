// The compiled rules: decides about one query. Immutable, shared by all workers.
//
// Precedence, the first that holds decides: a warning host's own address · a protected name or one
// below it, or under a legitimate suffix · an allow entry that has not expired and is for the
// client · an exempt name · a listed look-alike · a name that looks alike. Of several protected
// names that a query looks like, the closer one counts, then the longer one, then the rule file's
// order; what is blocked counts before what is observed, and a mirrored suffix after all.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/client.h"
#include "core/index.h"
#include "core/matching.h"
#include "core/name.h"
#include "core/name_list.h"
#include "core/name_table.h"
#include "core/verdict.h"

namespace mxw {

/// The types of questions that matter here. Source: RFC 1035 §3.2.2, RFC 3596.
namespace qtype {
constexpr std::uint16_t kA = 1;
constexpr std::uint16_t kSoa = 6;
constexpr std::uint16_t kMx = 15;
constexpr std::uint16_t kAaaa = 28;
constexpr std::uint16_t kAny = 255;
} // namespace qtype

/// True if the answer tells where mail goes.
constexpr bool is_mail_question(std::uint16_t type) noexcept {
  return type == qtype::kMx || type == qtype::kAny; // some senders ask ANY
}

/// True of the types that say where mail goes. Of others neither aliases nor the resolver's own
/// look-ups are looked at.
constexpr bool is_about_mail(std::uint16_t type) noexcept {
  return is_mail_question(type) || type == qtype::kA || type == qtype::kAaaa;
}

/// Where in the rule files something was written.
struct Place {
  std::string file;
  std::uint32_t line = 0;
};

/// What has to be found out by look-ups before a rule's action is taken.
struct Verify {
  bool counterpart = false;  ///< the name that was meant must take mail
  bool same_owner = false;   ///< the look-alike's MX hosts must not be those of the name meant
  bool block_unknown = true; ///< what is done where it cannot be found out in time
  std::uint32_t timeout_ms = 2000;

  explicit operator bool() const noexcept { return counterpart || same_owner; }
};

/// A name that somebody knows to be a look-alike, and the protected one that is meant.
struct LookAlike {
  Name typed;
  Name meant;
};

struct Rule {
  std::string id; ///< at most 63 octets, so that an event holds it
  Action action = Action::null_mx;
  Mode mode = Mode::enforce;
  std::vector<std::uint32_t> clients; ///< positions in PolicySpec::clients; none: everyone
  Verify verify;
  std::string contact;
  std::string message; ///< with placeholders, see loader/message.h; empty: the usual one
  std::map<std::string, std::string, std::less<>> messages; ///< the same by language
  Place place;
  std::optional<Name> suffix;
  std::vector<Name> mirror; ///< needs `suffix`
  NameList domains;
  std::vector<LookAlike> look_alikes;
  IndexOptions matching;
};

struct Allow {
  NameList domains;
  std::string reason;
  std::string owner;
  std::optional<std::int64_t> expires_s; ///< seconds since 1970, the first at which it is gone
  Place place;
  std::vector<std::uint32_t> clients; ///< positions in PolicySpec::clients; none: everyone
};

/// A host that a redirect names as mail exchanger. Without addresses the world knows them.
struct WarningHost {
  Name name;
  std::vector<ClientAddress> addresses;
};

/// What a policy is made of, in the order of the rule files.
struct PolicySpec {
  std::vector<Rule> rules;
  std::vector<Allow> allows;
  NameList exempt;
  std::vector<ClientSet> clients;
  std::vector<WarningHost> warning_hosts;
  IsPublicSuffix is_public_suffix = nullptr; ///< as Index takes it
};

/// One question, as far as a decision depends on it.
struct Query {
  Name name;
  std::uint16_t type = qtype::kMx;
  std::optional<ClientAddress> client; ///< without one, every rule holds, and no entry for some
  std::int64_t now_s = 0;              ///< seconds since 1970
};

/// One RRset that the module answers with: wire rdata without the length in front.
struct RrSet {
  std::uint16_t type = 0;
  std::vector<std::string> rdatas;
};

class Policy {
public:
  /// Compiles `spec`. `seed` should be random. Throws std::bad_alloc only.
  Policy(PolicySpec spec, std::uint64_t seed);

  /// Returns the verdict on `query`. Thread-safe, never throws, does not allocate; bounded as
  /// Index::find is.
  [[nodiscard]] Verdict decide(const Query &query) const noexcept;
  /// The same as if the module served no warning host: what the rules say of such a host's name.
  [[nodiscard]] Verdict decide_by_rules(const Query &query) const noexcept;

  /// The verdict if nothing were protected, allowed or exempt: what alone `query` looks like.
  [[nodiscard]] Verdict look_alike(const Query &query) const noexcept {
    Verdict verdict;
    find_look_alike(query, Tails(query.name, seed_), verdict);
    return verdict;
  }

  /// Returns false if no question of this type and name (wire form, any case) can get a decision
  /// other than pass: the cheapest way out for most questions of a resolver.
  [[nodiscard]] bool concerns(std::uint16_t type,
                              std::span<const std::uint8_t> qname) const noexcept {
    return is_mail_question(type) || any_type_ || concerns_name(qname);
  }

  /// True if clients may get different answers to the same question.
  [[nodiscard]] bool tells_clients_apart() const noexcept { return tells_clients_apart_; }

  /// What `verdict` on `query` becomes when the resolver has found out that its name is an alias of
  /// `target` (by CNAME or DNAME): the verdict on the target. A name that is protected, allowed or
  /// exempt itself stays so, and what is stopped already stays stopped. Thread-safe, never throws,
  /// does not allocate; bounded as decide() is.
  [[nodiscard]] Verdict follow_alias(const Query &query, const Verdict &verdict,
                                     const Name &target) const noexcept;

  /// Returns what was meant where `verdict` says that `typed` is a look-alike: us.army.mil for
  /// us.army.ml. nullopt where that would be too long to be a name.
  [[nodiscard]] static std::optional<Name> counterpart(const Name &typed,
                                                       const Verdict &verdict) noexcept {
    return join(typed.head(verdict.apex_labels), verdict.protected_name);
  }

  /// True if `rule` is for the client of `query`. Thread-safe, does not allocate.
  [[nodiscard]] bool holds_for(const Rule &rule, const Query &query) const noexcept {
    return rule.clients.empty() || !query.client || is_one_of(*query.client, rule.clients);
  }

  /// Gives `sink` what the index finds for `name`, whoever the rules are for.
  void find_matches(const Name &name, MatchSink &sink) const noexcept {
    index_.find(Tails(name, seed_), sink);
  }
  /// Every match of `name`, best first, whoever the rules are for. Allocates: for explanations.
  [[nodiscard]] std::vector<Match> matches(const Name &name) const;
  /// The confidence of the first of `matches` among the others, in percent: its own, times its
  /// share in that of all the different names.
  [[nodiscard]] std::uint8_t confidence_among(std::span<const Match> matches) const noexcept;
  /// How many look-ups had more candidates than are verified, so far.
  [[nodiscard]] std::uint64_t look_ups_cut_short() const noexcept {
    return cut_short_.load(std::memory_order_relaxed);
  }

  /// Counts a decision about a look-alike. Never waits; any thread.
  void count(const Verdict &verdict) const noexcept {
    counts_[count_at(verdict.rule, verdict.decision, verdict.mode)].fetch_add(
        1, std::memory_order_relaxed);
  }
  /// How often that was counted for rules()[rule].
  [[nodiscard]] std::uint64_t count_of(std::uint32_t rule, Action decision,
                                       Mode mode) const noexcept {
    return counts_[count_at(rule, decision, mode)].load(std::memory_order_relaxed);
  }

  [[nodiscard]] const std::vector<Rule> &rules() const noexcept { return spec_.rules; }
  [[nodiscard]] const std::vector<Allow> &allows() const noexcept { return spec_.allows; }
  [[nodiscard]] const std::vector<ClientSet> &clients() const noexcept { return spec_.clients; }
  /// Calls `visit(entry, name)` for each name of allows()[entry], in the order of the files.
  template <class Visit> void for_each_allowed(Visit &&visit) const {
    for (std::size_t i = 0; i < known_.size(); ++i)
      if (kind_of(known_.value(i)) == Known::allowed)
        visit(position_of(known_.value(i)), known_.name(i));
  }
  /// Calls `visit(name)` for each exempt name.
  template <class Visit> void for_each_exempt(Visit &&visit) const {
    for (std::size_t i = 0; i < known_.size(); ++i)
      if (kind_of(known_.value(i)) == Known::exempt)
        visit(known_.name(i));
  }
  [[nodiscard]] const std::vector<WarningHost> &warning_hosts() const noexcept {
    return spec_.warning_hosts;
  }
  [[nodiscard]] const Index &index() const noexcept { return index_; }
  /// The listed look-alikes of rules()[rule].
  [[nodiscard]] const std::vector<LookAlike> &look_alikes(std::uint32_t rule) const noexcept {
    return spec_.rules[rule].look_alikes;
  }
  /// Bytes on the heap that grow with the rules.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return index_.memory_bytes() + known_.memory_bytes() + mirrors_.memory_bytes() +
           listed_.memory_bytes() + tails_.memory_bytes() + served_.capacity() * sizeof(ServedName);
  }

  /// The MX RRset that refuses all mail: "0 ." (RFC 7505 §3).
  [[nodiscard]] const RrSet &null_mx() const noexcept { return null_mx_; }
  /// The MX RRset of a redirect.
  [[nodiscard]] const RrSet &redirect_mx() const noexcept { return redirect_mx_; }
  /// What a warning host has of a type: its addresses of one family, for ANY of the one that it has
  /// (RFC 8482 §4.1), nothing of any other.
  [[nodiscard]] const RrSet &records(std::uint32_t host, std::uint16_t type) const noexcept {
    const bool any = type == qtype::kAny;
    if (type == qtype::kA || (any && !host_a_[host].rdatas.empty()))
      return host_a_[host];
    return type == qtype::kAaaa || any ? host_aaaa_[host] : no_records_;
  }

private:
  /// What a name in known_ means: two bits of its value, a position in the rest.
  enum class Known : std::uint32_t { suffix, allowed, exempt };
  static constexpr std::uint32_t known_value(Known kind, std::uint32_t position) noexcept {
    return (position << 2U) | static_cast<std::uint32_t>(kind);
  }
  static constexpr Known kind_of(std::uint32_t value) noexcept {
    return static_cast<Known>(value & 3U);
  }
  static constexpr std::uint32_t position_of(std::uint32_t value) noexcept { return value >> 2U; }

  [[nodiscard]] bool concerns_name(std::span<const std::uint8_t> qname) const noexcept;
  class BestMatch;
  struct Mirror {
    std::uint32_t rule;
    std::uint8_t edits;
  };
  /// A listed look-alike: rule and position in its look-alikes.
  struct Listed {
    std::uint32_t rule;
    std::uint32_t at;
    std::uint8_t edits;
  };
  /// A warning host whose addresses the module serves, or a name below it where its TLSA would be.
  struct ServedName {
    Name name;
    std::uint32_t host;
    bool has_addresses;
  };
  [[nodiscard]] const Rule &rule_of(const Match &match) const noexcept {
    return spec_.rules[index_.group_of(match.entry)];
  }
  [[nodiscard]] bool is_better(const Match &a, const Match &b) const noexcept;
  [[nodiscard]] bool is_one_of(const ClientAddress &client,
                               const std::vector<std::uint32_t> &sets) const noexcept;
  static std::size_t count_at(std::uint32_t rule, Action decision, Mode mode) noexcept {
    return (std::size_t{rule} * kActions + static_cast<std::size_t>(decision)) * kModes +
           static_cast<std::size_t>(mode);
  }
  void find_listed(const Query &query, const Tails &tails, Verdict &verdict,
                   Level &level) const noexcept;
  void find_mirrored(const Query &query, const Tails &tails, Verdict &verdict,
                     Level &level) const noexcept;
  void find_look_alike(const Query &query, const Tails &tails, Verdict &verdict) const noexcept;

  PolicySpec spec_;
  std::uint64_t seed_; // of all tables: a query is hashed once
  Index index_;
  NameTable known_;   // value: kind and position
  NameTable mirrors_; // value: position in mirror_of_
  TailFilter tails_;  // of all these, and of what the index looks up as it is asked
  std::vector<Mirror> mirror_of_;
  NameTable listed_; // value: position in listed_of_
  std::vector<Listed> listed_of_;
  std::vector<ServedName> served_; // few: the loader limits the warning hosts
  RrSet null_mx_{qtype::kMx, {std::string(3, '\0')}};
  RrSet redirect_mx_;
  RrSet no_records_;
  std::vector<RrSet> host_a_;
  std::vector<RrSet> host_aaaa_;
  mutable std::atomic<std::uint64_t> cut_short_ = 0;
  mutable std::vector<std::atomic<std::uint64_t>> counts_; // see count_at()
  bool any_type_ = false;                                  // some rule answers every type
  bool redirects_ = false;
  bool tells_clients_apart_ = false;
};

} // namespace mxw
