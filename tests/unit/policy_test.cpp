#include "core/policy.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "loader/public_suffix.h"
#include "names.h"

using namespace mxw;
using test::name;

namespace {

constexpr std::int64_t kNow = 1'800'000'000;

Rule rule(std::string id, const std::vector<std::string> &domains,
          Action action = Action::null_mx) {
  Rule r;
  r.id = std::move(id);
  r.action = action;
  for (const auto &text : domains)
    r.domains.push_back(name(text));
  r.matching.slips = {{name("ml"), name("mil")}, {name("mi"), name("mil")}};
  return r;
}

/// A policy with a bit of everything.
PolicySpec spec() {
  PolicySpec s;
  s.rules = {rule("dod", {"army.mil", "us.army.mil"}), rule("far", {"fleet.example"})};
  s.rules[0].suffix = name("mil");
  s.allows = {{{name("gouv.ml")}, "embassies", "j6", std::nullopt, {"a.toml", 3}, {}},
              {{name("navy.ml"), name("army.ml")}, "", "", kNow, {}, {}},
              {{name("old.army.ml")}, "", "", kNow + 1, {}, {}}};
  s.exempt = {name("armymil.org")};
  return s;
}

Verdict decide(const Policy &policy, std::string_view text, std::uint16_t type = qtype::kMx,
               const char *client = nullptr) {
  Query query{name(text), type, std::nullopt, kNow};
  if (client != nullptr)
    query.client = parse_address(client);
  return policy.decide(query);
}

} // namespace

