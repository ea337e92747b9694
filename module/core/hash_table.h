// A table from 64-bit hashes to small numbers: built once, then only read.
//
// Several values may stand under one hash, and a value may be found under a hash that is not its
// own (only 32 bits of it are kept), so whoever looks up verifies. What is looked up is bounded by
// what was put in: no probe is longer than the longest run of filled slots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mxw {

class HashTable {
public:
  struct Item {
    std::uint64_t hash;
    std::uint32_t value; ///< less than kEmpty
  };

  HashTable() = default;
  explicit HashTable(std::span<const Item> items) {
    if (items.empty())
      return;
    std::size_t size = 2;
    while (size < 2 * items.size()) // at most half full keeps the runs short
      size *= 2;
    slots_.resize(size);
    for (const Item &item : items) {
      std::size_t at = item.hash & (size - 1);
      while (slots_[at].value != kEmpty)
        at = (at + 1) & (size - 1);
      slots_[at] = {static_cast<std::uint32_t>(item.hash >> 32), item.value};
    }
  }

  /// Calls `visit(value)` for every value that may stand under `hash`. Does not allocate.
  template <class Visit> void find(std::uint64_t hash, Visit &&visit) const noexcept {
    if (slots_.empty())
      return;
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask; slots_[at].value != kEmpty; at = (at + 1) & mask)
      if (slots_[at].tag == static_cast<std::uint32_t>(hash >> 32))
        visit(slots_[at].value);
  }

  /// Bytes on the heap.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return slots_.capacity() * sizeof(Slot);
  }

private:
  static constexpr std::uint32_t kEmpty = UINT32_MAX;
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t value = kEmpty;
  };
  std::vector<Slot> slots_; // a power of two, or none
};

} // namespace mxw
