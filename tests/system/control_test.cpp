// The running module, asked over its socket by the command.
#include "world.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <sys/stat.h>
#include <thread>

using namespace mxw::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kRules = "rules.d/10-test.toml";

Outcome run(const Resolver &module, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), setting("MXW_TEST_COMMAND"));
  return outcome_of(arguments, {"MXWARDEN_STATE=" + (module.dir() / "state").string()});
}

nlohmann::json status_of(const Resolver &module) {
  return nlohmann::json::parse(run(module, {"status", "--json"}).output);
}

} // namespace

TEST_CASE("control: status tells what is in force, counted by rule and action", "[control]") {
  const Nsd world(zones());
  ResolverOptions options =
      with_rules(protect("redirect", "") + protect("null-mx", "mode = \"observe\""));
  options.threads = 2;
  const Resolver module(world.endpoint(), options);
  CHECK(run(module, {"status"}).output.find("decisions   none yet") != std::string::npos);
  for (int i = 0; i < 20; ++i) {
    (void)module.ask({.name = "n" + std::to_string(i) + ".redirect.ml"});
    (void)module.ask({.name = "null-mx.ml"});
    (void)module.ask({.name = "plain.com"});
  }
  const auto status = status_of(module);
  CHECK(status.at("source") == "files");
  const int first = status.at("generation"); // files just written are read twice
  CHECK(status.at("rules") == 2);
  CHECK(status.at("protected_names") == 2);
  CHECK(status.at("config") == (module.dir() / "mxwarden.toml").string());
  CHECK(status.at("memory_bytes") > 1000);
  const auto expected = nlohmann::json::parse(
      R"([{"rule":"null-mx","action":"redirect","mode":"observe","count":20},
          {"rule":"redirect","action":"redirect","mode":"enforce","count":20}])");
  CHECK(status.at("decisions") == expected);

  module.write(kRules, rule_file(protect("redirect", "action = \"nodata\"")));
  REQUIRE(eventually([&] { return status_of(module).at("rules") == 1; }));
  CHECK(status_of(module).at("generation") > first);
  (void)module.ask({.name = "redirect.ml"});
  CHECK(run(module, {"stats"}).output ==
        "null-mx redirect observe 20\nredirect redirect enforce 20\nredirect nodata enforce 1\n");
  CHECK(run(module, {"stats", "--format", "json"})
            .output.find(R"({"rule":"redirect","action":"nodata","mode":"enforce","count":1})") !=
        std::string::npos);
  const Outcome metrics = run(module, {"stats", "-f", "prometheus"});
  for (const std::string line :
       {R"(mxwarden_decisions_total{action="redirect",rule="redirect",mode="enforce"} 20)",
        "# TYPE mxwarden_decisions_total counter", "mxwarden_policy_stale 0",
        "mxwarden_policy_protected_names 1"})
    CHECK(metrics.output.find(line + '\n') != std::string::npos);
}

TEST_CASE("control: what Prometheus takes for counters never falls while rules change",
          "[control]") {
  const Nsd world(zones());
  ResolverOptions options = with_rules(protect("redirect", ""));
  options.threads = 2;
  Resolver module(world.endpoint(), options);
  const auto counters = [&] {
    std::map<std::string, double> values;
    std::istringstream lines(run(module, {"stats", "-f", "prometheus"}).output);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t blank = line.rfind(' ');
      const std::string name = line.substr(0, line.find_first_of("{ "));
      if (name.ends_with("_total") || name.ends_with("_bucket") || name.ends_with("_count") ||
          name.ends_with("_sum"))
        values[line.substr(0, blank)] = std::stod(line.substr(blank + 1));
    }
    return values;
  };
  std::atomic<bool> stop = false;
  std::thread client([&] { // decides while it is looked
    for (int i = 0; !stop; ++i) {
      (void)module.ask({.name = "n" + std::to_string(i) + ".redirect.ml"});
      (void)module.ask({.name = "n" + std::to_string(i) + ".plain.com"});
    }
  });
  auto before = counters();
  constexpr auto kZero =
      R"(mxwarden_decisions_total{action="nodata",rule="redirect",mode="enforce"})";
  CHECK(before.count(kZero) == 0);
  for (int i = 0; i < 10; ++i) {
    module.write(kRules, rule_file(protect("redirect", i % 2 == 0 ? "action = \"nodata\"" : "")));
    CHECK(run(module, {"reload"}).status == 0);
    const auto now = counters();
    for (const auto &[name, value] : before) {
      CAPTURE(name, value);
      REQUIRE(now.count(name) == 1);
      CHECK(now.at(name) >= value);
    }
    before = now;
  }
  stop = true;
  client.join();
  CHECK(before.count(kZero) == 1);
  CHECK(before.at("mxwarden_names_checked_total") > 20);
  CHECK(before.at("mxwarden_decision_duration_seconds_count") > 0);
  CHECK(before.at("mxwarden_decision_duration_seconds_sum") > 0);
  CHECK(before.at(R"(mxwarden_decision_duration_seconds_bucket{le="+Inf"})") ==
        before.at("mxwarden_decision_duration_seconds_count"));

  CHECK(module.control({"reload"}) == "ok\n"); // the resolver's: all begins anew
  REQUIRE(eventually([&] {
    const auto now = counters();
    return now.count("mxwarden_names_checked_total") == 1 &&
           now.at("mxwarden_names_checked_total") < before.at("mxwarden_names_checked_total");
  }));
}

