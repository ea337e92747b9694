// DNS data as people write it: names and types through ldns, addresses through libc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "core/client.h"
#include "core/name.h"

namespace mxw {

/// A name, or why the text is none: a clause that begins in lower case. Static storage.
using NameOrWhy = tl::expected<Name, std::string_view>;

/// Returns the name that `text` is in presentation form (escapes as in RFC 1035 §5.1, the last dot
/// may be left out), or why it is none, in lower case. Any octet may stand in a label. Allocates,
/// does not throw anything of its own. Thread-safe.
NameOrWhy parse_name(std::string_view text);

/// The same for names that somebody asks about, in U-labels too: a mail address, a URL, a port or a
/// blank is refused unless it is escaped, since whoever writes it means the name in it.
NameOrWhy parse_asked_name(std::string_view text);

/// The same for names in rule files: letters, digits, hyphens and underscores only, as every mail
/// domain has them, or U-labels. Says what to write for what people try: wildcards, addresses,
/// URLs.
NameOrWhy parse_rule_name(std::string_view text);

/// Returns `name` in presentation form without the last dot.
std::string to_string(const Name &name);

/// Returns the address that `text` is (RFC 4291 §2.2 or dotted decimal), or nullopt.
std::optional<ClientAddress> parse_address(const std::string &text);
/// True if mail could be sent to `address`: it is not unspecified, multicast, reserved (RFC 1112
/// §4) or link-local in IPv6 (which would need a zone).
bool is_host_address(const ClientAddress &address) noexcept;
/// Returns the subnet that `text` is ("192.0.2.0/24", or an address alone), or nullopt.
std::optional<ClientSet::Subnet> parse_subnet(const std::string &text);
/// Returns the number of an RR type ("MX", "TYPE65280"; RFC 3597 §5), or nullopt.
std::optional<std::uint16_t> parse_qtype(const std::string &text);

/// Returns the address in its usual form (RFC 5952), IPv4 in dotted decimal.
std::string to_string(const ClientAddress &address);
/// Returns the mnemonic of an RR type, or TYPE65280 (RFC 3597 §5).
std::string qtype_name(std::uint16_t type);

} // namespace mxw
