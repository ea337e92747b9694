// What policy must leave alone, and for whom it holds.
#include "world.h"

#include <catch2/catch.hpp>

using namespace mxw::test;

namespace {

/// Asks both resolvers, twice: the second answer comes from the cache where it may.
void check_same(const Resolver &module, const Resolver &plain, const Question &question) {
  CAPTURE(question.name, type_name(question.type), question.tcp, question.edns);
  for (int round = 0; round < 2; ++round) {
    const auto reply = module.ask(question);
    const auto expected = plain.ask(question);
    CHECK(text(reply) == text(expected));
    REQUIRE((reply && expected));
    CHECK((max_ttl_s(*reply) > 60) == (max_ttl_s(*expected) > 60));
  }
}

} // namespace

TEST_CASE(
    "scope: protected names, names above and unrelated names get the answers of a plain resolver",
    "[scope]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_every_action());
  const Resolver plain(world.endpoint(), without_module());
  std::vector<std::string> names = {"ml",
                                    "mil",
                                    "com",
                                    "gouv.ml",
                                    "nothing.ml",
                                    "plain.com",
                                    "www.plain.com",
                                    "mx1.plain.com",
                                    "alias.com",
                                    "www.deep.com",
                                    "nomail.com",
                                    "a.b.wild.com",
                                    "nothing.com",
                                    "_sip._tcp.plain.com",
                                    "nothing.nowhere",
                                    "a\\.dot.plain.com",
                                    "\\000\\255\\032.plain.com",
                                    "UPPER.Plain.COM"};
  for (const std::string &action : actions())
    for (const std::string prefix : {"", "www.", "mx.", "a.b.c."})
      names.push_back(prefix + action + ".mil");
  for (const std::string &name : names)
    for (const ldns_rr_type type :
         {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA, LDNS_RR_TYPE_TXT, LDNS_RR_TYPE_SOA,
          LDNS_RR_TYPE_NS, LDNS_RR_TYPE_SRV, LDNS_RR_TYPE_CAA, LDNS_RR_TYPE_CNAME})
      check_same(module, plain, {.name = name, .type = type});
  for (const bool tcp : {false, true})
    for (const bool edns : {false, true})
      check_same(module, plain, {.name = "plain.com", .tcp = tcp, .edns = edns});
  check_same(module, plain, {.name = "plain.com", .dnssec_ok = true});
}

TEST_CASE("scope: other classes are left alone", "[scope]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_every_action());
  const Resolver plain(world.endpoint(), without_module());
  for (const ldns_rr_class rr_class : {LDNS_RR_CLASS_CH, LDNS_RR_CLASS_HS, LDNS_RR_CLASS_NONE})
    for (const std::string name : {"version.bind", "redirect.ml", "nxdomain.ml"})
      for (const ldns_rr_type type : {LDNS_RR_TYPE_TXT, LDNS_RR_TYPE_MX}) {
        const Question question{.name = name, .type = type, .rr_class = rr_class};
        CAPTURE(name, static_cast<int>(rr_class));
        CHECK(text(module.ask(question)) == text(plain.ask(question)));
      }
}

TEST_CASE("scope: mail answers of unrelated names are still cached", "[scope]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), with_every_action());
  const auto misses = [&] {
    const std::string stats = module.control({"stats_noreset"});
    const std::string key = "total.num.cachemiss=";
    return std::stoi(stats.substr(stats.find(key) + key.size()));
  };
  REQUIRE(module.ask({.name = "plain.com"}));
  const int after_first = misses();
  REQUIRE(module.ask({.name = "plain.com"}));
  CHECK(misses() == after_first);
}

TEST_CASE("scope: allowed and exempt names pass, an allowance that has expired does not count",
          "[scope]") {
  const Nsd world(zones());
  ResolverOptions options =
      with_rules(protect("embassy", "") + protect("lapsed", "") + protect("popular", "") + R"(
[[allow]]
domains = ["embassy.ml"]
reason = "ticket 1"
expires = 2999-12-31

[[allow]]
domains = ["lapsed.ml"]
reason = "ticket 2"
expires = 2020-02-29

[[exempt]]
files = ["../lists/popular.txt"]
)");
  options.files["lists/popular.txt"] = "# seen everywhere\npopular.ml\n";
  const Resolver module(world.endpoint(), options);
  const Resolver plain(world.endpoint(), without_module());
  for (const std::string name : {"embassy.ml", "mail.embassy.ml", "popular.ml", "EMBASSY.ml"})
    check_same(module, plain, {.name = name});
  for (const std::string name : {"lapsed.ml", "mail.lapsed.ml"})
    CHECK(text(module.ask({.name = name})) == text(policy_answer({.name = name}, "redirect")));
}

