// Postfix's policy delegation: what a mail server asks before it takes a recipient, and what it is
// answered by the rules. Text in, text out; no file, socket or clock.
// Source: Postfix's SMTPD_POLICY_README.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "loader/loader.h"
#include "runtime/event_json.h"

namespace mxw {

/// What of a request an answer depends on.
struct PolicyRequest {
  std::string sender;
  std::string recipient;
  std::string client_address;
  /// Something of these was said twice, or in a line that is too long: then they are not believed.
  bool is_odd = false;
};

/// Takes requests out of a stream of octets. Bounded: keeps one line at most, and what an answer
/// depends on. Unknown attributes, and lines that are none, are passed over.
class PolicyParser {
public:
  static constexpr std::size_t kMaxLine = 8192;

  /// Takes `octets`, wherever they begin and end; calls `answer(request)` for each request that
  /// ends in them.
  template <class Answer> void take(std::string_view octets, Answer &&answer) {
    for (const char octet : octets)
      if (const auto request = take_octet(octet))
        answer(*request);
  }

private:
  std::optional<PolicyRequest> take_octet(char octet);
  void take_line();

  std::string line_;
  bool is_too_long_ = false; // so far
  PolicyRequest request_;
  std::uint8_t seen_ = 0; // which attributes were there, a bit each
};

/// Where the mail server stands that asks.
enum class PolicyRole : std::uint8_t {
  warning_mx, ///< it takes no mail: every recipient is refused, in words where the rules have some
  submission, ///< mail is on its way out: look-alikes are refused, everything else is not our
              ///< affair
};

struct PolicyOptions {
  PolicyRole role = PolicyRole::warning_mx;
  std::optional<ClientAddress> client; ///< by which the server's resolver knows it; none: any
  std::string language;                ///< for senders that [languages] does not name
  bool local_parts = false;            ///< tells who wrote to whom
};

struct PolicyAnswer {
  std::string action;             ///< as access(5) has it: "550 5.7.1 …", or "DUNNO"
  std::optional<Warning> warning; ///< what is to be told of it; its time is not set
};

/// Returns the answer to `request` by the rules at `now_s` (seconds since 1970). Where there are no
/// rules (`rules.policy` is null) a warning MX refuses all the same. The action is one line without
/// its end, in ASCII, or in UTF-8 where one of the addresses is (RFC 6531 §3.7.4.2). With
/// what Postfix puts before it the reply has at most 512 octets (RFC 5321 §4.5.3.1.5), unless the
/// address alone takes more.
PolicyAnswer answer_to(const PolicyRequest &request, const Loaded &rules,
                       const PolicyOptions &options, std::int64_t now_s);

/// Returns `local_part`, with quotes or without, as it stands in an address (RFC 5321 §4.1.2, RFC
/// 6531 §3.3), or nothing where it can stand in none.
std::string quoted_local_part(std::string_view local_part);

} // namespace mxw
