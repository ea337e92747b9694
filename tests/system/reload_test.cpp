// New rules while the resolver runs: read when their files change, whole or not at all, and nothing
// from before them is left.
#include "world.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

using namespace mxw::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kRules = "rules.d/10-test.toml";

/// Writes the rules and waits until they are in force, or refused.
void change(const Resolver &module, const std::string &tables, const std::string &said = "again ") {
  const auto times = [&] {
    const std::string log = module.log();
    std::size_t count = 0;
    for (auto at = log.find(said); at != std::string::npos; at = log.find(said, at + 1))
      ++count;
    return count;
  };
  const std::size_t before = times();
  module.write(kRules, rule_file(tables));
  REQUIRE(eventually([&] { return times() > before; }));
}

std::string last_line_with(const std::string &text, const std::string &what) {
  const auto at = text.rfind(what);
  if (at == std::string::npos)
    return {};
  const auto begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

} // namespace

TEST_CASE("reload: a changed rule file is felt at once, and taken back at once", "[reload]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  const Question question{.name = "null-mx.ml"};
  CHECK(is_squatters(module.ask(question)));
  change(module, protect("redirect", "") + protect("null-mx", "action = \"null-mx\""));
  CHECK(text(module.ask(question)) == text(policy_answer(question, "null-mx")));
  change(module, protect("redirect", ""));
  CHECK(is_squatters(module.ask(question)));
  CHECK(module.log().find("2 rules, 2 protected names, 2 warning hosts") != std::string::npos);
}

TEST_CASE("reload: what was cached before and is concerned now is gone, the rest stays",
          "[reload][cache]") {
  Files world_zones = zones();
  // Answers of one RRset: 1.26.1 fetches those again that share one with an answer from before.
  world_zones["com"] += "to-nodata CNAME nodata.ml.\n*.alone MX 0 .\n";
  const Nsd world(world_zones);
  const Upstream counted(world.endpoint(), 0ms);
  ResolverOptions options = with_rules(protect("redirect", ""));
  options.threads = 2;
  options.modules = GENERATE("iterator", "validator iterator");
  options.server = "  serve-expired: yes\n  prefetch: yes\n";
  const Resolver module(counted.endpoint(), options);
  const Resolver plain(world.endpoint(), without_module());
  std::vector<Question> concerned;
  for (const std::string name : {"nodata.ml", "mail.nodata.ml", "to-nodata.com"})
    for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA})
      for (const bool checking_disabled : {true, false})
        concerned.push_back({.name = name, .type = type, .checking_disabled = checking_disabled});
  std::vector<Question> others;
  for (int i = 0; i < 300; ++i) // more than the purge takes at once
    others.push_back({.name = "n" + std::to_string(i) + ".alone.com"});
  for (const auto *questions : {&concerned, &others})
    for (const Question &question : *questions)
      CHECK(text(module.ask(question)) == text(plain.ask(question)));

  change(module, protect("nodata", "action = \"nodata\""));
  const int before = counted.questions();
  for (const Question &question : others)
    (void)module.ask(question);
  CHECK(counted.questions() == before);
  for (const Question &question : concerned) {
    CAPTURE(question.name, type_name(question.type), question.checking_disabled);
    const auto reply = module.ask(question);
    REQUIRE(reply);
    CHECK(reply->answer.empty());
    CHECK(reply->ede);
  }
  const std::string line = last_line_with(module.log(), "again ");
  CAPTURE(line);
  CHECK(line.find(" 0 cached answers removed") == std::string::npos);
}

TEST_CASE("reload: more answers than the purge takes at once are all gone", "[reload][cache]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  for (int i = 0; i < 1000; ++i)
    REQUIRE(is_squatters(module.ask({.name = "n" + std::to_string(i) + ".null-mx.ml"})));
  change(module, protect("null-mx", ""));
  CHECK(last_line_with(module.log(), "again ").find("1000 cached answers removed") !=
        std::string::npos);
  for (int i = 0; i < 1000; ++i)
    CHECK_FALSE(is_squatters(module.ask({.name = "n" + std::to_string(i) + ".null-mx.ml"})));
}

