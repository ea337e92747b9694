// Finds the protected names that a query's name looks like.
//
// How it works. Everything that a query can be found by is a key in one table: what a name is
// written like with one of its octets, or one of its dots, left out, what it is without its suffix,
// and itself. Two labels one edit apart have a form in common once up to one octet is left out of
// each (the deletion neighbourhood: Mor and Fraenkel 1982, known from SymSpell); the rest of the
// name is part of the key. A query is looked up under its own forms, and as what it would be with
// one thing put right: a suffix, a dot, a hyphen. Every candidate is verified, so a hash that
// collides costs time and no mistake. Most labels are sent away by a filter before their forms are
// made. docs/matching.md says what is to be found, tests/reference finds the same by a plain scan.
//
// What of several matches counts, and for whom, is the policy's business.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/hash.h"
#include "core/key_table.h"
#include "core/label_filter.h"
#include "core/matching.h"
#include "core/name.h"
#include "core/name_list.h"
#include "core/name_table.h"
#include "core/technique.h"

namespace mxw {

/// Hashes of a label and of its forms that lack one or two octets, in constant time for each: a
/// polynomial over the octets (Karp and Rabin 1987) whose base nobody outside knows. Whoever finds
/// a collision all the same costs us a verification.
class FormHasher {
public:
  explicit FormHasher(std::uint64_t seed = 0) noexcept : base_(hash_of("forms", seed) | 1U) {}

  /// The hash of `label` itself. The hashes differ with `around`.
  [[nodiscard]] std::uint64_t whole(std::string_view label, std::uint64_t around) const noexcept {
    std::uint64_t hash = 1;
    for (const char c : label)
      hash = hash * base_ + static_cast<std::uint8_t>(c);
    return mix(hash, around);
  }

  /// Calls `visit(hash)` for `label` and for each of its forms; a form that comes from several
  /// places comes once.
  template <class Visit>
  void for_each(std::string_view label, std::uint64_t around, Visit &&visit) const noexcept {
    std::array<std::uint64_t, Name::kMaxLabelBytes + 1> before; // [i]: of the octets before i
    before[0] = 1;
    for (std::size_t i = 0; i < label.size(); ++i)
      before[i + 1] = before[i] * base_ + static_cast<std::uint8_t>(label[i]);
    visit(mix(before[label.size()], around));
    std::uint64_t behind = 0; // of the octets behind i
    std::uint64_t power = 1;  // base_ to the number of them
    for (std::size_t i = label.size(); i-- > 0;) {
      if (i == 0 || label[i] != label[i - 1])
        visit(mix(before[i] * power + behind, around));
      behind += static_cast<std::uint8_t>(label[i]) * power;
      power *= base_;
    }
  }

  /// The same for the forms that lack two octets.
  template <class Visit>
  void for_each_pair(std::string_view label, std::uint64_t around, Visit &&visit) const noexcept {
    std::uint64_t before = 1; // of the octets before i
    for (std::size_t i = 0; i < label.size(); ++i) {
      if (i == 0 || label[i] != label[i - 1]) {
        std::array<std::uint64_t, Name::kMaxLabelBytes + 1> hash; // [j]: before j, i left out
        hash[i + 1] = before;
        for (std::size_t j = i + 1; j < label.size(); ++j)
          hash[j + 1] = hash[j] * base_ + static_cast<std::uint8_t>(label[j]);
        std::uint64_t behind = 0;
        std::uint64_t power = 1;
        for (std::size_t j = label.size(); j-- > i + 1;) {
          if (j == i + 1 || label[j] != label[j - 1])
            visit(mix(hash[j] * power + behind, around));
          behind += static_cast<std::uint8_t>(label[j]) * power;
          power *= base_;
        }
      }
      before = before * base_ + static_cast<std::uint8_t>(label[i]);
    }
  }

private:
  /// Spreads the sum to all bits.
  static std::uint64_t mix(std::uint64_t hash, std::uint64_t around) noexcept {
    const std::uint64_t mixed = (hash ^ around) * kGolden;
    return mixed ^ mixed >> 32U;
  }

  std::uint64_t base_;
};

class Index {
public:
  /// No more candidates than that are verified for one query.
  static constexpr std::size_t kMaxCandidates = 512;

  Index() = default;
  /// Builds the index of `names`, a list for each of `groups`, which are taken over.
  /// `is_public_suffix` may be null: every top-level domain then is one and nothing else. `seed`
  /// should be random. Throws std::bad_alloc only.
  Index(std::vector<NameList> names, std::vector<IndexOptions> groups,
        IsPublicSuffix is_public_suffix, std::uint64_t seed);

  /// Gives `sink` every protected name that the name of `tails` or a name above it looks like; the
  /// same entry may come more than once. Exact names are not look-alikes. `tails` must be made with
  /// the seed of this index. Thread-safe, does not allocate; bounded by the labels of the longest
  /// protected name, by the octets of a label, and by kMaxCandidates.
  void find(const Tails &tails, MatchSink &sink) const noexcept;

  /// Calls `visit(entry)` for every protected name that the name of `tails` is at or below, the
  /// longest first.
  template <class Visit> void find_covering(const Tails &tails, Visit &&visit) const noexcept {
    for_each_tail(tails, label_counts_, [&](std::size_t n) {
      keys_.find(exact_key(tails.hash(n)), [&](std::uint32_t entry) {
        if (names_.wire(entry) == tails.name().tail(n))
          visit(entry);
      });
    });
  }
  /// Adds all that find() and find_covering() look up as they are asked.
  void add_to(TailFilter &filter) const noexcept;
  /// How many names that are.
  [[nodiscard]] std::size_t tail_count() const noexcept { return names_.size() + slips_.size(); }

