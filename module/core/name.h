// A domain name as the core sees it: wire form, lower case, inline, no allocation.
//
// First stage of the flow: every other part of the core works on a Name. Text (master file form) to
// Name is the loader's business, this file never includes a parser of text.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace mxw {

/// An absolute domain name. A value: cheap to copy, nothing to free, safe to share between threads.
class Name {
public:
  static constexpr std::size_t kMaxWireBytes = 255; ///< RFC 1035 §2.3.4, with the root's octet.
  static constexpr std::size_t kMaxLabelBytes = 63; ///< RFC 1035 §2.3.4.
  static constexpr std::size_t kMaxLabels = 127; ///< What fits into 255 octets, without the root.
  /// Every octet as `\DDD`, a dot a label: the longest that `to_text` writes.
  static constexpr std::size_t kMaxTextBytes = 4 * kMaxWireBytes;

  /// The root.
  Name() noexcept { bytes_[0] = 0; } // NOLINT(*-member-init): the unused octets are left alone

  /// Returns the name that `wire` holds, in lower case, or nullopt unless `wire` is exactly one
  /// uncompressed name: labels of 1 to 63 octets, at most 255 octets, the root last, nothing after.
  /// Octets are not restricted otherwise (RFC 2181 §11). Source: RFC 1035 §3.1.
  static std::optional<Name> from_wire(std::span<const std::uint8_t> wire) noexcept;

  /// Makes this the name that `wire` holds and returns true; where from_wire() would return
  /// nullopt, returns false and leaves the root. Saves the copy of a large value on the query path.
  bool assign(std::span<const std::uint8_t> wire) noexcept;
  /// The same for octets that are kept as text.
  bool assign(std::string_view wire) noexcept {
    const void *octets = wire.data();
    return assign({static_cast<const std::uint8_t *>(octets), wire.size()});
  }

  /// The wire form with the root's zero octet. Valid as long as this object.
  [[nodiscard]] std::span<const std::uint8_t> wire() const noexcept {
    return {bytes_.data(), size_};
  }
  /// How many labels, the root not counted: 2 for army.mil.
  [[nodiscard]] std::size_t labels() const noexcept { return labels_; }

  /// The octets of label `i`, 0 being the leftmost. `i` must be less than labels().
  [[nodiscard]] std::string_view label(std::size_t i) const noexcept {
    const std::size_t at = starts_[i];
    return {text(at) + 1, bytes_[at]};
  }
  /// The wire form of the last `n` labels with the root, as text for hashing and comparing.
  /// `n` must be at most labels().
  [[nodiscard]] std::string_view tail(std::size_t n) const noexcept {
    const std::size_t at = n == 0 ? size_ - std::size_t{1} : starts_[labels_ - n];
    return {text(at), size_ - at};
  }
  /// The labels before the last `n`, in wire form and without a root.
  [[nodiscard]] std::string_view head(std::size_t n) const noexcept {
    return {text(0), size_ - tail(n).size()};
  }
  /// The name made of the last `n` labels; all of them where there are fewer.
  [[nodiscard]] Name ancestor(std::size_t n) const noexcept;

  /// True if `wire` is this name, in whatever case. Source: RFC 4343 §3.
  [[nodiscard]] bool is(std::span<const std::uint8_t> wire) const noexcept;

  /// True if this name is `apex` or below it. Source: RFC 8499 §7, "subdomain".
  [[nodiscard]] bool is_at_or_below(const Name &apex) const noexcept {
    return labels_ >= apex.labels_ && tail(apex.labels_) == apex.tail(apex.labels_);
  }

  /// Writes the presentation form without the last dot ("." for the root) and returns it.
  /// Dots and backslashes inside labels are escaped by a backslash, octets outside of printable
  /// ASCII as \DDD. `out` is filled at most; it never needs more than kMaxTextBytes.
  /// Source: RFC 1035 §5.1.
  std::string_view to_text(std::span<char> out) const noexcept;

  friend bool operator==(const Name &a, const Name &b) noexcept {
    return a.size_ == b.size_ && std::memcmp(a.bytes_.data(), b.bytes_.data(), a.size_) == 0;
  }

private:
  [[nodiscard]] const char *text(std::size_t at) const noexcept {
    // char may alias anything; the one place where octets become a string_view, as they are one
    // again in assign().
    return static_cast<const char *>(static_cast<const void *>(bytes_.data() + at));
  }

  std::uint8_t size_ = 1;
  std::uint8_t labels_ = 0;
  std::array<std::uint8_t, kMaxLabels> starts_;   // set up to labels_
  std::array<std::uint8_t, kMaxWireBytes> bytes_; // set up to size_
};

/// Returns `head` (labels in wire form, no root) followed by the labels of `suffix`, or nullopt if
/// that is longer than a name can be.
std::optional<Name> join(std::string_view head, const Name &suffix) noexcept;

} // namespace mxw
