#include "runtime/status.h"

#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "names.h"

using namespace mxw;
using test::name;

namespace {

PolicySpec spec() {
  PolicySpec made;
  made.rules.resize(2);
  made.rules[0].id = "dod";
  made.rules[0].domains.push_back(name("army.mil"));
  made.rules[1].id = "mail";
  return made;
}

Verdict verdict(std::uint32_t rule, Action decision, Mode mode) {
  Verdict made;
  made.rule = rule;
  made.decision = decision;
  made.mode = mode;
  return made;
}

} // namespace

TEST_CASE("status: decisions are summed up over policies, by the id of the rule", "[status]") {
  const Policy old(spec(), 1);
  old.count(verdict(0, Action::redirect, Mode::enforce));
  old.count(verdict(0, Action::redirect, Mode::enforce));
  old.count(verdict(1, Action::pass, Mode::observe));
  PolicySpec other = spec();
  std::swap(other.rules[0], other.rules[1]);
  const Policy now(std::move(other), 1);
  now.count(verdict(1, Action::redirect, Mode::enforce)); // "dod" here
  now.count(verdict(1, Action::local_data, Mode::observe));
  DecisionCounts counts;
  counts.add(old);
  const std::map<DecisionCounts::Key, std::uint64_t> expected = {
      {{"dod", Action::redirect, Mode::enforce}, 3},
      {{"dod", Action::local_data, Mode::observe}, 1},
      {{"mail", Action::pass, Mode::observe}, 1}};
  CHECK(counts.with(&now).all() == expected);
  CHECK(counts.with(&now).all() == expected); // that of the policy in force is not kept
  CHECK(counts.with(nullptr).all().size() == 2);
}

TEST_CASE("status: what is told is one line of JSON, with rules and without", "[status]") {
  const Policy policy(spec(), 1);
  policy.count(verdict(0, Action::redirect, Mode::enforce));
  Status status;
  status.version = "1.2.3";
  status.host_version = "1.17.1";
  status.config = "/etc/\xff.toml";
  status.started_s = 1000;
  status.loaded_s = 1500;
  status.source = Status::Source::files;
  status.generation = 7;
  status.policy = &policy;
  status.decisions = DecisionCounts().with(&policy);
  const std::string text = to_json(status, 2000);
  CHECK(text.find('\n') == text.size() - 1);
  auto json = nlohmann::json::parse(text);
  CHECK(json.at("uptime_s") == 1000);
  CHECK(json.at("age_s") == 500);
  CHECK(json.at("source") == "files");
  CHECK(json.at("rules") == 2);
  CHECK(json.at("protected_names") == 1);
  CHECK(json.at("refused") == false);
  CHECK(json.at("decisions").dump() ==
        R"([{"action":"redirect","count":1,"mode":"enforce","rule":"dod"}])");

  status.policy = nullptr;
  status.source = Status::Source::none;
  status.failed_s = 1990;
  Diagnostic finding;
  finding.code = "MXW002";
  finding.message = "no TOML";
  finding.file = "a.toml";
  status.findings = {finding};
  json = nlohmann::json::parse(to_json(status, 2000));
  CHECK(json.at("rules") == 0);
  CHECK(json.at("refused_age_s") == 10);
  CHECK(json.at("findings").at(0).at("text") == "a.toml: error[MXW002]: no TOML\n");
  CHECK(json.at("findings").at(0).at("code") == "MXW002");
}
