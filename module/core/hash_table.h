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

  HashTable() : HashTable(std::span<const Item>()) {}
  explicit HashTable(std::span<const Item> items) {
    unsigned bits = 1;
    while ((std::size_t{1} << bits) < 2 * items.size()) // at most half full: short runs
      ++bits;
    slots_.resize(std::size_t{1} << bits);
    mask_ = slots_.size() - 1;
    shift_ = 64 - bits;
    for (const Item &item : items) {
      std::size_t at = item.hash >> shift_;
      while (slots_[at].value != kEmpty)
        at = (at + 1) & mask_;
      slots_[at] = {static_cast<std::uint32_t>(item.hash), item.value};
    }
  }

  /// Calls `visit(value)` for every value that may stand under `hash`. Does not allocate.
  template <class Visit> void find(std::uint64_t hash, Visit &&visit) const noexcept {
    const Slot *slots = slots_.data();
    for (std::size_t at = hash >> shift_; slots[at].value != kEmpty; at = (at + 1) & mask_)
      if (slots[at].tag == static_cast<std::uint32_t>(hash))
        visit(slots[at].value);
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
  std::vector<Slot> slots_; // a power of two, one of them empty at least
  std::size_t mask_ = 0;
  unsigned shift_ = 0; // the high bits of a hash say where, the low ones are the tag
};

} // namespace mxw
