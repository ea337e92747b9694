#include "core/edit.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace mxw;

TEST_CASE("edit: a single edit has the name of its technique", "[edit]") {
  const auto [typed, intended, technique] = GENERATE(table<std::string, std::string, Technique>({
      {"amy", "army", Technique::omission},
      {"rmy", "army", Technique::omission},
      {"arm", "army", Technique::omission},
      {"armmy", "army", Technique::repetition},
      {"aarmy", "army", Technique::repetition},
      {"armyy", "army", Technique::repetition},
      {"amry", "army", Technique::transposition},
      {"ramy", "army", Technique::transposition},
      {"aryn", "aryn", Technique::none},
      {"arny", "army", Technique::replacement},
      {"brmy", "army", Technique::replacement},
      {"armi", "army", Technique::replacement},
      {"artmy", "army", Technique::insertion},
      {"xarmy", "army", Technique::insertion},
      {"armys", "army", Technique::addition},
      {"ar-my", "army", Technique::hyphenation},
      {"armyair", "army-air", Technique::hyphenation},
      {"ab", "ba", Technique::transposition},
      {"a", "b", Technique::replacement},
  }));
  CAPTURE(typed, intended);
  CHECK(single_edit(typed, intended).value_or(Technique::none) == technique);
}

TEST_CASE("edit: two edits, and none, are not one", "[edit]") {
  const auto [typed, intended] = GENERATE(table<std::string, std::string>({
      {"army", "army"},
      {"", ""},
      {"ramyy", "army"},
      {"my", "army"},
      {"yarm", "army"},
      {"acb", "bca"},
      {"abcd", "badc"},
      {"ayrm", "army"},
  }));
  CAPTURE(typed, intended);
  CHECK_FALSE(single_edit(typed, intended));
}

TEST_CASE("edit: one edit is where the textbook distance is one, for all short words", "[edit]") {
  std::vector<std::string> words = {""};
  for (std::size_t begin = 0, length = 0; length < 5; ++length) {
    const std::size_t end = words.size();
    for (; begin < end; ++begin)
      for (const char c : {'a', 'b', '-'})
        words.push_back(words[begin] + c);
  }
  std::size_t differences = 0;
  for (const auto &a : words)
    for (const auto &b : words)
      differences += single_edit(a, b).has_value() != (edit_distance(a, b) == 1) ? 1 : 0;
  CHECK(words.size() == 364);
  CHECK(differences == 0);
}

TEST_CASE("edit: the distance is optimal string alignment", "[edit]") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("ca", "abc") == 3); // 2 if a part could be edited twice
  CHECK(edit_distance("ml", "mil") == 1);
  CHECK(edit_distance("con", "com") == 1);
  CHECK(edit_distance("ocm", "com") == 1);
}
