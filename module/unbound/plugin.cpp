// The six functions that the host calls, and the object that owns everything else.
//
// Nothing thrown leaves this file: a query whose handling fails is passed on to the resolver,
// counted and logged at a bounded rate. Rules never fail init(), because the host would end: with
// bad rules everything is passed on, loudly.
#include <algorithm>
#include <array>
#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "core/answer.h"
#include "core/event.h"
#include "core/policy.h"
#include "host_build_id.h"
#include "loader/loader.h"
#include "runtime/housekeeper.h"
#include "unbound/abi_guard.h"
#include "unbound/shim.h"

namespace mxw {
namespace {

/// How many records an answer can have: the loader's limit of warning hosts and of addresses.
constexpr std::size_t kMaxRecords = 16;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kClassAny = 255; // answered with what there is in IN

/// Writes `text` to the resolver's log, a line each.
void log_lines(const std::string &text, void (*log)(const char *) = mxw_log_error) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    log(("mxwarden: " + line).c_str());
}

/// Set once init() has seen that the host is the right one; until then none of its structures may
/// be read, not even by deinit().
bool host_accepted = false;

/// Says in the resolver's log that `what` was thrown: the 1st, 2nd, 4th, 8th … time, since whatever
/// throws once may throw on each query.
void report_failure(const char *what) noexcept {
  static std::atomic<std::uint64_t> failures = 0;
  const std::uint64_t n = failures.fetch_add(1, std::memory_order_relaxed) + 1;
  if ((n & (n - 1)) != 0)
    return;
  std::array<char, 256> text = {};
  std::snprintf(text.data(), text.size(),
                "mxwarden: an internal error (%s), number %" PRIu64
                "; a query that it concerned was passed on",
                what, n);
  mxw_log_error(text.data());
}

/// Runs `work`, which is what one of the host's calls asks for. What it throws ends here; returns
/// false then.
template <class Work> bool guarded(Work &&work) noexcept {
  try {
    work();
    return true;
  } catch (const std::exception &e) {
    report_failure(e.what());
  } catch (...) {
    report_failure("of no known type");
  }
  return false;
}

/// Owns all that lives between init() and deinit().
class Module {
public:
  /// Does not fail for rules that cannot be loaded: the resolver has to go on without.
  Module(const std::filesystem::path &config, std::size_t workers)
      : loaded_(load(config)), housekeeper_(loaded_.settings.events_file, workers, mxw_log_error) {
    for (const Diagnostic &finding : loaded_.findings)
      log_lines(render(finding),
                finding.severity == Severity::error ? mxw_log_error : mxw_log_warning);
    if (policy() == nullptr) {
      log_lines("NOTHING IS ENFORCED: the rules of '" + config.string() +
                "' have errors; every query is passed on. Mend them, run 'mxwarden check', and "
                "reload the resolver");
      return;
    }
    mxw_log_info(("mxwarden: " + std::to_string(policy()->rules().size()) + " rules, " +
                  std::to_string(policy()->index().names().size()) + " protected names, " +
                  std::to_string(policy()->warning_hosts().size()) + " warning hosts from '" +
                  config.string() + "'")
                     .c_str());
  }

  [[nodiscard]] const Policy *policy() const noexcept { return loaded_.policy.get(); }

  [[nodiscard]] Housekeeper &housekeeper() noexcept { return housekeeper_; }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sizeof(*this) + (policy() == nullptr ? 0 : policy()->memory_bytes()) +
           housekeeper_.memory_bytes();
  }

private:
  static Loaded load(const std::filesystem::path &config) {
    try {
      return load_config(config, std::time(nullptr));
    } catch (const std::exception &e) {
      log_lines("cannot load '" + config.string() + "': " + e.what());
      return {};
    }
  }

  Loaded loaded_;
  Housekeeper housekeeper_;
};

/// One verdict, and what is needed to act on it.
struct Judged {
  Query query;
  Verdict verdict;
  Name alias_of; ///< set where the verdict is on an alias
};

