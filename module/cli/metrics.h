// What Prometheus is told of the module: for `mxwarden exporter` and `mxwarden stats`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "cli/module_client.h"

namespace mxw::cli {

struct Metrics {
  std::vector<prometheus::MetricFamily> families;
  std::string failed; ///< why the module tells nothing; empty where it does
};

/// All that the module at `socket` tells; or that it does not, and nothing else. docs/metrics.md
/// has every family. Blocks on the socket, no longer than `patience`; thread-safe.
Metrics ask_for_metrics(const std::filesystem::path &socket, Patience patience);

} // namespace mxw::cli
