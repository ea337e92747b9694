// The six functions that the host calls, and the object that owns everything else.
//
// Nothing thrown leaves this file: a query whose handling fails is passed on to the resolver,
// counted and logged at a bounded rate. Rules never fail init(), because the host would end: with
// bad rules everything is passed on, loudly.
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

Event event_of(const Policy &policy, const Query &query, const Verdict &verdict,
               std::int64_t time_us) noexcept {
  Event event;
  event.time_us = time_us;
  event.qtype = query.type;
  event.decision = verdict.decision;
  event.technique = verdict.technique;
  event.mode = verdict.mode;
  event.edits = verdict.edits;
  policy.rules()[verdict.rule].id.copy(event.rule.data(), Event::kMaxRuleBytes);
  event.qname = query.name;
  event.protected_name = verdict.protected_name;
  return event;
}

/// Sends what `todo` says. Returns false if there is no memory for it.
bool send(struct module_qstate *qstate, int id, const Query &query, const AnswerPlan &todo) {
  switch (todo.kind) {
  case AnswerPlan::Kind::pass:
    mxw_pass_on(qstate, id);
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
  const Name apex = query.name.ancestor(todo.soa_labels);
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

/// Decides about a new query and answers it or passes it on.
void judge(Module &module, struct module_qstate *qstate, int id) {
  mxw_question question;
  mxw_read_question(qstate, &question);
  const std::span qname(question.qname, question.qname_bytes);
  const Policy *policy = module.policy();
  if (policy == nullptr || (question.qclass != kClassIn && question.qclass != kClassAny) ||
      !policy->concerns(question.qtype, qname) || mxw_read_client(qstate, &question) == 0) {
    mxw_pass_on(qstate, id);
    return;
  }
  Query query;
  if (!query.name.assign(qname)) {
    mxw_pass_on(qstate, id); // not ours to judge
    return;
  }
  query.type = question.qtype;
  const auto client =
      ClientAddress::from_bytes(std::span(question.address, question.address_bytes));
  // A client without an address (a Unix socket) is in no client set: "::" is nobody's.
  query.client = client.value_or(ClientAddress());
  query.now_s = question.time_us / 1'000'000;
  const Verdict verdict = policy->decide(query);
  if (verdict.contested)
    mxw_do_not_cache(qstate);
  if (verdict.reason == Reason::look_alike &&
      (verdict.decision != Action::pass || question.qtype == qtype::kMx)) {
    Event event = event_of(*policy, query, verdict, question.time_us);
    event.client = client;
    module.housekeeper().push(question.worker, event);
  }
  const AnswerPlan todo = plan(*policy, verdict, query.type);
  if (todo.ede_code != 0) {
    std::array<char, kMaxEdeBytes + 1> text; // NOLINT(*-member-init): filled below
    const std::string_view written =
        ede_text(*policy, verdict, std::span(text).first<kMaxEdeBytes>());
    text[written.size()] = '\0';
    mxw_add_extended_error(qstate, id, todo.ede_code, text.data());
  }
  // The host finds out what there is in any class by look-ups of its own in class IN, whose answers
  // it keeps: others would get them.
  if (todo.kind == AnswerPlan::Kind::pass && verdict.contested && question.qclass == kClassAny)
    mxw_answer_rcode(qstate, id, rcode::kRefused);
  // Without memory for the policy's answer the sender must not get the real one.
  else if (!send(qstate, id, query, todo))
    mxw_answer_rcode(qstate, id, rcode::kServFail);
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
    mxw_finish(qstate, id);
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
  auto module = std::make_unique<Module>(default_config(), mxw_worker_count(env));
  if (mxw_register_servfail(env, id) == 0) {
    mxw_unregister_servfail(env, id);
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
  mxw_unregister_servfail(env, id);
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
