// The ways in which a name can look like another, by the names that dnstwist and its kin use.
#pragma once

#include <cstdint>
#include <string_view>

namespace mxw {

enum class Technique : std::uint8_t {
  none,
  omission,      ///< a letter left out: amy.mil
  repetition,    ///< a letter typed twice: armyy.mil
  transposition, ///< two neighbours swapped: amry.mil
  replacement,   ///< a letter for another: arny.mil
  insertion,     ///< a letter too many inside: artmy.mil
  addition,      ///< a letter too many at the end: armys.mil
  hyphenation,   ///< a hyphen put in or left out: ar-my.mil
  tld_slip,      ///< the suffix mistyped: army.ml
  missing_dot,   ///< a dot left out: usarmy.mil, wwwarmy.mil, armymil.com
  mirror,        ///< any name under a mirrored suffix: bamako.ml
};

/// The name used in rule files, events and on the command line. Static storage.
constexpr std::string_view to_string(Technique technique) noexcept {
  switch (technique) {
  case Technique::none:
    return "none";
  case Technique::omission:
    return "omission";
  case Technique::repetition:
    return "repetition";
  case Technique::transposition:
    return "transposition";
  case Technique::replacement:
    return "replacement";
  case Technique::insertion:
    return "insertion";
  case Technique::addition:
    return "addition";
  case Technique::hyphenation:
    return "hyphenation";
  case Technique::tld_slip:
    return "tld-slip";
  case Technique::missing_dot:
    return "missing-dot";
  case Technique::mirror:
    return "mirror";
  }
  return "none";
}

} // namespace mxw
