#include "runtime/status.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

namespace mxw {
namespace {

using Json = nlohmann::ordered_json;

std::string_view to_string(Status::Source source) {
  switch (source) {
  case Status::Source::none:
    return "none";
  case Status::Source::files:
    return "files";
  case Status::Source::last_good:
    return "last-good";
  }
  return "none";
}

/// When allow entries end that have an end.
struct AllowExpiry {
  std::size_t expired = 0;
  std::optional<std::int64_t> next_s; ///< seconds since 1970
};

AllowExpiry allow_expiry(const Policy *policy, std::int64_t now_s) {
  AllowExpiry expiry;
  if (policy == nullptr)
    return expiry;
  for (const Allow &allow : policy->allows()) {
    if (!allow.expires_s)
      continue;
    if (*allow.expires_s <= now_s)
      ++expiry.expired;
    else
      expiry.next_s = std::min(expiry.next_s.value_or(INT64_MAX), *allow.expires_s);
  }
  return expiry;
}

/// The last bucket has no bound.
Json to_json(const DecisionTimes::Sum &times) {
  Json buckets = Json::array();
  for (std::size_t i = 0; i < times.buckets.size(); ++i) {
    buckets.push_back({{"count", times.buckets[i]}});
    if (i < DecisionTimes::kBoundsNs.size())
      buckets.back()["up_to_ns"] = DecisionTimes::kBoundsNs[i];
  }
  return {{"one_in", DecisionTimes::kOneIn}, {"sum_ns", times.timed_ns}, {"buckets", buckets}};
}

} // namespace

void DecisionCounts::add(const Policy &policy) {
  cut_short_ += policy.look_ups_cut_short();
  for (std::uint32_t i = 0; i < policy.rules().size(); ++i) {
    const Rule &rule = policy.rules()[i];
    counts_[{rule.id, rule.action, rule.mode}]; // the first of them must be seen to come
    for (std::size_t action = 0; action < kActions; ++action)
      for (std::size_t mode = 0; mode < kModes; ++mode) {
        const auto count = policy.count_of(i, static_cast<Action>(action), static_cast<Mode>(mode));
        if (count > 0)
          counts_[{rule.id, static_cast<Action>(action), static_cast<Mode>(mode)}] += count;
      }
  }
}

DecisionCounts DecisionCounts::with(const Policy *policy) const {
  DecisionCounts sum = *this;
  if (policy != nullptr)
    sum.add(*policy);
  return sum;
}

std::string to_json(const Status &status, std::int64_t now_s) {
  const Policy *policy = status.policy;
  const AllowExpiry allow = allow_expiry(policy, now_s);
  Json object = {{"version", status.version},
                 {"host_version", status.host_version},
                 {"config", status.config.string()},
                 {"started_s", status.started_s},
                 {"uptime_s", now_s - status.started_s},
                 {"source", to_string(status.source)},
                 {"generation", status.generation},
                 {"loaded_s", status.loaded_s},
                 {"age_s", now_s - status.loaded_s},
                 {"rules", policy == nullptr ? 0 : policy->rules().size()},
                 {"protected_names", policy == nullptr ? 0 : policy->index().names().size()},
                 {"memory_bytes", status.memory_bytes},
                 {"index_bytes", policy == nullptr ? 0 : policy->index().memory_bytes()},
                 {"allow_entries", policy == nullptr ? 0 : policy->allows().size()},
                 {"allow_expired", allow.expired},
                 {"names_checked", status.times.decisions},
                 {"decision_times", to_json(status.times)},
                 {"look_ups_cut_short", status.decisions.look_ups_cut_short()},
                 {"events_dropped", status.events_dropped},
                 {"refused", status.failed_s != 0},
                 {"findings", Json::array()},
                 {"decisions", Json::array()}};
  if (allow.next_s)
    object["allow_next_expiry_s"] = *allow.next_s;
  if (status.failed_s != 0)
    object["refused_age_s"] = now_s - status.failed_s;
  for (const Diagnostic &d : status.findings)
    object["findings"].push_back(
        {{"severity", to_string(d.severity)}, {"code", d.code}, {"text", render(d)}});
  for (const auto &[key, count] : status.decisions.all())
    object["decisions"].push_back({{"rule", std::get<0>(key)},
                                   {"action", to_string(std::get<1>(key))},
                                   {"mode", to_string(std::get<2>(key))},
                                   {"count", count}});
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

} // namespace mxw
