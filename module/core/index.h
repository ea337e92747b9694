// Finds the protected names that a query's name looks like.
//
// How it works. Two labels one edit apart have a form in common once up to one octet is left out of
// each (the deletion neighbourhood: Mor and Fraenkel 1982, known from SymSpell). So every protected
// label is stored under itself and under each of its forms with one octet less, and a query's label
// is looked up in the same forms. The rest of the name goes into the hash as it is, and each
// candidate is verified. A look-up costs a hash for each octet of a label, however many names are
// protected, and a LabelFilter spares most labels even that. Suffix slips need no entries of their
// own: the suffix is put right and the exact name is looked up. Missing dots are stored as the name
// that results.
//
// Immutable once built. Knows nothing of rules beyond the options below; which of several matches
// counts, and for whom, is the policy's business.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/hash.h"
#include "core/hash_table.h"
#include "core/label_filter.h"
#include "core/name.h"
#include "core/name_table.h"
#include "core/technique.h"

namespace mxw {

/// One protected name that explains a query, and how.
struct Match {
  std::uint32_t entry = 0; ///< position in the protected names that the index was built from
  Technique technique = Technique::none;
  std::uint8_t edits = 0;       ///< optimal string alignment distance of what was mistyped
  std::uint8_t apex_labels = 0; ///< how many labels of the query make the look-alike
};

/// Takes the matches of one look-up as they are found.
class MatchSink {
public:
  virtual void add(const Match &match) noexcept = 0;

protected:
  ~MatchSink() = default;
};

/// `typed` in the place of the suffix `intended`.
struct Slip {
  Name typed;
  Name intended;
};

/// How the names of one group (a rule) are matched.
struct IndexOptions {
  std::size_t min_label = 4; ///< shorter labels are not matched by edits or missing dots
  std::vector<Slip> slips;
};

/// A name to protect, in the group whose options hold for it.
struct IndexEntry {
  Name name;
  std::uint32_t group = 0;
};

/// Hashes of a label and of its forms that lack one octet, in constant time for each: a polynomial
/// over the octets (Karp and Rabin 1987) whose base nobody outside knows. Whoever finds a collision
/// all the same costs us a verification.
class FormHasher {
public:
  explicit FormHasher(std::uint64_t seed = 0) noexcept : base_(hash_of("forms", seed) | 1U) {}

  /// Calls `visit(hash)` for `label` and for each of its forms; a form that comes from several
  /// places comes once. The hashes differ with `around`.
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

private:
  /// Spreads the sum to the high bits, by which a table finds its slots.
  static std::uint64_t mix(std::uint64_t hash, std::uint64_t around) noexcept {
    return (hash ^ around) * kGolden;
  }

  std::uint64_t base_;
};

class Index {
public:
  Index() = default;
  /// Builds the index. Every `group` must be less than `groups.size()`. `seed` should be random.
  /// Throws std::bad_alloc only.
  Index(std::span<const IndexEntry> entries, std::span<const IndexOptions> groups,
        std::uint64_t seed);

  /// Gives `sink` every protected name that the name of `tails` or a name above it looks like; the
  /// same entry may come more than once. Exact names are not look-alikes. `tails` must be made with
  /// the seed of this index. Thread-safe, does not allocate; bounded by the labels of the longest
  /// protected name and by the octets of a label.
  void find(const Tails &tails, MatchSink &sink) const noexcept;

  /// The protected names in the order given.
  [[nodiscard]] const NameTable &names() const noexcept { return names_; }
  /// Bytes on the heap.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
  /// One pair of suffixes, however many groups have it.
  struct StoredSlip {
    Name intended;
    std::uint64_t intended_hash;
    std::uint8_t edits;
    std::vector<std::uint32_t> groups; // ascending
  };

  void find_edits(const Tails &tails, MatchSink &sink) const noexcept;
  void find_slips(const Tails &tails, MatchSink &sink) const noexcept;
  void find_missing_dots(const Tails &tails, MatchSink &sink) const noexcept;

  FormHasher forms_;
  NameTable names_; // value: group
  NameTable slips_; // what was typed; value: position in slip_of_
  std::vector<StoredSlip> slip_of_;
  LabelFilter labels_; // those in edits_
  HashTable edits_;
  HashTable joined_; // names with a dot left out
  HashTable glued_;  // labels that are a whole name without its dots
};

} // namespace mxw
