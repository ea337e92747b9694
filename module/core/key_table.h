// A table from 64-bit hashes to small numbers: built once, then only read.
//
// Slots stand in groups of sixteen, each group a cache line: what is to be known of a hash costs
// one access to memory. A slot has a value and, in its other bits, some of the hash: comparing all
// of a group at once sends away nearly all of what is not there. Several values may stand under one
// hash, and a value may be found under a hash that is not its own, so whoever looks up verifies.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/large_pages.h"

namespace mxw {

class KeyTable {
public:
  /// For `keys` keys at most, all of whose values are less than `values`, which is less than 2^32.
  /// Throws std::bad_alloc only.
  explicit KeyTable(std::size_t keys = 0, std::size_t values = 1)
      : groups_((keys < kFew ? 2 * keys : keys * 4 / 3) / kGroup + 1),
        value_mask_(static_cast<std::uint32_t>(std::bit_ceil(values + 1) - 1)) {}

  /// Fetches what add() and find() will touch for `hash`.
  void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&groups_[group_of(hash)]); }

  /// Stores `value` under `hash`. Not more often than the constructor was told.
  void add(std::uint64_t hash, std::uint32_t value) noexcept {
    std::size_t group = group_of(hash);
    while (groups_[group].slots.back() != kFree)
      group = next(group);
    std::uint32_t *slot = groups_[group].slots.data();
    while (*slot != kFree)
      ++slot;
    *slot = rest_of(hash) | (value + 1);
  }

  /// Calls `visit(value)` for every value that may stand under `hash`. Does not allocate.
  template <class Visit> void find(std::uint64_t hash, Visit &&visit) const noexcept {
    const std::uint32_t rest = rest_of(hash);
    for (std::size_t at = group_of(hash);; at = next(at)) {
      const Group &group = groups_[at];
      unsigned found = 0;
      for (const std::uint32_t slot : group.slots) // one instruction for several of them
        found |= (slot & ~value_mask_) == rest ? ~0U : 0U;
      if (found != 0)
        for (const std::uint32_t slot : group.slots) {
          if (slot == kFree)
            return;
          if ((slot & ~value_mask_) == rest)
            visit((slot & value_mask_) - 1);
        }
      if (group.slots.back() == kFree)
        return;
    }
  }

  /// Bytes on the heap.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return groups_.capacity() * sizeof(Group);
  }

private:
  static constexpr std::size_t kGroup = 16;
  struct alignas(64) Group {
    std::array<std::uint32_t, kGroup> slots = {}; // those in use first
  };
  static constexpr std::uint32_t kFree = 0;
  /// So many leave half of the slots free, so that hardly a group is full; more leave a quarter.
  static constexpr std::size_t kFew = std::size_t{1} << 16U;

  [[nodiscard]] std::size_t group_of(std::uint64_t hash) const noexcept {
    return (hash >> 32U) * groups_.size() >> 32U; // the high bits, scaled (Lemire 2019)
  }
  [[nodiscard]] std::size_t next(std::size_t group) const noexcept {
    return group + 1 == groups_.size() ? 0 : group + 1;
  }
  /// The low bits of `hash`, where a slot has them.
  [[nodiscard]] std::uint32_t rest_of(std::uint64_t hash) const noexcept {
    return static_cast<std::uint32_t>(hash) & ~value_mask_;
  }

  LargeVector<Group> groups_; // one slot is free at least
  std::uint32_t value_mask_;
};

} // namespace mxw
