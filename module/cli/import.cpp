// `mxwarden import`: a registry's CSV to a list of names that rules can name in 'files'.
#include <algorithm>
#include <charconv>
#include <ctime>
#include <iostream>
#include <optional>
#include <set>
#include <string>

#include <strings.h>

#include "cli/commands.h"
#include "loader/atomic_file.h"
#include "loader/csv.h"
#include "loader/dns_text.h"
#include "loader/source.h"

namespace mxw::cli {
namespace {

constexpr std::size_t kMaxCsvBytes = std::size_t{64} << 20U;
constexpr std::size_t kMaxLabels = 16; // what rules take
constexpr std::size_t kMaxShown = 20;  // a file that is no list would fill the screen

std::string shown(std::string_view text) { return printable(quote(text)); }

bool is_word(const std::string &a, const std::string &b) {
  return strcasecmp(a.c_str(), b.c_str()) == 0;
}

std::string trimmed(const std::string &field) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t first = field.find_first_not_of(kBlanks);
  return first == std::string::npos
             ? std::string()
             : field.substr(first, field.find_last_not_of(kBlanks) - first + 1);
}

struct Column {
  std::size_t at = 0;
  bool has_header = false; ///< the first record has no name, but tells what is in the columns
};

/// Which column of a file that begins with `first` has the names. nullopt, and says so, if there is
/// no column that is called `wanted`.
std::optional<Column> find_column(const std::vector<std::string> &first,
                                  const std::string &wanted) {
  const auto find = [&](const std::string &title) -> std::optional<Column> {
    for (std::size_t i = 0; i < first.size(); ++i)
      if (is_word(trimmed(first[i]), title))
        return Column{i, true};
    return std::nullopt;
  };
  Column column;
  const auto [end, error] =
      std::from_chars(wanted.data(), wanted.data() + wanted.size(), column.at);
  if (wanted.empty()) {
    for (const char *title : {"Domain Name", "Domain", "Host", "Hostname", "Name"})
      if (const auto found = find(title))
        return found;
  } else if (error == std::errc() && end == wanted.data() + wanted.size() && column.at > 0) {
    --column.at;
  } else {
    if (const auto found = find(wanted))
      return found;
    std::cerr << "mxwarden: there is no column " << shown(wanted) << "; the first line has";
    for (std::size_t i = 0; i < std::min(first.size(), kMaxShown); ++i)
      std::cerr << (i == 0 ? " " : ", ") << shown(first[i]);
    std::cerr << '\n';
    return std::nullopt;
  }
  const auto name =
      column.at < first.size() ? parse_rule_name(trimmed(first[column.at])) : parse_rule_name("");
  column.has_header = !name || name->labels() < 2;
  return column;
}

/// Why rules would not take `name`, or nothing.
std::string_view objection(const NameOrWhy &name) {
  if (!name)
    return name.error();
  if (name->labels() < 2)
    return "it is a whole top-level domain";
  return name->labels() > kMaxLabels ? "it has more than 16 labels" : "";
}

} // namespace

Exit import(const ImportOptions &options) {
  std::optional<Name> suffix;
  if (!options.suffix.empty()) {
    const auto parsed = parse_rule_name(options.suffix);
    if (!parsed) {
      std::cerr << "mxwarden: " << shown(options.suffix) << " is no suffix: " << parsed.error()
                << '\n';
      return Exit::cannot_run;
    }
    suffix = *parsed;
  }
  const auto source = read_input(options.file, kMaxCsvBytes);
  if (!source) {
    print({source.error()});
    return Exit::cannot_run;
  }

  const std::string from = shown(options.file.native());
  CsvReader reader(source->text());
  std::vector<std::string> fields;
  std::optional<Column> column;
  std::set<std::string> names;
  std::size_t bad = 0;
  while (reader.next(fields)) {
    if (fields.size() == 1 && trimmed(fields[0]).empty())
      continue;
    if (!column) {
      column = find_column(fields, options.column);
      if (!column)
        return Exit::cannot_run;
      if (column->has_header)
        continue;
    }
    const std::string text = column->at < fields.size() ? trimmed(fields[column->at]) : "";
    const auto name = parse_rule_name(text);
    if (const std::string_view why = objection(name); !why.empty()) {
      if (++bad <= kMaxShown)
        std::cerr << "mxwarden: " << from << " line " << reader.line() << ": " << shown(text)
                  << " is left out: " << why << '\n';
    } else if (!suffix || name->is_at_or_below(*suffix)) {
      names.insert(to_string(*name));
    }
  }
  if (bad > kMaxShown)
    std::cerr << "mxwarden: " << from << ": " << bad - kMaxShown << " more are left out\n";
  if (reader.is_cut_off()) {
    std::cerr << "mxwarden: " << from << " line " << reader.line()
              << ": a quote is never closed, so nothing was written\n";
    return Exit::cannot_run;
  }
  if (names.empty()) {
    std::cerr << "mxwarden: " << from << " has no name that is wanted, so nothing was written\n";
    return Exit::findings;
  }

  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  char date[sizeof "2026-11-26"];
  std::strftime(date, sizeof date, "%Y-%m-%d", &utc);
  std::string list = "# From " + from + " by mxwarden import on " + date +
                     ", names: " + std::to_string(names.size()) + '\n';
  for (const std::string &name : names)
    list += name + '\n';
  if (options.output == "-") {
    std::cout << list;
  } else if (const Written written = replace_file(options.output, list); !written) {
    std::cerr << "mxwarden: " << printable(written.error()) << '\n';
    return Exit::cannot_run;
  }
  return bad == 0 ? Exit::clean : Exit::findings;
}

} // namespace mxw::cli
