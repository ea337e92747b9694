// A table from 64-bit hashes to small numbers: built once, then only read.
//
// Slots stand in groups of eight. Each slot has a tag, one octet of the hash, and the tags of a
// group are one word: comparing it with the tag that is wanted sends away nearly all of what is not
// there at the price of one memory access, and the values are not touched (the idea is that of
// Abseil's flat tables). A value keeps in its free bits more of its hash. Several values may stand
// under one hash, and a value may be found under a hash that is not its own, so whoever looks up
// verifies.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace mxw {

class KeyTable {
public:
  /// For `keys` keys at most, all of whose values are less than `values`. Throws std::bad_alloc
  /// only.
  explicit KeyTable(std::size_t keys = 0, std::size_t values = 1)
      : groups_((keys < kFew ? 2 * keys : keys * 4 / 3) / kGroup + 1), tags_(groups_, 0),
        values_(groups_ * kGroup), value_bits_(static_cast<unsigned>(std::bit_width(values - 1))) {}

  /// Fetches what add() and find() will touch for `hash`.
  void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&tags_[group_of(hash)]); }

  /// Stores `value` under `hash`. Not more often than the constructor was told.
  void add(std::uint64_t hash, std::uint32_t value) noexcept {
    std::size_t group = group_of(hash);
    while (zeros(tags_[group]) == 0)
      group = next(group);
    const auto slot = static_cast<unsigned>(std::countr_zero(zeros(tags_[group]))) / 8;
    tags_[group] |= tag_of(hash) << 8 * slot;
    values_[group * kGroup + slot] =
        static_cast<std::uint32_t>(rest_of(hash) << value_bits_ | value);
  }

  /// Calls `visit(value)` for every value that may stand under `hash`. Does not allocate.
  template <class Visit> void find(std::uint64_t hash, Visit &&visit) const noexcept {
    const std::uint64_t wanted = tag_of(hash) * kEach;
    for (std::size_t group = group_of(hash);; group = next(group)) {
      const std::uint64_t tags = tags_[group];
      if (has_zero(tags ^ wanted))
        for (std::uint64_t hits = zeros(tags ^ wanted); hits != 0; hits &= hits - 1) {
          const std::uint32_t value =
              values_[group * kGroup + static_cast<unsigned>(std::countr_zero(hits)) / 8];
          if (std::uint64_t{value} >> value_bits_ == rest_of(hash))
            visit(static_cast<std::uint32_t>(value & ((std::uint64_t{1} << value_bits_) - 1)));
        }
      if (has_zero(tags))
        return;
    }
  }

  /// Bytes on the heap.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return tags_.capacity() * sizeof(tags_[0]) + values_.capacity() * sizeof(values_[0]);
  }

private:
  static constexpr std::size_t kGroup = 8;
  /// So many leave half of the slots free, so that hardly a group is full; more leave a quarter.
  static constexpr std::size_t kFew = std::size_t{1} << 16U;
  static constexpr std::uint64_t kEach = 0x0101010101010101U;

  static bool has_zero(std::uint64_t word) noexcept {
    return ((word - kEach) & ~word & 0x80 * kEach) != 0;
  }
  /// The top bit of each octet of `word` that is zero, and no other.
  static std::uint64_t zeros(std::uint64_t word) noexcept {
    constexpr std::uint64_t kLow = 0x7f * kEach;
    return ~(((word & kLow) + kLow) | word | kLow);
  }
  [[nodiscard]] std::size_t group_of(std::uint64_t hash) const noexcept {
    return (hash >> 32U) * groups_ >> 32U; // the high bits, scaled (Lemire 2019)
  }
  [[nodiscard]] std::size_t next(std::size_t group) const noexcept {
    return group + 1 == groups_ ? 0 : group + 1;
  }
  static std::uint64_t tag_of(std::uint64_t hash) noexcept {
    return (hash & 0xffU) | 1U; // 0 is a free slot
  }
  [[nodiscard]] std::uint64_t rest_of(std::uint64_t hash) const noexcept {
    return (hash >> 8U & 0xffffffU) & ((std::uint64_t{1} << (32 - value_bits_)) - 1);
  }

  std::size_t groups_; // one slot is free at least
  std::vector<std::uint64_t> tags_;
  std::vector<std::uint32_t> values_;
  unsigned value_bits_;
};

} // namespace mxw
