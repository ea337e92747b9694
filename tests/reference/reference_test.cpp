#include "reference/reference.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "reference/difference.h"

using namespace mxw;
using namespace mxw::test;

namespace {

/// Without escapes.
Name plain_name(std::string_view text) {
  Labels labels;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('.', at), text.size());
    labels.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return name_of(labels);
}

ReferenceGroup slippery() {
  ReferenceGroup group;
  group.slips = fake_slips();
  return group;
}

Reference reference(const std::vector<Name> &meant, const ReferenceGroup &group = slippery()) {
  std::vector<ReferenceEntry> entries;
  entries.reserve(meant.size());
  for (const Name &name : meant)
    entries.push_back({name, 0});
  return Reference(entries, {group}, is_fake_public_suffix);
}

std::vector<ReferenceMatch> matches(const Name &typed, const std::vector<Name> &meant,
                                    const ReferenceGroup &group = slippery()) {
  return reference(meant, group).matches(typed);
}

/// Labels and techniques of each match of one name.
std::string explained(std::string_view typed, std::string_view meant,
                      const ReferenceGroup &group = slippery()) {
  std::string text;
  for (const ReferenceMatch &match : matches(plain_name(typed), {plain_name(meant)}, group))
    (text += text.empty() ? "" : ", ") += to_string(match).substr(2);
  return text;
}

std::vector<Technique> all_techniques() {
  std::vector<Technique> all;
  for (std::size_t i = 1; i < kTechniques; ++i)
    all.push_back(static_cast<Technique>(i));
  return all;
}

bool holds(const std::string &typed, const std::string &meant, Technique technique) {
  const auto found = matches(name_of({typed, "com"}), {name_of({meant, "com"})});
  return std::any_of(found.begin(), found.end(),
                     [&](const ReferenceMatch &match) { return match.techniques.has(technique); });
}

} // namespace

TEST_CASE("reference: the examples of docs/matching.md have their techniques", "[reference]") {
  const auto [typed, meant, techniques] = GENERATE(table<std::string, std::string, std::string>({
      {"gmal.com", "gmail.com", "2 omission"},
      {"gmmail.com", "gmail.com", "2 repetition"},
      {"gmailx.com", "gmail.com", "2 addition"},
      {"gmxail.com", "gmail.com", "2 insertion"},
      {"gmial.com", "gmail.com", "2 transposition"},
      {"gmai.lcom", "gmail.com", "2 transposition"},
      {"gmailc.om", "gmail.com", "2 transposition"},
      {"gmaik.com", "gmail.com", "2 replacement"},
      {"gmoil.com", "gmail.com", "2 replacement vowel-swap"},
      {"gmaml.com", "gmail.com", "2 replacement bitsquatting"},
      {"gma1l.com", "gmail.com", "2 replacement homoglyph"},
      {"grnail.com", "gmail.com", "2 homoglyph two-edits"},
      {"g-mail.com", "gmail.com", "2 hyphenation"},
      {"gmails.com", "gmail.com", "2 addition plural"},
      {"giigle.com", "google.com", "2 double-replacement two-edits"},
      {"xn--gmal-nza.com", "gmail.com", "2 idn-homoglyph"},
      {"hotmialx.com", "hotmail.com", "2 two-edits"},
      {"munchen.de", "xn--mnchen-3ya.de", "2 idn-homoglyph"},
      {"army.ml", "army.mil", "2 tld-slip tld-swap"},
      {"gmail.con", "gmail.com", "2 tld-slip"},
      {"gmail.comque", "gmail.com", "2 tld-slip"},
      {"gmial.con", "gmail.com", "2 two-place"},
      {"usarmy.mil", "us.army.mil", "2 missing-dot"},
      {"wwwarmy.mil", "army.mil", "2 missing-dot"},
      {"armymil.com", "army.mil", "2 missing-dot"},
      {"ar.my.mil", "army.mil", "2 two-edits, 3 subdomain"},
      {"us-army.mil", "us.army.mil", "2 hyphenation"},
      {"lockheed.martin.com", "lockheed-martin.com", "3 hyphenation"},
      {"army-mil.com", "army.mil", "2 hyphenation combosquat"},
      {"army.org", "army.mil", "2 tld-swap"},
      {"example.org.uk", "example.co.uk", "3 wrong-sld"},
      {"army.mil.br", "army.mil", "3 added-tld"},
      {"army-login.org", "army.mil", "2 combosquat"},
      {"123gmail.com", "gmail.com", "2 junk-affix"},
      {"mail.amry.mil", "army.mil", "2 transposition"},
  }));
  CAPTURE(typed, meant);
  CHECK(explained(typed, meant) == techniques);
}

