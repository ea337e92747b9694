// Names for comparing the index with the reference: random ones, mistyped ones, hostile ones, and
// all short ones. The same seed gives the same names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/index.h"
#include "core/name.h"
#include "reference/reference.h"

namespace mxw::test {

using Random = std::mt19937_64;

/// The public suffixes of these names.
std::span<const std::string_view> fake_public_suffixes() noexcept;
/// An IsPublicSuffix.
bool is_fake_public_suffix(std::string_view name) noexcept;
/// Pairs for ReferenceGroup::slips and IndexOptions::slips: some real, some not, some that are more
/// or less than a public suffix.
std::vector<std::pair<Labels, Labels>> fake_slips();

/// `count` names of 1 to 3 labels over one of a few small alphabets and a public suffix; a few
/// labels are A-labels. All can be protected.
std::vector<Name> random_names(std::uint64_t seed, std::size_t count);

/// `count` names that each come from one of `protected_names` by one or two of the ways in which
/// docs/matching.md says that names are mistyped, below 0 to 2 other labels.
std::vector<Name> mistyped_names(std::uint64_t seed, std::span<const Name> protected_names,
                                 std::size_t count);

/// Names that can be protected but are unusual: runs of one letter, the longest labels and names,
/// 16 labels, any octets, A-labels that stand for nothing.
std::vector<Name> hostile_protected_names();

/// `count` names of the same kinds and worse, up to 127 labels and 255 octets; many end in what is
/// nearly one of `protected_names`.
std::vector<Name> hostile_names(std::uint64_t seed, std::span<const Name> protected_names,
                                std::size_t count);

/// All labels of 1 to `longest` octets of `alphabet`, each under `suffix`.
std::vector<Name> short_names(std::string_view alphabet, std::size_t longest,
                              std::string_view suffix);

/// What an index of `seed` finds for a query, in the reference's form and order; nullopt where
/// candidates were left out.
std::optional<std::vector<ReferenceMatch>> index_matches(const Index &index, const Name &query,
                                                         std::uint64_t seed);
/// What it should find: all that the reference does, but for what is longer than it looks at.
std::vector<ReferenceMatch> expected_matches(const Reference &reference, const Name &query);

/// RFC 3492 with the prefix of an A-label; whatever the length.
std::string a_label(std::u32string_view label);

} // namespace mxw::test