TEST_CASE("reload: questions that are under way when rules come are decided by these",
          "[reload][cache]") {
  Files world_zones = zones();
  world_zones["com"] += "to-nodata CNAME nodata.ml.\n";
  const Nsd world(world_zones);
  std::atomic<bool> open = false;
  const Upstream gate([&](std::span<const std::uint8_t> question) {
    while (!open)
      std::this_thread::sleep_for(10ms);
    return relay(world.endpoint(), question);
  });
  Resolver module(gate.endpoint(), with_rules(protect("redirect", "")));
  std::vector<std::jthread> clients;
  std::mutex mutex;
  std::vector<std::optional<Reply>> replies;
  for (const std::string name : {"nodata.ml", "to-nodata.com"})
    for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A})
      clients.emplace_back([&, name, type] {
        auto reply = module.ask({.name = name, .type = type});
        const std::lock_guard lock(mutex);
        replies.push_back(std::move(reply));
      });
  REQUIRE(eventually([&] { return gate.questions() >= 1; }));
  std::this_thread::sleep_for(200ms); // the others are on their way by then
  change(module, protect("nodata", "action = \"nodata\""));
  {
    const std::lock_guard lock(mutex);
    CHECK(replies.empty());
  }
  open = true;
  clients.clear();
  for (const auto &reply : replies) {
    REQUIRE(reply);
    CHECK(reply->answer.empty());
    CHECK(reply->ede);
  }
  for (const std::string name : {"nodata.ml", "to-nodata.com"})
    for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A})
      CHECK(module.ask({.name = name, .type = type})->answer.empty());
  module.stop();
  CHECK(module.events().size() >= 4);
}

TEST_CASE("reload: broken rules change nothing and are told of, mended ones are read", "[reload]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  const Question question{.name = "redirect.ml"};
  const std::string policy = text(policy_answer(question, "redirect"));
  change(module, "[[protect]]\nid = \"dod\"\ndomain = [\"army.mil\"]\n", "before stay in force");
  CHECK(module.log().find("error[MXW003]") != std::string::npos);
  CHECK(text(module.ask(question)) == policy);
  change(module, protect("null-mx", ""));
  CHECK(is_squatters(module.ask(question)));
}

TEST_CASE("reload: a resolver that began without rules takes them when they are mended",
          "[reload]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_rules("[[protect]\n"));
  const Question question{.name = "redirect.ml"};
  CHECK(is_squatters(module.ask(question)));
  change(module, "[[protect]\n\n", "NOTHING IS ENFORCED: the changed rules have errors too");
  CHECK(is_squatters(module.ask(question)));
  change(module, protect("redirect", ""));
  CHECK(text(module.ask(question)) == text(policy_answer(question, "redirect")));
}

TEST_CASE("reload: a reload of the host that keeps its cache keeps nothing of concern",
          "[reload][cache]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  const Question question{.name = "null-mx.ml"};
  CHECK(is_squatters(module.ask(question)));
  CHECK(module.ask({.name = "plain.com"}));
  // Over and over, until it comes before the watch does.
  module.write(kRules, rule_file(protect("null-mx", "")));
  REQUIRE(module.control({"reload_keep_cache"}).starts_with("ok"));
  REQUIRE(eventually([&] { return module.ask({.name = "plain.com", .timeout = 1s}).has_value(); }));
  CHECK_FALSE(is_squatters(module.ask(question)));
}

TEST_CASE("reload: a fast reload of the host leaves the module and its rules in force",
          "[reload]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  const std::string done = module.control({"fast_reload"});
  if (done.find("unknown command") != std::string::npos)
    return; // before 1.23
  CAPTURE(done);
  CHECK(done.find("ok") != std::string::npos);
  CHECK_FALSE(is_squatters(module.ask({.name = "redirect.ml"})));
  CHECK(is_squatters(module.ask({.name = "null-mx.ml"})));
  change(module, protect("null-mx", ""));
  CHECK_FALSE(is_squatters(module.ask({.name = "null-mx.ml"})));
}

TEST_CASE("reload: rules that change all the time under load never let a look-alike through",
          "[reload][threads]") {
  const Nsd world(zones());
  ResolverOptions options = with_rules(protect("redirect", "") + protect("null-mx", ""));
  options.threads = 2;
  options.server = "  serve-expired: yes\n  prefetch: yes\n";
  const Resolver module(world.endpoint(), options);
  std::atomic<bool> stop = false;
  std::atomic<int> leaks = 0;
  std::atomic<int> wrong = 0;
  std::atomic<int> silent = 0;
  std::atomic<int> asked = 0;
  std::vector<std::jthread> clients;
  for (int client = 0; client < 4; ++client)
    clients.emplace_back([&, client] {
      for (int i = client; !stop; i += 4) {
        const std::string n = "n" + std::to_string(i % 500);
        const auto blocked = module.ask({.name = n + ".redirect.ml"});
        const auto free = module.ask({.name = n + ".plain.com"});
        leaks += is_squatters(blocked);
        wrong += free && free->ede.has_value();
        silent += !blocked || !free;
        asked += 2;
      }
    });
  constexpr int kSwaps = 40;
  for (int swap = 0; swap < kSwaps; ++swap)
    change(module, protect("redirect", "") + (swap % 2 == 0 ? protect("nodata", "") : ""));
  stop = true;
  clients.clear();
  CHECK(asked > kSwaps);
  CHECK(leaks == 0);
  CHECK(wrong == 0);
  CHECK(silent == 0);
}
