#include "runtime/event_json.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "names.h"

using namespace mxw;
using nlohmann::json;
using test::name;

namespace {

Event army_ml() {
  Event event;
  event.time_us = 1'795'474'805'000'123; // 2026-11-23 23:00:05 and 123 microseconds
  event.client = parse_address("192.0.2.1");
  event.qtype = 15;
  event.decision = Action::redirect;
  event.technique = Technique::tld_slip;
  event.edits = 1;
  std::string_view("dod").copy(event.rule.data(), Event::kMaxRuleBytes);
  event.qname = name("army.ml");
  event.protected_name = name("army.mil");
  return event;
}

} // namespace

TEST_CASE("event: has the field names of ECS", "[event]") {
  const json j = json::parse(to_json(army_ml()));
  CHECK(j["@timestamp"] == "2026-11-23T23:00:05.000123Z");
  CHECK(j["event"]["kind"] == "event");
  CHECK(j["event"]["category"] == json::array({"network"}));
  CHECK(j["event"]["type"] == json::array({"denied"}));
  CHECK(j["event"]["action"] == "redirect");
  CHECK(j["event"]["module"] == "mxwarden");
  CHECK(j["client"]["ip"] == "192.0.2.1");
  CHECK(j["dns"]["question"]["name"] == "army.ml");
  CHECK(j["dns"]["question"]["type"] == "MX");
  CHECK(j["dns"]["question"]["class"] == "IN");
  CHECK(j["rule"]["id"] == "dod");
  CHECK(j["mxwarden"]["protected"] == "army.mil");
  CHECK(j["mxwarden"]["technique"] == "tld-slip");
  CHECK(j["mxwarden"]["edits"] == 1);
  CHECK(j["mxwarden"]["mode"] == "enforce");
}

TEST_CASE("event: names what an alias leads to", "[event]") {
  Event event = army_ml();
  CHECK_FALSE(json::parse(to_json(event))["mxwarden"].contains("alias_of"));
  event.qname = name("partner.example");
  event.alias_of = name("army.ml");
  const json j = json::parse(to_json(event));
  CHECK(j["dns"]["question"]["name"] == "partner.example");
  CHECK(j["mxwarden"]["alias_of"] == "army.ml");
}

TEST_CASE("event: says whether what was to be verified was", "[event]") {
  Event event = army_ml();
  CHECK_FALSE(json::parse(to_json(event))["mxwarden"].contains("verified"));
  event.verified = Verified::confirmed;
  CHECK(json::parse(to_json(event))["mxwarden"]["verified"] == "confirmed");
  event.verified = Verified::unknown;
  CHECK(json::parse(to_json(event))["mxwarden"]["verified"] == "unknown");
}

TEST_CASE("event: what is only observed was not denied", "[event]") {
  Event event = army_ml();
  event.mode = Mode::observe;
  CHECK(json::parse(to_json(event))["event"]["type"] == json::array({"allowed"}));
}

TEST_CASE("event: a client without an address has no field", "[event]") {
  Event event = army_ml();
  event.client.reset();
  CHECK_FALSE(json::parse(to_json(event)).contains("client"));
}

TEST_CASE("event: whatever was asked, the line is ASCII on one line", "[event]") {
  Event event = army_ml();
  const std::string wire = std::string("\x08\"}\n\r\0\xff\xc3<\x04"
                                       "army\x02ml\0",
                                       18);
  event.qname =
      Name::from_wire({reinterpret_cast<const std::uint8_t *>(wire.data()), wire.size()}).value();
  event.qtype = 65280;
  const std::string line = to_json(event);
  CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
  const json j = json::parse(line);
  CHECK(name(j["dns"]["question"]["name"].get<std::string>()) == event.qname);
  CHECK(j["dns"]["question"]["type"] == "TYPE65280");
}

TEST_CASE("event: lost events are told", "[event]") {
  const json j = json::parse(dropped_to_json(42, 0));
  CHECK(j["@timestamp"] == "1970-01-01T00:00:00.000000Z");
  CHECK(j["event"]["action"] == "events-dropped");
  CHECK(j["mxwarden"]["dropped"] == 42);
}
