#include "core/diagnostic.h"

namespace mxw {
namespace {

/// A longer line is shown without its end.
constexpr std::size_t kMaxShownBytes = 160;

/// `text` on one line and harmless for a terminal.
std::string printable(std::string_view text) {
  std::string safe(text);
  for (char &c : safe)
    if (c != '\t' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f))
      c = '?';
  return safe;
}

} // namespace

std::string render(const Diagnostic &d) {
  std::string out = printable(d.file);
  if (d.line != 0)
    out += ':' + std::to_string(d.line) + ':' + std::to_string(d.column);
  out += d.severity == Severity::error ? ": error[" : ": warning[";
  out += std::string(d.code) + "]: " + printable(d.message) + '\n';
  if (d.line != 0 && !d.source_line.empty()) {
    const std::string shown = printable(std::string_view(d.source_line).substr(0, kMaxShownBytes));
    const std::string number = std::to_string(d.line);
    const std::string gutter(number.size() < 5 ? 5 - number.size() : 0, ' ');
    out += gutter + number + " | " + shown + '\n';
    std::string padding; // tabs stay tabs, so that the caret stands below its letter
    std::size_t points = 1;
    for (std::size_t i = 0; i < shown.size() && points < d.column; ++i) {
      if ((static_cast<unsigned char>(shown[i]) & 0xc0U) == 0x80)
        continue; // not the first octet of a code point
      padding += shown[i] == '\t' ? '\t' : ' ';
      ++points;
    }
    if (points == d.column)
      out += std::string(gutter.size() + number.size(), ' ') + " | " + padding + "^\n";
  }
  if (!d.help.empty())
    out += "   help: " + printable(d.help) + "; see docs/codes/" + std::string(d.code) + ".md\n";
  return out;
}

} // namespace mxw
