// The page that `mxwarden report` writes, of what was counted. All of it is in one string: no
// script, nothing that a browser would have to fetch, and nothing of the network's that could be
// markup.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/report_tally.h"

namespace mxw::cli {

/// An allow entry of the rules that has an end.
struct ExpiringEntry {
  std::vector<std::string> names; ///< the first
  std::size_t more_names = 0;
  std::string reason;
  std::string owner;
  std::int64_t last_day = 0; ///< since 1970, on which it holds
};

struct ReportPage {
  std::string title;
  ReportPeriod period;
  ReportFigures figures;
  std::uint64_t files = 0;
  std::uint64_t lines = 0;
  std::uint64_t unknown = 0;         ///< lines that are no events
  std::vector<std::string> failures; ///< what could not be read to its end
  /// Those that have expired or will within kSoonDays, the first first; nullopt: the rules are not
  /// known.
  std::optional<std::vector<ExpiringEntry>> expiring;
  std::size_t entries = 0; ///< how many allow entries there are
};

/// How many days ahead entries are told of that expire: more than a month, so that a monthly report
/// tells of each before it is over.
constexpr std::int64_t kSoonDays = 45;

/// Returns the page, in UTF-8.
std::string report_html(const ReportPage &page);

/// `text` in markup, as text or in an attribute: printable(), shortened in its middle where it has
/// more than `most_bytes`, and with what means something to a browser escaped.
std::string html(std::string_view text, std::size_t most_bytes = 100);

} // namespace mxw::cli
