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
  made.rules[1].mode = Mode::observe;
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
      {{"dod", Action::null_mx, Mode::enforce}, 0}, // what the rules would do
      {{"dod", Action::local_data, Mode::observe}, 1},
      {{"mail", Action::pass, Mode::observe}, 1},
      {{"mail", Action::null_mx, Mode::observe}, 0}};
  CHECK(counts.with(&now).all() == expected);
  CHECK(counts.with(&now).all() == expected); // that of the policy in force is not kept
  CHECK(counts.with(nullptr).all().size() == 4);
}

TEST_CASE("status: look-ups that were cut short are counted over policies too", "[status]") {
  PolicySpec crowded = spec();
  // More names than are compared, each one letter from the query.
  const std::string label = "abcdefghijklmnopqrstuvwxyz";
  for (std::size_t i = 0; i < label.size(); ++i)
    for (const char letter : label) {
      std::string other = label;
      other[i] = letter;
      if (other != label)
        crowded.rules[0].domains.push_back(name(other + ".mil"));
    }
  Query query;
  query.name = name(label + ".mil");
  const Policy old(crowded, 1);
  const Policy now(crowded, 1);
  (void)old.decide(query);
  (void)now.decide(query);
  (void)now.decide(query);
  DecisionCounts counts;
  counts.add(old);
  CAPTURE(old.look_ups_cut_short(), now.look_ups_cut_short());
  CHECK(counts.with(&now).look_ups_cut_short() == 3);
  CHECK(counts.with(nullptr).look_ups_cut_short() == 1);
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
  status.times.decisions = 33;
  status.times.timed_ns = 4711;
  status.times.buckets[1] = 2;
  status.times.buckets.back() = 1;
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
        R"([{"action":"redirect","count":1,"mode":"enforce","rule":"dod"},)"
        R"({"action":"null-mx","count":0,"mode":"enforce","rule":"dod"},)"
        R"({"action":"null-mx","count":0,"mode":"observe","rule":"mail"}])");
  CHECK(json.at("started_s") == 1000);
  CHECK(json.at("index_bytes") > 0);
  CHECK(json.at("names_checked") == 33);
  CHECK(json.at("decision_times").at("one_in") == DecisionTimes::kOneIn);
  CHECK(json.at("decision_times").at("sum_ns") == 4711);
  CHECK(json.at("decision_times").at("buckets").at(1).dump() == R"({"count":2,"up_to_ns":500})");
  CHECK(json.at("decision_times").at("buckets").back().dump() == R"({"count":1})");

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

TEST_CASE("status: allow entries are counted, and the next one to expire is told", "[status]") {
  PolicySpec made = spec();
  for (const std::int64_t expires_s : {2500, 0, 1999, 2000, 2001, 3000}) {
    Allow &allow = made.allows.emplace_back();
    if (expires_s != 0)
      allow.expires_s = expires_s;
  }
  const Policy policy(std::move(made), 1);
  Status status;
  status.policy = &policy;
  const auto [now_s, expired, next_s] = GENERATE(table<std::int64_t, int, std::int64_t>(
      {{1000, 0, 1999}, {1999, 1, 2000}, {2000, 2, 2001}, {2999, 4, 3000}}));
  const auto json = nlohmann::json::parse(to_json(status, now_s));
  CHECK(json.at("allow_entries") == 6);
  CHECK(json.at("allow_expired") == expired);
  CHECK(json.at("allow_next_expiry_s") == next_s);
  CHECK_FALSE(nlohmann::json::parse(to_json(status, 3000)).contains("allow_next_expiry_s"));
  status.policy = nullptr;
  CHECK(nlohmann::json::parse(to_json(status, now_s)).at("allow_entries") == 0);
}