TEST_CASE("reference: what the examples leave open", "[reference]") {
  const auto [typed, meant, techniques] = GENERATE(table<std::string, std::string, std::string>({
      // one label
      {"basss.com", "bass.com", "2 repetition plural"},
      {"boxes.com", "box.com", "2 plural two-edits"},
      {"boxesart.com", "boxart.com", "2 plural two-edits"},
      {"armyes.com", "army.com", "2 two-edits"},
      {"c.uk", "co.uk", "2 omission"},
      {"us--army.com", "us-army.com", "2 hyphenation"},
      {"army-.com", "army.com", "2 hyphenation"},
      {"u-sarmy.com", "us-army.com", "2 transposition"},
      {"usxarmy.com", "us-army.com", "2 replacement"},
      {"goog1e.com", "google.com", "2 replacement homoglyph"},
      {"googie.com", "google.com", "2 replacement homoglyph"},
      {"g00gle.com", "google.com", "2 homoglyph double-replacement two-edits"},
      {"rnrnrn.com", "mmm.com", "2 homoglyph"},
      {"vvv.com", "wv.com", "2 homoglyph two-edits"},
      {"c1ub.com", "dub.com", "2 two-edits"}, // what was read is not read again
      {"aarmyy.com", "army.com", "2 two-edits"},
      {"a.b.us.amry.mil", "us.army.mil", "3 transposition"},
      {"sa.army.mil", "us.army.mil", "3 two-edits"},
      // A-labels
      {"xn--rnnchen-o2a.de", "xn--mnchen-3ya.de", "2 idn-homoglyph"},
      {"xn--99999999999.com", "gmail.com", ""},
      {"xn--gmal-nz.com", "xn--gmal-n.com", ""},
      {"xn--crnx-5qa.com", "corn.com", "2 idn-homoglyph"},    // an edit as it is
      {"xn--grnilx-dua.com", "gmail.com", "2 idn-homoglyph"}, // an edit once read as ASCII
      {"xn--mm-jia.com", "rnarn.com", "2 idn-homoglyph"},     // equal once both are
      {"xn--gmal-nzb.con", "xn--gmal-nza.com", ""},
      {"xn--gmal-nz.acom", "xn--gmal-nza.com", ""},
      // slips
      {"gmail.com", "gmail.co", "2 tld-swap"}, // is real, and not listed this way
      {"example.co.br", "example.co.uk", "3 tld-slip"},
      {"example.c.br", "example.co.uk", ""},
      {"example.co.ac.uk", "example.co.uk", "4 tld-slip"},
      {"example.couk", "example.co.uk", "2 missing-dot"},
      {"example.co.ik", "example.co.uk", "3 tld-slip"},
      {"example.c.o.uk", "example.co.uk", "4 tld-slip"},
      {"example.cou.k", "example.co.uk", "3 tld-slip"},
      {"example.uk", "example.co.uk", "2 tld-slip tld-swap"},
      {"exampl.eco.uk", "example.co.uk", "3 transposition"},
      {"examplec.o.uk", "example.co.uk", "3 transposition"},
      {"gmail.c.om", "gmail.com", "3 tld-slip"},
      {"gmail.c.m", "gmail.com", "3 tld-slip"},
      {"gmail.co", "gmail.com", "2 tld-slip tld-swap"},
      {"gmail.comx", "gmail.com", "2 tld-slip"},
      {"gmail.com-", "gmail.com", ""},
      {"gmail.com--", "gmail.com", "2 tld-slip"},
      {"gmail.-om", "gmail.com", ""},
      {"gmial.comque", "gmail.com", ""},
      {"gmial.co", "gmail.com", "2 two-place"},
      {"b.aa.ml", "b.aa.mil", "3 tld-slip tld-swap"},
      {"c.aa.ml", "b.aa.mil", "3 two-place"},
      {"army.x", "army.y", "2 tld-slip"},
      // dots and hyphens
      {"www.armymil.com", "army.mil", "2 missing-dot"},
      {"armymil", "army.mil", "1 missing-dot"},
      {"army-mil", "army.mil", "1 hyphenation"},
      {"www.armymil", "army.mil", ""},
      {"us.armymil", "us.army.mil", ""},
      {"armymil.sample.org", "army.mil", ""},
      {"exampleco.uk", "example.co.uk", "2 missing-dot"},
      {"wwwwww.mil", "www.mil", ""},
      {"a.bc.d.com", "abc.d.com", "3 omission, 4 subdomain"},
      {"a.b-c.com", "a-b-c.com", "2 two-edits, 3 hyphenation"},
      {"a.-b.com", "a-b.com", "2 omission, 3 subdomain"},
      // other suffixes and words
      {"army.co.uk", "army.uk", "3 tld-swap"},
      {"army.com.br", "army.mil", "3 tld-swap"},
      {"us.army.org", "us.army.mil", "3 tld-swap"},
      {"army.madeup", "army.mil", ""},
      {"army.mil.example.org", "army.mil", ""},
      {"army-x.com.br", "army.mil", "3 combosquat"},
      {"us-army-x.mil", "us-army.mil", "2 two-edits combosquat"},
      {"my-army-login.mil", "army.mil", ""},
      {"army-a-b-c-d.mil", "army.mil", "2 combosquat"},
      {"army-a-b-c-d-e.mil", "army.mil", ""},
      {"army-login.madeup", "army.mil", ""},
      {"us-x.army.mil", "us.army.mil", "3 two-edits"},
      {"army12.mil", "army.mil", "2 two-edits junk-affix"},
      {"12army.mil", "army.mil", "2 two-edits junk-affix"},
      {"1234army.org", "army.mil", ""},
      {"1army.mil", "army.mil", "2 insertion"},
      {"1234usx.army.mil", "usx.army.mil", ""},
  }));
  CAPTURE(typed, meant);
  CHECK(explained(typed, meant) == techniques);
}

