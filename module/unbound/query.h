// What is done with one query: judged when it comes, and again when the resolver has an answer.
#pragma once

#include "unbound/module.h"
#include "unbound/shim.h"

namespace mxw {

/// Decides about a new query and answers it or passes it on. For the worker that has it; does not
/// wait, does not allocate but from the query's region.
void begin_query(Module &module, struct module_qstate *qstate, int id);

/// Decides again when the resolver has an answer: its aliases are known now, there may be new
/// rules, and others may have asked the same meanwhile. Has the answer stored or kept from the
/// host's caches. As begin_query().
void end_query(Module &module, struct module_qstate *qstate, int id);

} // namespace mxw
