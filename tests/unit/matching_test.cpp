#include "core/matching.h"

#include <array>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace mxw;

namespace {

constexpr Keyboards only(Keyboard keyboard) { return static_cast<Keyboards>(keyboard); }
constexpr Keyboards kQwerty = only(Keyboard::qwerty);
constexpr Keyboards kQwertz = only(Keyboard::qwertz);
constexpr Keyboards kAzerty = only(Keyboard::azerty);
constexpr Keyboards kDvorak = only(Keyboard::dvorak);
constexpr Keyboards kAll = kQwerty | kQwertz | kAzerty | kDvorak;
constexpr std::array kPresets = {Preset::cautious, Preset::standard, Preset::aggressive};

std::vector<Technique> techniques() {
  std::vector<Technique> all;
  for (std::size_t i = 1; i < kTechniques; ++i)
    all.push_back(static_cast<Technique>(i));
  return all;
}

TechniqueOptions of(const std::array<TechniqueOptions, kTechniques> &options, Technique technique) {
  return options.at(static_cast<std::size_t>(technique));
}

} // namespace

TEST_CASE("matching: each layout has its own neighbours", "[matching]") {
  const auto [key, layout, neighbours] = GENERATE(table<char, Keyboards, std::string>({
      {'g', kQwerty, "fhtyvb"}, {'q', kQwerty, "12wa"},   {'p', kQwerty, "o0-l"},
      {'z', kQwerty, "asx"},    {'m', kQwerty, "njk"},    {'1', kQwerty, "2q"},
      {'0', kQwerty, "9-op"},   {'-', kQwerty, "0p"},     {'l', kQwerty, "kop"},
      {'y', kQwertz, "asx"},    {'z', kQwertz, "t67uhg"}, {'a', kAzerty, "12zq"},
      {'m', kAzerty, "lp"},     {'w', kAzerty, "qsx"},    {'n', kAzerty, "bhj"},
      {'a', kDvorak, "o"},      {'e', kDvorak, "opuqj"},  {'s', kDvorak, "nl-vz"},
      {'p', kDvorak, "45yue"},  {'-', kDvorak, "sz"},
  }));
  CAPTURE(key, layout);
  for (int i = -128; i < 128; ++i) {
    const char other = static_cast<char>(i);
    CAPTURE(i);
    const bool is_near = neighbours.find(other) != std::string::npos;
    if (are_near_keys(key, other, layout) != is_near)
      FAIL_CHECK((is_near ? "is near" : "is not near"));
  }
}

TEST_CASE("matching: nearness goes both ways, no key is near itself, and layouts add up",
          "[matching]") {
  for (int a = -128; a < 128; ++a)
    for (int b = -128; b < 128; ++b) {
      const auto near = [](int x, int y, Keyboards on) {
        return are_near_keys(static_cast<char>(x), static_cast<char>(y), on);
      };
      bool any = false;
      for (const Keyboards layout : {kQwerty, kQwertz, kAzerty, kDvorak}) {
        any = any || near(a, b, layout);
        if (near(a, b, layout) != near(b, a, layout))
          FAIL(a << ' ' << b << " on " << int{layout});
      }
      if (near(a, b, kAll) != any || (a == b && any) || near(a, b, 0))
        FAIL(a << ' ' << b);
      if (a == '?' && any)
        FAIL("no key");
    }
}

TEST_CASE("matching: confidence falls with shorter labels, and never exceeds what is sure",
          "[matching]") {
  const Technique technique = GENERATE(from_range(techniques()));
  CAPTURE(to_string(technique));
  for (const bool near_keys : {false, true}) {
    std::uint8_t before = 0;
    for (std::size_t bytes = 0; bytes <= 70; ++bytes) {
      const std::uint8_t confidence = confidence_of(technique, bytes, near_keys);
      CAPTURE(bytes, near_keys);
      if (confidence < before || confidence > 100 ||
          confidence < confidence_of(technique, bytes, false))
        FAIL(int{confidence} << " after " << int{before});
      before = confidence;
    }
    CHECK(confidence_of(technique, 1, near_keys) > 0);
    CHECK(confidence_of(technique, 1, near_keys) < confidence_of(technique, 63, near_keys));
  }
}

