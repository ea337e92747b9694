// One query while one of the host's calls lasts, as query.cpp and verify.cpp see it.
#pragma once

#include <cstddef>

#include "core/policy.h"
#include "unbound/module.h"
#include "unbound/shim.h"

namespace mxw {

/// One verdict, and what is needed to act on it.
struct Judged {
  Query query;
  Verdict verdict;
  Verified verified = Verified::no;
  Name alias_of; ///< set where the verdict is on an alias
};

/// One query and the rules that hold for it, while one of the host's calls lasts.
struct Call {
  Call(Module &m, struct module_qstate *q, int module_id) noexcept
      : module(m), qstate(q), id(module_id), worker(mxw_worker_of(q)), rules(m.rules(), worker) {
    mxw_read_question(qstate, &question);
  }

  /// Without it nothing is enforced.
  [[nodiscard]] const Policy *policy() const noexcept { return rules.policy(); }

  Module &module;
  struct module_qstate *qstate;
  int id;
  std::size_t worker;
  PolicySlot::Reader rules;
  mxw_question question; // NOLINT(*-member-init): read in the constructor
};

} // namespace mxw
