#include "cli/policy_protocol.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/ascii.h"
#include "core/diagnostic.h"
#include "loader/dns_text.h"
#include "loader/message.h"

namespace mxw {
namespace {

constexpr std::string_view kRefusal = "550 5.7.1 ";
constexpr std::string_view kNotOurs = "DUNNO";
/// RFC 5321 §4.5.3.1.5, without the end of the line.
constexpr std::size_t kMaxReply = 510;
/// What Postfix puts around the address, before the words.
constexpr std::string_view kAroundAddress = "<>: Recipient address rejected: ";
/// What is said even where an address leaves no room for it.
constexpr std::size_t kMinWords = 40;

/// atext, or what RFC 6531 takes for it.
bool is_atext(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c & '\x80') != 0 ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_dot_string(std::string_view text) noexcept {
  return !text.empty() && text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || is_atext(c); });
}

/// True of a string in quotes in which nothing is left open.
bool is_quoted(std::string_view text) noexcept {
  if (text.size() < 2 || text.front() != '"')
    return false;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"')
      return at == text.size() - 1;
    at += text[at] == '\\' ? 1 : 0;
  }
  return false;
}

/// The two sides of the last '@'; without one all is local.
struct Address {
  std::string_view local_part;
  std::string_view domain;
};
Address parts_of(std::string_view address) noexcept {
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos)
    return {address, {}};
  return {address.substr(0, at), address.substr(at + 1)};
}

/// The domain of an address as a name, or nothing for a literal and what is none.
std::optional<Name> name_of(std::string_view domain) {
  const bool is_plain = std::none_of(domain.begin(), domain.end(),
                                     [](char c) { return is_control(c) || c == '\\' || c == '['; });
  const auto name = is_plain ? parse_asked_name(domain) : NameOrWhy(Name());
  return name && name->labels() > 0 ? std::optional(*name) : std::nullopt;
}

/// How many octets of words have room in a reply beside the address; Postfix may quote what we do
/// not.
std::size_t room_beside(const Address &to, std::string_view quoted) noexcept {
  const std::size_t taken = kRefusal.size() + kAroundAddress.size() +
                            std::max(quoted.size(), to.local_part.size()) + 1 + to.domain.size();
  return taken + kMinWords > kMaxReply ? kMinWords : kMaxReply - taken;
}

/// At most `room` octets of `text`, cut at a blank where that is not far.
std::string cut(std::string text, std::size_t room) {
  constexpr std::string_view kMore = "...";
  constexpr std::size_t kFar = 40;
  if (text.size() <= room)
    return text;
  std::size_t end = room - kMore.size();
  while (end > 0 && (text[end] & '\xc0') == '\x80') // not within a letter
    --end;
  if (const std::size_t blank = text.rfind(' ', end);
      blank != std::string::npos && end - blank < kFar)
    end = blank;
  return text.substr(0, end) + std::string(kMore);
}

/// `text` as a reply may have it.
std::string reply_text(const std::string &text, bool takes_utf8) {
  std::string safe = printable(text);
  std::string out;
  for (std::size_t at = 0; at < safe.size(); ++at) {
    if (takes_utf8 || (safe[at] & '\x80') == 0)
      out += safe[at] == '\t' ? ' ' : safe[at];
    else if ((safe[at] & '\xc0') != '\x80') // one for a letter
      out += '?';
  }
  return out;
}

} // namespace

std::optional<PolicyRequest> PolicyParser::take_octet(char octet) {
  if (octet != '\n') {
    if (line_.size() < kMaxLine)
      line_ += octet;
    else
      is_too_long_ = true;
    return std::nullopt;
  }
  if (!line_.empty() && line_.back() == '\r')
    line_.pop_back();
  if (!line_.empty()) {
    take_line();
    line_.clear();
    is_too_long_ = false;
    return std::nullopt;
  }
  seen_ = 0;
  return std::exchange(request_, PolicyRequest());
}

