#include "core/name.h"

#include <algorithm>

namespace mxw {

namespace {

constexpr std::uint8_t fold(std::uint8_t octet) noexcept {
  return octet >= 'A' && octet <= 'Z' ? octet + ('a' - 'A') : octet;
}

/// Eight octets at `from` with A-Z turned to a-z and every other octet as it is (RFC 4343 §3): an
/// octet's top bit says whether it is a capital once the right number was added.
std::uint64_t folded_word(const std::uint8_t *from) noexcept {
  constexpr std::uint64_t kEach = 0x0101010101010101U;
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  const std::uint64_t low = word & (0x7f * kEach);
  const std::uint64_t from_a = low + (0x80 - 'A') * kEach;
  const std::uint64_t past_z = low + (0x7f - 'Z') * kEach;
  return word | (((from_a ^ past_z) & ~word) & (0x80 * kEach)) >> 2U;
}

/// Copies `octets` folded, a word at a time; the last word begins early rather than end late.
void fold_ascii(std::span<const std::uint8_t> octets, std::uint8_t *out) noexcept {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  if (octets.size() < kWord) {
    std::transform(octets.begin(), octets.end(), out, fold);
    return;
  }
  const std::size_t last = octets.size() - kWord;
  for (std::size_t at = 0;; at = std::min(at + kWord, last)) {
    const std::uint64_t word = folded_word(octets.data() + at);
    std::memcpy(out + at, &word, kWord);
    if (at == last)
      return;
  }
}

} // namespace

std::optional<Name> Name::from_wire(std::span<const std::uint8_t> wire) noexcept {
  std::optional<Name> name(std::in_place);
  if (!name->assign(wire))
    name.reset();
  return name;
}

bool Name::assign(std::span<const std::uint8_t> wire) noexcept {
  size_ = 1;
  labels_ = 0;
  bytes_[0] = 0;
  if (wire.empty() || wire.size() > kMaxWireBytes)
    return false;
  std::size_t labels = 0;
  std::size_t at = 0;
  while (wire[at] != 0) {
    const std::size_t label_bytes = wire[at];
    // The root's octet has to follow, so the label must end before the last octet.
    if (label_bytes > kMaxLabelBytes || at + label_bytes + 1 >= wire.size())
      return false;
    starts_[labels++] = static_cast<std::uint8_t>(at);
    at += label_bytes + 1;
  }
  if (at + 1 != wire.size())
    return false;
  // The octets that count a label's length are less than any letter, so that all can be folded.
  fold_ascii(wire, bytes_.data());
  size_ = static_cast<std::uint8_t>(wire.size());
  labels_ = static_cast<std::uint8_t>(labels);
  return true;
}

bool Name::is(std::span<const std::uint8_t> wire) const noexcept {
  return std::equal(wire.begin(), wire.end(), bytes_.begin(), bytes_.begin() + size_,
                    [](std::uint8_t octet, std::uint8_t own) { return fold(octet) == own; });
}

Name Name::ancestor(std::size_t n) const noexcept {
  if (n >= labels_)
    return *this;
  const std::string_view rest = tail(n);
  Name name;
  std::memcpy(name.bytes_.data(), rest.data(), rest.size());
  name.size_ = static_cast<std::uint8_t>(rest.size());
  name.labels_ = static_cast<std::uint8_t>(n);
  const std::size_t skipped = size_ - rest.size();
  for (std::size_t i = 0; i < n; ++i)
    name.starts_[i] = static_cast<std::uint8_t>(starts_[labels_ - n + i] - skipped);
  return name;
}

std::string_view Name::to_text(std::span<char> out) const noexcept {
  std::size_t used = 0;
  const auto put = [&](char c) {
    if (used < out.size())
      out[used++] = c;
  };
  if (labels_ == 0)
    put('.');
  for (std::size_t i = 0; i < labels_; ++i) {
    if (i != 0)
      put('.');
    for (const char c : label(i)) {
      const auto octet = static_cast<std::uint8_t>(c);
      if (octet <= 0x20 || octet >= 0x7f) {
        put('\\');
        put(static_cast<char>('0' + octet / 100));
        put(static_cast<char>('0' + octet / 10 % 10));
        put(static_cast<char>('0' + octet % 10));
        continue;
      }
      // Besides the dot, what a master file gives a meaning to (RFC 1035 §5.1).
      if (std::string_view(".\\\"();@$").find(c) != std::string_view::npos)
        put('\\');
      put(c);
    }
  }
  return {out.data(), used};
}

std::optional<Name> join(std::string_view head, const Name &suffix) noexcept {
  const std::span<const std::uint8_t> rest = suffix.wire();
  if (head.size() + rest.size() > Name::kMaxWireBytes)
    return std::nullopt;
  std::array<std::uint8_t, Name::kMaxWireBytes> wire; // NOLINT(*-member-init): filled below
  std::memcpy(wire.data(), head.data(), head.size());
  std::memcpy(wire.data() + head.size(), rest.data(), rest.size());
  return Name::from_wire({wire.data(), head.size() + rest.size()});
}

} // namespace mxw