TEST_CASE("reference: what is no near-miss is not found", "[reference]") {
  const std::string typed =
      GENERATE(as<std::string>(), "", "mil", "ml", "army.mil", "www.army.mil", "a.bcdef.army.mil",
               "bamako.ml", "haaretz.co.il", "amry.org", "army.sample.com", "armymil.sample.org",
               "us.armymil", "aarmmyy.mil", "1a2army.mil", "army12.org", "gmail.-com", "xn--a.mil",
               "navy.org", "com", "sample.com", "co.uk", "amry.mil.navy.com");
  CAPTURE(typed);
  for (const std::string meant : {"army.mil", "us.army.mil", "gmail.com", "example.co.uk"})
    CHECK(explained(typed, meant).empty());
}

TEST_CASE("reference: a floor is compared with what is meant", "[reference]") {
  const auto [typed, meant, technique, size] =
      GENERATE(table<std::string, std::string, Technique, int>({
          {"amy.mil", "army.mil", Technique::omission, 4},
          {"armmy.mil", "army.mil", Technique::repetition, 4},
          {"us.amy.mil", "us.army.mil", Technique::omission, 4},
          {"munchen.de", "xn--mnchen-3ya.de", Technique::idn_homoglyph, 7},
          {"longest.army.ml", "longest.army.mil", Technique::tld_slip, 4},
          {"longest.army.couk", "longest.army.co.uk", Technique::missing_dot, 4},
          {"lngest.army.ml", "longest.army.mil", Technique::two_place, 7},
          {"longest.arm.ymil", "longest.army.mil", Technique::transposition, 4},
          {"usarmy.mil", "us.army.mil", Technique::missing_dot, 6},
          {"us-army.mil", "us.army.mil", Technique::hyphenation, 6},
          {"wwwarmy.mil", "army.mil", Technique::missing_dot, 4},
          {"usarmymil.com", "us.army.mil", Technique::missing_dot, 6},
          {"us-army-mil", "us.army.mil", Technique::hyphenation, 6},
          {"us.ar.my.mil", "us.army.mil", Technique::subdomain, 4},
          {"a.us.army.mil", "a.us-army.mil", Technique::hyphenation, 7},
          {"longest.army.org", "longest.army.mil", Technique::tld_swap, 7},
          {"example.org.uk", "example.co.uk", Technique::wrong_sld, 7},
          {"us.army.mil.br", "us.army.mil", Technique::added_tld, 4},
          {"army-login.org", "army.mil", Technique::combosquat, 4},
          {"army123.mil", "army.mil", Technique::junk_affix, 4},
      }));
  CAPTURE(typed, meant, to_string(technique));
  const auto at = static_cast<std::size_t>(technique);
  ReferenceGroup group = slippery();
  group.min_label[at] = static_cast<std::uint8_t>(size);
  CHECK_THAT(explained(typed, meant, group), Catch::Contains(std::string(to_string(technique))));
  ++group.min_label[at];
  CHECK_THAT(explained(typed, meant, group), !Catch::Contains(std::string(to_string(technique))));
}

