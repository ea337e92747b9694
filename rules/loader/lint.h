// What rules that can be loaded may yet do other than their author believes: findings that need the
// whole policy, and more time than a resolver should take at a reload.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/name_list.h"
#include "loader/loader.h"

namespace mxw {

struct LintOptions {
  /// Names that many people write to, beside the exempt ones: what a rule stops of them is told.
  NameList popular;
  /// Tells whether a warning host has an address; empty: nobody is asked.
  std::function<bool(const Name &)> resolves;
};

/// True if a rule acts on `verdict`, or would if it were not in observe mode: the name is no
/// look-alike that rules only tell of.
bool would_act(const Policy &policy, const Verdict &verdict) noexcept;

/// Returns warnings and notes about `loaded`, which has a policy, by file, line and column. `now_s`
/// is seconds since 1970. A look-up takes a microsecond or so; there is one for each protected
/// name, for each popular one, and at most kMaxBelow for what stands below allow entries.
std::vector<Diagnostic> lint(const Loaded &loaded, const LintOptions &options, std::int64_t now_s);

} // namespace mxw