/// True of the types that say where mail goes; the resolver's own look-ups of others are never
/// looked at.
bool is_about_mail(std::uint16_t type) noexcept {
  return type == qtype::kMx || type == qtype::kAny || type == qtype::kA || type == qtype::kAaaa;
}

/// Reads the question that `qstate` is about. Returns false if no rule can concern it.
bool read_concern(const Policy *policy, struct module_qstate *qstate, mxw_question &question) {
  mxw_read_question(qstate, &question);
  return policy != nullptr && (question.qclass == kClassIn || question.qclass == kClassAny) &&
         policy->concerns(question.qtype, std::span(question.qname, question.qname_bytes));
}

/// Makes `query` that of `client`, or of nobody.
void ask_for(struct module_qstate *qstate, const mxw_client *client, mxw_question &question,
             Query &query) {
  mxw_read_client(qstate, client, &question);
  query.type = question.qtype;
  query.now_s = question.time_us / 1'000'000;
  query.client.reset();
  // A client without an address (a Unix socket) is in no client set: "::" is nobody's.
  if (client != nullptr)
    query.client =
        ClientAddress::from_bytes(std::span(question.address, question.address_bytes))
            .value_or(ClientAddress());
}

/// Tells the housekeeping thread of a verdict that somebody may want to know of.
void report(Module &module, const Policy &policy, const mxw_question &question,
            const Judged &judged) noexcept {
  const Verdict &verdict = judged.verdict;
  if (verdict.reason != Reason::look_alike ||
      (verdict.decision == Action::pass && question.qtype != qtype::kMx))
    return;
  Event event;
  event.time_us = question.time_us;
  event.client = ClientAddress::from_bytes(std::span(question.address, question.address_bytes));
  event.qtype = question.qtype;
  event.decision = verdict.decision;
  event.technique = verdict.technique;
  event.mode = verdict.mode;
  event.edits = verdict.edits;
  policy.rules()[verdict.rule].id.copy(event.rule.data(), Event::kMaxRuleBytes);
  event.qname = judged.query.name;
  event.alias_of = judged.alias_of;
  event.protected_name = verdict.protected_name;
  module.housekeeper().push(question.worker, event);
}

