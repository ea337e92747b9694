#include "unbound/verify.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "core/mail_facts.h"

namespace mxw {
namespace {

constexpr std::uint16_t kNothing = 0;
/// How long it is believed that something cannot be found out.
constexpr std::uint32_t kFailedS = 10;
/// The resolver's own cache does not keep anything longer by default.
constexpr std::uint32_t kMinTtlS = 1;

/// The type that has to be asked for to learn whether a name takes mail.
std::uint16_t next_type(Mail mail) noexcept {
  switch (mail) {
  case Mail::unknown:
    return qtype::kMx;
  case Mail::no_mx:
    return qtype::kA;
  case Mail::no_a:
    return qtype::kAaaa;
  case Mail::none:
  case Mail::takes:
  case Mail::failed:
    break;
  }
  return kNothing;
}

/// What the facts say of a verdict.
enum class Finding : std::uint8_t {
  stands,
  harmless,
  look_up, ///< the name meant has to be looked up
  later,   ///< the resolver's answer has to be seen
  unknown,
};

void pass(Verdict &verdict) noexcept {
  verdict.decision = Action::pass;
  verdict.reason = Reason::no_match;
  verdict.alias = false;
}

/// Reads what a look-up of `type` came to.
MailFact read_fact(const MailFacts &facts, const struct module_qstate *qstate, std::uint16_t type,
                   std::uint32_t *ttl_s) noexcept {
  mxw_outcome outcome;
  mxw_read_outcome(qstate, type, &outcome);
  *ttl_s = outcome.ttl_s;
  MailFact fact;
  if (outcome.failed != 0) {
    fact.mail = Mail::failed;
    *ttl_s = kFailedS;
  } else if (outcome.nxdomain != 0) {
    fact.mail = Mail::none;
  } else if (type == qtype::kA) {
    fact.mail = outcome.has_records != 0 ? Mail::takes : Mail::no_a;
  } else if (type == qtype::kAaaa) {
    fact.mail = outcome.has_records != 0 ? Mail::takes : Mail::none;
  } else if (outcome.has_records == 0) {
    fact.mail = Mail::no_mx;
  } else {
    fact.mail = Mail::none; // unless there is a host: "0 ." is none
    for (const mxw_name &host :
         std::span(outcome.hosts).first(std::min(outcome.host_count, std::size(outcome.hosts)))) {
      Name parsed;
      if (!parsed.assign(std::span(host.octets, host.bytes)) || parsed.labels() == 0)
        continue;
      fact.mail = Mail::takes;
      if (fact.host_count < MailFact::kMaxHosts)
        fact.hosts[fact.host_count] = facts.host_hash(parsed);
      if (fact.host_count <= MailFact::kMaxHosts)
        ++fact.host_count;
    }
  }
  return fact;
}

void remember(MailFacts &facts, const Name &name, const MailFact &fact, std::uint32_t ttl_s,
              std::int64_t now_s) noexcept {
  facts.put(name, fact, now_s + std::clamp(ttl_s, kMinTtlS, MailFacts::kMaxTtlS), now_s);
}

/// What is to be thought of a look-alike, `meant` being what is known of the name that was meant.
Finding find_out(const Call &call, const Verify &how, const Judged &judged, const MailFact &meant,
                 bool has_answer) noexcept {
  if (meant.mail == Mail::failed)
    return Finding::unknown;
  // Hosts are compared by the MX records alone.
  if (meant.mail == Mail::unknown || (how.counterpart && next_type(meant.mail) != kNothing))
    return Finding::look_up;
  if (how.counterpart && meant.mail == Mail::none)
    return Finding::harmless;
  if (!how.same_owner)
    return Finding::stands;
  // The owner of the look-alike may answer otherwise each time and to each: what counts is the MX
  // that the client gets, and nothing that was seen before.
  if (judged.query.type != qtype::kMx && judged.query.type != qtype::kAny)
    return Finding::stands;
  if (!has_answer)
    return Finding::later;
  std::uint32_t ttl_s = 0;
  const MailFact typed =
      read_fact(call.module.mail_facts(call.worker), call.qstate, qtype::kMx, &ttl_s);
  return has_same_hosts(typed, meant) ? Finding::harmless : Finding::stands;
}

} // namespace

bool verify(Call &call, mxw_kept *kept, Judged &judged) {
  Verdict &verdict = judged.verdict;
  if (verdict.reason != Reason::look_alike || verdict.decision == Action::pass)
    return true;
  const Verify &how = call.policy()->rules()[verdict.rule].verify;
  if (!how)
    return true;
  const Name &typed = verdict.alias ? judged.alias_of : judged.query.name;
  const std::optional<Name> meant = Policy::counterpart(typed, verdict);
  if (!meant) { // what cannot be a name was not meant
    pass(verdict);
    return true;
  }
  if (kept != nullptr && mxw_timed_out(call.qstate, kept) != 0)
    kept->gave_up = 1;
  MailFacts &facts = call.module.mail_facts(call.worker);
  const std::int64_t now_s = judged.query.now_s;
  const MailFact known = facts.find(*meant, now_s);
  // Without memory there is no telling; what is not yet known to be an answer is none.
  const bool has_answer = kept == nullptr || kept->ended != 0;
  Finding finding = find_out(call, how, judged, known, has_answer);
  if (finding == Finding::look_up) {
    const auto wire = meant->wire();
    const mxw_name name = {wire.data(), wire.size()};
    const std::uint64_t hash = facts.host_hash(*meant);
    if (kept != nullptr && kept->gave_up == 0 &&
        mxw_look_up(call.qstate, &name, next_type(known.mail)) != 0 &&
        mxw_wait(call.qstate, call.id, kept, how.timeout_ms) != 0) {
      kept->waits_for = hash;
      return false;
    }
    finding = Finding::unknown;
    MailFact failed;
    failed.mail = Mail::failed;                     // the next ones need not wait as long
    if (kept != nullptr && kept->waits_for == hash) // not for one that had no time left
      remember(facts, *meant, failed, kFailedS, now_s);
  }
  judged.verified = finding == Finding::unknown ? Verified::unknown : Verified::confirmed;
  if (finding == Finding::later)
    kept->deferred = 1;
  if (finding == Finding::later || finding == Finding::harmless ||
      (finding == Finding::unknown && !how.block_unknown))
    pass(verdict);
  return true;
}

void learn(Module &module, struct module_qstate *qstate) {
  mxw_question question;
  mxw_read_question(qstate, &question);
  mxw_read_client(qstate, nullptr, &question);
  Name name;
  if (!name.assign(std::span(question.qname, question.qname_bytes)))
    return;
  MailFacts &facts = module.mail_facts(mxw_worker_of(qstate));
  // Others than those that verify() began end here too.
  if (question.qtype == kNothing ||
      question.qtype != next_type(facts.find(name, question.time_us / 1'000'000).mail))
    return;
  std::uint32_t ttl_s = 0;
  const MailFact fact = read_fact(facts, qstate, question.qtype, &ttl_s);
  remember(facts, name, fact, ttl_s, question.time_us / 1'000'000);
}

} // namespace mxw