TEST_CASE("reference: without unreal slips the listed ones hold", "[reference]") {
  ReferenceGroup group = slippery();
  group.unreal_slips = false;
  CHECK(explained("gmail.con", "gmail.com", group).empty());
  CHECK(explained("gmail.comque", "gmail.com", group).empty());
  CHECK(explained("gmailc.om", "gmail.com", group).empty());
  CHECK(explained("gmai.lcom", "gmail.com", group) == "2 transposition");
  CHECK(explained("gmail.cmo", "gmail.com", group) == "2 tld-slip");
  group.slips = {{{"com"}, {"com"}}, {{"arm", "ymil"}, {"army", "mil"}}};
  CHECK(explained("gmial.com", "gmail.com", group) == "2 transposition");
  CHECK(explained("us.arm.ymil", "us.army.mil", group) == "3 tld-slip");
}

TEST_CASE("reference: groups and options are told apart", "[reference]") {
  IndexOptions options{.techniques = {}, .slips = {{plain_name("org"), plain_name("net")}}};
  options.techniques[static_cast<std::size_t>(Technique::tld_slip)] = {Level::observe, 4};
  const std::vector<ReferenceGroup> groups = {slippery(), ReferenceGroup(options)};
  const std::vector<ReferenceEntry> entries = {
      {plain_name("army.net"), 0}, {plain_name("army.net"), 1}, {plain_name("usa.net"), 1}};
  const auto found =
      reference_matches(plain_name("army.org"), entries, groups, is_fake_public_suffix);
  REQUIRE(found.size() == 2);
  CHECK(to_string(found[0]) == "0/2 tld-slip tld-swap");
  CHECK(to_string(found[1]) == "1/2 tld-slip");
  CHECK(reference_matches(plain_name("usa.org"), entries, groups, is_fake_public_suffix).empty());
}

TEST_CASE("reference: labels hold any octet", "[reference]") {
  CHECK(matches(name_of({"ar.my", "mil"}), {name_of({"army", "mil"})}).size() == 1);
  CHECK(matches(name_of({"us.army", "mil"}), {name_of({"us", "army", "mil"})}).empty());
  CHECK(matches(name_of({"army.mil"}), {name_of({"army", "mil"})}).empty());
  CHECK(matches(name_of({"army", "co.uk"}), {name_of({"army", "mil"})}).empty());
  CHECK(matches(name_of({std::string("ar\0y", 4), "mil"}), {name_of({"army", "mil"})}).size() == 1);
}

