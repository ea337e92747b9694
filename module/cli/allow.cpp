// `mxwarden allow`: adds an entry to a rule file, unless the rules would be worse for it.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "cli/commands.h"
#include "cli/date.h"
#include "loader/atomic_file.h"
#include "loader/dns_text.h"
#include "loader/public_suffix.h"
#include "loader/source.h"

namespace mxw::cli {
namespace {

namespace fs = std::filesystem;

/// The day that `text` says: a date, or how long from `today` ("30d", "12w", "6m", "1y").
std::optional<Date> parse_expiry(std::string_view text, Date today) {
  using namespace std::chrono;
  constexpr int kMost = 9999; // of days to years, and the last year that TOML can write
  if (const auto date = parse_date(text))
    return date;
  if (text.empty())
    return std::nullopt;
  const auto n = to_number(text.substr(0, text.size() - 1));
  if (!n || *n == 0 || *n > kMost)
    return std::nullopt;
  const auto later = [&](auto span) {
    Date date = today + span;
    if (!date.ok()) // there is no 30 February
      date = date.year() / date.month() / last;
    return static_cast<int>(date.year()) <= kMost ? std::optional(date) : std::nullopt;
  };
  switch (text.back()) {
  case 'd':
    return Date(sys_days(today) + days(*n));
  case 'w':
    return Date(sys_days(today) + weeks(*n));
  case 'm':
    return later(months(*n));
  case 'y':
    return later(years(*n));
  default:
    return std::nullopt;
  }
}

std::string block_of(const std::vector<std::string> &names, const AllowOptions &options,
                     std::optional<Date> expires) {
  std::string block = "[[allow]]\ndomains = [";
  for (const std::string &name : names)
    block += (&name == &names.front() ? "" : ", ") + toml_string(name);
  block += "]\nreason = " + toml_string(options.reason) + '\n';
  if (!options.owner.empty())
    block += "owner = " + toml_string(options.owner) + '\n';
  if (expires)
    block += "expires = " + to_string(*expires) + '\n';
  return block;
}

/// `text` with `block` after it, with the line ends that it has.
std::string append(std::string text, const std::string &block) {
  const std::size_t line_end = text.find('\n');
  const bool has_cr = line_end != std::string::npos && line_end > 0 && text[line_end - 1] == '\r';
  const std::string end = has_cr ? "\r\n" : "\n";
  if (!text.empty() && text.back() != '\n')
    text += end;
  if (!text.empty() && !text.ends_with("\n\n") && !text.ends_with("\n\r\n"))
    text += end;
  for (const char c : block)
    text += c == '\n' ? end : std::string(1, c);
  return text;
}

std::string shown(std::string_view text) { return printable(quote(text)); }

std::string shown(const Place &place) {
  return printable(place.file) + ':' + std::to_string(place.line);
}

/// Why no entry is made for `name`, which was written `text`; nothing where one may be.
std::string objection(const Policy &policy, const Name &name, std::string_view text,
                      const Verdict &verdict) {
  if (name.labels() < 2 || is_public_suffix(to_string(name)))
    return shown(text) + " is a public suffix: name the domains under it that are meant";
  switch (verdict.reason) {
  case Reason::is_protected:
    return shown(text) + " needs no entry: " + shown(to_string(verdict.protected_name)) +
           " is protected by the rule at " + shown(policy.rules()[verdict.rule].place);
  case Reason::allowed:
    return shown(text) + " is allowed already, by the entry at " +
           shown(policy.allows()[verdict.allow].place);
  case Reason::exempt:
    return shown(text) + " needs no entry: it is exempt";
  case Reason::warning_mx:
    return shown(text) + " needs no entry: it is a warning host";
  case Reason::no_match:
  case Reason::look_alike:
    break;
  }
  return {};
}

/// Where an entry goes if nobody says it: to the last file that has one, else to the first.
fs::path usual_file(const Loaded &loaded) {
  const std::vector<Allow> &allows = loaded.policy->allows();
  const auto found = std::find_if(allows.rbegin(), allows.rend(), [&](const Allow &allow) {
    return !is_shipped(allow.place.file);
  });
  return found != allows.rend() ? fs::path(found->place.file) : loaded.files.front();
}

/// The failed tests of `loaded` that did not fail in `before`.
std::vector<Diagnostic> newly_failed(const Loaded &before, const Loaded &loaded,
                                     std::int64_t now_s) {
  std::vector<Diagnostic> failed = run_tests(loaded, now_s);
  const std::vector<Diagnostic> known = run_tests(before, now_s);
  std::erase_if(failed, [&](const Diagnostic &one) {
    return std::any_of(known.begin(), known.end(), [&](const Diagnostic &other) {
      return std::tie(one.file, one.line, one.message) ==
             std::tie(other.file, other.line, other.message);
    });
  });
  return failed;
}

} // namespace

Exit allow(const AllowOptions &options) {
  using namespace std::chrono;
  const std::time_t now_s = std::time(nullptr);
  const Date today(floor<days>(system_clock::from_time_t(now_s)));
  std::optional<Date> expires;
  if (!options.expires.empty()) {
    expires = parse_expiry(options.expires, today);
    if (!expires || sys_days(*expires) < sys_days(today)) {
      std::cerr << "mxwarden: " << shown(options.expires)
                << (expires ? " is over" : " is no date and no span of time")
                << "; write 30d, 12w, 6m, 1y, or a day to come: 2027-03-31\n";
      return Exit::cannot_run;
    }
  }
  const Loaded loaded = load(options.rules);
  if (loaded.has_errors()) {
    print(loaded.findings);
    std::cerr << "mxwarden: the rules have errors, so nothing was added to them\n";
    return Exit::cannot_run;
  }

  std::vector<std::string> names;
  std::vector<Name> seen;
  bool all_good = true;
  for (const std::string &text : options.names) {
    const auto name = parse_rule_name(text);
    if (!name) {
      std::cerr << "mxwarden: " << shown(text) << " is not a domain name: " << name.error() << '\n';
      all_good = false;
      continue;
    }
    if (std::find(seen.begin(), seen.end(), *name) != seen.end())
      continue;
    seen.push_back(*name);
    const Verdict verdict =
        loaded.policy->decide(Query{*name, qtype::kMx, std::nullopt, std::int64_t{now_s}});
    if (const std::string why = objection(*loaded.policy, *name, text, verdict); !why.empty()) {
      std::cerr << "mxwarden: " << why << '\n';
      all_good = false;
    } else if (verdict.reason == Reason::no_match) {
      std::cerr << "mxwarden: no rule would stop " << shown(text)
                << " itself; the entry matters for names below it, and for rules to come\n";
    }
    const bool is_ascii =
        std::all_of(text.begin(), text.end(), [](char c) { return c > 0 && c < 0x7f; });
    names.push_back(is_ascii ? to_string(*name) : text); // U-labels are written to be read
  }
  if (!all_good)
    return Exit::findings;

  const fs::path file = options.file.empty() ? usual_file(loaded) : options.file;
  if (std::none_of(loaded.files.begin(), loaded.files.end(),
                   [&](const fs::path &one) { return real_path(one) == real_path(file); })) {
    std::cerr << "mxwarden: " << shown(file.native())
              << " is none of the rule files that are loaded, so that an entry in it would not "
                 "count\n";
    return Exit::cannot_run;
  }
  const auto source = Source::read(file, kMaxRuleFileBytes);
  if (!source) {
    print({source.error()});
    return Exit::cannot_run;
  }
  const std::string block = block_of(names, options, expires);
  const std::string before = source->octets();
  const std::string after = append(before, block);
  const Loaded changed = load(options.rules, RuleFiles(Overlay{{real_path(file), after}}));
  std::vector<Diagnostic> findings = changed.findings;
  if (!changed.has_errors())
    findings = newly_failed(loaded, changed, now_s);
  if (changed.has_errors() || !findings.empty()) {
    print(findings);
    std::cerr << "mxwarden: with the entry the rules would be worse, so " << shown(file.native())
              << " was left as it is\n";
    return Exit::findings;
  }
  if (options.dry_run) {
    std::cout << block;
    return Exit::clean;
  }
  if (const Written written = replace_file(file, after, before); !written) {
    std::cerr << "mxwarden: " << printable(written.error()) << '\n';
    return Exit::cannot_run;
  }
  std::cout << "added an [[allow]] entry to " << shown(file.native())
            << "; a resolver that has these rules reads it by itself\n";
  return Exit::clean;
}

} // namespace mxw::cli
