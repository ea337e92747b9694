// The one layout of rule files: what it moves, and that it changes nothing else.
#include "loader/toml_format.h"

#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

using namespace mxw;

namespace {

std::optional<std::string> formatted(const std::string &text) {
  Findings findings;
  return format_toml(Source("rules.toml", text), findings);
}

} // namespace

TEST_CASE("toml_format: blanks, empty lines and line ends", "[toml_format]") {
  const auto [before, after] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"\n\n", ""},
      {"# only", "# only\n"},
      {"a=1", "a = 1\n"},
      {"  a\t= 1   # why  \n", "a = 1 # why\n"},
      {"a = 1#b", "a = 1 #b\n"},
      {"\n\na = 1\n\n\n\nb = 2\n\n", "a = 1\n\nb = 2\n"},
      {"a = 1\r\nb=2", "a = 1\r\nb = 2\r\n"},
      {"a = 1\nb=2\r\n", "a = 1\nb = 2\n"},
      {"\xef\xbb\xbf"
       "a=1",
       "a = 1\n"},
      {"a . \"b c\" . 'd'=1", "a.\"b c\".'d' = 1\n"},
      {"when = 2026-12-26 10:00:00Z", "when = 2026-12-26 10:00:00Z\n"},
      {"x = 0x1F", "x = 0x1F\n"},
      // tables
      {"a=1\n[ b ]\nc=1", "a = 1\n\n[b]\nc = 1\n"},
      {"[[ b . c ]] # d\n\n\nc=1", "[[b.c]] # d\nc = 1\n"},
      {"a=1\n# of b\n[b]", "a = 1\n\n# of b\n[b]\n"},
      {"a=1\n# of a\n\n\n# of\n# b\n[b]\n", "a = 1\n# of a\n\n# of\n# b\n[b]\n"},
      {"[a]\n[b]\n", "[a]\n\n[b]\n"},
      {"[a.\"]\"]\n", "[a.\"]\"]\n"},
      {"b={x=1,y.z={},  w={ v=[1,2] }}", "b = { x = 1, y.z = {}, w = { v = [1, 2] } }\n"},
  }));
  CAPTURE(before);
  CHECK(formatted(before) == after);
}

TEST_CASE("toml_format: arrays keep their lines", "[toml_format]") {
  const std::string name = "\"" + std::string(38, 'a') + ".mil\"";
  const std::string umlauts = "\"\xc3\xbc" + std::string(37, 'a') + ".mil\"";
  const auto [before, after] = GENERATE_COPY(table<std::string, std::string>({
      {"a=[ ]", "a = []\n"},
      {"a=[\n\n]", "a = []\n"},
      {"a=['x','y',]", "a = ['x', 'y']\n"},
      {"a=[1,\n2]", "a = [\n  1,\n  2,\n]\n"},
      {"a=[\n1,2,\n\n\n3 , 4]", "a = [\n  1, 2,\n\n  3, 4,\n]\n"},
      {"a=[ # of all\n1 # one\n, # two\n2,\n# end\n]",
       "a = [\n  # of all\n  1, # one\n  # two\n  2,\n  # end\n]\n"},
      {"a=[[1,2],[\n3]]", "a = [\n  [1, 2], [\n    3,\n  ],\n]\n"},
      {"a={b=[1,\n2]}", "a = { b = [\n  1,\n  2,\n] }\n"},
      {"a=[\r\n1]", "a = [\r\n  1,\r\n]\r\n"},
      {"a = [\"\"\"\n]\"\"\", 'b']\n", "a = [\n  \"\"\"\n]\"\"\", 'b',\n]\n"},
      {"a=[{x=1},{x=2}]", "a = [{ x = 1 }, { x = 2 }]\n"},
      // what is too long for a line is broken, by letters and not by octets
      {"abcd=[" + name + "," + name + "]", "abcd = [" + name + ", " + name + "]\n"},
      {"abcd=[" + umlauts + "," + umlauts + "]", "abcd = [" + umlauts + ", " + umlauts + "]\n"},
      {"abcdef=[" + name + "," + name + "]", "abcdef = [\n  " + name + ", " + name + ",\n]\n"},
      {"a=[" + name + "," + name + "," + name + "]",
       "a = [\n  " + name + ", " + name + ",\n  " + name + ",\n]\n"},
      {"a=[\n" + name + "," + name + "," + name + "# why\n]",
       "a = [\n  " + name + ", " + name + ",\n  " + name + ", # why\n]\n"},
  }));
  CAPTURE(before);
  CHECK(formatted(before) == after);
}

TEST_CASE("toml_format: strings stay as they are written", "[toml_format]") {
  const std::string text =
      GENERATE(as<std::string>(), //
               "a = \"# no [comment], \\\" = \"\n",
               "a = '\\'\n"
               "b = \"\"\n",
               "a = \"\"\"\n  x # no comment  \n\n\n[no]\n\"\"\"\"\" # one\n",
               "a = '''\n\r\n  x\t''' # one\n", "a = [\n  \"\"\"\n]\"\"\", 'b',\n]\n",
               "\"a b\" = \"\\u00fc\"\n", "a = \"m\xc3\xbcnchen.de\"\n");
  CAPTURE(text);
  CHECK(formatted(text) == text);
}

TEST_CASE("toml_format: what is no TOML is a finding with its place", "[toml_format]") {
  const std::string text = GENERATE(as<std::string>(), "a = ", "a = [1", "[a", "a\n", "a = 1 b = 2",
                                    "a = \"x", "a = 1\ra = 2", "a.b = 1\na = 2", "a = \xff",
                                    "\xef\xbb\xbf\xef\xbb\xbf"
                                    "a = 1");
  CAPTURE(text);
  Findings findings;
  CHECK_FALSE(format_toml(Source("rules.toml", text), findings));
  const auto found = std::move(findings).sorted();
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == "MXW002");
  CHECK(found[0].line >= 1);
}

TEST_CASE("toml_format: everything shipped has the layout, and all that tests have can have it",
          "[toml_format]") {
  namespace fs = std::filesystem;
  const fs::path root = MXW_TEST_ROOT;
  std::size_t shipped = 0;
  std::size_t others = 0;
  for (const char *part : {"contrib", "rules/sets", "tests/golden"})
    for (const fs::path &file : fs::recursive_directory_iterator(root / part)) {
      if (file.extension() != ".toml")
        continue;
      const auto source = Source::read(file, 16U << 20U);
      REQUIRE(source);
      Findings findings;
      const auto text = format_toml(*source, findings); // fails where anything would change
      CAPTURE(file);
      if (std::string_view(part) == "tests/golden") {
        others += text ? 1U : 0U;
        continue;
      }
      REQUIRE(text);
      CHECK(*text == source->octets());
      ++shipped;
    }
  CHECK(shipped >= 4);
  CHECK(others >= 60);
}