TEST_CASE("matching: nothing is no mistake, and neighbouring keys make a replacement likelier",
          "[matching]") {
  CHECK(confidence_of(Technique::none, 63, true) == 0);
  for (const Technique technique :
       {Technique::replacement, Technique::insertion, Technique::addition})
    CHECK(confidence_of(technique, 8, true) > confidence_of(technique, 8, false));
  CHECK(confidence_of(Technique::omission, 8, true) ==
        confidence_of(Technique::omission, 8, false));
}

TEST_CASE("matching: what a preset does, the next one does too", "[matching]") {
  const Technique technique = GENERATE(from_range(techniques()));
  const auto min_label = GENERATE(as<std::uint8_t>(), 1, 4, 6, 63);
  CAPTURE(to_string(technique), int{min_label});
  TechniqueOptions before = {Level::off, 64};
  for (const Preset preset : kPresets) {
    CAPTURE(to_string(preset));
    const TechniqueOptions options = of(techniques_of(preset, min_label), technique);
    CHECK(options.level >= before.level);
    CHECK(options.min_label <= before.min_label);
    before = options;
  }
}

TEST_CASE("matching: the presets differ in what is about two mistakes", "[matching]") {
  const auto [technique, cautious, standard, aggressive] =
      GENERATE(table<Technique, Level, Level, Level>({
          {Technique::omission, Level::block, Level::block, Level::block},
          {Technique::tld_slip, Level::block, Level::block, Level::block},
          {Technique::mirror, Level::block, Level::block, Level::block},
          {Technique::listed, Level::block, Level::block, Level::block},
          {Technique::two_place, Level::observe, Level::block, Level::block},
          {Technique::two_edits, Level::off, Level::off, Level::block},
          {Technique::junk_affix, Level::observe, Level::observe, Level::block},
          {Technique::tld_swap, Level::observe, Level::observe, Level::observe},
      }));
  CAPTURE(to_string(technique));
  CHECK(of(techniques_of(Preset::cautious), technique).level == cautious);
  CHECK(of(techniques_of(Preset::standard), technique).level == standard);
  CHECK(of(techniques_of(Preset::aggressive), technique).level == aggressive);
}

TEST_CASE("matching: a technique that needs a longer label keeps its floor, a longer one holds",
          "[matching]") {
  const auto [technique, preset, at_1, at_4, at_9] =
      GENERATE(table<Technique, Preset, int, int, int>({
          {Technique::omission, Preset::standard, 1, 4, 9},
          {Technique::missing_dot, Preset::standard, 1, 4, 9},
          {Technique::idn_homoglyph, Preset::standard, 1, 4, 9},
          {Technique::tld_swap, Preset::standard, 1, 4, 9},
          {Technique::double_replacement, Preset::standard, 5, 5, 9},
          {Technique::two_place, Preset::standard, 5, 5, 9},
          {Technique::combosquat, Preset::standard, 5, 5, 9},
          {Technique::junk_affix, Preset::standard, 5, 5, 9},
          {Technique::two_edits, Preset::standard, 7, 7, 9},
          {Technique::two_edits, Preset::aggressive, 5, 5, 9},
          {Technique::tld_slip, Preset::standard, 1, 1, 1}, // whatever stands before it
          {Technique::mirror, Preset::standard, 1, 1, 1},
          {Technique::listed, Preset::standard, 1, 1, 1},
      }));
  CAPTURE(to_string(technique), to_string(preset));
  CHECK(of(techniques_of(preset, 1), technique).min_label == at_1);
  CHECK(of(techniques_of(preset, 4), technique).min_label == at_4);
  CHECK(of(techniques_of(preset, 9), technique).min_label == at_9);
}

TEST_CASE("matching: a technique wants labels from its floor on, and none when it is off",
          "[matching]") {
  const auto [level, floor, bytes, wants] = GENERATE(table<Level, int, std::size_t, bool>({
      {Level::block, 4, 3, false},
      {Level::block, 4, 4, true},
      {Level::observe, 4, 63, true},
      {Level::observe, 63, 62, false},
      {Level::off, 1, 63, false},
  }));
  const TechniqueOptions options = {level, static_cast<std::uint8_t>(floor)};
  CHECK(options.wants(bytes) == wants);
}

TEST_CASE("matching: a preset and a level have the names of the rule files", "[matching]") {
  CHECK(to_string(Preset::cautious) == "cautious");
  CHECK(to_string(Preset::standard) == "default");
  CHECK(to_string(Preset::aggressive) == "aggressive");
  CHECK(to_string(Level::off) == "off");
  CHECK(to_string(Level::observe) == "observe");
  CHECK(to_string(Level::block) == "block");
}
