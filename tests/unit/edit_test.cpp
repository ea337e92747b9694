#include "core/edit.h"

#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace mxw;

namespace {

/// "replacement homoglyph".
std::string text_of(Techniques techniques) {
  std::string text;
  techniques.for_each([&](Technique technique) {
    text += (text.empty() ? "" : " ") + std::string(to_string(technique));
  });
  return text;
}

} // namespace

TEST_CASE("edit: a single edit has the names of its techniques", "[edit]") {
  const auto [typed, intended, techniques] = GENERATE(table<std::string, std::string, std::string>({
      {"amy", "army", "omission"},
      {"rmy", "army", "omission"},
      {"arm", "army", "omission"},
      {"armmy", "army", "repetition"},
      {"aarmy", "army", "repetition"},
      {"armyy", "army", "repetition"},
      {"amry", "army", "transposition"},
      {"ramy", "army", "transposition"},
      {"arny", "army", "replacement"},
      {"aqmy", "army", "replacement"},
      {"asmy", "army", "replacement bitsquatting"},
      {"urmy", "army", "replacement vowel-swap"},
      {"ermy", "army", "replacement vowel-swap bitsquatting"},
      {"gmai1", "gmail", "replacement homoglyph"},
      {"gma1l", "gmail", "replacement homoglyph"},
      {"yah0o", "yahoo", "replacement homoglyph"},
      {"artmy", "army", "insertion"},
      {"xarmy", "army", "insertion"},
      {"armyx", "army", "addition"},
      {"armys", "army", "addition plural"},
      {"boss", "bos", "repetition plural"},
      {"ar-my", "army", "hyphenation"},
      {"armyair", "army-air", "hyphenation"},
      {"ab", "ba", "transposition"},
      {"a", "b", "replacement"},
  }));
  CAPTURE(typed, intended);
  CHECK(text_of(single_edit(typed, intended)) == techniques);
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
  CHECK(single_edit(typed, intended).empty());
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
      differences += single_edit(a, b).empty() == (edit_distance(a, b) == 1) ? 1 : 0;
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

TEST_CASE(
    "edit: the bit-parallel distance is the textbook's, for all short words and for long ones",
    "[edit]") {
  std::vector<std::string> words = {""};
  for (std::size_t begin = 0, length = 0; length < 5; ++length) {
    const std::size_t end = words.size();
    for (; begin < end; ++begin)
      for (const char c : {'a', 'b', '-'})
        words.push_back(words[begin] + c);
  }
  std::mt19937 random(20261125);
  for (int i = 0; i < 200; ++i) {
    std::string word;
    for (std::size_t size = 50 + random() % 14; word.size() < size;)
      word += "abc\xff"[random() % 4];
    words.push_back(word);
  }
  std::size_t differences = 0;
  for (const auto &a : words)
    for (const auto &b : words)
      differences += label_distance(a, b) != edit_distance(a, b) ? 1 : 0;
  CHECK(differences == 0);
}

TEST_CASE("edit: pairs of letters", "[edit]") {
  CHECK(is_double_replacement("giigle", "google"));
  CHECK_FALSE(is_double_replacement("giogle", "google"));
  CHECK_FALSE(is_double_replacement("giiggle", "google"));
  CHECK_FALSE(is_double_replacement("giixle", "google"));
  CHECK_FALSE(is_double_replacement("google", "google"));
  CHECK(is_plural_in_es("boxes", "box"));
  CHECK(is_plural_in_es("bussesline", "bussline"));
  CHECK_FALSE(is_plural_in_es("armyes", "army"));
  CHECK_FALSE(is_plural_in_es("box", "box"));
}
