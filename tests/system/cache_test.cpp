// Nothing that the resolver keeps, and no alias, may lead past the rules.
#include "world.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

using namespace mxw::test;
using namespace std::chrono_literals;

namespace {

/// Tables with rules for the client kBlocked alone, one an action.
std::string for_one_client() {
  std::string tables = kRelays;
  for (const std::string &action : actions())
    tables += protect(action, kForRelays + ("action = \"" + action) + '"');
  return tables;
}

/// The world with names that lead to the look-alikes: for each action <id>-cname.com, a chain of
/// three <id>-chain.com, all below <id>-dname.com, and <id>-through.com, which passes the
/// look-alike bounce.<id>.ml on its way to a name of no concern.
Files zones_with_aliases() {
  Files result = zones();
  for (const std::string &id : actions()) {
    result["com"] += id + "-cname CNAME " + id + ".ml.\n" + id + "-chain CNAME one." + id +
                     "-chain\none." + id + "-chain CNAME " + id + "-cname\n" + id +
                     "-dname DNAME " + id + ".ml.\n" + id + "-through CNAME bounce." + id +
                     ".ml.\n";
    result[id + ".ml"] += "bounce CNAME plain.com.\n";
  }
  return result;
}

std::vector<std::string> aliases_of(const std::string &id) {
  return {id + "-cname.com", id + "-chain.com", "mail." + id + "-dname.com", id + "-through.com"};
}

/// The answer of policy_answer() as it is for an alias of <id>.ml or a name below.
std::optional<Reply> alias_answer(Question question, const std::string &id,
                                  const std::string &target) {
  const std::string owner = question.name + '.';
  question.name = id + ".ml";
  auto reply = policy_answer(question, id);
  if (!reply)
    return reply;
  reply->question = owner;
  for (Section *section : {&reply->answer, &reply->authority})
    for (Record &record : *section)
      record.owner = owner;
  if (reply->ede)
    reply->ede->text += ", as an alias of " + target;
  return reply;
}

std::string target_of(const std::string &alias, const std::string &id) {
  if (alias.starts_with("mail."))
    return "mail." + id + ".ml";
  return (alias.find("-through") != std::string::npos ? "bounce." : "") + id + ".ml";
}

} // namespace

TEST_CASE("cache: an alias of a look-alike gets the policy's answer, as the look-alike does",
          "[cache][alias]") {
  const Nsd world(zones_with_aliases());
  ResolverOptions options = with_every_action();
  options.modules = GENERATE("iterator", "validator iterator");
  Resolver module(world.endpoint(), options);
  const Resolver plain(world.endpoint(), without_module());
  for (const std::string &id : actions())
    for (const std::string &alias : aliases_of(id))
      for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA}) {
        Question question{.name = alias, .type = type};
        CAPTURE(alias, type_name(type));
        if (id == "drop" && type == LDNS_RR_TYPE_MX) {
          question.tcp = true; // silence is told by the end of the connection
          CHECK_FALSE(module.ask(question));
          continue;
        }
        const auto expected = alias_answer(question, id, target_of(alias, id));
        for (int round = 0; round < 2; ++round)
          CHECK(text(module.ask(question)) == text(expected ? expected : plain.ask(question)));
      }
  module.stop();
  std::size_t told = 0;
  for (const auto &event : module.events())
    if (event["mxwarden"].contains("alias_of") && event["rule"]["id"] == "redirect") {
      const std::string name = event["dns"]["question"]["name"];
      CHECK(event["mxwarden"]["alias_of"] == target_of(name, "redirect"));
      CHECK(event["mxwarden"]["protected"] == "redirect.mil");
      ++told;
    }
  CHECK(told == 2 * 4);
}

TEST_CASE("cache: answers of other aliases are kept as without the module", "[cache][alias]") {
  const Nsd world(zones_with_aliases());
  const Upstream counted(world.endpoint(), 0ms);
  ResolverOptions options = with_every_action();
  options.modules = GENERATE("iterator", "validator iterator");
  const Resolver module(counted.endpoint(), options);
  for (const std::string name : {"www.plain.com", "x.deep.com", "plain.com", "nothing.com"}) {
    CAPTURE(name);
    const auto first = module.ask({.name = name});
    const int asked = counted.questions();
    CHECK(text(module.ask({.name = name})) == text(first));
    CHECK(counted.questions() == asked);
  }
}

TEST_CASE("cache: what an alias leads to is kept for others that lead there", "[cache][alias]") {
  Files world_zones = zones_with_aliases();
  world_zones["com"] += "other CNAME plain\nsigned CNAME plain.sec.com.\n";
  const TempDir keys;
  world_zones["sec.com"] = signed_zone(keys, "sec.com", "plain MX 10 mx\n");
  const Nsd world(world_zones);
  const Upstream counted(world.endpoint(), 0ms);
  ResolverOptions options = with_every_action();
  options.modules = "validator iterator";
  options.server = "  trust-anchor-file: \"" + (keys.path() / "anchors").string() + "\"\n";
  const Resolver module(counted.endpoint(), options);
  REQUIRE(module.ask({.name = "www.plain.com"}));
  int before = counted.questions();
  CHECK(lines(module.ask({.name = "plain.com"})->answer).size() == 2);
  CHECK(counted.questions() == before);
  CHECK(lines(module.ask({.name = "other.com"})->answer).size() == 3);
  CHECK(counted.questions() == before + 1);
  // It is no less secure because the alias is not signed.
  CHECK_FALSE(module.ask({.name = "signed.com", .authentic_data = true})->ad);
  CHECK(module.ask({.name = "plain.sec.com", .authentic_data = true})->ad);
}

