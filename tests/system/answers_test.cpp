// What each action answers, to which names and types, over which transport.
#include "world.h"

#include <array>
#include <catch2/catch.hpp>

using namespace mxw::test;
using namespace std::chrono_literals;

namespace {

constexpr std::array kTypes = {
    LDNS_RR_TYPE_ANY,   LDNS_RR_TYPE_MX,     LDNS_RR_TYPE_A,   LDNS_RR_TYPE_AAAA,
    LDNS_RR_TYPE_TXT,   LDNS_RR_TYPE_SOA,    LDNS_RR_TYPE_NS,  LDNS_RR_TYPE_CNAME,
    LDNS_RR_TYPE_DS,    LDNS_RR_TYPE_DNSKEY, LDNS_RR_TYPE_SRV, LDNS_RR_TYPE_TLSA,
    LDNS_RR_TYPE_HTTPS, LDNS_RR_TYPE_CAA,    LDNS_RR_TYPE_PTR, static_cast<ldns_rr_type>(65280)};

} // namespace

TEST_CASE("answers: every action, at the look-alike and below, for every type, over UDP and TCP, "
          "with EDNS and without",
          "[answers]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_every_action());
  const Resolver plain(world.endpoint(), without_module());
  for (const std::string &action : actions())
    for (const std::string prefix : {"", "mail.", "a.deep.name.below."})
      for (const ldns_rr_type type : kTypes)
        for (const bool tcp : {false, true})
          for (const bool edns : {true, false}) {
            Question question{
                .name = prefix + action + ".ml", .type = type, .tcp = tcp, .edns = edns};
            CAPTURE(question.name, type_name(type), tcp, edns);
            const auto expected = policy_answer(question, action);
            const bool mail = type == LDNS_RR_TYPE_MX || type == LDNS_RR_TYPE_ANY;
            if (action == "drop" && mail) {
              question.timeout = 200ms;
              CHECK(text(module.ask(question)) == "");
            } else if (expected) {
              const auto reply = module.ask(question);
              CHECK(text(reply) == text(expected));
              CHECK((!reply || max_ttl_s(*reply) <= 60));
            } else if (type != LDNS_RR_TYPE_ANY) { // "any" is whatever the cache happens to hold
              CHECK(text(module.ask(question)) == text(plain.ask(question)));
            }
          }
}

TEST_CASE("answers: the flags of the question change nothing, and none but CD comes back",
          "[answers]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_every_action());
  for (const std::string action :
       {"redirect", "null-mx", "nxdomain", "nodata", "refused", "servfail"})
    for (int bits = 0; bits < 8; ++bits) {
      const Question question{.name = action + ".ml",
                              .dnssec_ok = (bits & 1) != 0,
                              .checking_disabled = (bits & 2) != 0,
                              .authentic_data = (bits & 4) != 0};
      CAPTURE(action, question.dnssec_ok, question.checking_disabled, question.authentic_data);
      CHECK(text(module.ask(question)) == text(policy_answer(question, action)));
    }
}

TEST_CASE("answers: the case of the question is kept in the question and in the owners",
          "[answers]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_every_action());
  for (const auto &[name, action] :
       std::vector<std::pair<std::string, std::string>>{{"ReDiReCt.mL", "redirect"},
                                                        {"rEdIrEcT.Ml", "redirect"},
                                                        {"MAIL.Redirect.ML", "redirect"},
                                                        {"NULL-mx.ml", "null-mx"},
                                                        {"NxDomain.mL", "nxdomain"},
                                                        {"Mail.nODATA.Ml", "nodata"},
                                                        {"REFUSED.ML", "refused"},
                                                        {"sErvFail.mL", "servfail"}})
    for (const bool tcp : {false, true}) {
      const Question question{.name = name, .tcp = tcp};
      CHECK(text(module.ask(question)) == text(policy_answer(question, action)));
    }
}

TEST_CASE("answers: a redirect hides the look-alike's MTA-STS, other actions do not", "[answers]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_every_action());
  const Resolver plain(world.endpoint(), without_module());
  for (const std::string label : {"_mta-sts", "mta-sts", "_MTA-STS", "Mta-Sts"})
    for (const ldns_rr_type type : {LDNS_RR_TYPE_TXT, LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA,
                                    LDNS_RR_TYPE_CNAME, LDNS_RR_TYPE_HTTPS}) {
      CAPTURE(label, type_name(type));
      for (const std::string below : {".", ".mail."}) {
        const Question hidden{.name = label + below + "redirect.ml", .type = type};
        CHECK(text(module.ask(hidden)) == text(policy_answer(hidden, "nxdomain")));
      }
      for (const std::string untouched : {".null-mx.ml", ".redirect.mil"}) {
        const Question question{.name = label + untouched, .type = type};
        CHECK(text(module.ask(question)) == text(plain.ask(question)));
      }
    }
}

