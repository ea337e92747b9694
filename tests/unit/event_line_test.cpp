#include "cli/event_line.h"

#include <catch2/catch.hpp>

#include "names.h"
#include "runtime/event_json.h"

using namespace mxw;
using namespace mxw::cli;
using test::name;

namespace {

Event army_ml() {
  Event event;
  event.time_us = 1'795'474'805'000'123; // 2026-11-23 23:00:05 and 123 microseconds
  event.client = parse_address("192.0.2.1");
  event.qtype = 15;
  event.decision = Action::redirect;
  event.technique = Technique::tld_slip;
  std::string_view("dod").copy(event.rule.data(), Event::kMaxRuleBytes);
  event.qname = name("army.ml");
  event.protected_name = name("army.mil");
  return event;
}

const std::string kGood =
    R"({"@timestamp":"2026-11-23T23:00:05Z","event":{"dataset":"mxwarden.decision","action":"redirect"},)"
    R"("dns":{"question":{"name":"army.ml","type":"MX"}},"mxwarden":{"protected":"army.mil","mode":"enforce"}})";

std::string with(std::string from, const std::string &to) {
  std::string line = kGood;
  const auto at = line.find(from);
  REQUIRE(at != std::string::npos);
  return line.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("event line: what the module writes is read", "[report]") {
  Event written = army_ml();
  auto event = parse_event(to_json(written));
  REQUIRE(event);
  CHECK(event->kind == EventKind::decision);
  CHECK(event->time_s == 1'795'474'805);
  CHECK(event->is_stopped());
  CHECK(event->is_mail_question);
  CHECK(event->action == Action::redirect);
  CHECK(event->technique == Technique::tld_slip);
  CHECK(event->look_alike == "army.ml");
  CHECK(event->protected_name == "army.mil");
  CHECK(event->client == "192.0.2.1");
  CHECK(event->rule == "dod");

  written.mode = Mode::observe;
  written.qtype = 1;
  written.client.reset();
  written.qname = name("partner.example");
  written.alias_of = name("army.ml");
  event = parse_event(to_json(written));
  REQUIRE(event);
  CHECK_FALSE(event->is_stopped());
  CHECK_FALSE(event->is_mail_question);
  CHECK(event->client.empty());
  CHECK(event->look_alike == "army.ml");

  written = army_ml();
  written.decision = Action::pass;
  CHECK_FALSE(parse_event(to_json(written))->is_stopped());
}

TEST_CASE("event line: what mail servers told and lost events are read", "[report]") {
  Warning warning;
  warning.sender_domain = "sender.example";
  CHECK(parse_event(to_json(warning))->told == Told::refused);
  warning.rule = "dod";
  warning.protected_name = "army.mil";
  const auto warned = parse_event(to_json(warning));
  REQUIRE(warned);
  CHECK(warned->kind == EventKind::warning);
  CHECK(warned->told == Told::warned);
  CHECK(warned->sender_domain == "sender.example");
  warning.is_refused = false;
  CHECK(parse_event(to_json(warning))->told == Told::passed);

  const auto dropped = parse_event(dropped_to_json(42, 0));
  REQUIRE(dropped);
  CHECK(dropped->kind == EventKind::dropped);
  CHECK(dropped->dropped == 42);
}

TEST_CASE("event line: names with dots are nested names, and the order is free", "[report]") {
  const auto event = parse_event(
      R"({"mxwarden.mode":"observe","mxwarden":{"protected":"army.mil"},"x":[{"rule":{"id":"no"}}],)"
      R"("dns.question":{"type":"ANY","name":"army.ml"},"event.dataset":"mxwarden.decision",)"
      R"("event":{"action":"null-mx"},"@timestamp":"2026-11-23T23:00:05Z","rule":{"id":7}})");
  REQUIRE(event);
  CHECK(event->mode == Mode::observe);
  CHECK(event->is_mail_question);
  CHECK(event->rule.empty());
}

TEST_CASE("event line: what is no event is none", "[report]") {
  REQUIRE(parse_event(kGood));
  CHECK(parse_event(with("enforce\"", "enforce\",\"technique\":\"of the future\""))->technique ==
        Technique::none);
  const std::string line =
      GENERATE(std::string(), "{", "{}", "[]", "null", "army.ml", kGood + "}", kGood + kGood,
               kGood.substr(0, kGood.size() - 1), '[' + kGood + ']', std::string("\0", 1),
               std::string(60'000, '['), std::string(60'000, '{'), with("army.ml", "\xff\xfe"),
               with("army.ml", std::string("a\0b", 3)), with("army.ml", "\\ud800"),
               with("\"army.ml\"", "5"), with("army.ml", std::string(1'021, 'a')),
               with("\"army.mil\"", "null"), with("enforce", "maybe"), with("redirect", "explode"),
               with("mxwarden.d", "other.d"), with("2026-11-23", "2026-02-30"), with("T23", "T24"),
               with("05Z", "05"), with("05Z", "05+01:00"),
               with("\"2026-11-23T23:00:05Z\"", "1795474805"), with("redirect", "events-dropped"));
  CAPTURE(line.substr(0, 300));
  CHECK_FALSE(parse_event(line));
}

TEST_CASE("event line: times are those of all years", "[report]") {
  const auto [text, seconds] = GENERATE(table<std::string, std::int64_t>({
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01T00:00:00.999999Z", 0},
      {"1969-12-31T23:59:59.5Z", -1},
      {"0001-01-01T00:00:00Z", -62'135'596'800},
      {"9999-12-31T23:59:59Z", 253'402'300'799},
      {"2016-12-31T23:59:60Z", 1'483'228'800},
  }));
  CHECK(parse_timestamp(text) == seconds);
  for (const char *bad : {"", "Z", "1970-01-01", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.-1Z",
                          "1970-01-01 00:00:00Z", "-970-01-01T00:00:00Z", "1970-01-01T+1:00:00Z"})
    CHECK_FALSE(parse_timestamp(bad));
}
