#include "unbound/query.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>

#include "core/answer.h"
#include "core/event.h"
#include "core/policy.h"
#include "unbound/call.h"
#include "unbound/verify.h"

namespace mxw {
namespace {

/// How many records an answer can have: the loader's limit of warning hosts and of addresses.
constexpr std::size_t kMaxRecords = 16;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kClassAny = 255; // answered with what there is in IN

/// True if some rule can concern the question.
bool is_concern(const Call &call) noexcept {
  const mxw_question &question = call.question;
  return call.policy() != nullptr &&
         (question.qclass == kClassIn || question.qclass == kClassAny) &&
         call.policy()->concerns(question.qtype, std::span(question.qname, question.qname_bytes));
}

/// Makes `query` that of `client`, or of nobody.
void ask_for(Call &call, const mxw_client *client, Query &query) noexcept {
  mxw_question &question = call.question;
  mxw_read_client(call.qstate, client, &question);
  query.type = question.qtype;
  query.now_s = question.time_us / 1'000'000;
  query.client.reset();
  // A client without an address (a Unix socket) is in no client set: "::" is nobody's.
  if (client != nullptr)
    query.client = ClientAddress::from_bytes(std::span(question.address, question.address_bytes))
                       .value_or(ClientAddress());
}

/// Tells the housekeeping thread of a verdict that somebody may want to know of.
void report(const Call &call, const Judged &judged) noexcept {
  const mxw_question &question = call.question;
  const Verdict &verdict = judged.verdict;
  if (verdict.reason != Reason::look_alike ||
      (verdict.decision == Action::pass && question.qtype != qtype::kMx))
    return;
  call.policy()->count(verdict);
  Event event;
  event.time_us = question.time_us;
  event.client = ClientAddress::from_bytes(std::span(question.address, question.address_bytes));
  event.qtype = question.qtype;
  event.decision = verdict.decision;
  event.technique = verdict.technique;
  event.techniques = verdict.techniques;
  event.confidence = verdict.confidence;
  event.mode = verdict.mode;
  event.edits = verdict.edits;
  event.verified = judged.verified;
  call.policy()->rules()[verdict.rule].id.copy(event.rule.data(), Event::kMaxRuleBytes);
  event.qname = judged.query.name;
  event.alias_of = judged.alias_of;
  event.protected_name = verdict.protected_name;
  call.module.housekeeper().push(call.worker, event);
}

/// Sends what `todo` says. Returns false if there is no memory for it.
bool send(const Call &call, const Name &qname, const AnswerPlan &todo) noexcept {
  switch (todo.kind) {
  case AnswerPlan::Kind::pass:
    return true;
  case AnswerPlan::Kind::drop:
    mxw_answer_drop(call.qstate, call.id);
    return true;
  case AnswerPlan::Kind::error:
    mxw_answer_rcode(call.qstate, call.id, todo.rcode);
    return true;
  case AnswerPlan::Kind::records:
    break;
  }
  std::array<mxw_rdata, kMaxRecords> rdatas = {};
  mxw_records records = {};
  records.rdatas = rdatas.data();
  records.ttl_s = AnswerPlan::kTtlS;
  const Name apex = qname.ancestor(todo.soa_labels);
  if (todo.answer != nullptr) {
    records.type = todo.answer->type;
    for (const std::string &rdata : todo.answer->rdatas)
      if (records.count < rdatas.size())
        rdatas[records.count++] = {rdata.data(), rdata.size()};
  } else {
    records.type = qtype::kSoa;
    records.owner = apex.wire().data();
    records.owner_bytes = apex.wire().size();
    rdatas[records.count++] = {soa_rdata().data(), soa_rdata().size()};
  }
  return mxw_answer(call.qstate, call.id, todo.rcode, todo.answer == nullptr, &records) != 0;
}

/// Answers as an enforced verdict says, and sees to it that nobody else gets that answer.
void answer(const Call &call, const Judged &judged) noexcept {
  const bool is_private = mxw_do_not_cache(call.qstate, call.id) != 0;
  mxw_do_not_synthesize(call.qstate, call.id);
  AnswerPlan todo = plan(*call.policy(), judged.verdict, judged.query.type);
  if (judged.verdict.alias) // the apex that the plan has is the look-alike's
    todo.soa_labels = static_cast<std::uint8_t>(judged.query.name.labels());
  if (todo.ede_code != 0) {
    std::array<char, kMaxEdeBytes + 1> text; // NOLINT(*-member-init): filled below
    const std::string_view written = ede_text(*call.policy(), judged.verdict, judged.alias_of,
                                              std::span(text).first<kMaxEdeBytes>());
    text[written.size()] = '\0';
    mxw_add_extended_error(call.qstate, call.id, todo.ede_code, text.data());
  }
  // Without memory for the policy's answer the sender must not get the real one.
  if (!is_private || !send(call, judged.query.name, todo))
    mxw_answer_rcode(call.qstate, call.id, rcode::kServFail);
}

/// What the resolver's answer to `qname` is an alias of.
class Aliases {
public:
  explicit Aliases(const struct module_qstate *qstate) noexcept
      : size_(mxw_aliases(qstate, targets_.data(), targets_.size())) {}

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// The host itself follows a dozen; whoever sends more wants something else.
  [[nodiscard]] bool too_many() const noexcept { return size_ > kMax; }
  [[nodiscard]] std::span<const mxw_name> targets() const noexcept {
    return std::span(targets_).first(std::min(size_, kMax));
  }

private:
  static constexpr std::size_t kMax = 64;
  std::array<mxw_name, kMax> targets_; // NOLINT(*-member-init): set up to size_
  std::size_t size_;
};

/// Decides about `judged.query` and all that its name is an alias of. Returns false if the query
/// has to wait; not without `may_verify`, where what would have to be verified stands.
bool judge_with_aliases(Call &call, mxw_kept *kept, const Aliases &aliases, bool may_verify,
                        Judged &judged) {
  judged.verdict = call.policy()->decide(judged.query);
  if (may_verify && !verify(call, kept, judged))
    return false;
  for (const mxw_name &target : aliases.targets()) {
    Judged next = judged;
    if (settles(judged.verdict) || !next.alias_of.assign(std::span(target.octets, target.bytes)))
      break;
    next.verdict = call.policy()->follow_alias(judged.query, judged.verdict, next.alias_of);
    if (next.verdict.alias && (!judged.verdict.alias || next.verdict.enforced())) {
      if (may_verify && !verify(call, kept, next))
        return false;
      if (next.verdict.alias)
        judged = next;
    }
    judged.verdict.contested = next.verdict.contested;
  }
  return true;
}

/// Ends what was waited for, if anything was.
void stop_waiting(const Call &call, mxw_kept *kept) noexcept {
  if (kept != nullptr)
    mxw_stop_waiting(call.qstate, kept);
}

/// The second decision about a type that does not say where mail goes: for new rules only.
void end_other(Call &call, bool is_new) noexcept {
  mxw_client client;
  Judged judged;
  if (!is_new || mxw_first_client(call.qstate, &client) == 0 ||
      !judged.query.name.assign(std::span(call.question.qname, call.question.qname_bytes)))
    return;
  ask_for(call, &client, judged.query);
  if (!call.policy()->decide(judged.query).contested)
    return;
  (void)mxw_do_not_cache(call.qstate, call.id);
  mxw_uncache(call.qstate);
}

/// Who waits for an answer.
struct Waiting {
  bool agreed = true;    ///< all may get the same
  bool by_dns64 = false; ///< some wait for what dns64 makes of it
};

/// Judges everybody who waits for the answer. Returns false if the query has to wait; else `judged`
/// is the first one's.
bool judge_clients(Call &call, mxw_kept *kept, const Aliases &aliases, bool may_verify,
                   bool reports, Judged &judged, Waiting &waiting) {
  mxw_client client;
  bool is_first = true;
  for (int more = mxw_first_client(call.qstate, &client); more != 0;
       more = mxw_next_client(call.qstate, &client)) {
    Judged next;
    next.query.name = judged.query.name;
    ask_for(call, &client, next.query);
    if (!judge_with_aliases(call, kept, aliases, may_verify, next))
      return false;
    if (reports || next.verdict.alias)
      report(call, next);
    const bool enforced = next.verdict.enforced();
    waiting.by_dns64 = waiting.by_dns64 || client.super != nullptr;
    if (is_first)
      judged = next;
    else if (enforced != judged.verdict.enforced() ||
             (enforced && next.verdict.decision != judged.verdict.decision))
      waiting.agreed = false;
    is_first = false;
  }
  if (is_first) {
    ask_for(call, nullptr, judged.query);
    (void)judge_with_aliases(call, kept, aliases, false, judged);
  }
  return true;
}

/// The second decision; may come again when it had to wait.
void end(Call &call) {
  struct module_qstate *qstate = call.qstate;
  const mxw_question &question = call.question;
  mxw_kept *kept = mxw_kept_of(qstate, call.id);
  const bool is_new = kept == nullptr || kept->generation != call.rules.generation();
  mxw_finish(qstate, call.id);
  const bool is_ours = is_concern(call);
  if (!is_ours || !is_about_mail(question.qtype)) {
    stop_waiting(call, kept);
    if (is_ours)
      end_other(call, is_new);
    return;
  }
  const Aliases aliases(qstate);
  if (!is_new && kept->contested == 0 && (aliases.empty() || kept->settled != 0)) {
    mxw_store(qstate, kept, 0); // what else it is of nobody has looked at
    return;
  }
  Judged judged;
  if (!judged.query.name.assign(std::span(question.qname, question.qname_bytes)))
    return;
  mxw_client client;
  const bool has_client = mxw_first_client(qstate, &client) != 0;
  const bool is_shared_with_host = mxw_is_shared_with_host(qstate) != 0;
  const bool reports = is_new || (kept != nullptr && kept->deferred != 0);
  Waiting waiting;
  if (!judge_clients(call, kept, aliases, has_client && !is_shared_with_host, reports, judged,
                     waiting))
    return;
  stop_waiting(call, kept);
  if (aliases.too_many() && !settles(judged.verdict)) {
    (void)mxw_do_not_cache(qstate, call.id);
    mxw_answer_rcode(qstate, call.id, rcode::kServFail);
    return;
  }
  if (judged.verdict.contested || !waiting.agreed) {
    if (mxw_do_not_cache(qstate, call.id) == 0) {
      mxw_answer_rcode(qstate, call.id, rcode::kServFail);
      return;
    }
    mxw_uncache(qstate);
    // Where the store was not held back the host has kept the parts under their own names too.
    for (const mxw_name &target : aliases.targets())
      mxw_uncache_alias(qstate, &target);
  } else if (kept != nullptr) {
    mxw_store(qstate, kept, settles(judged.verdict) ? 0 : 1);
  }
  // Where there is no one answer for all who wait for it they ask again, each by himself.
  if (!waiting.agreed && waiting.by_dns64)
    mxw_answer_rcode(qstate, call.id, rcode::kServFail); // dns64 would make an answer for all of it
  else if (!waiting.agreed || (judged.verdict.enforced() && is_shared_with_host))
    mxw_answer_drop(qstate, call.id);
  else if (has_client && judged.verdict.enforced())
    answer(call, judged);
}

} // namespace

void begin_query(Module &module, struct module_qstate *qstate, int id) {
  Call call(module, qstate, id);
  const mxw_question &question = call.question;
  mxw_kept *kept = mxw_kept_of(qstate, id); // there is one if it waited
  if (kept != nullptr && kept->ended != 0) {
    end(call);
    return;
  }
  const bool is_ours = is_concern(call);
  mxw_client client;
  const bool has_client = is_ours && mxw_first_client(qstate, &client) != 0;
  Judged judged;
  if (!is_ours || (!has_client && kept == nullptr && !is_about_mail(question.qtype)) ||
      !judged.query.name.assign(std::span(question.qname, question.qname_bytes))) {
    stop_waiting(call, kept);
    mxw_pass_on(qstate, id);
    return;
  }
  ask_for(call, has_client ? &client : nullptr, judged.query);
  {
    const DecisionTimes::Timer timer(module.decision_times(call.worker));
    ::new (&judged.verdict) Verdict(call.policy()->decide(judged.query)); // a copy would cost more
  }
  if (kept == nullptr)
    kept = mxw_keep(qstate, id);
  if (has_client) {
    // An alias may turn out to be contested too.
    if (call.policy()->tells_clients_apart() &&
        (judged.verdict.contested || is_about_mail(question.qtype)))
      mxw_do_not_share(qstate);
    if (!verify(call, kept, judged))
      return;
  }
  stop_waiting(call, kept);
  if (has_client) {
    report(call, judged);
    if (judged.verdict.enforced()) {
      answer(call, judged);
      return;
    }
    // The host finds out what there is in any class by look-ups of its own in class IN, whose
    // answers it keeps: others would get them.
    if (judged.verdict.contested && question.qclass == kClassAny) {
      mxw_answer_rcode(qstate, id, rcode::kRefused);
      return;
    }
  }
  if (kept != nullptr) {
    kept->generation = call.rules.generation();
    kept->contested = judged.verdict.contested;
    kept->settled = settles(judged.verdict);
    if (is_about_mail(question.qtype))
      mxw_hold_store(qstate, kept);
  }
  if (kept == nullptr || judged.verdict.contested)
    (void)mxw_do_not_cache(qstate, id); // comes again at the end
  mxw_pass_on(qstate, id);
}

void end_query(Module &module, struct module_qstate *qstate, int id) {
  Call call(module, qstate, id);
  if (mxw_kept *kept = mxw_kept_of(qstate, id))
    kept->ended = 1;
  end(call);
}

} // namespace mxw
