// Whatever is asked, deciding does not allocate. In a program of its own, which stands in for the C
// library's malloc; sanitizers do the same, so that it is not built with them.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "core/policy.h"
#include "loader/public_suffix.h"
#include "names.h"

namespace {

std::size_t allocations = 0; // by this program and all of its libraries

} // namespace

// As glibc names its own. operator new comes to malloc and aligned_alloc.
extern "C" {
void *__libc_malloc(std::size_t bytes) noexcept;
void *__libc_calloc(std::size_t count, std::size_t bytes) noexcept;
void *__libc_realloc(void *old, std::size_t bytes) noexcept;
void *__libc_memalign(std::size_t alignment, std::size_t bytes) noexcept;

[[gnu::visibility("default")]] void *malloc(std::size_t bytes) noexcept {
  ++allocations;
  return __libc_malloc(bytes);
}
[[gnu::visibility("default")]] void *calloc(std::size_t count, std::size_t bytes) noexcept {
  ++allocations;
  return __libc_calloc(count, bytes);
}
[[gnu::visibility("default")]] void *realloc(void *old, std::size_t bytes) noexcept {
  ++allocations;
  return __libc_realloc(old, bytes);
}
[[gnu::visibility("default")]] void *aligned_alloc(std::size_t alignment,
                                                   std::size_t bytes) noexcept {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
[[gnu::visibility("default")]] int posix_memalign(void **memory, std::size_t alignment,
                                                  std::size_t bytes) noexcept {
  ++allocations;
  *memory = __libc_memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
}

namespace mxw::test {
namespace {

template <class Run> std::size_t allocations_of(Run &&run) {
  const std::size_t before = allocations;
  run();
  return allocations - before;
}

IndexOptions everything() {
  IndexOptions options;
  options.techniques.fill({Level::block, 1});
  for (const auto &[typed, intended] :
       {std::pair("ml", "mil"), {"co", "com"}, {"uk", "co.uk"}, {"couk", "co.uk"}})
    options.slips.push_back({name(typed), name(intended)});
  return options;
}

ClientAddress client() { return ClientAddress(std::array<std::uint8_t, 4>{192, 0, 2, 1}); }

/// Everything that a rule can say, and all techniques.
const Policy &policy() {
  static const Policy made = [] {
    is_public_suffix("mil"); // reads the list
    Rule all;
    all.id = "all";
    for (const char *text :
         {"army.mil", "us.army.mil", "gmail.com", "google.com", "hotmail.com",
          "lockheed-martin.com", "example.co.uk", "boxes.com", "xn--mnchen-3ya.de", "aaaa.com",
          "xn--80a1acny.com", R"(\000\255\000\255.com)"})
      all.domains.push_back(name(text));
    all.matching = everything();
    all.look_alikes = {{name("army-mail.example"), name("army.mil")}};
    Rule mirror;
    mirror.id = "mirror";
    mirror.action = Action::redirect;
    mirror.suffix = name("gov");
    mirror.mirror = {name("gv")};
    mirror.matching = everything();
    mirror.clients = {0};
    PolicySpec spec;
    spec.rules = {std::move(all), std::move(mirror)};
    spec.allows = {{{name("arny.mil")}, "", "", 1, {}, {}},
                   {{name("arnny.mil")}, "", "", std::nullopt, {}, {0}}};
    spec.exempt = {name("gmaill.com")};
    spec.clients = {ClientSet(std::array{ClientSet::Subnet{client(), 120}})};
    spec.warning_hosts = {{name("warn.army.mil"), {client()}}};
    spec.is_public_suffix = is_public_suffix;
    return Policy(std::move(spec), 4711);
  }();
  return made;
}

/// What happens to a question in the host: it is read, decided, and what it is an alias of is too.
Verdict ask(std::span<const std::uint8_t> wire, std::uint16_t type, const Name &target) {
  Query query;
  query.type = type;
  query.client = client();
  if (!query.name.assign(wire))
    return {};
  const Verdict verdict = policy().decide(query);
  Verdict end = policy().follow_alias(query, verdict, target);
  // The other way round: the name is what another is an alias of.
  const Query other = {target, type, std::nullopt, 0};
  end.contested = policy().follow_alias(other, policy().decide(other), query.name).contested ||
                  policy().concerns(type, wire) || end.contested;
  if (verdict.reason == Reason::look_alike) {
    const auto meant = Policy::counterpart(query.name, verdict);
    end.contested =
        end.contested || (meant && policy().holds_for(policy().rules()[verdict.rule], query));
  }
  return verdict;
}

/// Checks that nothing is allocated for the name, as MX and as A, below other labels and above.
Verdict check(const Name &typed) {
  const Name target = name("target.example");
  std::array<Verdict, 2> verdicts;
  policy(); // made before
  CHECK(allocations_of([&] {
          verdicts[0] = ask(typed.wire(), qtype::kMx, target);
          verdicts[1] = ask(typed.wire(), qtype::kA, typed);
        }) == 0);
  return verdicts[0];
}

} // namespace

TEST_CASE("allocation: what is allocated is counted", "[allocation]") {
  static void *volatile kept = nullptr; // or the compiler leaves both out
  const auto [what, allocate] = GENERATE(table<std::string, std::function<void()>>({
      {"malloc", [] { kept = std::malloc(1); }},
      {"calloc", [] { kept = std::calloc(1, 1); }},
      {"realloc", [] { kept = std::realloc(nullptr, 1); }},
      {"aligned_alloc", [] { kept = std::aligned_alloc(64, 64); }},
      {"new", [] { kept = ::operator new(1); }},
      {"new of what is aligned", [] { kept = ::operator new(64, std::align_val_t(64)); }},
      {"a function of the C library", [] { kept = strdup("army"); }},
  }));
  CAPTURE(what);
  CHECK(allocations_of(allocate) == 1);
  std::free(kept);
}

TEST_CASE("allocation: asking the public suffix list allocates the first time only",
          "[allocation]") {
  is_public_suffix("mil");
  for (const char *suffix : {"mil", "co.uk", "k12.ca.us", "no-such-suffix", "a.b.c.d.e", "ck",
                             "www.ck", "xn--p1ai", R"(\000\255)", ""}) {
    CAPTURE(suffix);
    CHECK(allocations_of([&] { is_public_suffix(suffix); }) == 0);
  }
}

TEST_CASE("allocation: no look-alike costs any, by whatever technique", "[allocation]") {
  const auto [typed, technique] = GENERATE(table<std::string, Technique>({
      {"gmal.com", Technique::omission},
      {"gmmail.com", Technique::repetition},
      {"gmailx.com", Technique::addition},
      {"gmxail.com", Technique::insertion},
      {"gmial.com", Technique::transposition},
      {"gmai.lcom", Technique::transposition},
      {"gmaik.com", Technique::replacement},
      {"gmoil.com", Technique::vowel_swap},
      {"gmaml.com", Technique::bitsquatting},
      {"gma1l.com", Technique::homoglyph},
      {"grnail.com", Technique::homoglyph},
      {"g-mail.com", Technique::hyphenation},
      {"us-army.mil", Technique::hyphenation},
      {"lockheed.martin.com", Technique::hyphenation},
      {"army-mil.com", Technique::hyphenation},
      {"gmails.com", Technique::plural},
      {"boxeses.com", Technique::plural},
      {"giigle.com", Technique::double_replacement},
      {"xn--gmal-nza.com", Technique::idn_homoglyph},
      {"munchen.de", Technique::idn_homoglyph},
      {"xn--mnchen-bmb.de", Technique::idn_homoglyph},
      {"htomali.com", Technique::two_edits},
      {"army.ml", Technique::tld_slip},
      {"gmail.con", Technique::tld_slip},
      {"gmail.comque", Technique::tld_slip},
      {"gmial.con", Technique::two_place},
      {"usarmy.mil", Technique::missing_dot},
      {"wwwarmy.mil", Technique::missing_dot},
      {"armymil.com", Technique::missing_dot},
      {"armymil", Technique::missing_dot},
      {"example.couk", Technique::missing_dot},
      {"ar.my.mil", Technique::subdomain},
      {"army.org", Technique::tld_swap},
      {"gmail.com.br", Technique::added_tld},
      {"gmail.co.jp", Technique::tld_swap},
      {"example.org.uk", Technique::wrong_sld},
      {"gmail-login.org", Technique::combosquat},
      {"gmail-log-in.co.uk", Technique::combosquat},
      {"123gmail.com", Technique::junk_affix},
      {"gmail2024.com", Technique::junk_affix},
      {"example.gv", Technique::mirror},
      {"army-mail.example", Technique::listed},
      {R"(\000\255\000.com)", Technique::omission},
  }));
  CAPTURE(typed);
  const Verdict verdict = check(name(typed));
  CHECK(verdict.reason == Reason::look_alike);
  CHECK(verdict.techniques.has(technique));
  check(name("mail.under." + typed));
}

TEST_CASE("allocation: nothing else that is asked costs any", "[allocation]") {
  const auto [typed, reason] = GENERATE(table<std::string, Reason>({
      {"sample.org", Reason::no_match},
      {".", Reason::no_match},
      {"mil", Reason::no_match},
      {"a.very-long-name.with-hyphens.in-it.sample.org", Reason::no_match},
      {"xn--bcher-kva.example", Reason::no_match},
      {"xn--99999999999.com", Reason::no_match},
      {"xn--.com", Reason::no_match},
      {R"(\000.\255.\000\255)", Reason::no_match},
      {"army.mil", Reason::is_protected},
      {"mail.us.army.mil", Reason::is_protected},
      {"xn--mnchen-3ya.de", Reason::is_protected},
      {"example.gov", Reason::is_protected},
      {"arny.mil", Reason::allowed},
      {"gmaill.com", Reason::exempt},
      {"warn.army.mil", Reason::warning_mx},
      {"_25._tcp.warn.army.mil", Reason::warning_mx},
  }));
  CAPTURE(typed);
  CHECK(check(name(typed)).reason == reason);
}

TEST_CASE("allocation: the longest and the oddest names cost none either", "[allocation]") {
  const std::string ends =
      GENERATE(as<std::string>(), "", "army.mil", "amry.mil", "gmial.con", "army.ml",
               "example.org.uk", "xn--mnchen-bmb.de", "gmail-login.org");
  CAPTURE(ends);
  const Name end = name(ends.empty() ? "." : ends);
  const auto [what, label] = GENERATE(table<std::string, std::string>({
      {"127 labels", "a"},
      {"NUL octets", std::string(1, '\0')},
      {"high octets", std::string(63, '\xff')},
      {"labels of 63 octets", std::string(63, 'a')},
      {"A-labels", "xn--" + std::string(59, 'a')},
      {"A-labels of nothing", "xn--" + std::string(59, '\xff')},
      {"hyphens", std::string(63, '-')},
      {"digits", std::string(63, '1')},
      {"what is read otherwise", "rnvvcl01rnvvcl01rnvvcl01rnvvcl01"},
      {"plurals", "eseseseseseseseseseses"},
      {"www", "wwwarmy"},
  }));
  CAPTURE(what);
  std::string wire(end.tail(end.labels()));
  while (wire.size() + 2 <= Name::kMaxWireBytes) {
    const std::string part = label.substr(0, Name::kMaxWireBytes - wire.size() - 1);
    wire = static_cast<char>(part.size()) + part + wire;
    const auto longer = Name::from_wire(
        {static_cast<const std::uint8_t *>(static_cast<const void *>(wire.data())), wire.size()});
    REQUIRE(longer);
    check(*longer);
  }
  CHECK(wire.size() >= Name::kMaxWireBytes - 1); // an octet alone is no label
}

TEST_CASE("allocation: what is no name costs none", "[allocation]") {
  for (const std::string &wire : {std::string(),
                                  std::string("\x04"
                                              "army"),
                                  std::string(300, 'a'), std::string(256, '\0'),
                                  std::string("\xc0\x0c", 2), std::string(1, '\xff')}) {
    CHECK(allocations_of([&] {
            Name typed;
            typed.assign({static_cast<const std::uint8_t *>(static_cast<const void *>(wire.data())),
                          wire.size()});
          }) == 0);
  }
}

} // namespace mxw::test