TEST_CASE("control: reload tells how it went, and status that the files are not in force",
          "[control]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  const Outcome clean = run(module, {"reload"});
  CAPTURE(clean.output);
  CHECK(clean.status == 0);
  CHECK(clean.output.find("1 rule, 1 protected name in force, generation ") != std::string::npos);
  CHECK(run(module, {"status"}).status == 0);

  module.write(kRules, "schema = 1\n[[protect]\n");
  const Outcome broken = run(module, {"reload"});
  CAPTURE(broken.output);
  CHECK(broken.status == 1);
  CHECK(broken.output.find("10-test.toml:2:11: error[MXW002]") != std::string::npos);
  CHECK(broken.output.find("those from before stay in force") != std::string::npos);
  const Outcome status = run(module, {"status"});
  CHECK(status.status == 1);
  CHECK(status.output.find("THOSE FROM BEFORE: the files were changed, and have errors") !=
        std::string::npos);
  CHECK(status.output.find("error[MXW002]") != std::string::npos);
  CHECK(run(module, {"stats", "-f", "prometheus"}).output.find("mxwarden_policy_stale 1\n") !=
        std::string::npos);
  CHECK_FALSE(is_squatters(module.ask({.name = "redirect.ml"})));

  module.write(kRules, rule_file(protect("redirect", "")));
  CHECK(run(module, {"reload"}).status == 0);
  CHECK(run(module, {"status"}).status == 0);
}

TEST_CASE("control: after a start with broken files status says so", "[control]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  module.write(kRules, "schema = 1\n[[protect]\n");
  CHECK(module.control({"reload"}) == "ok\n");
  REQUIRE(eventually([&] {
    return run(module, {"status"}).output.find("THE LAST GOOD ONES") != std::string::npos;
  }));
  CHECK(run(module, {"status"}).status == 1);
  std::filesystem::remove(module.dir() / "state/last-good");
  CHECK(module.control({"reload"}) == "ok\n");
  REQUIRE(eventually([&] {
    return run(module, {"status"}).output.find("NONE: nothing is enforced") != std::string::npos;
  }));
}

TEST_CASE("control: tail prints events as they happen, also without an event log", "[control]") {
  const Nsd world(zones());
  ResolverOptions options = with_rules(protect("redirect", ""));
  const bool with_log = GENERATE(true, false);
  constexpr std::string_view kFile = "@DIR@/events.json";
  if (!with_log)
    options.main.erase(options.main.find(kFile), kFile.size());
  Resolver module(world.endpoint(), options);
  const TempDir dir;
  Process tail({setting("MXW_TEST_COMMAND"), "tail"},
               {"MXWARDEN_STATE=" + (module.dir() / "state").string()}, dir.path() / "output");
  int asked = 0;
  REQUIRE(eventually([&] { // it may not listen yet
    (void)module.ask({.name = "n" + std::to_string(asked++) + ".redirect.ml"});
    return read_text(dir.path() / "output").find("redirect.ml") != std::string::npos;
  }));
  module.stop();
  CHECK(tail.wait() == 0);
  std::istringstream lines(read_text(dir.path() / "output"));
  for (std::string line; std::getline(lines, line);)
    CHECK(nlohmann::json::parse(line)
              .at("dns")
              .at("question")
              .at("name")
              .get<std::string>()
              .find("redirect.ml") != std::string::npos);
}

TEST_CASE("control: who cannot ask is told why", "[control]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  struct stat status = {};
  REQUIRE(stat((module.dir() / "state/control").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0660);
  const auto [socket, part] = GENERATE(table<std::string, std::string>({
      {"gone", "No such file or directory; is the resolver running, with the module?"},
      {std::string(200, 'x'), "File name too long"},
      {"/dev/null", "Connection refused"},
  }));
  for (const std::string command : {"status", "stats", "reload", "tail"}) {
    const Outcome outcome = run(module, {command, "--socket", socket});
    CAPTURE(command, outcome.output);
    CHECK(outcome.status == 2);
    CHECK(outcome.output.find(part) != std::string::npos);
  }
}
