#include "core/answer.h"

#include <array>
#include <string>

#include <catch2/catch.hpp>
#include <ldns/ldns.h>

#include "names.h"

using namespace mxw;
using test::name;
using Kind = AnswerPlan::Kind;

namespace {

Policy policy(Mode mode = Mode::enforce) {
  PolicySpec spec;
  Rule rule;
  rule.id = "dod";
  rule.mode = mode;
  rule.domains = {name("army.mil")};
  spec.rules = {rule};
  spec.warning_hosts = {{name("warn1.example"), {*parse_address("192.0.2.1")}},
                        {name("warn2.example"), {*parse_address("2001:db8::1")}}};
  return {std::move(spec), 1};
}

Verdict verdict(Action decision, Mode mode = Mode::enforce) {
  Verdict v;
  v.decision = decision;
  v.reason = Reason::look_alike;
  v.technique = Technique::tld_slip;
  v.mode = mode;
  v.apex_labels = 2;
  v.rule = 0;
  v.protected_name = name("army.mil");
  return v;
}

} // namespace

TEST_CASE("answer: each decision has its plan", "[answer]") {
  const Policy p = policy();
  const auto [decision, kind, rcode_wanted, ede_code] =
      GENERATE(table<Action, Kind, std::uint8_t, std::uint16_t>({
          {Action::pass, Kind::pass, rcode::kNoError, 0},
          {Action::redirect, Kind::records, rcode::kNoError, ede::kForgedAnswer},
          {Action::null_mx, Kind::records, rcode::kNoError, ede::kForgedAnswer},
          {Action::nxdomain, Kind::records, rcode::kNxDomain, ede::kBlocked},
          {Action::nodata, Kind::records, rcode::kNoError, ede::kBlocked},
          {Action::refused, Kind::error, rcode::kRefused, ede::kBlocked},
          {Action::servfail, Kind::error, rcode::kServFail, ede::kBlocked},
          {Action::drop, Kind::drop, rcode::kNoError, 0},
      }));
  CAPTURE(to_string(decision));
  const AnswerPlan todo = plan(p, verdict(decision), qtype::kMx);
  CHECK(todo.kind == kind);
  CHECK(todo.rcode == rcode_wanted);
  CHECK(todo.ede_code == ede_code);
  const bool positive = decision == Action::redirect || decision == Action::null_mx;
  CHECK((todo.answer != nullptr) == positive);
  CHECK(plan(p, verdict(decision, Mode::observe), qtype::kMx).kind == Kind::pass);
}

TEST_CASE("answer: a redirect names the warning hosts in their order", "[answer]") {
  const Policy p = policy();
  const AnswerPlan todo = plan(p, verdict(Action::redirect), qtype::kMx);
  REQUIRE(todo.answer->rdatas.size() == 2);
  CHECK(todo.answer->rdatas[0] == std::string("\0\x0a\x05warn1\x07"
                                              "example\0",
                                              17));
  CHECK(todo.answer->rdatas[1] == std::string("\0\x14\x05warn2\x07"
                                              "example\0",
                                              17));
}

TEST_CASE("answer: a null MX is preference 0 and the root", "[answer]") {
  const Policy p = policy();
  CHECK(plan(p, verdict(Action::null_mx), qtype::kMx).answer->rdatas[0] == std::string(3, '\0'));
}

TEST_CASE("answer: a warning host's missing family has no data", "[answer]") {
  const Policy p = policy();
  Verdict v;
  v.decision = Action::local_data;
  v.host = 0;
  v.apex_labels = 2;
  CHECK(plan(p, v, qtype::kA).answer->rdatas[0] == "\xc0" + std::string("\0\x02\x01", 3));
  const AnswerPlan none = plan(p, v, qtype::kAaaa);
  CHECK(none.kind == Kind::records);
  CHECK(none.answer == nullptr);
  CHECK(none.soa_labels == 2);
  CHECK(none.ede_code == 0);
  v.host = 1;
  CHECK(plan(p, v, qtype::kAaaa).answer->rdatas[0].size() == 16);
  v.host = Verdict::kNone; // the name of its TLSA
  CHECK(plan(p, v, qtype::kA).answer == nullptr);
}

TEST_CASE("answer: the SOA is one, for ldns too", "[answer]") {
  const std::string_view rdata = soa_rdata();
  std::string wire = std::string("\x04"
                                 "army\x02ml\0"
                                 "\0\x06\0\x01\0\0\0\x3c\0",
                                 18) +
                     static_cast<char>(rdata.size()) + std::string(rdata);
  ldns_rr *rr = nullptr;
  std::size_t used = 0;
  const auto status = ldns_wire2rr(&rr, reinterpret_cast<const std::uint8_t *>(wire.data()),
                                   wire.size(), &used, LDNS_SECTION_ANSWER);
  REQUIRE(status == LDNS_STATUS_OK);
  char *text = ldns_rr2str(rr);
  CHECK(std::string(text) ==
        "army.ml.\t60\tIN\tSOA\tlocalhost. nobody.invalid. 1 3600 1200 604800 60\n");
  free(text);
  ldns_rr_free(rr);
  CHECK(used == wire.size());
}

TEST_CASE("answer: the extended error says what and by which rule", "[answer]") {
  const Policy p = policy();
  std::array<char, kMaxEdeBytes> out = {};
  Verdict v = verdict(Action::redirect);
  CHECK(ede_text(p, v, Name(), out) == "near-miss of army.mil (tld-slip), rule dod");
  v.alias = true;
  CHECK(ede_text(p, v, test::name("army.ml"), out) ==
        "near-miss of army.mil (tld-slip), rule dod, as an alias of army.ml");
}

TEST_CASE("answer: the longest extended error fits", "[answer]") {
  PolicySpec spec;
  Rule rule;
  rule.id = std::string(63, 'r');
  spec.rules = {rule};
  const Policy p(std::move(spec), 1);
  std::string wire;
  for (const int octets : {63, 63, 63, 61})
    wire += static_cast<char>(octets) + std::string(static_cast<std::size_t>(octets), '\xff');
  wire += '\0';
  Verdict v = verdict(Action::redirect);
  v.technique = Technique::transposition;
  v.protected_name =
      Name::from_wire({reinterpret_cast<const std::uint8_t *>(wire.data()), wire.size()}).value();
  std::array<char, kMaxEdeBytes> out = {};
  const std::string end = "(transposition), rule " + std::string(63, 'r');
  CHECK(ede_text(p, v, Name(), out).ends_with(end));
  v.alias = true;
  const auto text = ede_text(p, v, v.protected_name, out); // cut off
  CHECK(text.size() <= kMaxEdeBytes);
  CHECK(text.find(end + ", as an alias of \\255") != std::string::npos);
}
