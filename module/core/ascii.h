// What octets are, where texts of several origins are looked at.
#pragma once

#include <algorithm>
#include <string_view>

namespace mxw {

constexpr bool is_ascii(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c & '\x80') != 0; });
}

/// True of the control characters of ASCII. Source: RFC 20 §4.1.
constexpr bool is_control(char c) noexcept {
  const auto octet = static_cast<unsigned char>(c);
  return octet < 0x20 || octet == 0x7f;
}

} // namespace mxw
