// What to send for a verdict: records as values, a response code, an extended error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/name.h"
#include "core/policy.h"
#include "core/verdict.h"

namespace mxw {

/// Response codes. Source: RFC 1035 §4.1.1.
namespace rcode {
constexpr std::uint8_t kNoError = 0;
constexpr std::uint8_t kServFail = 2;
constexpr std::uint8_t kNxDomain = 3;
constexpr std::uint8_t kRefused = 5;
} // namespace rcode

/// Extended DNS error codes. Source: RFC 8914 §4.
namespace ede {
constexpr std::uint16_t kForgedAnswer = 4;
constexpr std::uint16_t kBlocked = 15;
} // namespace ede

struct AnswerPlan {
  enum class Kind : std::uint8_t {
    pass,   ///< leave the query to the resolver
    drop,   ///< send nothing
    error,  ///< a response code alone
    records ///< a whole answer: `answer`, or a SOA where that is null
  };
  /// How long a policy answer may be kept: short, so that a repaired rule is felt within a minute.
  static constexpr std::uint32_t kTtlS = 60;

  Kind kind = Kind::pass;
  std::uint8_t rcode = rcode::kNoError;
  const RrSet *answer = nullptr; ///< owned by the policy, or static; at the query's name
  std::uint8_t soa_labels = 0;   ///< the SOA's owner: so many of the query's last labels
  std::uint16_t ede_code = 0;    ///< 0 for none
};

/// Returns the answer that `verdict` asks for to a question of `type`. It points into `policy`.
/// Thread-safe, never throws, does not allocate.
AnswerPlan plan(const Policy &policy, const Verdict &verdict, std::uint16_t type) noexcept;

/// The SOA that goes with a negative answer: wire rdata. Source: RFC 2308 §2, §5.
std::string_view soa_rdata() noexcept;

/// The longest text that ede_text() writes.
constexpr std::size_t kMaxEdeBytes = Name::kMaxTextBytes + 128;
/// Writes "near-miss of army.mil (tld-slip), rule dod" and returns it; where the verdict is on an
/// alias ", as an alias of army.ml" too, as far as there is room. Never throws.
std::string_view ede_text(const Policy &policy, const Verdict &verdict, const Name &alias_of,
                          std::span<char, kMaxEdeBytes> out) noexcept;

} // namespace mxw