/// Sends what `todo` says. Returns false if there is no memory for it.
bool send(struct module_qstate *qstate, int id, const Name &qname, const AnswerPlan &todo) {
  switch (todo.kind) {
  case AnswerPlan::Kind::pass:
    return true;
  case AnswerPlan::Kind::drop:
    mxw_answer_drop(qstate, id);
    return true;
  case AnswerPlan::Kind::error:
    mxw_answer_rcode(qstate, id, todo.rcode);
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
  return mxw_answer(qstate, id, todo.rcode, todo.answer == nullptr, &records) != 0;
}

/// Answers as an enforced verdict says, and sees to it that nobody else gets that answer.
void answer(struct module_qstate *qstate, int id, const Policy &policy, const Judged &judged) {
  mxw_do_not_cache(qstate, id);
  const AnswerPlan todo = plan(policy, judged.verdict, judged.query.type);
  if (todo.ede_code != 0) {
    std::array<char, kMaxEdeBytes + 1> text; // NOLINT(*-member-init): filled below
    const std::string_view written = ede_text(policy, judged.verdict, judged.alias_of,
                                              std::span(text).first<kMaxEdeBytes>());
    text[written.size()] = '\0';
    mxw_add_extended_error(qstate, id, todo.ede_code, text.data());
  }
  // Without memory for the policy's answer the sender must not get the real one.
  if (!send(qstate, id, judged.query.name, todo))
    mxw_answer_rcode(qstate, id, rcode::kServFail);
}

/// Decides about a new query and answers it or passes it on.
void judge(Module &module, struct module_qstate *qstate, int id) {
  const Policy *policy = module.policy();
  const mxw_client *client = mxw_first_client(qstate);
  mxw_question question;
  Judged judged;
  if (!read_concern(policy, qstate, question) ||
      (client == nullptr && !is_about_mail(question.qtype)) ||
      !judged.query.name.assign(std::span(question.qname, question.qname_bytes))) {
    mxw_pass_on(qstate, id);
    return;
  }
  ask_for(qstate, client, question, judged.query);
  judged.verdict = policy->decide(judged.query);
  mxw_kept *kept = mxw_keep(qstate, id);
  if (client != nullptr) {
    report(module, *policy, question, judged);
    if (judged.verdict.enforced()) {
      answer(qstate, id, *policy, judged);
      return;
    }
    // The host finds out what there is in any class by look-ups of its own in class IN, whose answers
    // it keeps: others would get them.
    if (judged.verdict.contested && question.qclass == kClassAny) {
      mxw_answer_rcode(qstate, id, rcode::kRefused);
      return;
    }
    if (policy->tells_clients_apart() &&
        (judged.verdict.contested || question.qtype == qtype::kMx || question.qtype == qtype::kAny))
      mxw_do_not_share(qstate);
  }
  if (kept == nullptr) {
    mxw_do_not_cache(qstate, id);
  } else {
    kept->contested = judged.verdict.contested;
    kept->settled = settles(judged.verdict);
    mxw_hold_store(qstate, kept);
    if (judged.verdict.contested)
      mxw_do_not_cache(qstate, id);
  }
  mxw_pass_on(qstate, id);
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

/// Decides about `judged.query` and all that its name is an alias of.
void judge_with_aliases(const Policy &policy, const Aliases &aliases, Judged &judged) noexcept {
  judged.verdict = policy.decide(judged.query);
  for (const mxw_name &target : aliases.targets()) {
    Name name;
    if (settles(judged.verdict) || !name.assign(std::span(target.octets, target.bytes)))
      return;
    const bool was_alias = judged.verdict.alias;
    const Verdict found = policy.follow_alias(judged.query, judged.verdict, name);
    if (found.alias && (!was_alias || found.enforced()))
      judged.alias_of = name;
    judged.verdict = found;
  }
}

/// Decides again when the resolver has an answer: its aliases are known now, there may be new
/// rules, and others may have asked the same meanwhile.
void judge_again(Module &module, struct module_qstate *qstate, int id) {
  const Policy *policy = module.policy();
  mxw_question question;
  Judged judged;
  const mxw_kept *kept = mxw_kept_of(qstate, id);
  if (!read_concern(policy, qstate, question) || (kept == nullptr && !is_about_mail(question.qtype))) {
    mxw_finish(qstate, id);
    return;
  }
  const Aliases aliases(qstate);
  if (kept != nullptr && !kept->contested && (aliases.empty() || kept->settled)) {
    mxw_store(qstate, kept);
    mxw_finish(qstate, id);
    return;
  }
  if (!judged.query.name.assign(std::span(question.qname, question.qname_bytes))) {
    mxw_finish(qstate, id);
    return;
  }
  if (aliases.too_many()) {
    mxw_do_not_cache(qstate, id);
    mxw_answer_rcode(qstate, id, rcode::kServFail);
    return;
  }
  const mxw_client *client = mxw_first_client(qstate);
  ask_for(qstate, client, question, judged.query);
  judge_with_aliases(*policy, aliases, judged);
  bool agreed = true;
  if (client != nullptr && judged.verdict.alias)
    report(module, *policy, question, judged);
  for (client = client == nullptr ? nullptr : mxw_next_client(client); client != nullptr;
       client = mxw_next_client(client)) {
    Judged other;
    other.query = judged.query;
    ask_for(qstate, client, question, other.query);
    judge_with_aliases(*policy, aliases, other);
    if (other.verdict.alias)
      report(module, *policy, question, other);
    agreed = agreed && other.verdict.enforced() == judged.verdict.enforced() &&
             other.verdict.decision == judged.verdict.decision;
  }
  if (judged.verdict.contested || !agreed) {
    mxw_do_not_cache(qstate, id);
    mxw_uncache(qstate);
  } else if (kept != nullptr) {
    mxw_store(qstate, kept);
  }
  mxw_finish(qstate, id);
  if (!judged.query.client)
    return; // whoever waits is the resolver itself
  if (!agreed || (judged.verdict.enforced() && mxw_has_supers(qstate)))
    // One look-up, and no one answer for all who wait for it: they ask again, each by himself.
    mxw_answer_drop(qstate, id);
  else if (judged.verdict.enforced())
    answer(qstate, id, *policy, judged);
}

Module &module_of(struct module_qstate *qstate, int id) noexcept {
  return *static_cast<Module *>(mxw_owner_of(qstate, id));
}

void operate(struct module_qstate *qstate, int event, int id) {
  switch (mxw_step_of(event)) {
  case MXW_STEP_START:
    judge(module_of(qstate, id), qstate, id);
    return;
  case MXW_STEP_DONE:
    judge_again(module_of(qstate, id), qstate, id);
    return;
  case MXW_STEP_OTHER:
    mxw_fail(qstate, id);
    return;
  }
}

/// Returns 1 if the host may go on.
int init(struct module_env *env, int id) {
  if (const auto mismatch = host_mismatch(running_build_id(), kHostBuildId, mxw_host_version)) {
    mxw_log_error(mismatch->c_str());
    return 0;
  }
  host_accepted = true;
  if (const char *other = mxw_misplaced(env))
    log_lines("module-config has '" + std::string(other) +
              "' before 'dynlib': it would answer for look-alikes from a store of its own, or judge "
              "our answers; put 'dynlib' before it");
  auto module = std::make_unique<Module>(default_config(), mxw_worker_count(env));
  if (mxw_register_callbacks(env, id) == 0) {
    mxw_unregister_callbacks(env, id);
    mxw_log_error("mxwarden: out of memory");
    return 0;
  }
  mxw_set_owner(env, id, module.release());
  return 1;
}

void deinit(struct module_env *env, int id) {
  if (!host_accepted)
    return;
  auto *module = static_cast<Module *>(mxw_owner(env, id));
  if (module == nullptr)
    return; // init() failed
  mxw_unregister_callbacks(env, id);
  mxw_set_owner(env, id, nullptr);
  delete module; // NOLINT(*-owning-memory): the host keeps our pointer
}

std::size_t memory_bytes(struct module_env *env, int id) {
  if (!host_accepted)
    return 0;
  const auto *module = static_cast<Module *>(mxw_owner(env, id));
  return module == nullptr ? 0 : module->memory_bytes();
}

} // namespace
} // namespace mxw

