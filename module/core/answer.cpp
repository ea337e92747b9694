#include "core/answer.h"

namespace mxw {
namespace {

AnswerPlan negative(std::uint8_t rcode, const Verdict &verdict, std::uint16_t ede_code) noexcept {
  return {AnswerPlan::Kind::records, rcode, nullptr, verdict.apex_labels, ede_code};
}

} // namespace

AnswerPlan plan(const Policy &policy, const Verdict &verdict, std::uint16_t type) noexcept {
  using Kind = AnswerPlan::Kind;
  if (!verdict.enforced())
    return {};
  switch (verdict.decision) {
  case Action::pass:
    return {};
  case Action::redirect:
    return {Kind::records, rcode::kNoError, &policy.redirect_mx(), 0, ede::kForgedAnswer};
  case Action::null_mx:
    return {Kind::records, rcode::kNoError, &policy.null_mx(), 0, ede::kForgedAnswer};
  case Action::nxdomain:
    return negative(rcode::kNxDomain, verdict, ede::kBlocked);
  case Action::nodata:
    return negative(rcode::kNoError, verdict, ede::kBlocked);
  case Action::refused:
    return {Kind::error, rcode::kRefused, nullptr, 0, ede::kBlocked};
  case Action::servfail:
    return {Kind::error, rcode::kServFail, nullptr, 0, ede::kBlocked};
  case Action::drop:
    return {Kind::drop, rcode::kNoError, nullptr, 0, 0};
  case Action::local_data: {
    if (verdict.host != Verdict::kNone) {
      const RrSet &records = policy.records(verdict.host, type);
      if (!records.rdatas.empty())
        return {Kind::records, rcode::kNoError, &records, 0, 0};
    }
    return negative(rcode::kNoError, verdict, 0);
  }
  }
  return {};
}

std::string_view soa_rdata() noexcept {
  // localhost. nobody.invalid. 1 3600 1200 604800 60: what resolvers give for their own zones
  // (RFC 6303 §3), with the negative TTL of the other answers.
  static constexpr std::string_view kRdata{"\x09localhost\x00"
                                           "\x06nobody\x07invalid\x00"
                                           "\x00\x00\x00\x01"
                                           "\x00\x00\x0e\x10"
                                           "\x00\x00\x04\xb0"
                                           "\x00\x09\x3a\x80"
                                           "\x00\x00\x00\x3c",
                                           11 + 16 + 20};
  static_assert(AnswerPlan::kTtlS == 0x3c);
  return kRdata;
}

std::string_view ede_text(const Policy &policy, const Verdict &verdict, const Name &alias_of,
                          std::span<char, kMaxEdeBytes> out) noexcept {
  std::size_t used = 0;
  const auto put = [&](std::string_view text) {
    used += text.copy(out.data() + used, out.size() - used);
  };
  put("near-miss of ");
  used += verdict.protected_name.to_text(out.subspan(used)).size();
  put(" (");
  put(to_string(verdict.technique));
  put("), rule ");
  put(policy.rules()[verdict.rule].id);
  if (verdict.alias) {
    put(", as an alias of ");
    used += alias_of.to_text(out.subspan(used)).size();
  }
  return {out.data(), used};
}

} // namespace mxw