TEST_CASE("cache: an alias that the administrator allows stays as it is", "[cache][alias]") {
  const Nsd world(zones_with_aliases());
  const Resolver module(world.endpoint(), with_rules(protect("redirect", "") + R"(
[[allow]]
domains = ["redirect-cname.com"]
reason = "ticket 1"
)"));
  const Resolver plain(world.endpoint(), without_module());
  const Question question{.name = "redirect-cname.com"};
  CHECK(text(module.ask(question)) == text(plain.ask(question)));
  CHECK_FALSE(is_squatters(module.ask({.name = "redirect.ml"})));
}

TEST_CASE("cache: nothing that one client may have is given to another that may not",
          "[cache][clients]") {
  const Nsd world(zones_with_aliases());
  ResolverOptions options = with_rules(for_one_client());
  options.modules = GENERATE("iterator", "validator iterator");
  const Resolver module(world.endpoint(), options);
  const Resolver plain(world.endpoint(), without_module());
  for (const std::string id :
       {"redirect", "null-mx", "nxdomain", "nodata", "refused", "servfail"}) {
    std::vector<std::string> names = aliases_of(id);
    names.push_back(id + ".ml");
    for (const std::string &name : names)
      for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_ANY, LDNS_RR_TYPE_A})
        for (const bool checking_disabled : {true, false}) {
          Question question{
              .name = name, .type = type, .checking_disabled = checking_disabled, .source = kFree};
          CAPTURE(name, type_name(type), checking_disabled);
          // First the one that fills the caches; its answers stay the real ones.
          for (int round = 0; round < 2; ++round) {
            question.source = kFree;
            const auto real = module.ask(question);
            // To ANY a resolver answers with what it has of a name at the moment.
            CHECK((type == LDNS_RR_TYPE_ANY || text(real) == text(plain.ask(question))));
            for (const std::string &asked : {name, id + ".ml", "mail." + id + ".ml"}) {
              Question blocked = question;
              blocked.name = asked;
              blocked.source = kBlocked;
              const auto policy = asked == name && name != id + ".ml"
                                      ? alias_answer(blocked, id, target_of(name, id))
                                      : policy_answer(blocked, id);
              if (policy && type == LDNS_RR_TYPE_ANY && asked != id + ".ml")
                CHECK_FALSE(is_squatters(module.ask(blocked)));
              else if (policy)
                CHECK(text(module.ask(blocked)) == text(policy));
            }
          }
        }
  }
}

TEST_CASE("cache: no flag of a question opens a way", "[cache]") {
  const Nsd world(zones_with_aliases());
  ResolverOptions options = with_rules(for_one_client());
  options.modules = "validator iterator";
  options.server = "  access-control: 127.0.0.0/8 allow_snoop\n";
  const Resolver module(world.endpoint(), options);
  for (int flags = 0; flags < 64; ++flags)
    for (const std::string name :
         {"redirect.ml", "mail.redirect.ml", "redirect-cname.com", "redirect-through.com"}) {
      Question question{.name = name,
                        .tcp = (flags & 1) != 0,
                        .edns = (flags & 2) != 0,
                        .dnssec_ok = (flags & 4) != 0,
                        .checking_disabled = (flags & 8) != 0,
                        .authentic_data = (flags & 16) != 0,
                        .recursion_desired = (flags & 32) == 0,
                        .source = kFree};
      CAPTURE(name, flags);
      (void)module.ask(question);
      question.source = kBlocked;
      const auto reply = module.ask(question);
      REQUIRE(reply);
      CHECK_FALSE(is_squatters(reply));
      CHECK(text(reply).find("mx1.plain") == std::string::npos);
      CHECK_FALSE(reply->ad);
    }
}

TEST_CASE("cache: clients that ask the same in the same moment each get their own answer",
          "[cache][clients][threads]") {
  const Nsd world(zones_with_aliases());
  const Upstream slow(world.endpoint(), 150ms);
  ResolverOptions options = with_rules(for_one_client());
  options.threads = 2;
  const Resolver module(slow.endpoint(), options);
  std::atomic<int> leaks = 0;
  std::atomic<int> wrong = 0;
  std::atomic<int> silent = 0;
  std::atomic<int> asked = 0;
  constexpr int kClients = 24;
  constexpr int kRounds = 6;
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client)
    clients.emplace_back([&, client] {
      const bool blocked = client % 2 != 0;
      for (int round = 0; round < kRounds; ++round)
        for (const std::string id : {"redirect", "null-mx"})
          for (const std::string &name : {"n" + std::to_string(round) + "." + id + ".ml",
                                          "n" + std::to_string(round) + "." + id + "-dname.com"}) {
            const auto reply = module.ask({.name = name, .source = blocked ? kBlocked : kFree});
            ++asked;
            silent += !reply;
            leaks += blocked && is_squatters(reply);
            wrong += !blocked && reply && !is_squatters(reply);
          }
    });
  for (std::thread &client : clients)
    client.join();
  CHECK(asked == kClients * kRounds * 4);
  CHECK(leaks == 0);
  CHECK(wrong == 0);
  CHECK(silent == 0);
}
