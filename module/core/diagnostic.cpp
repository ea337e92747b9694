#include "core/diagnostic.h"

namespace mxw {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t octets = 0; ///< 0 where the text does not begin with a code point
};

/// The code point that `text`, which must not be empty, begins with. Source: RFC 3629 §3, §4.
CodePoint first_of(std::string_view text) noexcept {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (octet(0) < 0x80)
    return {octet(0), 1};
  const std::size_t octets = octet(0) >= 0xf0 ? 4 : octet(0) >= 0xe0 ? 3 : 2;
  if (octet(0) < 0xc2 || octet(0) > 0xf4 || text.size() < octets)
    return {};
  char32_t value = octet(0) & (0x7fU >> octets);
  for (std::size_t i = 1; i < octets; ++i) {
    if ((octet(i) & 0xc0U) != 0x80)
      return {};
    value = (value << 6U) | (octet(i) & 0x3fU);
  }
  const bool overlong = value < (octets == 2 ? 0x80U : octets == 3 ? 0x800U : 0x10000U);
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  return overlong || surrogate || value > 0x10ffff ? CodePoint{} : CodePoint{value, octets};
}

/// True if a terminal does something other than to show `c`: C0 and C1 controls, and the marks,
/// embeddings, overrides and isolates of Unicode's bidirectional algorithm (UAX #9).
bool is_obeyed(char32_t c) noexcept {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/// Blanks as wide as what stands before `caret`; tabs stay tabs, so that it stands below its
/// letter.
std::string padding(std::string_view shown, std::size_t caret) {
  std::string blanks;
  for (; blanks.size() + 1 < caret && !shown.empty(); shown.remove_prefix(first_of(shown).octets))
    blanks += shown.front() == '\t' ? '\t' : ' ';
  return blanks;
}

} // namespace

std::string printable(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const CodePoint c = first_of(text);
    if (c.octets != 0 && (c.value == '\t' || !is_obeyed(c.value)))
      safe += text.substr(0, c.octets);
    else
      safe += '?';
    text.remove_prefix(c.octets == 0 ? 1 : c.octets);
  }
  return safe;
}

std::string render(const Diagnostic &d, bool colour) {
  constexpr std::string_view kBold = "1";
  constexpr std::string_view kRed = "1;31";
  constexpr std::string_view kYellow = "1;33";
  constexpr std::string_view kCyan = "1;36";
  const auto in = [&](std::string_view how, const std::string &text) {
    return colour ? "\x1b[" + std::string(how) + 'm' + text + "\x1b[0m" : text;
  };
  const std::string_view hue = d.severity == Severity::error     ? kRed
                               : d.severity == Severity::warning ? kYellow
                                                                 : kCyan;
  std::string place = printable(d.file);
  if (d.line != 0)
    place += ':' + std::to_string(d.line) + ':' + std::to_string(d.column);
  std::string out = in(kBold, place) + ": " +
                    in(hue, std::string(to_string(d.severity)) + '[' + std::string(d.code) + ']') +
                    ": " + in(kBold, printable(d.message)) + '\n';
  if (d.line != 0 && !d.source_line.empty()) {
    const std::string shown = printable(d.source_line);
    std::string number = std::to_string(d.line);
    if (number.size() < 5)
      number.insert(0, 5 - number.size(), ' ');
    out += number + " | " + shown + '\n';
    if (d.caret != 0)
      out +=
          std::string(number.size(), ' ') + " | " + padding(shown, d.caret) + in(hue, "^") + '\n';
  }
  if (!d.help.empty())
    out += "   " + in(kCyan, "help") + ": " + printable(d.help) + "; see docs/codes/" +
           std::string(d.code) + ".md\n";
  return out;
}

} // namespace mxw
