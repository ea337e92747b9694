// `mxwarden report`: an event log as a page for people who would rather look than read.
//
// One pass over the files; ReportTally bounds what is kept, report_html() writes the page.
#include <algorithm>
#include <ctime>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/date.h"
#include "cli/event_line.h"
#include "cli/input.h"
#include "cli/report_html.h"
#include "cli/report_tally.h"
#include "loader/atomic_file.h"
#include "loader/dns_text.h"
#include "loader/source.h"

namespace mxw::cli {
namespace {

constexpr std::int64_t kDayS = 86'400;
/// How many lines that are no events are named, and names of an allow entry shown.
constexpr std::uint64_t kMaxPlaces = 5;
constexpr std::size_t kMaxNames = 3;

Exit refuse(const std::string &message) {
  std::cerr << "mxwarden: " << printable(message) << '\n';
  return Exit::cannot_run;
}

/// The day since 1970 that `text` is; nullopt and a complaint where it is none.
std::optional<std::int64_t> day_of(const std::string &text, std::string_view option) {
  const auto date = parse_date(text);
  if (!date) {
    refuse(quote(text) + " is no day for " + std::string(option) + "; write YYYY-MM-DD");
    return std::nullopt;
  }
  return std::chrono::sys_days(*date).time_since_epoch().count();
}

/// True if what is written would go over what is read.
bool is_same(const std::filesystem::path &output, const std::filesystem::path &input) {
  std::error_code none;
  return output != "-" &&
         std::filesystem::equivalent(output, input == "-" ? "/dev/stdin" : input, none);
}

void read_events(const std::filesystem::path &file, ReportTally &tally, ReportPage &page,
                 std::vector<std::string> &places, Progress &progress) {
  const auto fail = [&](const std::string &why) {
    page.failures.push_back("cannot read " + quote(file.string()) + ": " + why);
  };
  const auto input = Input::open(file);
  if (!input)
    return fail(input.error());
  std::uint64_t line = 0;
  bool too_long = false;
  while (const auto text = (*input)->next_line(too_long)) {
    ++line;
    std::string_view rest = *text;
    if (line == 1 && rest.starts_with(kByteOrderMark))
      rest.remove_prefix(kByteOrderMark.size());
    if (!too_long && rest.find_first_not_of(" \t\r") == std::string_view::npos)
      continue;
    progress.show(**input, ++page.lines);
    const auto event = too_long ? std::nullopt : parse_event(rest);
    if (event)
      tally.add(*event);
    else if (++page.unknown <= kMaxPlaces)
      places.push_back(file.string() + ':' + std::to_string(line));
  }
  if (!(*input)->error().empty())
    fail((*input)->error());
  ++page.files;
  progress.finish(**input);
}

/// The entries of the rules that have expired, or soon will.
std::vector<ExpiringEntry> expiring_entries(const Policy &policy, std::int64_t now_s) {
  std::map<std::uint32_t, ExpiringEntry> found;
  const auto &allows = policy.allows();
  for (std::uint32_t i = 0; i < allows.size(); ++i)
    if (const auto &expires = allows[i].expires_s; expires && *expires <= now_s + kSoonDays * kDayS)
      found[i] = {{}, 0, allows[i].reason, allows[i].owner, *expires / kDayS - 1};
  policy.for_each_allowed([&](std::uint32_t entry, const Name &name) {
    const auto at = found.find(entry);
    if (at == found.end())
      return;
    if (at->second.names.size() < kMaxNames)
      at->second.names.push_back(to_string(name));
    else
      ++at->second.more_names;
  });
  std::vector<ExpiringEntry> entries;
  entries.reserve(found.size());
  for (auto &[i, entry] : found)
    entries.push_back(std::move(entry));
  std::stable_sort(entries.begin(), entries.end(),
                   [](auto &a, auto &b) { return a.last_day < b.last_day; });
  return entries;
}

} // namespace

Exit report(ReportOptions options) {
  if (options.files.empty())
    options.files.emplace_back("-");
  ReportPage page;
  page.title = options.title;
  page.period.now_s = std::time(nullptr);
  if (!options.since.empty() && !(page.period.since_day = day_of(options.since, "--since")))
    return Exit::cannot_run;
  if (!options.until.empty() && !(page.period.until_day = day_of(options.until, "--until")))
    return Exit::cannot_run;
  if (page.period.since_day && page.period.until_day &&
      *page.period.since_day > *page.period.until_day)
    return refuse("--since " + options.since + " is after --until " + options.until);
  for (const auto &file : options.files)
    if (is_same(options.output, file))
      return refuse(quote(options.output.string()) + " is what is read; name another file with -o");

  const Loaded loaded = load(options.rules);
  if (!loaded.has_errors()) {
    page.expiring = expiring_entries(*loaded.policy, page.period.now_s);
    page.entries = loaded.policy->allows().size();
  } else if (options.has_rules) {
    print(loaded.findings);
    return refuse("the rules have errors, so nothing is known of exceptions");
  } else {
    std::cerr << "mxwarden: " << printable(quote(options.rules.config.string()))
              << " cannot be read or has errors: the report will not tell of exceptions\n";
  }

  ReportTally tally(page.period);
  std::vector<std::string> places; // of the first lines that are no events
  {
    Progress progress(options.files);
    for (const auto &file : options.files)
      read_events(file, tally, page, places, progress);
  }
  for (const std::string &place : places)
    std::cerr << "mxwarden: " << printable(place) << ": this line is no event\n";
  if (page.unknown > kMaxPlaces)
    std::cerr << "mxwarden: " << page.unknown - kMaxPlaces << " more lines are no events\n";
  Exit exit = page.unknown > 0 ? Exit::findings : Exit::clean;
  for (const std::string &failure : page.failures)
    exit = refuse(failure);
  if (page.files == 0)
    return refuse("nothing could be read, so nothing was written");

  page.figures = tally.figures(options.top);
  const std::string text = report_html(page);
  if (options.output == "-")
    std::cout << text;
  else if (const Written written = replace_file(options.output, text); !written)
    return refuse(written.error());
  return exit;
}

} // namespace mxw::cli
