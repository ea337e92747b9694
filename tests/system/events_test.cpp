// The event log: what is in it, what is not, and that nothing depends on it.
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
#include <cstring>
#include <ctime>
#include <string_view>

using namespace mxw::test;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// ISO 8601 in UTC, as ECS wants it; any number of digits after the seconds.
bool is_timestamp(const std::string &text) {
  std::tm parts{};
  const char *rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  return rest != nullptr && std::string_view(rest + std::strspn(rest, ".0123456789")) == "Z";
}

} // namespace

TEST_CASE("events: each decision that is not a plain pass is one line with ECS fields",
          "[events]") {
  const Nsd world(zones());
  std::string tables = protect("watched", "mode = \"observe\"\naction = \"nxdomain\"");
  for (const std::string &action : actions())
    tables += protect(action, "action = \"" + action + '"');
  Resolver module(world.endpoint(), with_rules(tables));

  struct Asked {
    Question question;
    std::string action;
    std::string mode = "enforce";
  };
  std::vector<Asked> asked;
  for (const std::string &action : actions())
    asked.push_back({{.name = "mail." + action + ".ml", .source = "127.0.0.7"}, action});
  asked.push_back({{.name = "nxdomain.ml", .type = LDNS_RR_TYPE_A, .tcp = true}, "nxdomain"});
  asked.push_back({{.name = "ReDirect.ML", .edns = false}, "redirect"});
  asked.push_back({{.name = "watched.ml"}, "nxdomain", "observe"});
  for (Asked &one : asked) {
    one.question.timeout = one.action == "drop" ? 200ms : 20s;
    const auto reply = module.ask(one.question);
    CHECK(reply.has_value() == (one.action != "drop"));
  }
  for (const Question &quiet :
       std::vector<Question>{{.name = "plain.com"},
                             {.name = "redirect.mil"},
                             {.name = "redirect.ml", .type = LDNS_RR_TYPE_A},
                             {.name = "com", .type = LDNS_RR_TYPE_NS}})
    CHECK(module.ask(quiet));
  module.stop();

  const auto events = module.events();
  REQUIRE(events.size() == asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto &[question, action, mode] = asked[i];
    const json &event = events[i];
    CAPTURE(event.dump());
    std::string name = question.name;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    const auto at = [&](const std::string &pointer) {
      return event.at(json::json_pointer(pointer));
    };
    CHECK(is_timestamp(at("/@timestamp")));
    CHECK(at("/event/action") == action);
    CHECK(at("/event/kind").is_string());
    CHECK(at("/dns/question/name") == name);
    CHECK(at("/dns/question/type") == (question.type == LDNS_RR_TYPE_A ? "A" : "MX"));
    CHECK(at("/client/ip") == (question.source.empty() ? "127.0.0.1" : question.source));
    CHECK(at("/rule/id") == (mode == "observe" ? "watched" : action));
    CHECK(at("/mxwarden/mode") == mode);
  }
}

TEST_CASE("events: a question in observe mode is logged though its answer is unchanged",
          "[events]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), with_rules(protect("watched", "mode = \"observe\"")));
  CHECK(is_squatters(module.ask({.name = "watched.ml"})));
  module.stop();
  REQUIRE(module.events().size() == 1);
}

TEST_CASE("events: without a place to write them the resolver goes on", "[events]") {
  const std::string file =
      GENERATE("@DIR@/mxwarden.toml/events.json", "/proc/nowhere/events.json", "@DIR@", "");
  CAPTURE(file);
  const Nsd world(zones());
  ResolverOptions options = with_every_action();
  const std::string usual = "@DIR@/events.json";
  options.main.replace(options.main.find(usual), usual.size(), file);
  Resolver module(world.endpoint(), options);
  for (const std::string action : {"redirect", "null-mx", "nxdomain"})
    for (int i = 0; i < 50; ++i) {
      const Question question{.name = action + ".ml"};
      CHECK(text(module.ask(question)) == text(policy_answer(question, action)));
    }
  CHECK(text(module.ask({.name = "plain.com"})) != "");
  module.stop();
  CHECK(module.events().empty());
  CHECK((module.log().find("cannot open the event log") != std::string::npos) == !file.empty());
}
