// What `mxwarden report` counts, in memory that no log can make grow: decides nothing, prints
// nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/event_line.h"
#include "cli/frequent.h"

namespace mxw::cli {

/// How many texts of a kind are counted one by one.
constexpr std::size_t kMaxCounted = 10'000;

/// Questions about mail (MX, ANY) for look-alikes.
struct Counts {
  std::uint64_t stopped = 0; ///< got another answer
  std::uint64_t logged = 0;  ///< were answered as always, and told of

  [[nodiscard]] std::uint64_t all() const noexcept { return stopped + logged; }
  Counts &operator+=(const Counts &other) noexcept {
    stopped += other.stopped;
    logged += other.logged;
    return *this;
  }
};

/// What is known of one name, client, rule or sender.
struct ReportRow {
  std::string text;
  std::string meant; ///< of a look-alike: the protected name
  Technique technique = Technique::none;
  Action action = Action::pass; ///< of a rule: what it would have answered, where it only logs
  Counts counts;
};

/// Those that came most often, the first first; and what is known of all the others.
struct Ranking {
  std::vector<ReportRow> rows;
  Counts others;
  std::uint64_t different = 0; ///< of all
  bool is_exact = true;        ///< `different` is
  std::uint64_t error = 0;     ///< how much a row's counts may be too low together, at most
};

struct ReportFigures {
  Counts total;
  std::uint64_t other_questions = 0; ///< of types that do not tell where mail goes
  std::optional<std::int64_t> first_s;
  std::optional<std::int64_t> last_s;
  std::map<std::int64_t, Counts> days; ///< by days since 1970
  std::uint64_t misdated = 0; ///< events of a time that cannot be, in everything but `days`
  std::uint64_t outside = 0;  ///< events before `since` or after `until`, in nothing else
  std::uint64_t dropped = 0;  ///< events that the resolver could not keep, as far as it told
  std::array<ReportRow, kTechniques> techniques;    ///< with an example
  std::array<std::uint64_t, kActions> answers = {}; ///< of what was stopped
  Ranking protected_names;
  Ranking look_alikes; ///< that were stopped
  Ranking observed;    ///< look-alikes that were logged only
  Ranking clients;
  Ranking observing_rules;
  std::array<std::uint64_t, kTold> told = {};
  Ranking senders; ///< domains whose people were refused, as often as `stopped` says
};

/// Which days are counted, both included; and when the report is made.
struct ReportPeriod {
  std::optional<std::int64_t> since_day; ///< since 1970
  std::optional<std::int64_t> until_day;
  std::int64_t now_s = 0;
};

/// One thread. Where everything differs the process has 25 MB, and 130 MB where all texts are as
/// long as they can be; a few octets more for each day from 2000 on.
class ReportTally {
public:
  explicit ReportTally(const ReportPeriod &period) : period_(period) {}

  void add(const LoggedEvent &event);
  /// What was counted so far, with `top` rows of each ranking at most.
  [[nodiscard]] ReportFigures figures(std::size_t top) const;

private:
  /// What came most often, and how many different ones came.
  struct Ranked {
    Frequent<ReportRow> often{kMaxCounted};
    Distinct distinct;
    Counts total;

    ReportRow &add(std::string_view text, const Counts &counts);
    [[nodiscard]] Ranking ranking(std::size_t top) const;
  };
  void add_decision(const LoggedEvent &event);

  ReportPeriod period_;
  ReportFigures figures_; // what needs no ranking
  Ranked protected_names_;
  Ranked look_alikes_;
  Ranked observed_;
  Ranked clients_;
  Ranked observing_rules_;
  Ranked senders_;
};

} // namespace mxw::cli
