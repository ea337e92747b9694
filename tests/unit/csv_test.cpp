#include "loader/csv.h"

#include <catch2/catch.hpp>

using namespace mxw;

namespace {

/// Each record as "line:field|field", with a semicolon after it.
std::string records(std::string_view text) {
  CsvReader reader(text);
  std::vector<std::string> fields;
  std::string all;
  while (reader.next(fields)) {
    all += std::to_string(reader.line()) + ':';
    for (const std::string &field : fields)
      all += (&field == &fields.front() ? "" : "|") + field;
    all += ';';
  }
  return all + (reader.is_cut_off() ? "cut off at " + std::to_string(reader.line()) : "");
}

} // namespace

TEST_CASE("csv: records, fields and lines", "[csv]") {
  const auto [text, wanted] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"a", "1:a;"},
      {"a\n", "1:a;"},
      {"a,b\nc,d", "1:a|b;2:c|d;"},
      {"a,b\r\nc,d\r\n", "1:a|b;2:c|d;"},
      {"a\rb\r", "1:a;2:b;"},
      {"a\n\nb\n", "1:a;2:;3:b;"},
      {",\n,", "1:|;2:|;"},
      {R"("a,b",c)", "1:a,b|c;"},
      {R"("a ""b""",c)", "1:a \"b\"|c;"},
      {R"("","")", "1:|;"},
      {"\"a\nb\",c\nd", "1:a\nb|c;3:d;"},
      {"\"a\"b,c", "1:ab|c;"},
      {"a\"b,c", "1:a\"b|c;"},
      {"a\n\"b\nc", "1:a;cut off at 2"},
      {"\"", "cut off at 1"},
      {std::string("a\0b,c", 5), std::string("1:a\0b|c;", 8)},
  }));
  CAPTURE(text);
  CHECK(records(text) == wanted);
}
