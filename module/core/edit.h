// How far one label is from another, and by which slip of the fingers.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/technique.h"

namespace mxw {

/// Returns by which single edit `typed` comes from `intended`, or nullopt unless their optimal
/// string alignment distance is exactly 1. Linear in the length of a label.
std::optional<Technique> single_edit(std::string_view typed, std::string_view intended) noexcept;

/// Returns the optimal string alignment distance over octets: insertions, omissions, replacements
/// and swaps of neighbours count one each, and no part is edited twice. Quadratic; for building and
/// tests, not for the query path. Allocates.
std::size_t edit_distance(std::string_view a, std::string_view b);

} // namespace mxw
