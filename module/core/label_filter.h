// A first look at a label: can it be one edit from a stored one at all?
//
// One edit touches two neighbouring octets at most, so of two labels one edit apart the beginnings
// or the ends are the same (the pigeonhole principle). The beginnings and ends of stored labels are
// kept as bits of their hashes (Bloom 1970), and a label with neither is no near-miss: two bits
// send away most of what a resolver is asked, whose forms would otherwise all be looked up.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/hash.h"

namespace mxw {

/// Filled by one thread, then read by any number.
class LabelFilter {
public:
  /// For `labels` labels. Of so many that it would let most through it lets all. Throws
  /// std::bad_alloc only.
  explicit LabelFilter(std::size_t labels = 0)
      : words_(labels > kMaxLabels
                   ? 1
                   : std::bit_ceil(std::clamp(kBitsALabel * labels, kWordBits, kMaxBits)) /
                         kWordBits,
               labels > kMaxLabels ? ~std::uint64_t{0} : 0),
        shift_(static_cast<unsigned>(std::countl_zero(words_.size() * kWordBits - 1))) {}

  /// Stores `label`. Labels are told apart by `around` as well: a hash of what they stand in.
  void add(std::string_view label, std::uint64_t around) noexcept {
    for (const std::size_t typed_bytes : {label.size() - 1, label.size(), label.size() + 1}) {
      set(hash(label, false, typed_bytes, around));
      set(hash(label, true, typed_bytes, around));
    }
  }

  /// Returns false if `typed` is more than one edit (optimal string alignment) from every stored
  /// label in `around`; true tells nothing. Thread-safe, does not allocate.
  [[nodiscard]] bool may_match(std::string_view typed, std::uint64_t around) const noexcept {
    return test(hash(typed, false, typed.size(), around)) ||
           test(hash(typed, true, typed.size(), around));
  }

  /// Bytes on the heap.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return words_.capacity() * sizeof(std::uint64_t);
  }

private:
  static constexpr std::size_t kWordBits = 64;
  static constexpr std::size_t kBitsALabel = 128;                // of which six are set
  static constexpr std::size_t kMaxBits = std::size_t{8} << 20U; // what a core keeps near
  static constexpr std::size_t kMaxLabels = kMaxBits / 24;
  static constexpr std::size_t kMaxPartBytes = 4;

  /// How many octets at one end are those of any label one edit away. Let p octets be common at the
  /// beginning and s at the end: where two of L octets are swapped p + s is L - 2, and otherwise it
  /// is more. Were both less than (L - 1) / 2, their sum would be less than L - 2.
  static constexpr std::size_t part_bytes(std::size_t typed_bytes) noexcept {
    return typed_bytes == 0 ? 0 : std::min((typed_bytes - 1) / 2, kMaxPartBytes);
  }
  static std::uint64_t octet(char c) noexcept { return static_cast<std::uint8_t>(c); }
  /// Four octets as a number, the first being the lowest: one load on most machines.
  static std::uint64_t four_octets(const char *at) noexcept {
    return octet(at[0]) | octet(at[1]) << 8U | octet(at[2]) << 16U | octet(at[3]) << 24U;
  }
  /// A hash of what stands at one end of `label`, whose high bits say which bit is meant.
  static std::uint64_t hash(std::string_view label, bool at_end, std::size_t typed_bytes,
                            std::uint64_t around) noexcept {
    const std::size_t bytes = part_bytes(typed_bytes);
    std::uint64_t part = 0;
    if (label.size() >= kMaxPartBytes) {
      const char *from = at_end ? label.data() + label.size() - kMaxPartBytes : label.data();
      const std::uint64_t word = four_octets(from);
      part =
          at_end ? word >> 8 * (kMaxPartBytes - bytes) : word & ~(~std::uint64_t{0} << 8 * bytes);
    } else if (bytes != 0) { // one then
      part = octet(at_end ? label.back() : label.front());
    }
    const std::uint64_t where = typed_bytes << 1U | (at_end ? 1U : 0U);
    return ((part << 8U | where) * kGolden ^ around) * kSecond;
  }
  void set(std::uint64_t hash) noexcept {
    const std::uint64_t bit = hash >> shift_;
    words_[bit / kWordBits] |= std::uint64_t{1} << bit % kWordBits;
  }
  [[nodiscard]] bool test(std::uint64_t hash) const noexcept {
    const std::uint64_t bit = hash >> shift_;
    return (words_[bit / kWordBits] >> bit % kWordBits & 1U) != 0;
  }

  std::vector<std::uint64_t> words_; // a power of two of bits
  unsigned shift_;
};

} // namespace mxw
