// What a report counts (report_tally, frequent) and the page of it (report_html).
#include "cli/report_html.h"

#include <map>
#include <random>

#include <catch2/catch.hpp>

using namespace mxw;
using namespace mxw::cli;

namespace {

constexpr std::int64_t kDayS = 86'400;
constexpr std::int64_t kDay = 19'800;                     // 2024-03-18, a Monday
constexpr std::int64_t kNow = (kDay + 400) * kDayS + 300; // 2025-04-22

LoggedEvent event(const std::string &look_alike, std::int64_t day = kDay,
                  Mode mode = Mode::enforce) {
  LoggedEvent made;
  made.time_s = day * kDayS + 60;
  made.action = Action::redirect;
  made.mode = mode;
  made.is_mail_question = true;
  made.look_alike = look_alike;
  made.protected_name = "army.mil";
  made.technique = Technique::tld_slip;
  made.client = "192.0.2.1";
  made.rule = "dod";
  return made;
}

ReportPeriod period() {
  ReportPeriod all;
  all.now_s = kNow;
  return all;
}

ReportPage page_of(const ReportTally &tally) {
  ReportPage page;
  page.title = "Title";
  page.period = period();
  page.figures = tally.figures(10);
  page.lines = 7;
  page.files = 1;
  return page;
}

bool has(const std::string &text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

struct Kept {
  std::string text;
  std::uint64_t count = 0;
};

} // namespace

TEST_CASE("frequent: counts are never too high, and too low by its bound at most", "[report]") {
  // A few heavy ones, a long tail, and the tail's order such as to push out what it can.
  const std::size_t capacity = GENERATE(1U, 2U, 7U, 100U, 1'000U);
  std::mt19937 random(4711); // NOLINT(cert-msc51-cpp): the same each time
  Frequent<Kept> often(capacity);
  std::map<std::string, std::uint64_t> truth;
  constexpr std::uint64_t kCalls = 50'000;
  for (std::uint64_t i = 0; i < kCalls; ++i) {
    const bool is_heavy = i % 3 == 0;
    const std::string text = is_heavy ? "heavy" + std::to_string(random() % 5)
                                      : "tail" + std::to_string(i % 2 == 0 ? i : random() % 3'000);
    ++truth[text];
    ++often.add(text, [&] { return Kept{text, 0}; }).count;
  }
  CHECK(often.error() <= kCalls / capacity);
  std::size_t kept = 0;
  std::map<std::string, std::uint64_t> found;
  often.for_each([&](const Kept &one, std::uint64_t error) {
    ++kept;
    found[one.text] = one.count;
    CHECK(one.count <= truth[one.text]);
    CHECK(truth[one.text] <= one.count + error);
    CHECK(error <= often.error());
  });
  CHECK(kept == capacity);
  CHECK(found.size() == kept);
  for (const auto &[text, count] : truth)
    if (found.count(text) == 0)
      CHECK(count <= often.error());
}

TEST_CASE("frequent: what fits is counted exactly", "[report]") {
  Frequent<Kept> often(3);
  for (const char *text : {"a", "b", "a", "c", "a", "b"})
    ++often.add(text, [&] { return Kept{text, 0}; }).count;
  std::map<std::string, std::uint64_t> found;
  often.for_each([&](const Kept &one, std::uint64_t error) {
    found[one.text] = one.count;
    CHECK(error == 0);
  });
  CHECK(found == std::map<std::string, std::uint64_t>{{"a", 3}, {"b", 2}, {"c", 1}});
  CHECK(often.error() == 0);
}

TEST_CASE("distinct: exact while there are few, near enough for many", "[report]") {
  const std::uint64_t different = GENERATE(0U, 1U, 4'095U, 4'096U, 20'000U, 300'000U);
  Distinct distinct;
  for (int again = 0; again < 2; ++again)
    for (std::uint64_t i = 0; i < different; ++i)
      distinct.add(std::to_string(i));
  CAPTURE(different);
  CHECK(distinct.is_exact() == (different < Distinct::kExact));
  if (distinct.is_exact())
    CHECK(distinct.count() == different);
  else // six times the standard deviation: once in 500 million
    CHECK(static_cast<double>(distinct.count()) == Approx(different).epsilon(0.094));
}

TEST_CASE("report: questions are counted by all that is told of them", "[report]") {
  ReportTally tally(period());
  tally.add(event("army.ml"));
  tally.add(event("army.ml", kDay + 1));
  tally.add(event("army.il"));
  tally.add(event("army.org", kDay, Mode::observe));
  LoggedEvent other = event("army.ml");
  other.is_mail_question = false;
  tally.add(other);
  LoggedEvent passed = event("army.mli");
  passed.action = Action::pass;
  tally.add(passed);
  const ReportFigures figures = tally.figures(1);
  CHECK(figures.total.stopped == 3);
  CHECK(figures.total.logged == 2);
  CHECK(figures.other_questions == 1);
  CHECK(figures.days.at(kDay).stopped == 2);
  CHECK(figures.days.at(kDay).logged == 2);
  CHECK(figures.days.at(kDay + 1).stopped == 1);
  REQUIRE(figures.look_alikes.rows.size() == 1);
  CHECK(figures.look_alikes.rows[0].text == "army.ml");
  CHECK(figures.look_alikes.rows[0].counts.stopped == 2);
  CHECK(figures.look_alikes.others.stopped == 1);
  CHECK(figures.look_alikes.different == 2);
  CHECK(figures.observed.different == 2);
  CHECK(figures.protected_names.rows[0].counts.all() == 5);
  CHECK(figures.clients.rows[0].counts.all() == 5);
  CHECK(figures.answers[static_cast<std::size_t>(Action::redirect)] == 3);
  const ReportRow &slip = figures.techniques[static_cast<std::size_t>(Technique::tld_slip)];
  CHECK(slip.counts.all() == 5);
  CHECK(slip.text == "army.ml");
}

TEST_CASE("report: times that cannot be are told of, those of other days left out", "[report]") {
  ReportPeriod march = period();
  march.since_day = kDay;
  march.until_day = kDay + 1;
  ReportTally limited(march);
  ReportTally all(period());
  for (const std::int64_t day : {kDay - 1, kDay, kDay + 1, kDay + 2, std::int64_t{-719'162},
                                 std::int64_t{2'932'896}, std::int64_t{0}}) {
    limited.add(event("army.ml", day));
    all.add(event("army.ml", day));
  }
  CHECK(limited.figures(1).total.stopped == 2);
  CHECK(limited.figures(1).outside == 5);
  CHECK(limited.figures(1).days.size() == 2);
  CHECK(all.figures(1).total.stopped == 7);
  CHECK(all.figures(1).misdated == 3);
  CHECK(all.figures(1).days.size() == 4);
  CHECK(*all.figures(1).first_s == (kDay - 1) * kDayS + 60);
}

TEST_CASE("report: ten times as many different texts as are kept add up all the same", "[report]") {
  ReportTally tally(period());
  constexpr std::size_t kEvents = 10 * kMaxCounted;
  for (std::size_t i = 0; i < kEvents; ++i) {
    LoggedEvent made = event('n' + std::to_string(i), kDay + static_cast<std::int64_t>(i % 300),
                             i % 4 == 0 ? Mode::observe : Mode::enforce);
    made.client = 'c' + std::to_string(i);
    made.rule = 'r' + std::to_string(i);
    made.protected_name = i % 5 == 0 ? "army.mil" : 'p' + std::to_string(i);
    tally.add(made);
  }
  const ReportFigures figures = tally.figures(20);
  for (const Ranking *ranking : {&figures.protected_names, &figures.look_alikes, &figures.observed,
                                 &figures.clients, &figures.observing_rules}) {
    Counts sum = ranking->others;
    for (const ReportRow &row : ranking->rows)
      sum += row.counts;
    CHECK(ranking->rows.size() == 20);
    CHECK(ranking->error > 0);
    CHECK(ranking->error <= sum.all() / kMaxCounted);
    CHECK_FALSE(ranking->is_exact);
  }
  CHECK(figures.protected_names.rows[0].text == "army.mil");
  CHECK(figures.protected_names.rows[0].counts.all() + figures.protected_names.error >=
        kEvents / 5);
  CHECK(has(report_html(page_of(tally)), "each row may lack up to"));
}

TEST_CASE("report: lost events add up to no less than there were", "[report]") {
  ReportTally tally(period());
  LoggedEvent lost;
  lost.kind = EventKind::dropped;
  lost.time_s = kDay * kDayS;
  lost.dropped = UINT64_MAX;
  tally.add(lost);
  tally.add(lost);
  CHECK(tally.figures(1).dropped == UINT64_MAX);
}

TEST_CASE("report: whatever text there is, it is no markup", "[report]") {
  CHECK(html("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;");
  CHECK(html(std::string("a\0\n\x1b\x7f", 5)) == "a????");
  CHECK(html("\xff\xe2\x80\xae"
             "ö") == "??ö");
  CHECK(html(std::string(101, 'a')) == std::string(50, 'a') + "…" + std::string(50, 'a'));
  CHECK(html(std::string(49, 'a') + "öö" + std::string(48, 'a') + "öö").size() <= 104);
  const std::string evil = "\"><script>alert(1)</script>\x1b'";
  ReportTally tally(period());
  for (const Mode mode : {Mode::enforce, Mode::observe}) {
    LoggedEvent made = event(evil, kDay, mode);
    made.client = made.rule = made.protected_name = evil;
    tally.add(made);
  }
  LoggedEvent warned;
  warned.kind = EventKind::warning;
  warned.time_s = kDay * kDayS;
  warned.told = Told::warned;
  warned.sender_domain = evil;
  tally.add(warned);
  ReportPage page = page_of(tally);
  page.title = evil;
  page.failures = {evil};
  page.expiring = {{{{evil}, 2, evil, evil, kDay}}};
  const std::string text = report_html(page);
  CHECK_FALSE(has(text, "<script"));
  CHECK_FALSE(has(text, "\x1b"));
  std::size_t shown = 0;
  for (auto at = text.find("alert(1)"); at != std::string::npos; at = text.find("alert(1)", at + 1))
    ++shown;
  CHECK(shown >= 12);
}

TEST_CASE("report: says what its figures lack", "[report]") {
  ReportTally tally(period());
  tally.add(event("army.ml"));
  tally.add(event("army.ml", 0));
  LoggedEvent lost;
  lost.kind = EventKind::dropped;
  lost.time_s = kDay * kDayS;
  lost.dropped = 3;
  tally.add(lost);
  ReportPage page = page_of(tally);
  page.unknown = 1'234;
  page.failures = {"cannot read 'x': it is cut off"};
  const std::string text = report_html(page);
  for (const char *part :
       {"3 events could not be kept", "1,234 lines", "1 event</b> has a time that cannot be",
        "cut off", "The rules could not be read", "18 March 2024, 00:01 UTC",
        "22 April 2025, 00:05 UTC", "<p>18 March 2024 (UTC)</p>"})
    CHECK(has(text, part));
  const std::string quiet = report_html(page_of(ReportTally(period())));
  CHECK(has(quiet, "<p>No events</p>"));
  CHECK(has(quiet, "there is no question for a look-alike"));
  CHECK_FALSE(has(quiet, "class=\"notices\""));
  CHECK_FALSE(has(quiet, "<svg"));
}

TEST_CASE("report: time is drawn in units that can be told apart", "[report]") {
  const auto [days, unit, bars] = GENERATE(table<int, std::string, std::string>({
      {1, "day", "1 bar from 18 March 2024 to 18 March 2024"},
      {62, "day", "62 bars from 18 March 2024 to 18 May 2024"},
      {63, "week", "9 bars from week of 18 March 2024 to week of 13 May 2024"},
      {400, "week", "58 bars"},
      {1'000, "month", "34 bars from March 2024 to December 2026"},
      {9'000, "year", "25 bars from 2024 to 2048"},
  }));
  ReportPeriod long_after;
  long_after.now_s = (kDay + days) * kDayS;
  ReportTally tally(long_after);
  tally.add(event("army.ml"));
  tally.add(event("army.ml", kDay + days - 1));
  ReportPage page = page_of(tally);
  page.period = long_after;
  const std::string text = report_html(page);
  CAPTURE(days);
  CHECK(has(text, "Questions by " + unit));
  CHECK(has(text, bars));
}

TEST_CASE("report: exceptions that end are told with who answers for them", "[report]") {
  ReportPage page = page_of(ReportTally(period()));
  page.entries = 9;
  page.expiring.emplace();
  CHECK(has(report_html(page), "Of 9 exceptions none has expired"));
  const std::int64_t today = kNow / kDayS;
  page.expiring = {{{{"gouv.ml"}, 0, "ticket 4711", "j6", today - 1},
                    {{"a.example", "b.example"}, 7, "fair", "", today},
                    {{"c.example"}, 0, "x", "y", today + 1},
                    {{"d.example"}, 0, "x", "y", today + 2}}};
  const std::string text = report_html(page);
  for (const char *part : {"expired", "ticket 4711", "j6", "a.example, b.example and 7 more",
                           "today", "nobody is named", "tomorrow", "in 2 days", "24 April 2025"})
    CHECK(has(text, part));
}
