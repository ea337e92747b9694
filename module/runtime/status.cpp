#include "runtime/status.h"

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

} // namespace

void DecisionCounts::add(const Policy &policy) {
  for (std::uint32_t rule = 0; rule < policy.rules().size(); ++rule)
    for (std::size_t action = 0; action < kActions; ++action)
      for (std::size_t mode = 0; mode < kModes; ++mode) {
        const auto count =
            policy.count_of(rule, static_cast<Action>(action), static_cast<Mode>(mode));
        if (count > 0)
          counts_[{policy.rules()[rule].id, static_cast<Action>(action),
                   static_cast<Mode>(mode)}] += count;
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
  Json object = {{"version", status.version},
                 {"host_version", status.host_version},
                 {"config", status.config.string()},
                 {"uptime_s", now_s - status.started_s},
                 {"source", to_string(status.source)},
                 {"generation", status.generation},
                 {"loaded_s", status.loaded_s},
                 {"age_s", now_s - status.loaded_s},
                 {"rules", policy == nullptr ? 0 : policy->rules().size()},
                 {"protected_names", policy == nullptr ? 0 : policy->index().names().size()},
                 {"memory_bytes", status.memory_bytes},
                 {"look_ups_cut_short", policy == nullptr ? 0 : policy->look_ups_cut_short()},
                 {"events_dropped", status.events_dropped},
                 {"refused", status.failed_s != 0},
                 {"findings", Json::array()},
                 {"decisions", Json::array()}};
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
