#include "cli/commands.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "core/ascii.h"

namespace mxw::cli {
namespace {

using Json = nlohmann::ordered_json;

bool wants_colour() {
  const auto variable = [](const char *name) {
    const char *value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): there is one thread
    return std::string_view(value == nullptr ? "" : value);
  };
  const std::string_view terminal = variable("TERM");
  return isatty(STDERR_FILENO) == 1 && variable("NO_COLOR").empty() && !terminal.empty() &&
         terminal != "dumb";
}

std::string to_json(const Diagnostic &d) {
  Json object = {{"severity", to_string(d.severity)},
                 {"code", d.code},
                 {"message", d.message},
                 {"help", d.help},
                 {"file", d.file},
                 {"line", nullptr},
                 {"column", nullptr}};
  if (d.line != 0) {
    object["line"] = d.line;
    object["column"] = d.column;
  }
  // Files and what they quote need not be UTF-8.
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// `text` as a value of a workflow command; in a property more octets mean something.
std::string escaped(const std::string &text, bool in_property) {
  std::string safe;
  for (const char c : printable(text))
    if (c == '%')
      safe += "%25";
    else if (in_property && c == ':')
      safe += "%3A";
    else if (in_property && c == ',')
      safe += "%2C";
    else
      safe += c;
  return safe;
}

std::string to_workflow_command(const Diagnostic &d) {
  std::string text = d.severity == Severity::note ? "::notice" : "::";
  if (d.severity != Severity::note)
    text += to_string(d.severity);
  text += " file=" + escaped(d.file, true);
  if (d.line != 0)
    text += ",line=" + std::to_string(d.line) + ",col=" + std::to_string(d.column);
  return text + ",title=" + std::string(d.code) + "::" + escaped(d.message + "; " + d.help, false);
}

} // namespace

Loaded load(const RuleOptions &options, const RuleFiles &files) {
  const std::time_t now_s = std::time(nullptr);
  return options.rules.empty() ? load_config(options.config, now_s, files)
                               : load_rules(options.rules, now_s, files);
}

Result<Source> read_input(const std::filesystem::path &file, std::size_t max_bytes) {
  if (file != "-")
    return Source::read(file, max_bytes);
  std::string text;
  char part[65'536];
  while (text.size() <= max_bytes && (std::cin.read(part, sizeof part), std::cin.gcount() > 0))
    text.append(part, static_cast<std::size_t>(std::cin.gcount()));
  if (!std::cin.bad() && text.size() <= max_bytes)
    return Source(file, std::move(text));
  Diagnostic d;
  d.code = "MXW001";
  d.file = file;
  d.message = "cannot read standard input to its end, or it has more than " +
              std::to_string(max_bytes >> 20U) + " MiB";
  d.help = "write it to a file, or split it up";
  return tl::unexpected(std::move(d));
}

std::filesystem::path real_path(const std::filesystem::path &file) {
  std::error_code error;
  std::filesystem::path found = std::filesystem::canonical(file, error);
  return error ? file : found;
}

bool is_shipped(const std::filesystem::path &file) {
  return real_path(file).native().starts_with("/usr/share/");
}

std::string count(std::size_t n, const std::string &what) {
  return std::to_string(n) + ' ' + what + (n == 1 ? "" : "s");
}

std::string toml_string(std::string_view text) {
  std::string escaped = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      escaped += {'\\', c};
    } else if (is_control(c)) {
      char unit[8];
      std::snprintf(unit, sizeof unit, "\\u%04X", static_cast<unsigned>(c));
      escaped += unit;
    } else {
      escaped += c;
    }
  }
  return escaped + '"';
}

void print(const std::vector<Diagnostic> &findings, Format format) {
  const bool colour = wants_colour();
  for (const Diagnostic &finding : findings)
    switch (format) {
    case Format::text:
      std::cerr << render(finding, colour);
      break;
    case Format::json:
      std::cout << to_json(finding) << '\n';
      break;
    case Format::github:
      std::cout << to_workflow_command(finding) << '\n';
      break;
    }
}

} // namespace mxw::cli
