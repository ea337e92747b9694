#include "core/name_list.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "names.h"

using namespace mxw;
using test::name;

namespace {

NameList list_of(const std::vector<std::string> &names) {
  NameList list;
  for (const std::string &text : names)
    list.push_back(name(text));
  return list;
}

std::vector<std::string> texts(const NameList &list) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < list.size(); ++i)
    names.push_back(to_string(list[i]));
  return names;
}

/// 255 octets in wire form, 127 labels.
std::string deepest_name(char c) {
  std::string text(1, c);
  for (int i = 1; i < 127; ++i)
    text += ".a";
  return text;
}

/// 255 octets in wire form, the labels as long as they may be.
std::string longest_name(char c) {
  const std::string l63(63, 'a');
  return l63 + '.' + l63 + '.' + l63 + '.' + std::string(60, 'a') + c;
}

} // namespace

TEST_CASE("name list: an empty one has nothing, and stays so", "[name_list]") {
  NameList list;
  list.remove_repeated();
  list.append(NameList());
  list.shrink_to_fit();
  CHECK(list.empty());
  CHECK(list.size() == 0);
  CHECK(list.octets() == 0);
}

TEST_CASE("name list: names come out as they went in, in their order", "[name_list]") {
  const std::vector<std::string> names = {
      "army.mil",        ".",   "a",        longest_name('b'), "army.mil",
      deepest_name('b'), "mil", "ARMY.MIL", "us.ar-my.mil",    R"(a\.b\000\255\\.mil)",
      longest_name('c')};
  const NameList list = list_of(names);
  REQUIRE(list.size() == names.size());
  std::size_t octets = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    CAPTURE(names[i]);
    const Name wanted = name(names[i]);
    CHECK(list[i] == wanted);
    CHECK(list[i].labels() == wanted.labels());
    CHECK(list.wire(i) == wanted.tail(wanted.labels()));
    octets += wanted.wire().size();
  }
  CHECK(list.octets() == octets);
  CHECK(list.memory_bytes() >= octets);
}

TEST_CASE("name list: a list that is appended comes behind, in its own order", "[name_list]") {
  NameList list = {name("b.mil"), name("a.mil")};
  list.reserve(10, 1000);
  list.append({name("d.mil"), name("b.mil"), name("c.mil")});
  list.append(NameList());
  list.push_back(name("e.mil"));
  list.shrink_to_fit();
  CHECK(texts(list) ==
        std::vector<std::string>{"b.mil", "a.mil", "d.mil", "b.mil", "c.mil", "e.mil"});
}

TEST_CASE("name list: of names that are repeated the first stays, and the order too",
          "[name_list]") {
  using Names = std::vector<std::string>;
  const auto [names, kept] = GENERATE(table<Names, Names>({
      {{"a.mil"}, {"a.mil"}},
      {{"b.mil", "a.mil"}, {"b.mil", "a.mil"}},
      {{"b.mil", "a.mil", "B.MIL.", "b.mil"}, {"b.mil", "a.mil"}},
      {{"a.mil", "a.mil", "a.mil"}, {"a.mil"}},
      {{".", "a", "."}, {".", "a"}},
      // The same octets, other labels.
      {{"a.b.mil", R"(a\.b.mil)", "ab.mil", R"(a\.b.mil)"}, {"a.b.mil", R"(a\.b.mil)", "ab.mil"}},
      {{longest_name('b'), longest_name('c'), longest_name('b')},
       {longest_name('b'), longest_name('c')}},
      {{deepest_name('b'), deepest_name('c'), deepest_name('b')},
       {deepest_name('b'), deepest_name('c')}},
  }));
  NameList list = list_of(names);
  list.remove_repeated();
  CHECK(texts(list) == kept);
}

TEST_CASE("name list: of many names that come three times each stays once", "[name_list]") {
  constexpr int kNames = 20'000;
  NameList list;
  for (int i = 0; i < 3 * kNames; ++i)
    list.push_back(name("name" + std::to_string(i % kNames) + ".mil"));
  list.remove_repeated();
  REQUIRE(list.size() == kNames);
  for (int i = 0; i < kNames; ++i)
    if (list[static_cast<std::size_t>(i)] != name("name" + std::to_string(i) + ".mil"))
      FAIL(i);
  list.push_back(name("more.mil"));
  CHECK(to_string(list[kNames]) == "more.mil");
}