TEST_CASE("scope: observe mode answers as if the rule were not there", "[scope]") {
  const Nsd world(zones());
  std::string tables;
  for (const std::string &action : actions())
    tables += protect(action, "mode = \"observe\"\naction = \"" + action + '"');
  const Resolver module(world.endpoint(), with_rules(tables));
  const Resolver plain(world.endpoint(), without_module());
  for (const std::string &action : actions())
    for (const std::string prefix : {"", "mail.", "_mta-sts."})
      for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A, LDNS_RR_TYPE_TXT})
        check_same(module, plain, {.name = prefix + action + ".ml", .type = type});
}

TEST_CASE("scope: a rule for some clients holds for them alone, whoever asked first",
          "[scope][clients]") {
  const Nsd world(zones());
  std::string tables =
      "[[clients]]\nid = \"relays\"\nsubnets = [\"192.0.2.0/24\", \"127.0.0.2/32\"]\n";
  for (const std::string &action : actions())
    tables += protect(action, "clients = [\"relays\"]\naction = \"" + action + '"');
  const Resolver module(world.endpoint(), with_rules(tables));
  const Resolver plain(world.endpoint(), without_module());
  for (const std::string action :
       {"redirect", "null-mx", "nxdomain", "nodata", "refused", "servfail"})
    for (const std::string prefix : {"", "mail."})
      for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A})
        for (const bool tcp : {false, true}) {
          Question blocked{
              .name = prefix + action + ".ml", .type = type, .tcp = tcp, .source = kBlocked};
          Question free = blocked;
          free.source = kFree;
          CAPTURE(blocked.name, type_name(type), tcp);
          const std::string real = text(plain.ask(free));
          const auto policy = policy_answer(blocked, action);
          for (int round = 0; round < 2; ++round) {
            CHECK(text(module.ask(free)) == real);
            CHECK(text(module.ask(blocked)) == (policy ? text(policy) : real));
          }
        }
}

TEST_CASE("scope: what the resolver looked up for itself is not given to those whom a rule is for",
          "[scope][clients]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_rules(R"(
[[clients]]
id = "relays"
subnets = ["127.0.0.2/32"]
)" + protect("null-mx", "clients = [\"relays\"]\naction = \"null-mx\"")));
  const Question blocked{.name = "null-mx.ml", .source = "127.0.0.2"};
  // Unbound answers class ANY by a look-up of its own in class IN.
  Question any_class{.name = "null-mx.ml", .rr_class = LDNS_RR_CLASS_ANY, .source = "127.0.0.3"};
  CHECK(module.ask(any_class)->rcode == "REFUSED");
  CHECK(text(module.ask(blocked)) == text(policy_answer(blocked, "null-mx")));
  any_class.name = "plain.com";
  CHECK(module.ask(any_class)->rcode == "NOERROR"); // of no concern
}

TEST_CASE("scope: a rule for an IPv6 client holds for it", "[scope][clients]") {
  try {
    (void)free_port("::1");
  } catch (const std::runtime_error &) {
    WARN("there is no ::1 here; nothing is tested");
    return;
  }
  const Nsd world(zones());
  ResolverOptions options = with_rules(R"(
[[clients]]
id = "here"
subnets = ["::1/128"]

[[clients]]
id = "elsewhere"
subnets = ["2001:db8::/32", "0.0.0.0/0"]
)" + protect("redirect", "clients = [\"here\"]") +
                                       protect("null-mx", "clients = [\"elsewhere\"]"));
  options.address = "::1";
  const Resolver module(world.endpoint(), options);
  const Question question{.name = "redirect.ml"};
  CHECK(text(module.ask(question)) == text(policy_answer(question, "redirect")));
  CHECK(is_squatters(module.ask({.name = "null-mx.ml"})));
}