TEST_CASE("reference: what is one fewer this way is one more the other way", "[reference]") {
  for (const Name &meant : short_names("ab-", 4, "com"))
    for (const Name &typed : short_names("ab-", 4, "com")) {
      const std::string a(meant.label(0));
      const std::string b(typed.label(0));
      const bool more = holds(b, a, Technique::repetition) || holds(b, a, Technique::addition) ||
                        holds(b, a, Technique::insertion);
      if (more != holds(a, b, Technique::omission)) {
        CAPTURE(a, b);
        CHECK(more == holds(a, b, Technique::omission));
      }
    }
}

TEST_CASE("reference: a technique that is off takes nothing else away", "[reference]") {
  const auto meant = random_names(1, 40);
  const auto typed = mistyped_names(2, meant, 400);
  const Reference all = reference(meant);
  const Technique off = GENERATE(from_range(all_techniques()));
  ReferenceGroup group = slippery();
  group.on[static_cast<std::size_t>(off)] = false;
  const Reference others = reference(meant, group);
  std::size_t wrong = 0;
  for (const Name &query : typed) {
    std::vector<ReferenceMatch> expected;
    for (const ReferenceMatch &match : all.matches(query)) {
      Techniques rest = {};
      match.techniques.for_each([&](Technique technique) {
        if (technique != off)
          rest.add(technique);
      });
      if (!rest.empty())
        expected.push_back({match.entry, rest, match.apex_labels});
    }
    wrong += expected == others.matches(query) ? 0U : 1U;
  }
  CHECK(wrong == 0);
}

TEST_CASE("difference: mistyped names show every technique, and the same by the same seed",
          "[reference]") {
  const auto meant = random_names(3, 100);
  CHECK(meant == random_names(3, 100));
  CHECK(meant != random_names(4, 100));
  const auto typed = mistyped_names(5, meant, 5000);
  CHECK(typed == mistyped_names(5, meant, 5000));
  const Reference all = reference(meant);
  std::array<std::size_t, kTechniques> found{};
  std::size_t explained_names = 0;
  for (const Name &query : typed) {
    const auto matches = all.matches(query);
    explained_names += matches.empty() ? 0U : 1U;
    for (const ReferenceMatch &match : matches)
      match.techniques.for_each(
          [&](Technique technique) { ++found[static_cast<std::size_t>(technique)]; });
  }
  for (const Technique technique : all_techniques()) {
    CAPTURE(to_string(technique));
    const std::size_t times = found[static_cast<std::size_t>(technique)];
    CHECK((technique >= Technique::mirror ? times == 0 : times >= 10));
  }
  CHECK(explained_names > typed.size() / 2);
}

TEST_CASE("difference: hostile names reach the limits", "[reference]") {
  const auto meant = hostile_protected_names();
  for (const Name &name : meant)
    CHECK((name.labels() >= 2 && name.labels() <= 16));
  const auto typed = hostile_names(6, meant, 2000);
  CHECK(typed == hostile_names(6, meant, 2000));
  const auto any = [&](auto &&test) { return std::any_of(typed.begin(), typed.end(), test); };
  CHECK(any([](const Name &name) { return name.labels() == 127; }));
  CHECK(any([](const Name &name) { return name.labels() == 0; }));
  CHECK(any([](const Name &name) { return name.wire().size() == 255 && name.labels() < 10; }));
  CHECK(any([](const Name &name) { return name.labels() > 0 && name.label(0).size() == 63; }));
  const Reference all = reference(meant);
  std::size_t found = 0;
  for (const Name &query : typed)
    found += all.matches(query).empty() ? 0U : 1U;
  CHECK(found > typed.size() / 4);
}

TEST_CASE("difference: short names are all there are", "[reference]") {
  CHECK(short_names("ab-", 5, "com").size() == 3 + 9 + 27 + 81 + 243);
  CHECK(short_names("ab", 1, "co.uk") ==
        std::vector<Name>{plain_name("a.co.uk"), plain_name("b.co.uk")});
}

TEST_CASE("difference: A-labels are those of RFC 3492", "[reference]") {
  CHECK(a_label(U"m\u00fcnchen") == "xn--mnchen-3ya");
  CHECK(a_label(U"gma\u0131l") == "xn--gmal-nza");
  CHECK(a_label(U"\u0430\u0440\u0440\u04cf\u0435") == "xn--80ak6aa92e");
}
