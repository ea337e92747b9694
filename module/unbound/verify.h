// Finds out by look-ups of the resolver whether a look-alike is one that matters, for rules that
// ask for it (`verify`).
#pragma once

#include "unbound/call.h"

namespace mxw {

/// Returns false if the query has to wait for a look-up; then operate() will be called again. Else
/// `judged.verdict` is what its rule says, or became a pass. `kept` may be null: then nothing can
/// be waited for. For the worker that has the query; allocates only what the host does for a
/// look-up.
bool verify(Call &call, mxw_kept *kept, Judged &judged);

/// Remembers the outcome of a look-up that verify() began.
void learn(Module &module, struct module_qstate *qstate);

} // namespace mxw
