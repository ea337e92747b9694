#include "cli/metrics.h"

#include <cstdint>
#include <limits>
#include <utility>

#include "cli/commands.h"
#include "core/diagnostic.h"

namespace mxw::cli {
namespace {

using nlohmann::ordered_json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

MetricFamily family(std::string name, MetricType type, std::string help) {
  return {std::move(name), std::move(help), type, {}};
}

/// Adds one number, of the type that the family has.
void add(MetricFamily &to, double value, Labels labels = {}) {
  ClientMetric &metric = to.metric.emplace_back();
  metric.label = std::move(labels);
  (to.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
}

MetricFamily single(std::string name, MetricType type, std::string help, double value) {
  MetricFamily made = family(std::move(name), type, std::move(help));
  add(made, value);
  return made;
}

MetricFamily up(bool answers) {
  return single("mxwarden_up", MetricType::Gauge, "1 if the module answers, else 0.",
                answers ? 1 : 0);
}

MetricFamily build_info(const ordered_json &status) {
  MetricFamily info = family("mxwarden_build_info", MetricType::Gauge,
                             "Always 1; the labels have the version of the module and of unbound.");
  add(info, 1, {{"version", status.at("version")}, {"host_version", status.at("host_version")}});
  return info;
}

MetricFamily decisions(const ordered_json &status) {
  MetricFamily all =
      family("mxwarden_decisions_total", MetricType::Counter,
             "Decisions about look-alikes, by action, rule and mode (enforce or observe).");
  for (const ordered_json &one : status.at("decisions"))
    add(all, one.at("count"),
        {{"action", one.at("action")}, {"rule", one.at("rule")}, {"mode", one.at("mode")}});
  return all;
}

MetricFamily source(const ordered_json &status) {
  MetricFamily states = family("mxwarden_policy_source", MetricType::Gauge,
                               "1 for where the rules in force are from, 0 for the others: files, "
                               "last-good (those of the files have errors), none.");
  const std::string now = status.at("source");
  for (const std::string state : {"files", "last-good", "none"})
    add(states, now == state ? 1 : 0, {{"source", state}});
  return states;
}

MetricFamily findings(const ordered_json &status) {
  MetricFamily all = family("mxwarden_policy_findings", MetricType::Gauge,
                            "Findings in the rules that were read last, by severity.");
  for (const Severity severity : {Severity::error, Severity::warning, Severity::note}) {
    std::uint64_t count = 0;
    for (const ordered_json &finding : status.at("findings"))
      count += finding.at("severity") == to_string(severity) ? 1 : 0;
    add(all, static_cast<double>(count), {{"severity", std::string(to_string(severity))}});
  }
  return all;
}

MetricFamily decision_times(const ordered_json &status) {
  constexpr double kNsPerSecond = 1e9;
  const ordered_json &times = status.at("decision_times");
  MetricFamily all = family("mxwarden_decision_duration_seconds", MetricType::Histogram,
                            "How long it took to decide about a name, without what is looked up; "
                            "one decision in " +
                                std::to_string(times.at("one_in").get<std::uint64_t>()) +
                                " of each worker is timed.");
  ClientMetric::Histogram &histogram = all.metric.emplace_back().histogram;
  for (const ordered_json &bucket : times.at("buckets")) {
    histogram.sample_count += bucket.at("count").get<std::uint64_t>();
    const bool is_last = !bucket.contains("up_to_ns");
    histogram.bucket.push_back(
        {histogram.sample_count, is_last ? std::numeric_limits<double>::infinity()
                                         : bucket.at("up_to_ns").get<double>() / kNsPerSecond});
  }
  histogram.sample_sum = times.at("sum_ns").get<double>() / kNsPerSecond;
  return all;
}

/// Throws where `status` is none.
std::vector<MetricFamily> families_of(const ordered_json &status) {
  const auto gauge = [&](const char *name, const char *help, const char *key) {
    return single(name, MetricType::Gauge, help, status.at(key));
  };
  const auto counter = [&](const char *name, const char *help, const char *key) {
    return single(name, MetricType::Counter, help, status.at(key));
  };
  std::vector<MetricFamily> all = {
      up(true),
      build_info(status),
      gauge("mxwarden_start_time_seconds", "When the module started, in seconds since 1970.",
            "started_s"),
      decisions(status),
      counter("mxwarden_names_checked_total",
              "Names that were checked against the rules; few are look-alikes.", "names_checked"),
      decision_times(status),
      counter("mxwarden_candidate_cap_hits_total",
              "Look-ups with more candidates than are compared, of which the rest was left out.",
              "look_ups_cut_short"),
      counter("mxwarden_events_dropped_total", "Events that were lost: no room, or not written.",
              "events_dropped"),
      gauge("mxwarden_policy_generation",
            "How many rule sets have been in force since the start, with the present one.",
            "generation"),
      gauge("mxwarden_policy_age_seconds", "For how long the rules have been in force.", "age_s"),
      single("mxwarden_policy_stale", MetricType::Gauge,
             "1 while the rules in force are not those of the files, else 0.",
             is_as_written(status) ? 0 : 1),
      source(status),
      findings(status),
      gauge("mxwarden_policy_rules", "Rules in force.", "rules"),
      gauge("mxwarden_policy_protected_names", "Protected names in force.", "protected_names"),
      gauge("mxwarden_allow_entries", "Allow entries in force, with those that have expired.",
            "allow_entries"),
      gauge("mxwarden_allow_entries_expired",
            "Allow entries that have expired: they allow nothing.", "allow_expired"),
      gauge("mxwarden_index_bytes", "Memory of the index of protected names.", "index_bytes"),
      gauge("mxwarden_memory_bytes", "Memory of the module, with the index.", "memory_bytes")};
  if (status.contains("allow_next_expiry_s"))
    all.push_back(gauge("mxwarden_allow_next_expiry_timestamp_seconds",
                        "When the next allow entry expires, in seconds since 1970; missing where "
                        "none will.",
                        "allow_next_expiry_s"));
  return all;
}

} // namespace

Metrics ask_for_metrics(const std::filesystem::path &socket, Patience patience) {
  Metrics metrics;
  try {
    if (const auto status = ask_module(socket, "status", patience))
      metrics.families = families_of(*status);
    else
      metrics.failed = status.error();
  } catch (const nlohmann::json::exception &e) {
    metrics.failed = "the module at '" + printable(socket.string()) +
                     "' tells something else than is expected (" + printable(e.what()) +
                     "); it may be of another version: restart the resolver";
  }
  if (!metrics.failed.empty())
    metrics.families = {up(false)};
  return metrics;
}

} // namespace mxw::cli
