// The resolver, started as it would be with the module, where it can harm nothing.
//
// It runs in namespaces of its own: a network that leads nowhere, so that all ports are free and
// nobody is asked; the file system as it is, but read-only, with the drop-in as it would be, an
// empty state directory in memory, and a copy in memory of what trust anchors are kept in. When it
// ends, for whatever reason, the kernel ends and forgets all of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "cli/ask.h"
#include "cli/host.h"
#include "core/policy.h"

namespace mxw::cli {

struct TrialPlan {
  HostOptions host;
  std::filesystem::path target; ///< the file that the drop-in is; it must be there
  std::string text;             ///< what it would have
  std::string modules;          ///< the module-config that must come of it
  std::filesystem::path config; ///< the main file of the rules, as the resolver sees it
  std::filesystem::path state;  ///< the state directory, as the resolver sees it
  std::filesystem::path chroot; ///< empty: none
  std::vector<std::filesystem::path>
      anchors;                         ///< trust anchors that the resolver writes, as we see them
  std::vector<std::string> interfaces; ///< names, not addresses, that it listens on
  const Policy *policy = nullptr;
  std::optional<Sample> sample;
  std::chrono::seconds limit{30}; ///< until it answers
};

struct TrialResult {
  enum class Outcome : std::uint8_t { passed, failed, cannot_run };
  Outcome outcome = Outcome::cannot_run;
  std::string text; ///< what was seen, or what was wrong and what helps; lines
};

/// Blocks for `limit` and a few seconds at most. Ends early, as `failed`, when somebody interrupts.
TrialResult try_out(const TrialPlan &plan);

/// What helps where the resolver's log, or unbound-checkconf, says `log`; empty where nothing is
/// known.
std::string remedy_for(std::string_view log);

} // namespace mxw::cli