TEST_CASE("answers: addresses of a warning host are served, its other addresses and its TLSA do "
          "not exist",
          "[answers]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_every_action());
  const Resolver plain(world.endpoint(), without_module());
  struct Case {
    Question question;
    Section answer;
    std::string soa_owner;
  };
  const std::string host = "warn1.example.mil";
  const std::string mixed = "Warn1.Example.MIL";
  for (const auto &[question, answer, soa_owner] : std::vector<Case>{
           {{.name = host, .type = LDNS_RR_TYPE_A}, {{host + '.', "A", "198.51.100.25"}}, ""},
           {{.name = host, .type = LDNS_RR_TYPE_A, .tcp = true},
            {{host + '.', "A", "198.51.100.25"}},
            ""},
           {{.name = mixed, .type = LDNS_RR_TYPE_A}, {{mixed + '.', "A", "198.51.100.25"}}, ""},
           {{.name = host, .type = LDNS_RR_TYPE_AAAA}, {}, host},
           {{.name = mixed, .type = LDNS_RR_TYPE_AAAA}, {}, mixed},
           {{.name = host, .type = LDNS_RR_TYPE_MX}, {}, host},
           {{.name = host, .type = LDNS_RR_TYPE_TXT}, {}, host},
           {{.name = host, .type = LDNS_RR_TYPE_HTTPS}, {}, host},
           {{.name = host, .type = LDNS_RR_TYPE_ANY}, {{host + '.', "A", "198.51.100.25"}}, ""},
           {{.name = "_tcp." + host, .type = LDNS_RR_TYPE_A}, {}, host},
           {{.name = "_25._tcp." + host, .type = LDNS_RR_TYPE_TLSA}, {}, host}}) {
    Reply expected{.rcode = "NOERROR",
                   .ra = true,
                   .rd = true,
                   .question = question.name + '.',
                   .answer = answer,
                   .edns = true};
    if (!soa_owner.empty())
      expected.authority = {
          {soa_owner + '.', "SOA", "localhost. nobody.invalid. 1 3600 1200 604800 60"}};
    const auto reply = module.ask(question);
    CHECK(text(reply) == expected.text());
    CHECK((reply && max_ttl_s(*reply) <= 60));
  }
  for (const Question &question : std::vector<Question>{
           {.name = "below.warn1.example.mil", .type = LDNS_RR_TYPE_A},
           {.name = "warn2.example.mil", .type = LDNS_RR_TYPE_A}, // no addresses given: the world's
           {.name = "warn2.example.mil", .type = LDNS_RR_TYPE_AAAA},
           {.name = "_25._tcp.warn2.example.mil", .type = LDNS_RR_TYPE_TLSA}}) {
    CAPTURE(question.name, type_name(question.type));
    CHECK(text(module.ask(question)) == text(plain.ask(question)));
  }
}

TEST_CASE("answers: the default action is redirect with warning hosts, null MX without",
          "[answers]") {
  const Nsd world(zones());
  const Question question{.name = "redirect.ml"};
  const Resolver with_hosts(world.endpoint(), with_rules(protect("redirect", "")));
  CHECK(text(with_hosts.ask(question)) == text(policy_answer(question, "redirect")));
  ResolverOptions options = with_rules(protect("redirect", ""));
  options.main.resize(options.main.find("[warning_mx]"));
  const Resolver without_hosts(world.endpoint(), options);
  CHECK(text(without_hosts.ask(question)) == text(policy_answer(question, "null-mx")));
}

TEST_CASE("answers: the extended error names what was meant, how it was missed and the rule",
          "[answers]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_rules(R"(
[[protect]]
id = "dod"
domains = ["marines.mil", "us.navy.mil"]
suffix = "mil"
slips = ["ml", "il"]
mirror = ["mi"]
action = "null-mx"
)"));
  for (const auto &[name, meant, technique] :
       std::vector<std::array<std::string, 3>>{{"marines.ml", "marines.mil", "tld-slip"},
                                               {"mail.marines.il", "marines.mil", "tld-slip"},
                                               {"marinesmil.com", "marines.mil", "missing-dot"},
                                               {"usnavymil.org", "us.navy.mil", "missing-dot"},
                                               {"anything.mi", "anything.mil", "mirror"}}) {
    const auto reply = module.ask({.name = name});
    REQUIRE((reply && reply->ede));
    CHECK(reply->ede->text == "near-miss of " + meant + " (" + technique + "), rule dod");
  }
}
