#include "core/fold.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "fold_table.h" // written by make_fold_table.cpp

namespace mxw {

namespace {

constexpr std::string_view kAcePrefix = "xn--"; // RFC 5890 §2.3.2.1

// What is read otherwise, a bit each. It is there where the bit is both in kFirst of one octet and
// in kSecond of the next; a digit may have any octet, or the end, behind it.
constexpr std::uint8_t kRn = 1;
constexpr std::uint8_t kVv = 2;
constexpr std::uint8_t kCl = 4;
constexpr std::uint8_t kZero = 8;
constexpr std::uint8_t kOne = 16;

using Octets = std::array<std::uint8_t, 256>;

constexpr Octets kFirst = [] {
  Octets bits = {};
  bits['r'] = kRn;
  bits['v'] = kVv;
  bits['c'] = kCl;
  bits['0'] = kZero;
  bits['1'] = kOne;
  return bits;
}();

constexpr Octets kSecond = [] {
  Octets bits = {};
  bits.fill(kZero | kOne);
  bits['n'] |= kRn;
  bits['v'] |= kVv;
  bits['l'] |= kCl;
  return bits;
}();

/// The bit of what is read otherwise at `at`, 0 if there is nothing.
constexpr unsigned fold_at(std::string_view label, std::size_t at) noexcept {
  const char next = at + 1 < label.size() ? label[at + 1] : '\0';
  return unsigned{kFirst[static_cast<unsigned char>(label[at])]} &
         kSecond[static_cast<unsigned char>(next)];
}

/// Where the first octet is that is read otherwise; the label's size if there is none.
constexpr std::size_t first_fold(std::string_view label) noexcept {
  std::size_t at = 0;
  while (at < label.size() && fold_at(label, at) == 0)
    ++at;
  return at;
}

constexpr std::uint32_t kBase = 36; // of Punycode

/// The value of a digit, or kBase for what is none. Source: RFC 3492 §5.
constexpr std::uint32_t digit_of(char c) noexcept {
  if (c >= 'a' && c <= 'z')
    return static_cast<std::uint32_t>(c - 'a');
  if (c >= '0' && c <= '9')
    return static_cast<std::uint32_t>(c - '0') + 26;
  return kBase;
}

/// Source: RFC 3492 §6.1, with the parameters of §5.
constexpr std::uint32_t adapt(std::uint32_t delta, std::uint32_t points, bool first) noexcept {
  constexpr std::uint32_t t_min = 1;
  constexpr std::uint32_t t_max = 26;
  constexpr std::uint32_t skew = 38;
  constexpr std::uint32_t damp = 700;
  delta /= first ? damp : 2;
  delta += delta / points;
  std::uint32_t k = 0;
  for (; delta > (kBase - t_min) * t_max / 2; k += kBase)
    delta /= kBase - t_min;
  return k + (kBase - t_min + 1) * delta / (delta + skew);
}

/// The same as a value of the table.
const fold_table::Look &entry_of(char32_t c) noexcept {
  const std::size_t page = c / fold_table::kPageSize;
  if (page >= fold_table::kPages.size())
    return fold_table::kLooks[0];
  const std::size_t at =
      std::size_t{fold_table::kPages[page]} * fold_table::kPageSize + c % fold_table::kPageSize;
  return fold_table::kLooks[fold_table::kCells[at]];
}

static_assert(fold_table::kLooks[0].size == 1 && fold_table::kLooks[0].text[0] == kNoLook);

} // namespace

std::string_view look_of(char32_t c) noexcept {
  if (c < 0x80)
    return {};
  const fold_table::Look &look = entry_of(c);
  return {look.text.data(), look.size};
}

bool has_ascii_folds(std::string_view label) noexcept { return first_fold(label) < label.size(); }

std::size_t fold_ascii(std::string_view label, LabelSpan out) noexcept {
  label = label.substr(0, out.size());
  std::size_t at = first_fold(label);
  std::memcpy(out.data(), label.data(), at);
  std::size_t size = at;
  while (at < label.size()) {
    char letter = label[at];
    switch (fold_at(label, at)) {
    case kRn:
      letter = 'm';
      ++at;
      break;
    case kVv:
      letter = 'w';
      ++at;
      break;
    case kCl:
      letter = 'd';
      ++at;
      break;
    case kZero:
      letter = 'o';
      break;
    case kOne:
      letter = 'l';
      break;
    }
    out[size++] = letter;
    ++at;
  }
  return size;
}

// Not ICU's: its decoder takes heap memory for labels longer than its own buffer, and refuses what
// IDNA forbids, while a look-alike may be just that.
std::optional<std::size_t> decode_punycode(std::string_view punycode,
                                           std::span<char32_t, Name::kMaxLabelBytes> out) noexcept {
  constexpr char32_t last_code_point = 0x10ffff;
  if (punycode.size() > out.size())
    return std::nullopt;
  // A hyphen with nothing before it delimits nothing; it then fails as a digit.
  std::size_t size = punycode.rfind('-');
  if (size == std::string_view::npos)
    size = 0;
  for (std::size_t k = 0; k < size; ++k) {
    const auto octet = static_cast<unsigned char>(punycode[k]);
    if (octet >= 0x80)
      return std::nullopt;
    out[k] = octet;
  }

  std::uint32_t code_point = 0x80;
  std::uint32_t bias = 72;
  std::uint32_t place = 0;
  bool first = true;
  for (std::size_t at = size == 0 ? 0 : size + 1; at < punycode.size();) {
    const auto points = static_cast<std::uint32_t>(size + 1);
    // More than this leads beyond the last code point. 64 bits hold whatever comes before the test:
    // a digit that does not end the number is at least 1, so the weight stays below 36 times this.
    const std::uint64_t limit = std::uint64_t{last_code_point + 1 - code_point} * points;
    std::uint64_t number = place;
    std::uint64_t weight = 1;
    for (std::uint32_t k = kBase;; k += kBase) {
      if (at == punycode.size())
        return std::nullopt; // cut off
      const std::uint32_t digit = digit_of(punycode[at++]);
      if (digit == kBase)
        return std::nullopt;
      number += digit * weight;
      if (number >= limit)
        return std::nullopt;
      const std::uint32_t threshold = k <= bias ? 1 : std::min(k - bias, std::uint32_t{26});
      if (digit < threshold)
        break;
      weight *= kBase - threshold;
    }
    const auto end = static_cast<std::uint32_t>(number);
    bias = adapt(end - place, points, first);
    first = false;
    code_point += end / points;
    place = end % points;
    if (code_point >= 0xd800 && code_point <= 0xdfff)
      return std::nullopt;
    std::memmove(&out[place] + 1, &out[place], (size - place) * sizeof(char32_t));
    out[place++] = code_point;
    ++size; // each takes an octet of `punycode` at least, so there is room
  }
  return size;
}

std::optional<std::size_t> fold_idn(std::string_view label, LabelSpan out) noexcept {
  if (label.size() > out.size() || !label.starts_with(kAcePrefix))
    return std::nullopt;
  std::array<char32_t, Name::kMaxLabelBytes> points; // NOLINT(*-member-init): filled up to decoded
  const auto decoded = decode_punycode(label.substr(kAcePrefix.size()), points);
  if (!decoded)
    return std::nullopt;
  std::size_t size = 0;
  for (const char32_t c : std::span(points).first(*decoded)) {
    if (c < 0x80) {
      if (size == out.size())
        return std::nullopt;
      out[size++] = static_cast<char>(c);
      continue;
    }
    const fold_table::Look &look = entry_of(c);
    if (look.size > out.size() - size)
      return std::nullopt;
    std::memcpy(out.data() + size, look.text.data(), look.size);
    size += look.size;
  }
  if (size == 0)
    return std::nullopt;
  return size;
}

} // namespace mxw
