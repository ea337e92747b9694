#include "cli/report_html.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

#include "core/diagnostic.h"
#include "report_css.h"

namespace mxw::cli {
namespace {

constexpr std::int64_t kDayS = 86'400;
constexpr std::size_t kMostWords = 1'000;  // octets of what people wrote, rather than the network
constexpr std::int64_t kFirstDay = 10'957; // 2000-01-01; the tally has none before

/// What each technique is, for people who do not know the DNS.
constexpr std::array<std::string_view, kTechniques> kPlainWords = {
    "Another likeness",
    "A letter left out",
    "A letter typed twice",
    "Two neighbouring letters swapped",
    "One letter for another",
    "A letter too many",
    "A letter too many at the end",
    "One vowel for another",
    "A letter that differs by a single bit",
    "Characters that look the same, such as 1 and l",
    "A hyphen too many, too few, or for a dot",
    "A plural s",
    "A double letter for another",
    "Letters of another script that look the same",
    "Two letters wrong",
    "The ending mistyped",
    "A letter wrong, and the ending too",
    "A dot left out",
    "A dot too many",
    "Another ending that exists",
    "Another ending of the same country",
    "One more ending behind the name",
    "The name and other words, joined by hyphens",
    "Digits before or behind the name",
    "A name under an ending that mirrors ours",
    "Known to be a look-alike, and listed",
};

constexpr std::array<std::string_view, kActions> kAnswers = {
    "The usual answer",
    "Our warning server, which tells the sender at once",
    "That the name takes no mail",
    "That the name does not exist",
    "That the name has nothing of the kind",
    "A refusal to answer",
    "A failure",
    "No answer",
    "The address of our warning server",
};

std::string number(std::uint64_t n) {
  std::string text = std::to_string(n);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string count_of(std::uint64_t n, std::string_view what) {
  return number(n) + ' ' + std::string(what) + (n == 1 ? "" : "s");
}

/// "14", or "some 15,000" where it is an estimate.
std::string different(const Ranking &ranking) {
  return (ranking.is_exact ? "" : "some ") + number(ranking.different);
}

std::chrono::year_month_day date_of(std::int64_t day) {
  return std::chrono::sys_days(std::chrono::days(day));
}

std::string_view month_name(std::chrono::year_month_day date) {
  constexpr std::array<std::string_view, 12> names = {
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  return names[static_cast<unsigned>(date.month()) - 1];
}

std::string year_of(std::int64_t day) {
  return std::to_string(static_cast<int>(date_of(day).year()));
}
/// "1 March 2024"
std::string day_text(std::int64_t day) {
  const auto date = date_of(day);
  return std::to_string(static_cast<unsigned>(date.day())) + ' ' + std::string(month_name(date)) +
         ' ' + year_of(day);
}
std::string short_month(std::int64_t day) {
  return std::string(month_name(date_of(day)).substr(0, 3));
}

std::string time_text(std::int64_t time_s) {
  std::array<char, 16> clock = {};
  const std::int64_t minutes = time_s % kDayS / 60;
  std::snprintf(clock.data(), clock.size(), ", %02d:%02d UTC", static_cast<int>(minutes / 60),
                static_cast<int>(minutes % 60));
  return day_text(time_s / kDayS) + clock.data();
}

std::string percent(double share) {
  std::array<char, 32> text = {};
  std::snprintf(text.data(), text.size(), "%.2f%%", share * 100);
  return text.data();
}

// --- time ---

enum class Unit : std::uint8_t { day, week, month, year };

std::string_view unit_name(Unit unit) noexcept {
  switch (unit) {
  case Unit::day:
    return "day";
  case Unit::week:
    return "week";
  case Unit::month:
    return "month";
  case Unit::year:
    return "year";
  }
  return "day";
}

/// The first day of the unit that `day` is in; weeks begin on Monday.
std::int64_t begin_of(Unit unit, std::int64_t day) {
  using namespace std::chrono;
  const auto date = date_of(day);
  switch (unit) {
  case Unit::day:
    return day;
  case Unit::week:
    return day - (day + 3) % 7; // 1970-01-01 was a Thursday
  case Unit::month:
    return sys_days(date.year() / date.month() / 1).time_since_epoch().count();
  case Unit::year:
    return sys_days(date.year() / January / 1).time_since_epoch().count();
  }
  return day;
}

std::int64_t next(Unit unit, std::int64_t begin) {
  constexpr std::array<std::int64_t, 4> longest = {1, 7, 31, 366};
  return begin_of(unit, begin + longest[static_cast<std::size_t>(unit)]);
}

struct Bar {
  std::int64_t begin; ///< its first day
  std::string label;  ///< on the axis; may be empty
  Counts counts;
};

/// "week of 4 March 2024"
std::string bar_name(Unit unit, std::int64_t begin) {
  switch (unit) {
  case Unit::day:
    return day_text(begin);
  case Unit::week:
    return "week of " + day_text(begin);
  case Unit::month:
    return std::string(month_name(date_of(begin))) + ' ' + year_of(begin);
  case Unit::year:
    break;
  }
  return year_of(begin);
}

struct Chart {
  Unit unit = Unit::day;
  std::vector<Bar> bars;
};

Chart chart_of(const ReportFigures &figures, const ReportPeriod &period) {
  Chart chart;
  if (figures.days.empty())
    return chart;
  // Of a period that was asked for the quiet days are shown too.
  const std::int64_t today = period.now_s / kDayS;
  std::int64_t first = figures.days.begin()->first;
  std::int64_t last = figures.days.rbegin()->first;
  if (period.since_day)
    first = std::min(first, std::max(*period.since_day, kFirstDay));
  if (period.until_day)
    last = std::max(last, std::min(*period.until_day, today));
  constexpr std::int64_t kMostBars = 62;
  const std::int64_t days = last - first + 1;
  chart.unit = days <= kMostBars        ? Unit::day
               : days <= kMostBars * 7  ? Unit::week
               : days <= kMostBars * 30 ? Unit::month
                                        : Unit::year;
  const Unit unit = chart.unit;
  for (std::int64_t begin = begin_of(unit, first); begin <= last; begin = next(unit, begin))
    chart.bars.push_back({begin, {}, {}});
  std::size_t at = 0;
  for (const auto &[day, counts] : figures.days) {
    while (at + 1 < chart.bars.size() && chart.bars[at + 1].begin <= day)
      ++at;
    chart.bars[at].counts += counts;
  }
  std::string year;
  for (Bar &bar : chart.bars) {
    const bool begins_month = static_cast<unsigned>(date_of(bar.begin).day()) <= 7;
    if (unit == Unit::day)
      bar.label = std::to_string(static_cast<unsigned>(date_of(bar.begin).day())) + ' ' +
                  short_month(bar.begin);
    else if (unit == Unit::year)
      bar.label = year_of(bar.begin);
    else if (unit == Unit::month || begins_month)
      bar.label = short_month(bar.begin);
    if (unit != Unit::year && !bar.label.empty() && year_of(bar.begin) != year) {
      year = year_of(bar.begin);
      bar.label += unit == Unit::day ? "" : ' ' + year;
    }
  }
  return chart;
}

/// The least of 1, 2, 5, 10, 20 … that needs no more than four steps to `most`.
std::uint64_t step_to(std::uint64_t most) {
  for (std::uint64_t power = 1;; power *= 10)
    for (const std::uint64_t digit : {1U, 2U, 5U})
      if (digit * power * 4 >= most || power >= 1'000'000'000'000'000'000U)
        return digit * power;
}

// --- the page ---

class Page {
public:
  explicit Page(const ReportPage &page) : page_(page), figures_(page.figures) {}

  std::string write() {
    head();
    notices();
    summary();
    if (figures_.total.all() > 0) {
      over_time();
      protected_names();
      techniques();
      look_alikes();
      clients();
      answers();
      observed();
    }
    warnings();
    exceptions();
    about();
    return std::move(out_);
  }

private:
  template <class... Parts> void put(const Parts &...parts) { ((out_ += parts), ...); }

  void head() {
    put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n"
        "<meta name=\"generator\" content=\"mxwarden " MXW_VERSION "\">\n<title>",
        html(page_.title), "</title>\n<style>\n", kReportCss, "</style>\n</head>\n<body>\n");
    put("<header>\n<p>", period_text(), "</p>\n<h1>", html(page_.title),
        "</h1>\n</header>\n<main>\n");
  }

  [[nodiscard]] std::string period_text() const {
    const bool has_events = figures_.first_s.has_value();
    const bool has_begin = has_events || page_.period.since_day;
    const bool has_end = has_events || page_.period.until_day;
    const std::int64_t first =
        page_.period.since_day.value_or(figures_.first_s.value_or(0) / kDayS);
    const std::int64_t last = page_.period.until_day.value_or(figures_.last_s.value_or(0) / kDayS);
    if (!has_begin || !has_end)
      return has_begin ? "From " + day_text(first) + " on (UTC)"
             : has_end ? "Until " + day_text(last) + " (UTC)"
                       : "No events";
    if (first == last)
      return day_text(first) + " (UTC)";
    std::string begin = day_text(first);
    if (year_of(first) == year_of(last))
      begin.erase(begin.rfind(' '));
    return begin + " to " + day_text(last) + " (UTC)";
  }

  /// What makes the figures less than they seem.
  void notices() {
    std::vector<std::string> all;
    for (const std::string &failure : page_.failures)
      all.push_back("<b>Not everything could be read:</b> " + html(failure, kMostWords) + '.');
    if (figures_.dropped > 0)
      all.push_back("<b>" + count_of(figures_.dropped, "event") +
                    " could not be kept</b> by a busy resolver, so that the figures are too low by "
                    "up to that many.");
    if (page_.unknown > 0)
      all.push_back("<b>" + count_of(page_.unknown, "line") + "</b> of " + number(page_.lines) +
                    (page_.unknown == 1 ? " was no event, and is" : " were no events, and are") +
                    " left out.");
    if (figures_.misdated > 0)
      all.push_back(
          "<b>" + count_of(figures_.misdated, "event") + "</b> " +
          (figures_.misdated == 1 ? "has a time" : "have times") +
          " that cannot be, before 2000 or after today: a clock was wrong. They are in all "
          "figures but those over time.");
    if (all.empty())
      return;
    put("<ul class=\"notices\">\n");
    for (const std::string &notice : all)
      put("<li>", notice, "</li>\n");
    put("</ul>\n");
  }

  void summary() {
    const Counts &total = figures_.total;
    put("<p class=\"lead\">");
    if (total.all() == 0)
      put("In this log there is no question for a look-alike’s mail servers.");
    else if (total.stopped == 0)
      put("Nothing was stopped: the rules only observe.");
    else
      put("Before mail is sent, a mail server asks where to send it. ",
          total.stopped == 1 ? "One such question" : number(total.stopped) + " such questions",
          " asked for a name that looks like a protected one, and ",
          total.stopped == 1 ? "was" : "were", " stopped.");
    put("</p>\n<dl class=\"key\">\n");
    figure("stopped", number(total.stopped), "questions for look-alikes stopped");
    figure("logged", number(total.logged), "more only logged");
    figure("", different(figures_.protected_names),
           figures_.protected_names.different == 1 ? "protected name concerned"
                                                   : "protected names concerned");
    put("</dl>\n");
  }

  void figure(std::string_view kind, const std::string &value, std::string_view what) {
    put("<div><dt>", what, "</dt><dd class=\"big ", kind, "\">", value, "</dd></div>\n");
  }

  void begin_section(std::string_view id, std::string_view title) {
    put("<section aria-labelledby=\"", id, "\">\n<h2 id=\"", id, "\">", title, "</h2>\n");
  }
  void end_section() { put("</section>\n"); }

  void legend() {
    put("<p class=\"legend\"><span class=\"stopped\"><i></i><b>stopped</b></span>");
    if (figures_.total.logged > 0)
      put("<span class=\"logged\"><i></i><b>only logged</b></span>");
    put("</p>\n");
  }

  void over_time() {
    const Chart chart = chart_of(figures_, page_.period);
    if (chart.bars.empty())
      return;
    const std::string unit(unit_name(chart.unit));
    begin_section("time", "Over time");
    const auto most = std::max_element(chart.bars.begin(), chart.bars.end(), [](auto &a, auto &b) {
      return a.counts.all() < b.counts.all();
    });
    const std::string busiest = "Questions by " + unit + ". The most were in the " +
                                (chart.unit == Unit::week ? "" : unit + " of ") +
                                bar_name(chart.unit, most->begin) + ": " +
                                number(most->counts.all()) + '.';
    put("<p class=\"soft\">",
        chart.unit == Unit::day ? "Questions by day. The most were on " + day_text(most->begin) +
                                      ": " + number(most->counts.all()) + '.'
        : chart.unit == Unit::week
            ? busiest + " Weeks begin on Monday; the first and the last may not be whole."
            : busiest,
        "</p>\n");
    legend();
    draw(chart, most->counts.all());
    put("<details><summary>The figures by ", unit, "</summary>\n<table>\n<caption>Questions by ",
        unit, " (UTC)</caption>\n<thead><tr><th scope=\"col\">", unit,
        "</th><th scope=\"col\" class=\"n\">stopped</th><th scope=\"col\" class=\"n\">only "
        "logged</th></tr></thead>\n<tbody>\n");
    for (const Bar &bar : chart.bars)
      put("<tr><th scope=\"row\">", bar_name(chart.unit, bar.begin), "</th><td class=\"n\">",
          number(bar.counts.stopped), "</td><td class=\"n\">", number(bar.counts.logged),
          "</td></tr>\n");
    put("</tbody>\n</table>\n</details>\n");
    end_section();
  }

  void draw(const Chart &chart, std::uint64_t most) {
    constexpr double kHeight = 220;
    const std::uint64_t step = step_to(most);
    const std::uint64_t top = (most + step - 1) / step * step;
    const auto height = [&](std::uint64_t n) {
      return kHeight * static_cast<double>(n) / static_cast<double>(top);
    };
    const auto pixels = [](double value) {
      std::array<char, 32> text = {};
      std::snprintf(text.data(), text.size(), "%.1f", value);
      return std::string(text.data());
    };
    const std::string unit(unit_name(chart.unit));
    put("<div class=\"chart\"><svg role=\"img\" aria-labelledby=\"chart-title chart-desc\" "
        "height=\"",
        pixels(kHeight), "\">\n<title id=\"chart-title\">Questions for look-alikes by ", unit,
        "</title>\n<desc id=\"chart-desc\">", count_of(chart.bars.size(), "bar"), " from ",
        bar_name(chart.unit, chart.bars.front().begin), " to ",
        bar_name(chart.unit, chart.bars.back().begin), "; the highest is ", number(most),
        ". The table below has the figures.</desc>\n");
    for (std::uint64_t n = 0; n <= top; n += step) {
      const std::string y = pixels(kHeight - height(n));
      put("<line class=\"", n == 0 ? "base" : "grid", "\" x1=\"0\" x2=\"100%\" y1=\"", y,
          "\" y2=\"", y, "\"/><text x=\"-8\" y=\"", pixels(kHeight - height(n) + 4),
          "\" text-anchor=\"end\">", axis_text(n), "</text>\n");
    }
    const auto bars = static_cast<double>(chart.bars.size());
    const auto labels = static_cast<std::size_t>(std::count_if(
        chart.bars.begin(), chart.bars.end(), [](const Bar &bar) { return !bar.label.empty(); }));
    const std::size_t every = (labels + 12) / 13;
    std::size_t label = 0;
    for (std::size_t i = 0; i < chart.bars.size(); ++i) {
      const Bar &bar = chart.bars[i];
      const double left = static_cast<double>(i) / bars;
      const double width = std::min(0.8 / bars, 0.08);
      const std::string x = percent(left + (1 / bars - width) / 2);
      const double stopped = height(bar.counts.stopped);
      const double logged = height(bar.counts.logged);
      if (bar.counts.all() > 0)
        put("<g><title>", bar_name(chart.unit, bar.begin), ": ", number(bar.counts.stopped),
            " stopped, ", number(bar.counts.logged), " only logged</title>");
      if (bar.counts.stopped > 0)
        put("<rect class=\"s\" x=\"", x, "\" width=\"", percent(width), "\" y=\"",
            pixels(kHeight - stopped), "\" height=\"", pixels(stopped), "\"/>");
      if (bar.counts.logged > 0)
        put("<rect class=\"l\" x=\"", x, "\" width=\"", percent(width), "\" y=\"",
            pixels(kHeight - stopped - logged), "\" height=\"", pixels(logged), "\"/>");
      if (bar.counts.all() > 0)
        put("</g>\n");
      if (bar.label.empty())
        continue;
      if (label % every == 0)
        put("<text", label / every % 3 == 0 ? "" : " class=\"m\"", " x=\"",
            percent(left + 0.5 / bars), "\" y=\"", pixels(kHeight + 18),
            "\" text-anchor=\"middle\">", bar.label, "</text>\n");
      ++label;
    }
    put("</svg></div>\n");
  }

  /// Whole thousands and millions are short, so that the axis is narrow.
  static std::string axis_text(std::uint64_t n) {
    constexpr std::uint64_t kMillion = 1'000'000;
    if (n >= kMillion && n % (kMillion / 10) == 0) {
      const std::string tenths =
          n % kMillion == 0 ? "" : '.' + std::to_string(n / (kMillion / 10) % 10);
      return number(n / kMillion) + tenths + " m";
    }
    return number(n);
  }

  struct TableRow {
    std::string label; ///< markup
    std::string sub;   ///< markup, may be empty
    Counts counts;
  };

  /// A table of what came most often, with bars. `others` is what the last row says they are;
  /// empty: no such row.
  void table(std::string_view caption, std::string_view what, const std::vector<TableRow> &rows,
             const std::string &others = {}, const Counts &counts_of_others = {},
             bool is_wordy = false) {
    Counts sum = counts_of_others;
    std::uint64_t most = 1;
    for (const TableRow &row : rows) {
      sum += row.counts;
      most = std::max(most, row.counts.all());
    }
    const bool has_both = sum.stopped > 0 && sum.logged > 0;
    put(is_wordy ? "<table class=\"wordy\">" : "<table>", "\n<caption>", caption,
        "</caption>\n<thead><tr><th scope=\"col\">", what, "</th><td class=\"bar\"></td>");
    if (has_both)
      put("<th scope=\"col\" class=\"n\">stopped</th><th scope=\"col\" class=\"n\">only "
          "logged</th>");
    else
      put("<th scope=\"col\" class=\"n\">", sum.stopped > 0 ? "stopped" : "only logged", "</th>");
    put("</tr></thead>\n<tbody>\n");
    const auto numbers = [&](const Counts &counts) {
      if (has_both)
        put("<td class=\"n\">", number(counts.stopped), "</td><td class=\"n\">",
            number(counts.logged), "</td></tr>\n");
      else
        put("<td class=\"n\">", number(counts.all()), "</td></tr>\n");
    };
    for (const TableRow &row : rows) {
      const double scale = static_cast<double>(most);
      const double stopped = static_cast<double>(row.counts.stopped) / scale;
      put("<tr><th scope=\"row\">", row.label);
      if (!row.sub.empty())
        put("<span class=\"sub\">", row.sub, "</span>");
      put("</th><td class=\"bar\"><svg aria-hidden=\"true\" height=\"10\"><rect class=\"s\" "
          "width=\"",
          percent(stopped), "\" height=\"10\"/><rect class=\"l\" x=\"", percent(stopped),
          "\" width=\"", percent(static_cast<double>(row.counts.logged) / scale),
          "\" height=\"10\"/></svg></td>");
      numbers(row.counts);
    }
    if (!others.empty() && counts_of_others.all() > 0) {
      put("<tr class=\"others\"><th scope=\"row\">", others, "</th><td class=\"bar\"></td>");
      numbers(counts_of_others);
    }
    put("</tbody>\n</table>\n");
  }

  /// "234 others", "all others" where it is not known how many they are.
  static std::string others_of(const Ranking &ranking) {
    if (!ranking.is_exact || ranking.different <= ranking.rows.size())
      return "All others";
    return count_of(ranking.different - ranking.rows.size(), "other");
  }

  void ranked(std::string_view caption, std::string_view what, const Ranking &ranking,
              bool is_look_alike = false) {
    std::vector<TableRow> rows;
    rows.reserve(ranking.rows.size());
    for (const ReportRow &row : ranking.rows)
      rows.push_back({html(row.text.empty() ? "(none)" : row.text),
                      is_look_alike
                          ? "for " + html(row.meant) + " · " + std::string(to_string(row.technique))
                          : "",
                      row.counts});
    table(caption, what, rows, others_of(ranking), ranking.others);
    lack(ranking);
  }

  void lack(const Ranking &ranking) {
    if (ranking.error > 0)
      put("<p><small>There were more different ones than are counted one by one (",
          number(kMaxCounted), "): each row may lack up to ", number(ranking.error),
          ".</small></p>\n");
  }

  void protected_names() {
    begin_section("protected", "What was meant");
    ranked("Questions by the protected name that the look-alike resembles.", "protected name",
           figures_.protected_names);
    end_section();
  }

  void techniques() {
    begin_section("techniques", "How the names were mistaken");
    std::vector<const ReportRow *> seen;
    for (const ReportRow &row : figures_.techniques)
      if (row.counts.all() > 0)
        seen.push_back(&row);
    std::stable_sort(seen.begin(), seen.end(), [](const ReportRow *a, const ReportRow *b) {
      return a->counts.all() > b->counts.all();
    });
    std::vector<TableRow> rows;
    rows.reserve(seen.size());
    for (const ReportRow *row : seen)
      rows.push_back({std::string(kPlainWords[static_cast<std::size_t>(row->technique)]),
                      html(row->text) + " for " + html(row->meant) + " · " +
                          std::string(to_string(row->technique)),
                      row->counts});
    table("Each with an example that was seen. Of several ways to explain a name the likeliest "
          "counts.",
          "mistake", rows, {}, {}, true);
    end_section();
  }

  void look_alikes() {
    if (figures_.look_alikes.rows.empty())
      return;
    begin_section("names", "Look-alikes that were stopped most");
    ranked(different(figures_.look_alikes) +
               (figures_.look_alikes.different == 1 ? " name was" : " different names were") +
               " stopped.",
           "look-alike", figures_.look_alikes, true);
    end_section();
  }

  void clients() {
    if (figures_.clients.rows.empty())
      return;
    begin_section("clients", "Who asked");
    ranked(
        "Questions by the address that asked the resolver: a mail server, or a resolver that asks "
        "for several.",
        "address", figures_.clients);
    end_section();
  }

  void answers() {
    if (figures_.total.stopped == 0)
      return;
    begin_section("answers", "What the stopped questions were answered");
    std::vector<std::pair<std::uint64_t, std::size_t>> seen;
    for (std::size_t i = 0; i < kActions; ++i)
      if (figures_.answers[i] > 0)
        seen.emplace_back(figures_.answers[i], i);
    std::stable_sort(seen.begin(), seen.end(), [](auto &a, auto &b) { return a.first > b.first; });
    std::vector<TableRow> rows;
    rows.reserve(seen.size());
    for (const auto &[n, action] : seen)
      rows.push_back({std::string(kAnswers[action]),
                      std::string(to_string(static_cast<Action>(action))),
                      {n, 0}});
    table("Which of these it is, is the rule’s.", "answer", rows);
    end_section();
  }

  void observed() {
    if (figures_.total.logged == 0)
      return;
    begin_section("observed", "What was only logged");
    put("<p>These questions got their usual answer: the rule, or the kind of mistake, is in "
        "observe "
        "mode, or the rule says to pass. They are what to look at before a rule is enforced: a "
        "name that people really write to needs an exception first.</p>\n");
    std::vector<TableRow> rows;
    rows.reserve(figures_.observing_rules.rows.size());
    for (const ReportRow &row : figures_.observing_rules.rows)
      rows.push_back({html(row.text.empty() ? "(none)" : row.text),
                      row.action == Action::pass
                          ? "would pass them if enforced, too"
                          : "would answer “" + std::string(to_string(row.action)) + "” if enforced",
                      row.counts});
    table("By rule.", "rule", rows, others_of(figures_.observing_rules),
          figures_.observing_rules.others);
    lack(figures_.observing_rules);
    ranked("The names asked for most, of " + different(figures_.observed) + '.', "look-alike",
           figures_.observed, true);
    end_section();
  }

  void warnings() {
    const auto told = [&](Told what) { return figures_.told[static_cast<std::size_t>(what)]; };
    if (told(Told::warned) + told(Told::refused) + told(Told::passed) == 0)
      return;
    begin_section("warnings", "What senders were told");
    put("<p>Mail servers that ask mxwarden what to say (the warning server, or one that people "
        "hand "
        "their mail to) told it for each recipient.</p>\n<table>\n<caption>Recipients by what was "
        "said.</caption>\n<thead><tr><th scope=\"col\">what was said</th><th scope=\"col\" "
        "class=\"n\">recipients</th></tr></thead>\n<tbody>\n");
    constexpr std::array<std::pair<Told, std::string_view>, kTold> lines = {
        {{Told::warned, "Refused, with the address that was probably meant"},
         {Told::refused, "Refused without advice, as no rule knows the name"},
         {Told::passed, "Taken, as the rule only observes"}}};
    for (const auto &[what, words] : lines)
      if (told(what) > 0)
        put("<tr><th scope=\"row\">", words, "</th><td class=\"n\">", number(told(what)),
            "</td></tr>\n");
    put("</tbody>\n</table>\n");
    if (!figures_.senders.rows.empty()) {
      put("<table>\n<caption>Domains whose people were refused most; their administrators may want "
          "to "
          "know.</caption>\n<thead><tr><th scope=\"col\">sender’s domain</th><th scope=\"col\" "
          "class=\"n\">refused</th></tr></thead>\n<tbody>\n");
      for (const ReportRow &row : figures_.senders.rows)
        put("<tr><th scope=\"row\">", html(row.text), "</th><td class=\"n\">",
            number(row.counts.stopped), "</td></tr>\n");
      if (figures_.senders.others.stopped > 0)
        put("<tr class=\"others\"><th scope=\"row\">", others_of(figures_.senders),
            "</th><td class=\"n\">", number(figures_.senders.others.stopped), "</td></tr>\n");
      put("</tbody>\n</table>\n");
      lack(figures_.senders);
    }
    end_section();
  }

  void exceptions() {
    begin_section("exceptions", "Exceptions that end");
    if (!page_.expiring) {
      put("<p>The rules could not be read, so that nothing is known of exceptions; --config or "
          "--rules name them.</p>\n");
    } else if (page_.expiring->empty()) {
      put("<p>Of ", count_of(page_.entries, "exception"),
          " none has expired, and none does within ", number(kSoonDays), " days.</p>\n");
    } else {
      put("<div class=\"scroll\"><table>\n<caption>Names that look like protected ones and are let "
          "through. Who answers for one has to renew it, or take it out.</caption>\n<thead><tr><th "
          "scope=\"col\">names</th><th scope=\"col\">why, and who answers for it</th><th "
          "scope=\"col\">last day</th></tr></thead>\n<tbody>\n");
      const std::int64_t today = page_.period.now_s / kDayS;
      for (const ExpiringEntry &entry : *page_.expiring) {
        std::string names;
        for (const std::string &name : entry.names)
          names += (names.empty() ? "" : ", ") + html(name);
        if (entry.more_names > 0)
          names += " and " + number(entry.more_names) + " more";
        const std::int64_t left = entry.last_day - today;
        put("<tr><th scope=\"row\">", names, "</th><td dir=\"auto\">",
            html(entry.reason, kMostWords), "<span class=\"sub\" dir=\"auto\">",
            entry.owner.empty() ? "nobody is named" : html(entry.owner, kMostWords),
            "</span></td><td>", day_text(entry.last_day),
            left < 0
                ? "<span class=\"sub past\">expired</span>"
                : "<span class=\"sub\">" +
                      (left == 0   ? std::string("today")
                       : left == 1 ? std::string("tomorrow")
                                   : "in " + number(static_cast<std::uint64_t>(left)) + " days") +
                      "</span>",
            "</td></tr>\n");
      }
      put("</tbody>\n</table></div>\n");
    }
    end_section();
  }

  void about() {
    begin_section("about", "How to read these figures");
    put("<p>A question is not a mail. A mail server asks again when it tries again, each resolver "
        "is "
        "asked, and one that remembers an answer does not ask: a mail may have led to several "
        "questions, and many mails to one. A question need not have been a mail at all. What can "
        "be compared are shares, and one period with another.</p>\n"
        "<p>Counted are questions for mail servers (MX, and ANY)");
    if (figures_.other_questions > 0)
      put("; ", count_of(figures_.other_questions, "question"),
          " of other types for such names, which the rules answer too, ",
          figures_.other_questions == 1 ? "is" : "are", " in none of these figures");
    put(". Names that begin with xn-- stand for names in other scripts. Days are those of "
        "UTC.</p>\n");
    if (figures_.first_s)
      put("<p>The first event is of ", time_text(*figures_.first_s), ", the last of ",
          time_text(*figures_.last_s), ".");
    else
      put("<p>");
    if (figures_.outside > 0)
      put(' ', count_of(figures_.outside, "event"), " of other days ",
          figures_.outside == 1 ? "is" : "are", " left out.");
    put("</p>\n");
    end_section();
    put("</main>\n<footer>\n<p>Made on ", time_text(page_.period.now_s), ", of ",
        count_of(page_.lines, "line"), " in ", count_of(page_.files, "file"),
        ", by mxwarden " MXW_VERSION ".</p>\n</footer>\n</body>\n</html>\n");
  }

  const ReportPage &page_;
  const ReportFigures &figures_;
  std::string out_;
};

} // namespace

std::string html(std::string_view text, std::size_t most_bytes) {
  std::string safe = printable(text);
  if (safe.size() > most_bytes) {
    const auto is_inside = [&](std::size_t at) { return (safe[at] & '\xc0') == '\x80'; };
    std::size_t begin = most_bytes / 2;
    std::size_t end = safe.size() - most_bytes / 2;
    while (is_inside(begin))
      --begin;
    while (end < safe.size() && is_inside(end))
      ++end;
    safe = safe.substr(0, begin) + "…" + safe.substr(end);
  }
  std::string markup;
  for (const char c : safe)
    switch (c) {
    case '&':
      markup += "&amp;";
      break;
    case '<':
      markup += "&lt;";
      break;
    case '>':
      markup += "&gt;";
      break;
    case '"':
      markup += "&quot;";
      break;
    case '\'':
      markup += "&#39;";
      break;
    default:
      markup += c;
    }
  return markup;
}

std::string report_html(const ReportPage &page) { return Page(page).write(); }

} // namespace mxw::cli
