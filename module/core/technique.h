// The ways in which a name can look like another, by the names that dnstwist and its kin use, and
// what a rule makes of each. docs/matching.md defines them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mxw {

enum class Technique : std::uint8_t {
  none,
  omission,           ///< a letter left out: amy.mil
  repetition,         ///< a letter typed twice: armyy.mil
  transposition,      ///< two neighbours swapped: amry.mil, armym.il
  replacement,        ///< a letter for another: arny.mil
  insertion,          ///< a letter too many inside: artmy.mil
  addition,           ///< a letter too many at the end: armyx.mil
  vowel_swap,         ///< a vowel for another: urmy.mil
  bitsquatting,       ///< a letter that differs in one bit: aroy.mil
  homoglyph,          ///< what looks the same in ASCII: arrny.mil
  hyphenation,        ///< a hyphen put in or left out, or one for a dot: ar-my.mil, us-army.mil
  plural,             ///< armys.mil
  double_replacement, ///< two equal letters for two others: giigle.com
  idn_homoglyph,      ///< what looks the same in Unicode
  two_edits,          ///< two letters off
  tld_slip,           ///< the suffix mistyped: army.ml
  two_place,          ///< a letter off and the suffix mistyped: gmial.con
  missing_dot,        ///< a dot left out: usarmy.mil, wwwarmy.mil, armymil.com
  subdomain,          ///< a dot put in: ar.my.mil
  tld_swap,           ///< another suffix: army.org
  wrong_sld,          ///< another second-level suffix: example.org.uk
  added_tld,          ///< one more suffix: army.mil.br
  combosquat,         ///< other words joined by hyphens: gmail-login.org
  junk_affix,         ///< digits before or behind: 123gmail.com
  mirror,             ///< any name under a mirrored suffix: bamako.ml
  listed,             ///< the rule file says so
};
constexpr std::size_t kTechniques = static_cast<std::size_t>(Technique::listed) + 1;

/// The name used in rule files, events and on the command line. Static storage; what is no
/// technique is called "none".
constexpr std::string_view to_string(Technique technique) noexcept {
  constexpr std::array<std::string_view, kTechniques> names = {
      "none",        "omission",  "repetition",         "transposition", "replacement",
      "insertion",   "addition",  "vowel-swap",         "bitsquatting",  "homoglyph",
      "hyphenation", "plural",    "double-replacement", "idn-homoglyph", "two-edits",
      "tld-slip",    "two-place", "missing-dot",        "subdomain",     "tld-swap",
      "wrong-sld",   "added-tld", "combosquat",         "junk-affix",    "mirror",
      "listed"};
  const auto at = static_cast<std::size_t>(technique);
  return names[at < names.size() ? at : 0];
}

/// A set of techniques. A value.
class Techniques {
public:
  constexpr void add(Technique technique) noexcept { bits_ |= bit(technique); }
  constexpr void add(Techniques others) noexcept { bits_ |= others.bits_; }
  [[nodiscard]] constexpr bool has(Technique technique) const noexcept {
    return (bits_ & bit(technique)) != 0;
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  /// Calls `visit(technique)` for each, in the order of the enum.
  template <class Visit> constexpr void for_each(Visit &&visit) const {
    for (std::uint32_t rest = bits_; rest != 0; rest &= rest - 1)
      visit(static_cast<Technique>(std::countr_zero(rest)));
  }
  friend constexpr bool operator==(Techniques a, Techniques b) noexcept = default;

private:
  static constexpr std::uint32_t bit(Technique technique) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(technique);
  }
  std::uint32_t bits_;
};
static_assert(kTechniques <= 32);

/// What a rule does about a technique.
enum class Level : std::uint8_t {
  off,
  observe, ///< told of, whatever the rule's mode; nothing is answered differently
  block,   ///< the rule's action and mode hold
};

constexpr std::string_view to_string(Level level) noexcept {
  constexpr std::array<std::string_view, 3> names = {"off", "observe", "block"};
  const auto at = static_cast<std::size_t>(level);
  return names[at < names.size() ? at : 0];
}

} // namespace mxw
