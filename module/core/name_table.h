// Which of many names a query is at or below: protected names, allow entries, mirrored suffixes.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/hash.h"
#include "core/key_table.h"
#include "core/large_pages.h"
#include "core/name.h"

namespace mxw {

/// The names that rules are written for have no more labels; the loader sees to it. It bounds what
/// is done for a name that has 127.
constexpr std::size_t kMaxRuleLabels = 16;

/// The hash of a name, from that of the name above it and that of its first label. Labels that are
/// put together in another order or at another place give another hash.
inline std::uint64_t hash_below(std::uint64_t parent, std::uint64_t label) noexcept {
  const std::uint64_t mixed = (parent * kGolden + label) * kSecond;
  return mixed ^ (mixed >> 32U); // whoever takes the low bits gets some of the high ones
}

/// The hashes of a name's last kMaxRuleLabels labels, and of the names that they make: made once
/// for all the tables that a query is looked up in. The name must outlive it.
class Tails {
public:
  Tails(const Name &name, std::uint64_t seed) noexcept
      : name_(name), size_(std::min(name.labels(), kMaxRuleLabels)) {
    hashes_[0] = seed;
    for (std::size_t n = 1; n <= size_; ++n) {
      labels_[n] = hash_of(name.label(name.labels() - n), seed);
      hashes_[n] = hash_below(hashes_[n - 1], labels_[n]);
    }
  }
  [[nodiscard]] const Name &name() const noexcept { return name_; }
  /// The most labels that there is a hash of.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// The hash of the name that the last `n` labels make; that of the root for 0.
  [[nodiscard]] std::uint64_t hash(std::size_t n) const noexcept { return hashes_[n]; }
  /// Bit n: the last n labels may be a name that some table has. All, unless keep() was told more.
  [[nodiscard]] std::uint32_t possible() const noexcept { return possible_; }
  void keep(std::uint32_t possible) noexcept { possible_ = possible; }
  /// The hash of label `n` from the right, which begins at 1: hash_of() with the seed.
  [[nodiscard]] std::uint64_t label_hash(std::size_t n) const noexcept { return labels_[n]; }

private:
  const Name &name_;
  std::size_t size_;
  std::uint32_t possible_ = (2U << kMaxRuleLabels) - 1;
  std::array<std::uint64_t, kMaxRuleLabels + 1> labels_; // set from 1 to size_
  std::array<std::uint64_t, kMaxRuleLabels + 1> hashes_; // set from 0 to size_
};

/// What Tails gives for all of `name`, which has kMaxRuleLabels at most.
inline std::uint64_t hash_of_name(const Name &name, std::uint64_t seed) noexcept {
  return Tails(name, seed).hash(name.labels());
}

/// Calls `visit(n)` for each of the bits of `counts` that `tails` has, the highest first.
template <class Visit>
void for_each_tail(const Tails &tails, std::uint32_t counts, Visit &&visit) noexcept {
  for (counts &= tails.possible() & ((2U << tails.size()) - 1); counts != 0;) {
    const auto n = static_cast<std::size_t>(std::bit_width(counts)) - 1;
    counts ^= 1U << n;
    visit(n);
  }
}

/// Which tails of a query any of several tables can have at all (Bloom 1970, with two bits of one
/// word for each name). Filled by one thread, then read by any number.
class TailFilter {
public:
  /// For `names` names. Throws std::bad_alloc only.
  explicit TailFilter(std::size_t names = 0)
      : words_(
            std::bit_ceil(std::max(names * (names > kMany ? 8 : 32) / kWordBits, std::size_t{2}))),
        shift_(static_cast<unsigned>(std::countl_zero(words_.size() - 1))) {}

  /// Adds a name by what Tails gives for it.
  void add(std::uint64_t hash) noexcept { words_[hash >> shift_] |= bits_of(hash); }
  /// What Tails::keep() takes.
  [[nodiscard]] std::uint32_t possible(const Tails &tails) const noexcept {
    std::uint32_t possible = 0;
    for (std::size_t n = 1; n <= tails.size(); ++n) {
      const std::uint64_t hash = tails.hash(n);
      const std::uint64_t lacking = ~words_[hash >> shift_] & bits_of(hash);
      possible |= static_cast<std::uint32_t>(lacking == 0) << n;
    }
    return possible;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return words_.capacity() * sizeof(words_[0]);
  }

private:
  static constexpr std::size_t kMany = std::size_t{1} << 16U;
  static constexpr std::size_t kWordBits = 64;
  static std::uint64_t bits_of(std::uint64_t hash) noexcept {
    return std::uint64_t{1} << hash % kWordBits | std::uint64_t{1} << (hash >> 8U) % kWordBits;
  }

  LargeVector<std::uint64_t> words_; // a power of two
  unsigned shift_;
};

/// Names in the order in which they were added, each with a value, and a look-up by name.
/// Filled and then sealed by one thread, read by any number.
class NameTable {
public:
  explicit NameTable(std::uint64_t seed = 0) : seed_(seed) {}

  /// Adds `name` of at most kMaxRuleLabels; it may come again with another value. Not after seal().
  void add(const Name &name, std::uint32_t value) {
    const std::string_view wire = name.tail(name.labels());
    entries_.push_back({static_cast<std::uint32_t>(octets_.size()), value,
                        static_cast<std::uint8_t>(wire.size()),
                        static_cast<std::uint8_t>(name.labels())});
    octets_ += wire;
    label_counts_ |= 1U << name.labels();
  }
  /// Makes the names findable.
  void seal();

  /// How many names were added. Entries are numbered from 0 in the order of add().
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::uint32_t value(std::size_t entry) const noexcept {
    return entries_[entry].value;
  }
  [[nodiscard]] std::size_t labels(std::size_t entry) const noexcept {
    return entries_[entry].labels;
  }
  /// The wire form of an entry, with the root.
  [[nodiscard]] std::string_view wire(std::size_t entry) const noexcept {
    return std::string_view(octets_).substr(entries_[entry].at, entries_[entry].wire_bytes);
  }
  /// The entry as a name of its own.
  [[nodiscard]] Name name(std::size_t entry) const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return octets_.capacity() + entries_.capacity() * sizeof(Entry) + slots_.memory_bytes();
  }

  /// Calls `visit(entry)` for every entry whose wire form is `head` followed by `rest`. `hash` is
  /// what Tails gives for that name, made with this table's seed.
  template <class Visit>
  void find(std::uint64_t hash, std::string_view head, std::string_view rest,
            Visit &&visit) const noexcept {
    slots_.find(hash, [&](std::uint32_t entry) {
      const std::string_view found = wire(entry);
      if (found.size() == head.size() + rest.size() && found.starts_with(head) &&
          found.ends_with(rest))
        visit(entry);
    });
  }
  /// Calls `visit(entry)` for every entry that a name is at or below, the longest first. `tails`
  /// must be made with this table's seed.
  template <class Visit> void find_covering(const Tails &tails, Visit &&visit) const noexcept {
    for_each_tail(tails, label_counts_,
                  [&](std::size_t n) { find(tails.hash(n), {}, tails.name().tail(n), visit); });
  }
  /// Adds all names, which are sealed.
  void add_to(TailFilter &filter) const noexcept;

private:
  struct Entry {
    std::uint32_t at;
    std::uint32_t value;
    std::uint8_t wire_bytes;
    std::uint8_t labels;
  };
  std::uint64_t seed_;
  std::uint32_t label_counts_ = 0; // bit n: some entry has n labels
  std::string octets_;
  std::vector<Entry> entries_;
  KeyTable slots_;
};

} // namespace mxw