void PolicyParser::take_line() {
  const std::string_view line = line_;
  const std::size_t equals = line.find('=');
  const std::array<std::pair<std::string_view, std::string *>, 3> known = {
      {{"sender", &request_.sender},
       {"recipient", &request_.recipient},
       {"client_address", &request_.client_address}}};
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (equals == std::string_view::npos || line.substr(0, equals) != known.at(i).first)
      continue;
    const auto bit = static_cast<std::uint8_t>(1U << i);
    request_.is_odd = request_.is_odd || is_too_long_ || (seen_ & bit) != 0;
    seen_ = static_cast<std::uint8_t>(seen_ | bit);
    *known.at(i).second = line.substr(equals + 1);
  }
}

std::string quoted_local_part(std::string_view local_part) {
  if (local_part.empty() || std::any_of(local_part.begin(), local_part.end(), is_control) ||
      printable(local_part) != local_part)
    return {};
  if (is_dot_string(local_part) || is_quoted(local_part))
    return std::string(local_part);
  std::string quoted = "\"";
  for (const char c : local_part)
    quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  return quoted + '"';
}

PolicyAnswer answer_to(const PolicyRequest &request, const Loaded &rules,
                       const PolicyOptions &options, std::int64_t now_s) {
  const bool is_warning_mx = options.role == PolicyRole::warning_mx;
  const Address to = parts_of(request.recipient);
  const auto domain = request.is_odd ? std::nullopt : name_of(to.domain);
  const Policy *policy = rules.policy.get();
  const Verdict verdict = policy != nullptr && domain
                              ? policy->decide({*domain, qtype::kMx, options.client, now_s})
                              : Verdict();
  const bool is_look_alike = verdict.reason == Reason::look_alike;
  PolicyAnswer answer = {std::string(kNotOurs), std::nullopt};
  if (!is_look_alike && !is_warning_mx)
    return answer; // so it is with most of what people send

  const auto sender_domain =
      request.is_odd ? std::nullopt : name_of(parts_of(request.sender).domain);
  Warning &warning = answer.warning.emplace();
  if (is_warning_mx)
    warning.client = parse_address(request.client_address);
  if (sender_domain)
    warning.sender_domain = to_string(*sender_domain);
  if (domain)
    warning.recipient_domain = to_string(*domain);
  if (options.local_parts) {
    warning.sender = request.sender;
    warning.recipient = request.recipient;
  }

  const std::string local_part = quoted_local_part(to.local_part);
  const std::size_t room = room_beside(to, local_part);
  const bool takes_utf8 = !is_ascii(request.sender) || !is_ascii(request.recipient);
  const auto refuse = [&](const std::string &words) {
    answer.action = std::string(kRefusal) + cut(reply_text(words, takes_utf8), room);
  };
  if (!is_look_alike) {
    refuse("nothing was sent: mail for " +
           (domain ? warning.recipient_domain : std::string("this address")) +
           " was led to a server that takes none. Try again later, or ask your postmaster.");
    return answer;
  }

  const Rule &rule = policy->rules()[verdict.rule];
  warning.rule = rule.id;
  warning.protected_name = to_string(verdict.protected_name);
  warning.suggestion = suggestion_of(*domain, verdict);
  warning.technique = verdict.technique;
  warning.confidence = verdict.confidence;
  // What a rule wants to be verified only the resolver can find out.
  warning.is_refused = is_warning_mx || (verdict.mode == Mode::enforce &&
                                         verdict.decision != Action::pass && !rule.verify);
  if (!warning.is_refused)
    return answer;
  const std::string_view known = sender_domain ? rules.language_for(*sender_domain) : "";
  const Reader reader = {known.empty() ? options.language : known, local_part};
  std::string words = message_of(*policy, *domain, verdict, reader);
  if (words.size() > room)
    words = message_of(*policy, *domain, verdict, {reader.language, {}});
  refuse(words);
  return answer;
}

} // namespace mxw
