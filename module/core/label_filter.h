// A first look at a label: can it be one edit from a stored one at all?
//
// One edit touches two neighbouring octets at most, so of two labels one edit apart one of three
// parts is the same: the beginning, the end, or a bit of both (the pigeonhole principle). These
// are kept as bits of their hashes (Bloom 1970; two bits in one word, so that each costs one memory
// access), and a label with none of them is no near-miss: three words send away nearly all that a
// resolver is asked, whose forms would otherwise all be looked up.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/hash.h"
#include "core/large_pages.h"
#include "core/name.h"

namespace mxw {

/// Filled by one thread, then read by any number.
class LabelFilter {
public:
  /// For `labels` labels. Throws std::bad_alloc only.
  explicit LabelFilter(std::size_t labels = 0)
      : words_(std::bit_ceil(std::max(2 * labels, std::size_t{2}))),
        shift_(static_cast<unsigned>(std::countl_zero(words_.size() - 1))) {}

  /// Stores `label`. Labels are told apart by `around` as well: a hash of what they stand in.
  void add(std::string_view label, std::uint64_t around) noexcept {
    for (const std::size_t typed_bytes : {label.size() - 1, label.size(), label.size() + 1})
      for (const std::uint64_t hash : parts(label, typed_bytes, around).hashes)
        words_[hash >> shift_] |= bits(hash);
  }

  /// Returns false if `typed` is more than one edit (optimal string alignment) from every stored
  /// label in `around`; true tells nothing. Thread-safe, does not allocate.
  [[nodiscard]] bool may_match(std::string_view typed, std::uint64_t around) const noexcept {
    const Parts of = parts(typed, typed.size(), around);
    return (test(of.hashes[0]) | test(of.hashes[1]) | test(of.hashes[2])) != 0;
  }

  /// Bytes on the heap.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return words_.capacity() * sizeof(std::uint64_t);
  }

private:
  static constexpr std::size_t kMaxPartBytes = 8;

  struct Parts {
    std::uint64_t hashes[3];
  };

  static std::uint64_t octet(char c) noexcept { return static_cast<std::uint8_t>(c); }
  /// Eight octets as a number, the first being the lowest: one load on most machines.
  static std::uint64_t eight_octets(const char *at) noexcept {
    return octet(at[0]) | octet(at[1]) << 8U | octet(at[2]) << 16U | octet(at[3]) << 24U |
           octet(at[4]) << 32U | octet(at[5]) << 40U | octet(at[6]) << 48U | octet(at[7]) << 56U;
  }
  /// The first eight octets, or all with zeros behind them.
  static std::uint64_t begin_of(std::string_view label) noexcept {
    if (label.size() >= kMaxPartBytes)
      return eight_octets(label.data());
    std::uint64_t word = 0;
    for (std::size_t i = label.size(); i-- > 0;)
      word = word << 8U | octet(label[i]);
    return word;
  }
  /// The last eight octets, or all with zeros before them.
  static std::uint64_t end_of(std::string_view label) noexcept {
    if (label.size() >= kMaxPartBytes)
      return eight_octets(label.data() + label.size() - kMaxPartBytes);
    std::uint64_t word = 0;
    for (const char c : label)
      word = word >> 8U | octet(c) << 56U;
    return word;
  }
  /// Which octets of a label's first eight and last eight are parts.
  struct Masks {
    std::uint64_t begin;       ///< of the long part at the beginning
    std::uint64_t end;         ///< of the long part at the end
    std::uint64_t short_begin; ///< of the part at both ends, in the lower half
    std::uint64_t short_end;   ///< in the upper half
  };
  /// What any label one edit from one of [typed_bytes] octets has in common with it, one part at
  /// least. Let p octets be common at the beginning and s at the end: p + s is T - 2 where two of T
  /// are swapped, and otherwise more. Were p less than `most` and s too, and one of them less than
  /// `few`, the sum would be less than most - 1 + few = T - 2. A part may be shorter than it could
  /// be.
  static constexpr std::array<Masks, Name::kMaxLabelBytes + 2> kMasks = [] {
    constexpr auto first = [](std::size_t bytes) {
      return bytes >= kMaxPartBytes ? ~std::uint64_t{0} : (std::uint64_t{1} << 8U * bytes) - 1;
    };
    std::array<Masks, Name::kMaxLabelBytes + 2> masks = {};
    for (std::size_t typed_bytes = 1; typed_bytes < masks.size(); ++typed_bytes) {
      const std::size_t rest = typed_bytes - 1;
      const std::size_t most = (2 * rest + 1) / 3;
      const std::size_t few = std::min(rest - most, kMaxPartBytes / 2);
      const std::size_t others = kMaxPartBytes - std::min(most, kMaxPartBytes);
      masks[typed_bytes] = {first(most), ~first(others), first(few), ~first(kMaxPartBytes - few)};
    }
    return masks;
  }();

  static Parts parts(std::string_view label, std::size_t typed_bytes,
                     std::uint64_t around) noexcept {
    const Masks &masks = kMasks[typed_bytes];
    const std::uint64_t begin = begin_of(label);
    const std::uint64_t end = end_of(label);
    const auto hash = [&](std::uint64_t part, std::uint64_t which) {
      const std::uint64_t mixed = (part * kGolden ^ around) + (typed_bytes << 2U | which);
      return mixed * kSecond;
    };
    return {{hash(begin & masks.begin, 0), hash(end & masks.end, 1),
             hash((begin & masks.short_begin) | (end & masks.short_end), 2)}};
  }
  /// Two bits of a word.
  static std::uint64_t bits(std::uint64_t hash) noexcept {
    return std::uint64_t{1} << (hash >> 26U & 63U) | std::uint64_t{1} << (hash >> 20U & 63U);
  }
  /// 1 if it is there, else 0: without a branch, so that none waits for the memory of another.
  [[nodiscard]] unsigned test(std::uint64_t hash) const noexcept {
    return (~words_[hash >> shift_] & bits(hash)) == 0 ? 1U : 0U;
  }

  LargeVector<std::uint64_t> words_; // a power of two
  unsigned shift_;
};

} // namespace mxw
