#include "cli/report_tally.h"

#include <algorithm>
#include <tuple>

namespace mxw::cli {
namespace {

constexpr std::int64_t kDayS = 86'400;
/// No event is older. A clock that was never set begins in 1970.
constexpr std::int64_t kFirstS = 946'684'800; // 2000-01-01

void add_up(std::uint64_t &sum, std::uint64_t more) noexcept {
  sum = more > UINT64_MAX - sum ? UINT64_MAX : sum + more;
}

bool comes_before(const ReportRow &a, const ReportRow &b) {
  return std::tuple(b.counts.all(), std::string_view(a.text), std::string_view(a.meant)) <
         std::tuple(a.counts.all(), std::string_view(b.text), std::string_view(b.meant));
}

} // namespace

ReportRow &ReportTally::Ranked::add(std::string_view text, const Counts &counts) {
  total += counts;
  distinct.add(text);
  ReportRow &row = often.add(text, [&] {
    ReportRow made;
    made.text = text;
    return made;
  });
  row.counts += counts;
  return row;
}

Ranking ReportTally::Ranked::ranking(std::size_t top) const {
  Ranking ranking{{}, total, distinct.count(), distinct.is_exact(), often.error()};
  std::vector<const ReportRow *> all;
  often.for_each([&](const ReportRow &row, std::uint64_t) { all.push_back(&row); });
  if (ranking.error == 0) { // all of them are kept
    ranking.different = all.size();
    ranking.is_exact = true;
  }
  const std::size_t shown = std::min(top, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), all.end(),
                    [](const ReportRow *a, const ReportRow *b) { return comes_before(*a, *b); });
  for (std::size_t i = 0; i < shown; ++i) {
    ranking.rows.push_back(*all[i]);
    ranking.others.stopped -= all[i]->counts.stopped;
    ranking.others.logged -= all[i]->counts.logged;
  }
  return ranking;
}

void ReportTally::add(const LoggedEvent &event) {
  const std::int64_t day = event.time_s / kDayS - (event.time_s % kDayS < 0 ? 1 : 0);
  if ((period_.since_day && day < *period_.since_day) ||
      (period_.until_day && day > *period_.until_day)) {
    ++figures_.outside;
    return;
  }
  const bool is_misdated = event.time_s < kFirstS || event.time_s > period_.now_s + kDayS;
  if (is_misdated) {
    ++figures_.misdated;
  } else {
    figures_.first_s = std::min(figures_.first_s.value_or(event.time_s), event.time_s);
    figures_.last_s = std::max(figures_.last_s.value_or(event.time_s), event.time_s);
  }
  switch (event.kind) {
  case EventKind::dropped:
    add_up(figures_.dropped, event.dropped);
    break;
  case EventKind::warning:
    ++figures_.told[static_cast<std::size_t>(event.told)];
    if (event.told != Told::passed && !event.sender_domain.empty())
      senders_.add(event.sender_domain, {1, 0});
    break;
  case EventKind::decision:
    if (!event.is_mail_question) {
      ++figures_.other_questions;
      break;
    }
    add_decision(event);
    if (!is_misdated) {
      Counts &counts = figures_.days[day];
      ++(event.is_stopped() ? counts.stopped : counts.logged);
    }
    break;
  }
}

void ReportTally::add_decision(const LoggedEvent &event) {
  const bool is_stopped = event.is_stopped();
  const Counts one = is_stopped ? Counts{1, 0} : Counts{0, 1};
  figures_.total += one;
  protected_names_.add(event.protected_name, one);
  if (!event.client.empty())
    clients_.add(event.client, one);
  ReportRow &name = (is_stopped ? look_alikes_ : observed_).add(event.look_alike, one);
  if (name.meant.empty()) {
    name.meant = event.protected_name;
    name.technique = event.technique;
  }
  ReportRow &technique = figures_.techniques[static_cast<std::size_t>(event.technique)];
  technique.counts += one;
  if (technique.text.empty()) {
    technique.text = event.look_alike;
    technique.meant = event.protected_name;
  }
  if (is_stopped)
    ++figures_.answers[static_cast<std::size_t>(event.action)];
  else
    observing_rules_.add(event.rule, one).action = event.action;
}

ReportFigures ReportTally::figures(std::size_t top) const {
  ReportFigures figures = figures_;
  figures.protected_names = protected_names_.ranking(top);
  figures.look_alikes = look_alikes_.ranking(top);
  figures.observed = observed_.ranking(top);
  figures.clients = clients_.ranking(top);
  figures.observing_rules = observing_rules_.ranking(top);
  figures.senders = senders_.ranking(top);
  // What came often makes a better example than what came first.
  std::array<bool, kTechniques> is_better = {};
  for (const Ranking *ranking : {&figures.look_alikes, &figures.observed})
    for (const ReportRow &row : ranking->rows) {
      const auto technique = static_cast<std::size_t>(row.technique);
      if (is_better[technique])
        continue;
      is_better[technique] = true;
      figures.techniques[technique].text = row.text;
      figures.techniques[technique].meant = row.meant;
    }
  for (std::size_t i = 0; i < kTechniques; ++i)
    figures.techniques[i].technique = static_cast<Technique>(i);
  return figures;
}

} // namespace mxw::cli
