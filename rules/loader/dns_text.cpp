#include "loader/dns_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <string>

#include <arpa/inet.h>
#include <idn2.h>
#include <ldns/ldns.h>
#include <strings.h>

#include "core/ascii.h"

namespace mxw {
namespace {

struct RdfDeleter {
  void operator()(ldns_rdf *rdf) const noexcept { ldns_rdf_deep_free(rdf); }
};

tl::unexpected<std::string_view> why(std::string_view text) { return tl::unexpected(text); }

/// Why `text` is something that has a name in it rather than a name.
std::optional<std::string_view> why_not_a_name(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size(); ++at) {
    switch (text[at]) {
    case '\\': // escapes what follows
      ++at;
      break;
    case '@':
      return "it is a mail address; write what follows the '@'";
    case '/':
      return "it is a URL or a path; write the host's domain alone";
    case ':':
      return text.substr(at).starts_with("://")
                 ? "it is a URL or a path; write the host's domain alone"
                 : "it has a port or is an address; write the domain alone";
    case ' ':
    case '\t':
      return "it has a blank in it";
    default:
      break;
    }
  }
  return std::nullopt;
}

bool is_rule_octet(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

/// The name that `text` is in U-labels. Source: RFC 5891 §5, UTS #46 (non-transitional).
NameOrWhy parse_u_labels(std::string_view text) {
  const std::string terminated(text);
  char *raw = nullptr;
  const int status =
      idn2_to_ascii_8z(terminated.c_str(), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void *)> ascii(raw, idn2_free);
  if (status == IDN2_ENCODING_ERROR)
    return why("it is not UTF-8");
  if (status == IDN2_TOO_BIG_DOMAIN || status == IDN2_TOO_BIG_LABEL)
    return why("it is too long as A-labels");
  if (status != IDN2_OK || text.find('\0') != std::string_view::npos)
    return why("no internationalised name has such characters");
  return parse_name(ascii.get());
}

} // namespace

NameOrWhy parse_name(std::string_view text) {
  if (text.empty())
    return why("it is empty");
  if (text.find('\0') != std::string_view::npos)
    return why("it has a NUL octet");
  if (text.front() == '.' && text.size() > 1)
    return why("it begins with a dot");
  if (text.size() > Name::kMaxTextBytes)
    return why("it is longer than 255 octets");
  const std::string terminated(text);
  ldns_rdf *raw = nullptr;
  const ldns_status status = ldns_str2rdf_dname(&raw, terminated.c_str());
  const std::unique_ptr<ldns_rdf, RdfDeleter> rdf(raw);
  switch (status) {
  case LDNS_STATUS_OK:
    break;
  case LDNS_STATUS_EMPTY_LABEL:
    return why("it has two dots in a row");
  case LDNS_STATUS_LABEL_OVERFLOW:
    return why("it has a label of more than 63 octets");
  case LDNS_STATUS_DOMAINNAME_OVERFLOW:
    return why("it is longer than 255 octets");
  case LDNS_STATUS_SYNTAX_BAD_ESCAPE:
    return why("it has a backslash that escapes nothing");
  default:
    return why("it is no domain name");
  }
  const auto name = Name::from_wire({ldns_rdf_data(rdf.get()), ldns_rdf_size(rdf.get())});
  if (!name)
    return why("it is no domain name");
  return *name;
}

NameOrWhy parse_asked_name(std::string_view text) {
  if (const auto reason = why_not_a_name(text))
    return why(*reason);
  if (!is_ascii(text))
    return parse_u_labels(text);
  return parse_name(text);
}

NameOrWhy parse_rule_name(std::string_view text) {
  if (text.starts_with("*."))
    return why("wildcards are not needed: a name covers everything below it");
  if (const auto reason = why_not_a_name(text))
    return why(*reason);
  NameOrWhy name = Name();
  if (!is_ascii(text))
    name = parse_u_labels(text);
  else if (!std::all_of(text.begin(), text.end(), is_rule_octet))
    return why("a mail domain has letters, digits, hyphens, underscores and dots only");
  else
    name = parse_name(text);
  for (std::size_t i = 0; name && i < name->labels(); ++i)
    if (name->label(i).front() == '-' || name->label(i).back() == '-') // RFC 5321 §4.1.2
      return why("it has a label that begins or ends with a hyphen");
  if (name && name->labels() != 0 && // RFC 3696 §2
      name->label(name->labels() - 1).find_first_not_of("0123456789") == std::string_view::npos)
    return why("it is an address or a number; no top-level domain is one");
  return name;
}

std::string to_string(const Name &name) {
  std::array<char, Name::kMaxTextBytes> text; // NOLINT(*-member-init): filled below
  return std::string(name.to_text(text));
}

std::optional<ClientAddress> parse_address(const std::string &text) {
  if (text.find('\0') != std::string::npos) // inet_pton() would take what stands before it
    return std::nullopt;
  std::array<std::uint8_t, ClientAddress::kBytes> bytes = {};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1)
    return ClientAddress::from_bytes(std::span(bytes).first<4>());
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1)
    return ClientAddress::from_bytes(bytes);
  return std::nullopt;
}

bool is_host_address(const ClientAddress &address) noexcept {
  const auto &bytes = address.bytes();
  if (address.is_v4())
    return bytes[12] != 0 && bytes[12] < 224; // 0.0.0.0/8, 224.0.0.0/4 and 240.0.0.0/4
  const bool link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80;
  return address != ClientAddress() && bytes[0] != 0xff && !link_local;
}

std::optional<ClientSet::Subnet> parse_subnet(const std::string &text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address)
    return std::nullopt;
  const bool v4 = text.find(':') == std::string::npos;
  const unsigned most = v4 ? 32 : 128;
  unsigned bits = most;
  if (slash != std::string::npos) {
    const std::string digits = text.substr(slash + 1);
    if (digits.empty() || digits.size() > 3 ||
        !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return std::nullopt;
    bits = static_cast<unsigned>(std::stoul(digits));
    if (bits > most)
      return std::nullopt;
  }
  return ClientSet::Subnet{*address, v4 ? bits + 96 : bits};
}

std::optional<std::uint16_t> parse_qtype(const std::string &text) {
  constexpr std::string_view kNumbered = "TYPE";
  const std::string_view digits =
      std::string_view(text).substr(std::min(text.size(), kNumbered.size()));
  const bool numbered = strncasecmp(text.c_str(), kNumbered.data(), kNumbered.size()) == 0;
  if (numbered) { // ldns takes any number, and whatever stands behind it
    std::uint16_t type = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), type);
    if (error != std::errc() || end != digits.data() + digits.size() || type == 0)
      return std::nullopt;
    return type;
  }
  const ldns_rr_type type = ldns_get_rr_type_by_name(text.c_str());
  if (type == 0 || text.find('\0') != std::string::npos)
    return std::nullopt;
  return static_cast<std::uint16_t>(type);
}

std::string to_string(const ClientAddress &address) {
  std::array<char, INET6_ADDRSTRLEN> text = {};
  const auto &bytes = address.bytes();
  if (address.is_v4())
    inet_ntop(AF_INET, bytes.data() + 12, text.data(), text.size());
  else
    inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

std::string qtype_name(std::uint16_t type) {
  const std::unique_ptr<char, void (*)(void *)> text(
      ldns_rr_type2str(static_cast<ldns_rr_type>(type)), std::free);
  return text ? text.get() : "TYPE" + std::to_string(type);
}

} // namespace mxw
