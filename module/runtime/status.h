// What the running module tells of itself, as one JSON object; `mxwarden status` and `stats` show
// it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/diagnostic.h"
#include "core/policy.h"
#include "runtime/decision_times.h"

namespace mxw {

/// What policies have counted: how often what was decided about look-alikes, by rule, action and
/// mode, and how many look-ups were cut short. The sum over all that were in force.
class DecisionCounts {
public:
  using Key = std::tuple<std::string, Action, Mode>;

  /// Adds what `policy` has counted, with a 0 for what a rule would do and has not done. Once for
  /// each policy, when nobody counts with it any more; for the one in force see with().
  void add(const Policy &policy);
  /// A copy to which that of `policy` is added, which may be null.
  [[nodiscard]] DecisionCounts with(const Policy *policy) const;
  [[nodiscard]] const std::map<Key, std::uint64_t> &all() const noexcept { return counts_; }
  [[nodiscard]] std::uint64_t look_ups_cut_short() const noexcept { return cut_short_; }

private:
  std::map<Key, std::uint64_t> counts_;
  std::uint64_t cut_short_ = 0;
};

/// A value, but for the policy, which must outlive it.
struct Status {
  /// Where the rules in force are from.
  enum class Source : std::uint8_t { none, files, last_good };

  std::string_view version;
  std::string_view host_version;
  std::filesystem::path config;
  std::int64_t started_s = 0;
  Source source = Source::none;
  std::uint64_t generation = 0;
  std::int64_t loaded_s = 0; ///< when the rules came into force
  std::size_t memory_bytes = 0;
  const Policy *policy = nullptr;
  std::int64_t failed_s = 0;        ///< when rules were refused, since those in force came; or 0
  std::vector<Diagnostic> findings; ///< of the rules that were read last
  std::uint64_t events_dropped = 0;
  DecisionCounts decisions;
  DecisionTimes::Sum times;
};

/// Returns `status` as it is at `now_s` on one line, with a newline. UTF-8.
std::string to_json(const Status &status, std::int64_t now_s);

} // namespace mxw
