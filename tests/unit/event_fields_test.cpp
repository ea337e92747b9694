// docs/events.md against what is written, both ways.
#include "runtime/event_json.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "names.h"

using namespace mxw;
using nlohmann::json;
using test::name;

namespace {

/// Of a field: its type in the page's words, and the letters of the kinds of event that have it.
struct Field {
  std::string type;
  std::string kinds;
  bool operator==(const Field &other) const { return type == other.type && kinds == other.kinds; }
};

std::ostream &operator<<(std::ostream &out, const Field &field) {
  return out << field.type << " in " << field.kinds;
}

using Fields = std::map<std::string, Field>;

std::string type_of(const std::string &path, const json &value) {
  if (value.is_array())
    return type_of(path, value.at(0)) + "[]";
  if (value.is_number())
    return value.is_number_float() ? "float" : "long";
  return path == "@timestamp" ? "date" : path == "client.ip" ? "ip" : "keyword";
}

void collect(const json &value, const std::string &path, char kind, Fields &fields) {
  if (value.is_object()) {
    for (const auto &[key, inner] : value.items())
      collect(inner, path.empty() ? key : std::string(path).append(".").append(key), kind, fields);
    return;
  }
  CAPTURE(path);
  const std::string type = type_of(path, value);
  Field &field = fields[path];
  CHECK((field.type.empty() || field.type == type)); // the same in every event
  field.type = type;
  if (field.kinds.find(kind) == std::string::npos)
    field.kinds += kind;
}

Event event() {
  Event e;
  e.client = parse_address("192.0.2.1");
  e.qtype = 15;
  e.technique = Technique::tld_slip;
  e.techniques.add(Technique::tld_slip);
  e.qname = name("army.ml");
  e.protected_name = name("army.mil");
  return e;
}

/// Every kind of event, each with all that it may have, and with as little.
Fields written() {
  Fields fields;
  Event decision = event();
  collect(json::parse(to_json(decision)), "", 'D', fields);
  decision.verified = Verified::unknown;
  decision.alias_of = name("army.ml");
  collect(json::parse(to_json(decision)), "", 'D', fields);
  Warning warning;
  collect(json::parse(to_json(warning)), "", 'W', fields);
  warning.client = parse_address("2001:db8::1");
  warning.sender_domain = "sender.example";
  warning.recipient_domain = "army.ml";
  warning.sender = "alice@sender.example";
  warning.recipient = "bob@army.ml";
  warning.rule = "dod";
  warning.protected_name = warning.suggestion = "army.mil";
  collect(json::parse(to_json(warning)), "", 'W', fields);
  collect(json::parse(dropped_to_json(1, 0)), "", 'L', fields);
  return fields;
}

Fields documented() {
  std::ifstream in(MXW_TEST_ROOT "/docs/events.md");
  const std::string page((std::istreambuf_iterator<char>(in)), {});
  const auto begin = page.find("<!-- fields -->");
  std::istringstream table(page.substr(begin, page.find("<!-- end of fields -->") - begin));
  const std::regex row(R"(\| `([^`]+)` \| ([a-z]+(?:\[\])?) \| ([DWL ]+) \| (yes|no) \|.*)");
  Fields fields;
  for (std::string line; std::getline(table, line);) {
    std::smatch parts;
    if (line.rfind("| `", 0) != 0)
      continue;
    CAPTURE(line);
    REQUIRE(std::regex_match(line, parts, row));
    std::string kinds = parts[3];
    kinds.erase(std::remove(kinds.begin(), kinds.end(), ' '), kinds.end());
    CHECK((parts[4] == "no") == (parts[1].str().rfind("mxwarden.", 0) == 0));
    CHECK(fields.emplace(parts[1], Field{parts[2], kinds}).second);
  }
  return fields;
}

} // namespace

TEST_CASE("event: docs/events.md has the fields that events have, and no others", "[event]") {
  const Fields told = documented();
  const Fields real = written();
  for (const auto &[path, field] : real) {
    CAPTURE(path);
    REQUIRE(told.count(path) == 1);
    CHECK(told.at(path) == field);
  }
  for (const auto &[path, field] : told) {
    CAPTURE(path);
    CHECK(real.count(path) == 1);
  }
}

TEST_CASE("event: the longest line of the resolver's fits into 8 KiB, which rsyslog takes",
          "[event]") {
  const std::string label = std::string(1, '\x3f') + std::string(63, '\xff');
  const std::string wire =
      label + label + label + std::string(1, '\x3d') + std::string(61, '\xff') + '\0';
  const auto longest =
      Name::from_wire({reinterpret_cast<const std::uint8_t *>(wire.data()), wire.size()}).value();
  Event e = event();
  e.qname = e.alias_of = e.protected_name = longest;
  e.verified = Verified::confirmed;
  e.client = parse_address("2001:db8:1111:2222:3333:4444:5555:6666");
  e.rule.fill('r');
  e.rule.back() = '\0';
  for (int i = 0; i <= static_cast<int>(Technique::listed); ++i)
    e.techniques.add(static_cast<Technique>(i));
  const std::string line = to_json(e);
  CAPTURE(line.size());
  constexpr std::size_t kNames = 3UL * 5 * 248; // three, of which each octet takes five
  CHECK(line.size() > kNames);
  CHECK(line.size() < 8192);
}