  /// The protected names, group by group in the order given.
  [[nodiscard]] const NameList &names() const noexcept { return names_; }
  [[nodiscard]] std::uint32_t group_of(std::uint32_t entry) const noexcept;
  [[nodiscard]] const std::vector<IndexOptions> &groups() const noexcept { return groups_; }
  /// How many labels of a protected name are its public suffix.
  [[nodiscard]] std::size_t suffix_labels(std::uint32_t entry) const noexcept {
    return shapes_[entry] >> 4U;
  }
  [[nodiscard]] std::size_t labels(std::uint32_t entry) const noexcept {
    return (shapes_[entry] & 15U) + 1U;
  }
  /// Why there is no index, a clause about the names, where it would need more memory than any list
  /// of mail domains does; empty where there is one. Static storage.
  [[nodiscard]] std::string_view excess() const noexcept { return excess_; }
  /// Bytes on the heap.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
  class Search;
  /// What the labels that stand in one place have in common.
  struct Around {
    std::uint64_t hash;
    std::uint8_t min_bytes; ///< of the stored labels
    std::uint8_t max_bytes;
    bool two_edits; ///< some of them are stored for a distance of 2
    [[nodiscard]] bool may_be_two_edits(std::string_view typed) const noexcept {
      return two_edits && typed.size() + 2 >= min_bytes && typed.size() <= max_bytes + 2U;
    }
  };
  /// One pair of suffixes, however many groups have it.
  struct StoredSlip {
    std::uint32_t intended; ///< in suffixes_
    std::uint64_t intended_hash;
    std::uint8_t edits;
    bool lacks_dots;                   ///< and nothing else
    bool has_letter_of_body;           ///< what is meant, with a letter before it
    bool gave_letter_to_body;          ///< what is meant, without its first letter
    bool is_real;                      ///< what is typed is a suffix that there is
    bool is_unreal;                    ///< for all groups that want these; else `groups` counts
    std::vector<std::uint32_t> groups; ///< ascending
  };
  struct Builder;

  /// Counted from the right, the first label whose dot before it may be left out: all but the last
  /// dot, and those within the suffix.
  [[nodiscard]] std::size_t first_joint(std::uint32_t entry) const noexcept {
    return std::max(suffix_labels(entry), std::size_t{2}) - 1;
  }
  static std::uint64_t exact_key(std::uint64_t hash) noexcept { return hash; }
  static std::uint64_t joined_key(std::uint64_t hash) noexcept { return hash ^ kSecond; }
  static std::uint64_t glued_key(std::uint64_t hash) noexcept { return hash ^ ~kSecond; }
  static std::uint64_t body_key(std::uint64_t hash) noexcept { return hash ^ kGolden; }
  static std::uint64_t double_around(std::uint64_t around, std::size_t place) noexcept {
    return hash_below(around, ~std::uint64_t{place});
  }

  static std::size_t ends_bit(char first, char last, std::size_t bytes) noexcept {
    const std::size_t octets =
        static_cast<std::uint8_t>(first) * std::size_t{64} + static_cast<std::uint8_t>(last);
    return (octets * 64 + bytes) * kGolden >> 50U;
  }
  void add_ends(char first, char last, std::size_t bytes) noexcept {
    const std::size_t bit = ends_bit(first, last, bytes);
    ends_[bit / 64] |= std::uint64_t{1} << bit % 64;
  }
  /// Stands for the length where `first` and `last` are the last two octets of a name in one.
  static constexpr std::size_t kGluedEnd = 0;
  /// False if no label of a protected name, nor two of them as one, have these ends and this
  /// length: the cheapest way out for what a query would have to be put together for.
  [[nodiscard]] bool may_be_label(char first, char last, std::size_t bytes) const noexcept {
    const std::size_t bit = ends_bit(first, last, bytes);
    return (ends_[bit / 64] >> bit % 64 & 1U) != 0;
  }
  [[nodiscard]] bool may_be_label(std::string_view label) const noexcept {
    return may_be_label(label.front(), label.back(), label.size());
  }
  void add_slips();
  /// Not for the path of a query that nothing was found for.
  [[nodiscard]] bool is_real(const Name &suffix) const noexcept;

  IsPublicSuffix is_public_suffix_ = nullptr;
  std::uint64_t seed_ = 0;
  FormHasher forms_;
  NameList names_;
  std::vector<std::uint32_t> group_ends_;
  std::vector<IndexOptions> groups_;
  std::vector<std::uint8_t> shapes_; // labels less one, and suffix labels: four bits each
  KeyTable keys_;
  LabelFilter labels_;
  KeyTable arounds_; // positions in around_of_
  std::vector<Around> around_of_;
  NameTable suffixes_; // what protected names, or slips, end in
  NameTable slips_;    // what was typed; value: position in slip_of_
  std::vector<StoredSlip> slip_of_;
  std::array<std::uint64_t, 256> ends_ = {};                  // bits of ends_bit()
  std::array<std::uint32_t, kMaxRuleLabels + 1> places_ = {}; // [n]: bits of labels from the right
  std::uint32_t label_counts_ = 0;                            // bit n: some name has n labels
  std::uint32_t body_counts_ = 0;   // bit n: some name has a body of n labels
  std::uint32_t suffix_counts_ = 0; // bit n: some name has a suffix of n labels
  std::uint64_t suffix_bytes_ = 0;  // bit n: some suffix is one label of n octets
  std::size_t max_labels_ = 0;
  std::string_view excess_;
  bool has_hyphens_ = false; // in some protected label
  bool two_edits_ = false;   // some label is stored for a distance of 2
};

} // namespace mxw
