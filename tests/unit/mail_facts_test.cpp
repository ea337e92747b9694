#include "core/mail_facts.h"

#include <catch2/catch.hpp>

#include "names.h"

using namespace mxw;
using test::name;

namespace {

MailFact takes(const MailFacts &facts, const std::vector<std::string> &hosts) {
  MailFact fact;
  fact.mail = Mail::takes;
  for (const std::string &host : hosts)
    fact.hosts.at(fact.host_count++) = facts.host_hash(name(host));
  return fact;
}

} // namespace

TEST_CASE("mail facts: are known until they expire, by the whole name", "[mail-facts]") {
  MailFacts facts(7);
  CHECK(facts.find(name("army.mil"), 100).mail == Mail::unknown);
  facts.put(name("army.mil"), takes(facts, {"mx.army.mil"}), 160, 100);
  CHECK(facts.find(name("army.mil"), 159).mail == Mail::takes);
  CHECK(facts.find(name("army.mil"), 160).mail == Mail::unknown);
  CHECK(facts.find(name("mail.army.mil"), 100).mail == Mail::unknown);
  MailFact none;
  none.mail = Mail::none;
  facts.put(name("army.mil"), none, 170, 110); // takes the place of what was known
  CHECK(facts.find(name("army.mil"), 120).mail == Mail::none);
}

TEST_CASE("mail facts: the table never grows, and what expires last stays", "[mail-facts]") {
  MailFacts facts(7);
  const MailFact fact = takes(facts, {});
  for (int i = 0; i < 100'000; ++i)
    facts.put(name("n" + std::to_string(i) + ".mil"), fact, 1000, 0);
  facts.put(name("long.mil"), fact, 80'000, 0);
  int known = 0;
  for (int i = 0; i < 100'000; ++i) {
    facts.put(name("m" + std::to_string(i) + ".mil"), fact, 1000, 0);
    known += facts.find(name("m" + std::to_string(i) + ".mil"), 0).mail == Mail::takes;
  }
  CHECK(known == 100'000); // the newest is there whatever was before
  CHECK(facts.find(name("long.mil"), 0).mail == Mail::takes);
}

TEST_CASE("mail facts: what was found out by a clock that ran ahead is forgotten when it goes back",
          "[mail-facts]") {
  constexpr std::int64_t kAhead = 1'000'000;
  MailFacts facts(7);
  const MailFact fact = takes(facts, {});
  facts.put(name("army.mil"), fact, kAhead + MailFacts::kMaxTtlS, kAhead);
  CHECK(facts.find(name("army.mil"), kAhead).mail == Mail::takes);
  CHECK(facts.find(name("army.mil"), kAhead - 1).mail == Mail::unknown);
  for (int i = 0; i < 100'000; ++i)
    facts.put(name("n" + std::to_string(i) + ".mil"), fact, kAhead + 60, kAhead);
  facts.put(name("now.mil"), fact, 160, 100); // those make room
  for (int i = 0; i < 1000; ++i)
    facts.put(name("m" + std::to_string(i) + ".mil"), fact, 110, 100);
  CHECK(facts.find(name("now.mil"), 100).mail == Mail::takes);
}

TEST_CASE("mail facts: the same owner has no MX host of another", "[mail-facts]") {
  const MailFacts facts(7);
  const MailFact own = takes(facts, {"mx1.army.mil", "mx2.army.mil"});
  CHECK(has_same_hosts(takes(facts, {"mx2.army.mil"}), own));
  CHECK(has_same_hosts(takes(facts, {"mx2.army.mil", "mx1.army.mil"}), own));
  CHECK_FALSE(has_same_hosts(takes(facts, {"mx1.army.mil", "mx.squatter.example"}), own));
  CHECK_FALSE(has_same_hosts(takes(facts, {}), own)); // mail goes to its own address
  MailFact many = own;
  many.host_count = MailFact::kMaxHosts + 1;
  CHECK_FALSE(has_same_hosts(own, many));
  CHECK_FALSE(has_same_hosts(many, own));
}