TEST_CASE("policy: an allow entry holds by the time of each question, whichever way the clock goes",
          "[policy]") {
  const Policy policy(spec(), 1);
  const auto reason_at = [&](std::int64_t now_s) {
    return policy.decide({name("army.ml"), qtype::kMx, std::nullopt, now_s}).reason;
  };
  for (const std::int64_t later : {kNow, kNow + 1, kNow + 1'000'000'000}) {
    CHECK(reason_at(kNow - 1) == Reason::allowed);
    CHECK(reason_at(later) == Reason::look_alike);
  }
  CHECK(reason_at(0) == Reason::allowed);
}

TEST_CASE("policy: the first reason in the order of precedence decides", "[policy]") {
  const Policy policy(spec(), 1);
  const auto [text, reason, decision] = GENERATE(table<std::string, Reason, Action>({
      {"army.mil", Reason::is_protected, Action::pass},
      {"www.army.mil", Reason::is_protected, Action::pass},
      {"amry.mil", Reason::is_protected, Action::pass}, // under the legitimate suffix
      {"mil", Reason::is_protected, Action::pass},
      {"gouv.ml", Reason::allowed, Action::pass},
      {"mail.gouv.ml", Reason::allowed, Action::pass},
      {"army.ml", Reason::look_alike, Action::null_mx}, // the entry that allowed it has expired
      {"old.army.ml", Reason::allowed, Action::pass},   // this one holds for a second more
      {"armymil.org", Reason::exempt, Action::pass},
      {"mail.armymil.org", Reason::exempt, Action::pass},
      {"armymil.com", Reason::look_alike, Action::null_mx},
      {"flete.example", Reason::look_alike, Action::null_mx},
      {"example.org", Reason::no_match, Action::pass},
      {"ml", Reason::no_match, Action::pass},
      {".", Reason::no_match, Action::pass},
  }));
  CAPTURE(text);
  const Verdict verdict = decide(policy, text);
  CHECK(verdict.reason == reason);
  CHECK(verdict.decision == decision);
  // An allowance that will end is not for the cache either.
  CHECK(verdict.contested == (reason == Reason::look_alike || std::string(text) == "old.army.ml"));
}

TEST_CASE("policy: a verdict names its evidence", "[policy]") {
  const Policy policy(spec(), 1);
  Verdict verdict = decide(policy, "mail.us.army.ml");
  CHECK(verdict.protected_name == name("us.army.mil"));
  CHECK(verdict.technique == Technique::tld_slip);
  CHECK(verdict.edits == 1);
  CHECK(verdict.apex_labels == 3);
  CHECK(verdict.rule == 0);
  verdict = decide(policy, "x.army.mil");
  CHECK(verdict.protected_name == name("army.mil"));
  CHECK(verdict.rule == 0);
  verdict = decide(policy, "navy.mil");
  CHECK(verdict.protected_name == name("mil"));
  verdict = decide(policy, "x.gouv.ml");
  CHECK(policy.allows()[verdict.allow].reason == "embassies");
}

TEST_CASE("policy: the closer match counts, then the longer name, then the first rule",
          "[policy]") {
  PolicySpec s;
  s.rules = {rule("first", {"bank.example"}), rule("second", {"banks.example", "bank.example"}),
             rule("third", {"wellbanks.example"})};
  s.rules[0].matching.slips = {{name("zz"), name("example")}};
  const Policy policy(std::move(s), 1);
  // One letter from both: the longer one.
  CHECK(decide(policy, "bankz.example").protected_name == name("banks.example"));
  // The same name in two rules: the first.
  CHECK(decide(policy, "bamk.example").rule == 0);
  CHECK(policy.matches(name("bamk.example")).size() == 2);
}

TEST_CASE("policy: a rule for some clients leaves the others alone", "[policy]") {
  PolicySpec s = spec();
  const std::vector<ClientSet::Subnet> relays = {parse_subnet("192.0.2.0/24").value()};
  s.clients = {ClientSet(relays)};
  s.rules[0].clients = {0};
  s.rules.push_back(rule("everyone", {"army.mil"}, Action::pass));
  s.rules[2].mode = Mode::observe;
  const Policy policy(std::move(s), 1);
  CHECK(decide(policy, "army.ml", qtype::kMx, "192.0.2.9").rule == 0);
  // The next rule that holds for this client.
  CHECK(decide(policy, "army.ml", qtype::kMx, "192.0.3.9").rule == 2);
  // No rule does; but its answer must not be cached for those who are judged.
  const Verdict other = decide(policy, "us.army.ml", qtype::kMx, "192.0.3.9");
  CHECK(decide(policy, "us.army.ml", qtype::kMx, "192.0.2.9").rule == 0);
  CHECK(other.rule == 2); // as a name below army.ml
  // Without a client every rule holds.
  CHECK(decide(policy, "army.ml").rule == 0);
}

TEST_CASE("policy: an answer that others would not get is contested", "[policy]") {
  PolicySpec s = spec();
  s.clients = {ClientSet()};
  s.rules[0].clients = {0};
  const Policy policy(std::move(s), 1);
  const Verdict verdict = decide(policy, "army.ml", qtype::kMx, "192.0.2.1");
  CHECK(verdict.reason == Reason::no_match);
  CHECK(verdict.contested);
  CHECK_FALSE(decide(policy, "example.org", qtype::kMx, "192.0.2.1").contested);
}

TEST_CASE("policy: each action concerns the types that it has to", "[policy]") {
  const auto [action, mail, any_other] = GENERATE(table<Action, Action, Action>({
      {Action::null_mx, Action::null_mx, Action::pass},
      {Action::redirect, Action::redirect, Action::pass},
      {Action::nxdomain, Action::nxdomain, Action::nxdomain},
      {Action::nodata, Action::nodata, Action::nodata},
      {Action::refused, Action::refused, Action::pass},
      {Action::servfail, Action::servfail, Action::pass},
      {Action::drop, Action::drop, Action::pass},
      {Action::pass, Action::pass, Action::pass},
  }));
  PolicySpec s;
  s.rules = {rule("dod", {"army.mil"}, action)};
  s.warning_hosts = {{name("warn.example"), {}}};
  const Policy policy(std::move(s), 1);
  CAPTURE(to_string(action));
  CHECK(decide(policy, "army.ml", qtype::kMx).decision == mail);
  CHECK(decide(policy, "mail.army.ml", qtype::kAny).decision == mail);
  for (const std::uint16_t type : std::vector<std::uint16_t>{1, 2, 5, 6, 16, 28, 65})
    CHECK(decide(policy, "army.ml", type).decision == any_other);
  const Action mta_sts = action == Action::redirect ? Action::nxdomain : any_other;
  CHECK(decide(policy, "_mta-sts.army.ml", 16).decision == mta_sts);
  CHECK(decide(policy, "mta-sts.mail.army.ml", qtype::kA).decision == mta_sts);
  CHECK(decide(policy, "mta-sts.army.mil", qtype::kA).decision == Action::pass);
}

TEST_CASE("policy: whatever is not of concern would be passed on", "[policy]") {
  const auto action = GENERATE(Action::null_mx, Action::redirect, Action::nxdomain, Action::drop);
  PolicySpec s;
  s.rules = {rule("dod", {"army.mil"}, action)};
  s.warning_hosts = {{name("warn.example"), {*parse_address("192.0.2.1")}}};
  const Policy policy(std::move(s), 1);
  std::size_t concerned = 0;
  for (const char *text : {"army.ml", "_mta-sts.army.ml", "mta-sts.army.ml", "warn.example",
                           "_25._tcp.warn.example", "example.org", "x.army.ml"})
    for (const std::uint16_t type : std::vector<std::uint16_t>{1, 2, 15, 16, 28, 52, 255}) {
      const Name n = name(text);
      const bool concerns = policy.concerns(type, n.wire());
      concerned += concerns ? 1 : 0;
      CAPTURE(text, type);
      CHECK((concerns || decide(policy, text, type).decision == Action::pass));
    }
  CHECK(concerned >= 14); // MX and ANY of each
  CHECK(concerned <= (action == Action::nxdomain ? 49 : 40));
}

TEST_CASE("policy: a mirrored suffix takes every name under it", "[policy]") {
  PolicySpec s = spec();
  s.rules[0].mirror = {name("ml")};
  const Policy policy(std::move(s), 1);
  const Verdict verdict = decide(policy, "mail.bamako.ml");
  CHECK(verdict.reason == Reason::look_alike);
  CHECK(verdict.technique == Technique::mirror);
  CHECK(verdict.protected_name == name("bamako.mil"));
  CHECK(verdict.apex_labels == 2);
  CHECK(verdict.edits == 1);
  CHECK(decide(policy, "army.ml").technique == Technique::tld_slip); // the nearer evidence
  CHECK(decide(policy, "gouv.ml").reason == Reason::allowed);
  CHECK(decide(policy, "ml").reason == Reason::no_match);
  CHECK(decide(policy, "bamako.fr").reason == Reason::no_match);
}

TEST_CASE("policy: a mirror rule for others keeps an answer out of the cache", "[policy]") {
  PolicySpec s = spec();
  const std::vector<ClientSet::Subnet> relays = {parse_subnet("192.0.2.0/24").value()};
  s.clients = {ClientSet(relays)};
  s.rules[0].clients = {0};
  s.rules.push_back(rule("mirror", {"fleet.mil"}, Action::nxdomain));
  s.rules[2].suffix = name("mil");
  s.rules[2].mirror = {name("ml")};
  const Policy policy(std::move(s), 1);
  const Verdict relay = decide(policy, "army.ml", qtype::kA, "192.0.2.9");
  CHECK(relay.decision == Action::pass); // of rule 0, which leaves A alone
  CHECK(relay.contested);
  CHECK(decide(policy, "army.ml", qtype::kA, "192.0.3.9").decision == Action::nxdomain);
}

TEST_CASE("policy: a listed look-alike goes before what is computed, not before what is legitimate",
          "[policy]") {
  PolicySpec s = spec();
  const auto known = [](const char *typed, const char *meant) {
    return LookAlike{name(typed), name(meant)};
  };
  s.rules[0].look_alikes = {known("army-mail.example", "us.army.mil"),
                            known("army.ml", "us.army.mil"), known("gouv.ml", "army.mil"),
                            known("armymil.org", "army.mil"), known("fleet.example", "army.mil")};
  s.rules[0].mirror = {name("ml")};
  s.rules[1].look_alikes = {known("mail.army-mail.example", "fleet.example")};
  const Policy policy(std::move(s), 1);
  const auto [text, reason, technique, meant] =
      GENERATE(table<std::string, Reason, Technique, std::string>({
          {"army-mail.example", Reason::look_alike, Technique::listed, "us.army.mil"},
          {"a.b.army-mail.example", Reason::look_alike, Technique::listed, "us.army.mil"},
          {"mail.army-mail.example", Reason::look_alike, Technique::listed, "fleet.example"},
          {"army.ml", Reason::look_alike, Technique::listed, "us.army.mil"}, // a slip as well
          {"bamako.ml", Reason::look_alike, Technique::mirror, "bamako.mil"},
          {"gouv.ml", Reason::allowed, Technique::none, ""},
          {"armymil.org", Reason::exempt, Technique::none, ""},
          {"fleet.example", Reason::is_protected, Technique::none, "fleet.example"},
          {"example", Reason::no_match, Technique::none, ""},
      }));
  CAPTURE(text);
  const Verdict verdict = decide(policy, text);
  CHECK(verdict.reason == reason);
  CHECK(verdict.technique == technique);
  CHECK(verdict.protected_name == (meant.empty() ? Name() : name(meant)));
  if (technique != Technique::listed)
    return;
  CHECK(verdict.confidence == 100);
  CHECK(verdict.contested);
  CHECK(verdict.enforced());
  CHECK(policy.look_alikes(0).size() == 5);
}

TEST_CASE("policy: a listed look-alike may be observed only, or be for some clients", "[policy]") {
  PolicySpec s = spec();
  s.rules[0].look_alikes = {{name("army-mail.example"), name("army.mil")}};
  s.rules[1].look_alikes = {{name("fl.example"), name("fleet.example")}};
  s.rules[1].matching.techniques[static_cast<std::size_t>(Technique::listed)] = {Level::observe, 1};
  const std::vector<ClientSet::Subnet> relays = {parse_subnet("192.0.2.0/24").value()};
  s.clients = {ClientSet(relays)};
  s.rules[0].clients = {0};
  const Policy policy(std::move(s), 1);
  const Verdict observed = decide(policy, "fl.example");
  CHECK(observed.technique == Technique::listed);
  CHECK(observed.mode == Mode::observe);
  CHECK_FALSE(observed.contested);
  CHECK(decide(policy, "army-mail.example", qtype::kMx, "192.0.2.9").enforced());
  const Verdict other = decide(policy, "army-mail.example", qtype::kMx, "192.0.3.9");
  CHECK(other.reason == Reason::no_match);
  CHECK(other.contested); // the relays would get another answer
}

TEST_CASE("policy: an allow entry for some clients holds for them alone", "[policy]") {
  PolicySpec s = spec();
  const std::vector<ClientSet::Subnet> relays = {parse_subnet("192.0.2.0/24").value()};
  s.clients = {ClientSet(relays)};
  s.allows = {{{name("army.ml")}, "the relays know it", "", std::nullopt, {}, {0}},
              {{name("ml")}, "", "", kNow, {}, {}}};
  const Policy policy(std::move(s), 1);
  CHECK(policy.tells_clients_apart());
  const Verdict relay = decide(policy, "mail.army.ml", qtype::kMx, "192.0.2.9");
  CHECK(relay.reason == Reason::allowed);
  CHECK(relay.allow == 0);
  CHECK(relay.contested); // others get another answer
  for (const char *client : {"192.0.3.9", static_cast<const char *>(nullptr)}) {
    const Verdict other = decide(policy, "mail.army.ml", qtype::kMx, client);
    CHECK(other.reason == Reason::look_alike);
    CHECK(other.contested);
  }
}

TEST_CASE("policy: a look-alike that is itself called mta-sts is redirected", "[policy]") {
  PolicySpec s = spec();
  s.rules[0].action = Action::redirect;
  s.rules[0].mirror = {name("ml")};
  s.warning_hosts = {{name("warn.example"), {}}};
  const Policy policy(std::move(s), 1);
  CHECK(decide(policy, "mta-sts.ml").decision == Action::redirect);
  CHECK(decide(policy, "mta-sts.bamako.ml").decision == Action::nxdomain);
}

TEST_CASE("policy: warning hosts with addresses are answered for every type, names below are not",
          "[policy]") {
  PolicySpec s = spec();
  s.warning_hosts = {{name("warn.mil"), {*parse_address("192.0.2.1")}}, {name("other.mil"), {}}};
  const Policy policy(std::move(s), 1);
  CHECK(decide(policy, "Warn.mil", qtype::kA).decision == Action::local_data);
  CHECK(decide(policy, "warn.mil", qtype::kAaaa).decision == Action::local_data);
  CHECK(decide(policy, "_25._tcp.warn.mil", 52).decision == Action::local_data);
  CHECK(decide(policy, "_tcp.warn.mil", qtype::kA).decision == Action::local_data);
  CHECK(decide(policy, "warn.mil", qtype::kMx).decision == Action::local_data);
  CHECK(decide(policy, "x.warn.mil", qtype::kA).decision == Action::pass);
  CHECK(decide(policy, "other.mil", qtype::kA).decision == Action::pass);
}

TEST_CASE("policy: in observe mode the verdict tells what would be done", "[policy]") {
  PolicySpec s = spec();
  s.rules[0].mode = Mode::observe;
  const Policy policy(std::move(s), 1);
  const Verdict verdict = decide(policy, "army.ml");
  CHECK(verdict.decision == Action::null_mx);
  CHECK_FALSE(verdict.enforced());
}

TEST_CASE("policy: a redirect concerns addresses of MTA-STS names alone", "[policy]") {
  PolicySpec s = spec();
  s.rules[0].action = Action::redirect;
  const Policy policy(std::move(s), 1);
  const auto concerns = [&](std::string_view label) {
    std::string wire(1, static_cast<char>(label.size()));
    wire += std::string(label) + std::string("\x04"
                                             "army\x02ml",
                                             9);
    return policy.concerns(
        qtype::kA, std::span(reinterpret_cast<const std::uint8_t *>(wire.data()), wire.size()));
  };
  CHECK(concerns("mta-sts"));
  CHECK(concerns("_MTA-Sts"));
  CHECK_FALSE(concerns("example")); // as long
  CHECK_FALSE(concerns("mta_sts"));
  CHECK_FALSE(policy.concerns(qtype::kA, {}));
}

TEST_CASE("policy: an empty one passes everything", "[policy]") {
  const Policy policy({}, 1);
  CHECK(decide(policy, "army.ml").reason == Reason::no_match);
  CHECK_FALSE(policy.concerns(qtype::kA, name("army.ml").wire()));
}

TEST_CASE("policy: what is less sure than the rule wants, or only told of, is answered as ever",
          "[policy]") {
  Rule unsure = rule("unsure", {"army.mil"});
  unsure.matching.min_confidence = 50;
  PolicySpec s;
  s.rules = {unsure};
  const Policy policy(std::move(s), 1);
  const Verdict sure = decide(policy, "amry.mil");
  CHECK(sure.enforced());
  CHECK(sure.confidence == confidence_of(Technique::transposition, 4, false));
  const Verdict less_sure = decide(policy, "arxy.mil");
  CHECK(less_sure.reason == Reason::look_alike);
  CHECK(less_sure.mode == Mode::observe);
  CHECK_FALSE(less_sure.enforced());
  const Verdict told_of = decide(policy, "army.org");
  CHECK(told_of.technique == Technique::tld_swap);
  CHECK_FALSE(told_of.enforced());
  CHECK_FALSE(told_of.contested); // nobody gets another answer
}

TEST_CASE("policy: what competes makes a look-alike less sure, what is blocked goes before it",
          "[policy]") {
  PolicySpec s;
  s.rules = {rule("first", {"gmail.com"}), rule("second", {"gmaal.com", "gmail.org"}),
             rule("same", {"gmail.com"})};
  const Policy policy(std::move(s), 1);
  PolicySpec alone;
  alone.rules = {rule("first", {"gmail.com"})};
  const Policy lonely(std::move(alone), 1);
  // gmaol.com is a letter from both; the third rule's name is the first one's, and does not
  // compete.
  const Verdict contested = decide(policy, "gmaol.com");
  const Verdict sole = decide(lonely, "gmaol.com");
  CHECK(contested.confidence < sole.confidence);
  CHECK(contested.confidence > 0);
  // Of gmail.org it is a swap, which is only told of.
  const Verdict blocked = decide(policy, "gmal.com");
  CHECK(blocked.protected_name == name("gmail.com"));
  CHECK(blocked.enforced());
}

TEST_CASE("policy: what is known is no look-alike, whatever technique explains it", "[policy]") {
  const auto [technique, text] = GENERATE(table<Technique, std::string>({
      {Technique::omission, "gmal.com"},
      {Technique::repetition, "gmmail.com"},
      {Technique::transposition, "gmial.com"},
      {Technique::replacement, "gmaik.com"},
      {Technique::insertion, "gmxail.com"},
      {Technique::addition, "gmailx.com"},
      {Technique::vowel_swap, "gmoil.com"},
      {Technique::bitsquatting, "gmaml.com"},
      {Technique::homoglyph, "grnail.com"},
      {Technique::hyphenation, "us-army.mil"},
      {Technique::plural, "gmails.com"},
      {Technique::double_replacement, "giigle.com"},
      {Technique::idn_homoglyph, "xn--gmal-nza.com"},
      {Technique::two_edits, "hotmialx.com"},
      {Technique::tld_slip, "army.ml"},
      {Technique::two_place, "gmial.con"},
      {Technique::missing_dot, "armymil.com"},
      {Technique::subdomain, "ar.my.mil"},
      {Technique::tld_swap, "army.org"},
      {Technique::wrong_sld, "example.org.uk"},
      {Technique::added_tld, "army.mil.br"},
      {Technique::combosquat, "army-login.org"},
      {Technique::junk_affix, "123gmail.com"},
      {Technique::mirror, "bamako.ml"},
      {Technique::listed, "army-mail.example"},
  }));
  CAPTURE(text);
  const auto spec_of = [] {
    PolicySpec s;
    s.is_public_suffix = is_public_suffix;
    s.rules = {rule("all", {"army.mil", "us.army.mil", "gmail.com", "google.com", "hotmail.com",
                            "example.co.uk"})};
    s.rules[0].matching.techniques.fill({Level::block, 4});
    s.rules[0].look_alikes = {{name("army-mail.example"), name("army.mil")}};
    s.rules.push_back(rule("mirror", {}));
    s.rules[1].suffix = name("mil");
    s.rules[1].mirror = {name("ml")};
    return s;
  };
  const auto both = [&, &typed = text](PolicySpec s, Reason at, Reason below) {
    const Policy policy(std::move(s), 1);
    CHECK(decide(policy, typed).reason == at);
    CHECK(decide(policy, "mail." + typed).reason == below);
  };
  {
    // A name under the legitimate suffix is known already.
    PolicySpec s = spec_of();
    if (technique != Technique::mirror)
      s.rules.pop_back();
    const Policy policy(s, 1);
    const Verdict verdict = decide(policy, text);
    CHECK(verdict.enforced());
    CHECK(verdict.techniques.has(technique));
    both(std::move(s), Reason::look_alike, Reason::look_alike);
  }
  PolicySpec exempt = spec_of();
  exempt.rules.pop_back();
  exempt.exempt = {name(text)};
  both(std::move(exempt), Reason::exempt, Reason::exempt);
  PolicySpec allowed = spec_of();
  allowed.rules.pop_back();
  allowed.allows = {{{name(text)}, "", "", std::nullopt, {}, {}}};
  both(std::move(allowed), Reason::allowed, Reason::allowed);
  PolicySpec known = spec_of();
  known.rules.push_back(rule("known", {text}));
  both(std::move(known), Reason::is_protected, Reason::is_protected);
}
