// How far one label is from another, and by which slips of the fingers or the eye.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/technique.h"

namespace mxw {

/// Returns all techniques by which `typed` comes from `intended` with a single edit: empty unless
/// their optimal string alignment distance is exactly 1. Linear in the length of a label.
Techniques single_edit(std::string_view typed, std::string_view intended) noexcept;

/// Returns the optimal string alignment distance over octets, of labels of at most 63 octets:
/// insertions, omissions, replacements and swaps of neighbours count one each, and no part is
/// edited twice. Bit-parallel: a few operations an octet of `typed`. Source: Hyyrö, "A bit-vector
/// algorithm for computing Levenshtein and Damerau edit distances" (2003).
std::size_t label_distance(std::string_view typed, std::string_view intended) noexcept;

/// The same for texts of any length. Quadratic; for building and tests, not for the query path.
/// Allocates.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// True if `typed` has another letter twice where `intended` has one twice: giigle for google.
bool is_double_replacement(std::string_view typed, std::string_view intended) noexcept;
/// True if `typed` is `intended` with "es" put in behind an s, x or z.
bool is_plural_in_es(std::string_view typed, std::string_view intended) noexcept;

/// The place at which `typed` has another octet than `intended`, which is as long.
std::size_t first_difference(std::string_view typed, std::string_view intended) noexcept;

} // namespace mxw
