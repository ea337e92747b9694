#include "core/matching.h"

#include <algorithm>

namespace mxw {

std::array<TechniqueOptions, kTechniques> techniques_of(Preset preset,
                                                        std::uint8_t min_label) noexcept {
  std::array<TechniqueOptions, kTechniques> options = {};
  const auto set = [&](Technique technique, Level level, std::uint8_t at_least = 1) {
    options[static_cast<std::size_t>(technique)] = {level, std::max(min_label, at_least)};
  };
  for (const Technique technique :
       {Technique::omission, Technique::repetition, Technique::transposition,
        Technique::replacement, Technique::insertion, Technique::addition, Technique::vowel_swap,
        Technique::bitsquatting, Technique::homoglyph, Technique::hyphenation, Technique::plural,
        Technique::idn_homoglyph, Technique::missing_dot, Technique::subdomain})
    set(technique, Level::block);
  set(Technique::double_replacement, Level::block, 5);
  set(Technique::two_place, preset == Preset::cautious ? Level::observe : Level::block, 5);
  set(Technique::two_edits, preset == Preset::aggressive ? Level::block : Level::off,
      preset == Preset::aggressive ? 5 : 7);
  for (const Technique technique :
       {Technique::tld_swap, Technique::wrong_sld, Technique::added_tld})
    set(technique, Level::observe);
  set(Technique::combosquat, Level::observe, 5);
  set(Technique::junk_affix, preset == Preset::aggressive ? Level::block : Level::observe, 5);
  // A suffix is mistyped whatever stands before it.
  options[static_cast<std::size_t>(Technique::tld_slip)] = {Level::block, 1};
  options[static_cast<std::size_t>(Technique::mirror)] = {Level::block, 1};
  options[static_cast<std::size_t>(Technique::listed)] = {Level::block, 1};
  return options;
}

std::uint8_t confidence_of(Technique technique, std::size_t label_bytes, bool near_keys) noexcept {
  struct Share {
    std::uint8_t any;
    std::uint8_t near_keys;
  };
  // Counted by tests/quality: the share of typos, divided by what kByLength takes off on average.
  // Few or none were there of those marked, which have what a technique like them has: addition as
  // insertion; bitsquatting as replacement, which explains it too and goes first; a hyphen somewhat
  // less than a dot; plurals less, since many are real; vowels and letters twice as one typo gives.
  constexpr std::array<Share, kTechniques> kShares = {{
      {0, 0},     // none
      {90, 90},   // omission
      {95, 95},   // repetition
      {95, 95},   // transposition
      {40, 70},   // replacement
      {70, 75},   // insertion
      {70, 75},   // addition, few
      {65, 65},   // vowel-swap, few
      {40, 40},   // bitsquatting, few
      {85, 85},   // homoglyph
      {80, 80},   // hyphenation, few
      {50, 50},   // plural, few
      {65, 65},   // double-replacement, few
      {95, 95},   // idn-homoglyph, few; nobody names anything so
      {10, 10},   // two-edits
      {95, 95},   // tld-slip
      {90, 90},   // two-place, few
      {90, 90},   // missing-dot
      {70, 70},   // subdomain, few
      {10, 10},   // tld-swap
      {10, 10},   // wrong-sld, few
      {35, 35},   // added-tld, few
      {10, 10},   // combosquat
      {45, 45},   // junk-affix, few
      {30, 30},   // mirror: up to what is under the suffix
      {100, 100}, // listed: told, not guessed
  }};
  constexpr std::array<std::uint8_t, 9> kByLength = {40, 40, 40, 40, 60, 75, 85, 92, 100};
  const Share share = kShares[static_cast<std::size_t>(technique)];
  const unsigned of_technique = near_keys ? share.near_keys : share.any;
  const unsigned of_length = kByLength[std::min(label_bytes, kByLength.size() - 1)];
  return static_cast<std::uint8_t>(of_technique * of_length / 100);
}

namespace {

/// The rows of a keyboard, each key above the gap between two of the next row.
struct Layout {
  Keyboard keyboard;
  std::array<std::string_view, 4> rows;
};
constexpr std::array<Layout, 4> kLayouts = {{
    {Keyboard::qwerty, {"1234567890-", "qwertyuiop", "asdfghjkl", "zxcvbnm"}},
    {Keyboard::qwertz, {"1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm-"}},
    {Keyboard::azerty, {"1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn"}},
    {Keyboard::dvorak, {"1234567890", "???pyfgcrl", "aoeuidhtns-", "?qjkxbmwvz"}},
}};

} // namespace

bool are_near_keys(char a, char b, Keyboards keyboards) noexcept {
  for (const Layout &layout : kLayouts) {
    if ((keyboards & static_cast<Keyboards>(layout.keyboard)) == 0)
      continue;
    for (std::size_t row = 0; row < layout.rows.size(); ++row) {
      const std::string_view keys = layout.rows[row];
      const std::size_t at = keys.find(a);
      if (a == '?' || at == std::string_view::npos)
        continue;
      const auto is_b = [&](std::string_view others, std::size_t from, std::size_t to) {
        return others.substr(std::min(from, others.size()), to - from + 1).find(b) !=
               std::string_view::npos;
      };
      const std::size_t before = at == 0 ? 0 : at - 1;
      if (is_b(keys, before, at + 1) || (row > 0 && is_b(layout.rows[row - 1], at, at + 1)) ||
          (row + 1 < layout.rows.size() && is_b(layout.rows[row + 1], before, at)))
        return b != a && b != '?';
    }
  }
  return false;
}

} // namespace mxw
