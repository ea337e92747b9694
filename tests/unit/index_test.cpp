#include "core/index.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "names.h"

using namespace mxw;
using test::name;

namespace {

struct Collector final : MatchSink {
  void add(const Match &match) noexcept override { matches.push_back(match); }
  void candidates_left() noexcept override { cut_short = true; }
  std::vector<Match> matches;
  bool cut_short = false;
};

constexpr std::uint64_t kSeed = 4711;

std::vector<Match> find(const Index &index, std::string_view text) {
  Collector sink;
  const Name qname = name(text);
  index.find(Tails(qname, kSeed), sink);
  return sink.matches;
}

/// A few suffixes of two labels, for what needs to know them.
bool is_public_suffix(std::string_view name) noexcept {
  return name == "mil" || name == "com" || name == "net" || name == "org" || name == "uk" ||
         name == "ml" || name == "co" || name == "co.uk" || name == "org.uk" || name == "br" ||
         name == "com.br" || name == "de" || name == "example";
}

NameList list_of(const std::vector<std::string> &names) {
  NameList list;
  for (const auto &text : names)
    list.push_back(name(text));
  return list;
}

Index build(const std::vector<std::string> &names, const std::vector<Slip> &slips = {},
            IndexOptions options = {}) {
  options.slips = slips;
  return Index({list_of(names)}, {options}, is_public_suffix, kSeed);
}

const Index &dod() {
  static const Index index =
      build({"army.mil", "us.army.mil", "af.mil", "lockheed-martin.com", "example.co.uk"},
            {{name("ml"), name("mil")},
             {name("co"), name("com")},
             {name("uk"), name("co.uk")},
             {name("army.ml"), name("army.mil")}});
  return index;
}

} // namespace

TEST_CASE("index: near-misses are found with their technique", "[index]") {
  const auto [typed, meant, technique] = GENERATE(table<std::string, std::string, Technique>({
      {"amry.mil", "army.mil", Technique::transposition},
      {"arny.mil", "army.mil", Technique::replacement},
      {"amy.mil", "army.mil", Technique::omission},
      {"armmy.mil", "army.mil", Technique::repetition},
      {"mail.amry.mil", "army.mil", Technique::transposition},
      {"a.b.c.d.amry.mil", "army.mil", Technique::transposition},
      {"us.amry.mil", "us.army.mil", Technique::transposition},
      {"army.ml", "army.mil", Technique::tld_slip},
      {"AF.ml", "af.mil", Technique::tld_slip},
      {"mail.us.army.ml", "us.army.mil", Technique::tld_slip},
      {"lockheedmartin.com", "lockheed-martin.com", Technique::hyphenation},
      {"lockheed-martin.co", "lockheed-martin.com", Technique::tld_slip},
      {"example.uk", "example.co.uk", Technique::tld_slip},
      {"usarmy.mil", "us.army.mil", Technique::missing_dot},
      {"mail.usarmy.mil", "us.army.mil", Technique::missing_dot},
      {"wwwarmy.mil", "army.mil", Technique::missing_dot},
      {"armymil.com", "army.mil", Technique::missing_dot},
      {"www.armymil.org", "army.mil", Technique::missing_dot},
      {"usarmymil.net", "us.army.mil", Technique::missing_dot},
      {"exampleco.uk", "example.co.uk", Technique::missing_dot},
      {"armymil", "army.mil", Technique::missing_dot},
  }));
  CAPTURE(typed);
  std::size_t found = 0;
  for (const Match &match : find(dod(), typed))
    found += dod().names()[match.entry] == name(meant) && match.technique == technique ? 1 : 0;
  CHECK(found > 0);
}

TEST_CASE("index: what is no near-miss is not found", "[index]") {
  const std::string typed = GENERATE(
      as<std::string>(), "army.mil", "www.army.mil", "mil", "ml", ".", "bamako.ml", "haaretz.co.il",
      "afmil.com",          // the label is too short for that
      "aff.mil",            // and for an edit
      "armymil.sample.org", // somebody's own naming
      "us.armymil",         // the last dot stays
      "army.mil.sample.org", "amry.mil.sample.org", "aarmyy.mil", "amry.com", "example.co.ml");
  CAPTURE(typed);
  CHECK(find(dod(), typed).empty());
}

TEST_CASE("index: a match says how many labels of the query make the look-alike", "[index]") {
  const auto [typed, labels] = GENERATE(table<std::string, int>({
      {"a.b.amry.mil", 2},
      {"a.b.army.ml", 2},
      {"x.us.amry.mil", 3},
      {"x.example.uk", 2},
      {"x.usarmy.mil", 2},
      {"x.armymil.com", 2},
  }));
  CAPTURE(typed);
  const auto matches = find(dod(), typed);
  REQUIRE_FALSE(matches.empty());
  const auto longest =
      std::max_element(matches.begin(), matches.end(), [](const Match &a, const Match &b) {
        return a.apex_labels < b.apex_labels;
      });
  CHECK(longest->apex_labels == labels);
}

TEST_CASE("index: a slip counts its edits, and holds for its own group only", "[index]") {
  std::vector<IndexOptions> options(2);
  options[0].slips = {{name("ml"), name("mil")}};
  options[1].slips = {{name("com"), name("mil")}};
  for (IndexOptions &of : options)
    of.techniques[static_cast<std::size_t>(Technique::tld_swap)].level = Level::off;
  const Index index({list_of({"army.mil"}), list_of({"army.mil"})}, options, is_public_suffix,
                    kSeed);
  const auto ml = find(index, "army.ml");
  REQUIRE(ml.size() == 1);
  CHECK(ml[0].entry == 0);
  CHECK(ml[0].edits == 1);
  const auto com = find(index, "army.com");
  REQUIRE(com.size() == 1);
  CHECK(com[0].entry == 1);
  CHECK(com[0].edits == 3);
}

TEST_CASE("index: a name of 255 octets that a slip would make longer is no match", "[index]") {
  const std::string l63(63, 'a');
  const std::string longest = l63 + '.' + l63 + '.' + l63 + '.' + std::string(53, 'b') + ".army.ml";
  REQUIRE(name(longest).wire().size() == 255);
  const auto matches = find(dod(), longest);
  REQUIRE_FALSE(matches.empty()); // what is below it still is
  CHECK(matches[0].apex_labels == 2);
}

TEST_CASE("index: an empty one finds nothing", "[index]") {
  CHECK(find(Index(), "army.ml").empty());
  CHECK(find(build({}), "army.ml").empty());
}

TEST_CASE("index: the deepest protected name is found by an edit of each label", "[index]") {
  std::string text;
  for (std::size_t i = 0; i + 1 < kMaxRuleLabels; ++i)
    text += "label" + std::string(1, static_cast<char>('a' + i)) + '.';
  text += "mil";
  const Index index = build({text});
  for (std::size_t i = 0; i + 1 < kMaxRuleLabels; ++i) {
    std::string typed = text;
    typed[text.find("label" + std::string(1, static_cast<char>('a' + i)))] = 'x';
    CAPTURE(typed);
    CHECK(find(index, typed).size() == 1);
  }
}
