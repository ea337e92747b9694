// What docs/matching.md says, as plainly as it can be said in code: every tail of a query against
// every protected name, with the distance of the textbook. Slow on purpose; the index has to find
// exactly what this finds.
//
// Never includes core/index.h or core/edit.h: what is compared must not share its mistakes. Only
// what an A-label stands for is asked of core/fold.h.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/matching.h"
#include "core/name.h"
#include "core/technique.h"

namespace mxw::test {

/// The labels of a name, the leftmost first. Each holds any octets.
using Labels = std::vector<std::string>;

Labels labels_of(const Name &name);
/// Throws std::invalid_argument where the labels make no name.
Name name_of(const Labels &labels);

/// How one query's tail of `apex_labels` labels looks like protected name `entry`.
struct ReferenceMatch {
  std::uint32_t entry = 0;
  Techniques techniques = {};
  std::uint8_t apex_labels = 0;

  friend bool operator==(const ReferenceMatch &a, const ReferenceMatch &b) = default;
  /// By entry, then labels, then techniques.
  friend std::strong_ordering operator<=>(const ReferenceMatch &a, const ReferenceMatch &b);
};

/// "3/2 omission two-edits": entry, labels, techniques.
std::string to_string(const ReferenceMatch &match);

/// What holds for the protected names of one group.
struct ReferenceGroup {
  ReferenceGroup() { on.fill(true); }
  /// What of `options` the reference heeds: levels (as on or off), floors and slips.
  explicit ReferenceGroup(const IndexOptions &options);

  std::array<std::uint8_t, kTechniques> min_label{};
  std::array<bool, kTechniques> on{};
  std::vector<std::pair<Labels, Labels>> slips; ///< typed, intended
  bool unreal_slips = true;
};

struct ReferenceEntry {
  Name name; ///< of 2 labels or more
  std::uint32_t group = 0;
};

/// The protected names, made ready once for many queries.
class Reference {
public:
  Reference(std::span<const ReferenceEntry> entries, std::vector<ReferenceGroup> groups,
            IsPublicSuffix is_public_suffix);

  /// Every entry and number of labels that explains `query`, with all techniques that do, in order.
  [[nodiscard]] std::vector<ReferenceMatch> matches(const Name &query) const;

  struct Protected {
    std::uint32_t group;
    Labels labels;
    std::size_t body; ///< how many labels
  };

private:
  std::vector<ReferenceGroup> groups_;
  std::vector<Protected> entries_;
  IsPublicSuffix is_public_suffix_;
};

/// The same for one query.
std::vector<ReferenceMatch> reference_matches(const Name &query,
                                              std::span<const ReferenceEntry> entries,
                                              std::span<const ReferenceGroup> groups,
                                              IsPublicSuffix is_public_suffix);

} // namespace mxw::test
