#include "core/name.h"

#include <algorithm>

namespace mxw {

namespace {

/// Copies `octets` with A-Z turned to a-z and every other octet as it is (RFC 4343 §3), eight at a
/// time: an octet's top bit says whether it is a capital once the right number was added.
void fold_ascii(std::span<const std::uint8_t> octets, std::uint8_t *out) noexcept {
  constexpr std::uint64_t kEach = 0x0101010101010101U;
  for (std::size_t at = 0; at < octets.size(); at += sizeof(std::uint64_t)) {
    const std::size_t n = std::min(octets.size() - at, sizeof(std::uint64_t));
    std::uint64_t word = 0;
    std::memcpy(&word, octets.data() + at, n);
    const std::uint64_t low = word & (0x7f * kEach);
    const std::uint64_t from_a = low + (0x80 - 'A') * kEach;
    const std::uint64_t past_z = low + (0x7f - 'Z') * kEach;
    word |= (((from_a ^ past_z) & ~word) & (0x80 * kEach)) >> 2U;
    std::memcpy(out + at, &word, n);
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