extern "C" {

// The host's names and signatures: util/module.h, struct module_func_block.
#define MXW_EXPORT [[gnu::visibility("default")]]

MXW_EXPORT int init(struct module_env *env, int id) noexcept {
  int may_go_on = 0;
  mxw::guarded([&] { may_go_on = mxw::init(env, id); });
  return may_go_on;
}

MXW_EXPORT void deinit(struct module_env *env, int id) noexcept {
  mxw::guarded([&] { mxw::deinit(env, id); });
}

MXW_EXPORT void operate(struct module_qstate *qstate, int event, int id,
                        void * /*outbound*/) noexcept {
  if (!mxw::guarded([&] { mxw::operate(qstate, event, id); }))
    mxw_pass_on(qstate, id);
}

// The module has no sub-queries, so none can come back.
MXW_EXPORT void inform_super(struct module_qstate * /*qstate*/, int /*id*/,
                             struct module_qstate * /*super*/) noexcept {}

MXW_EXPORT void clear(struct module_qstate *qstate, int id) noexcept {
  mxw_forget(qstate, id);
  mxw::guarded([&] { mxw::module_of(qstate, id).housekeeper().start_if_needed(); });
}

MXW_EXPORT size_t get_mem(struct module_env *env, int id) noexcept {
  size_t bytes = 0;
  mxw::guarded([&] { bytes = mxw::memory_bytes(env, id); });
  return bytes;
}
}
