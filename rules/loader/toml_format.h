// One layout for rule files, as `mxwarden fmt` gives it. It moves blanks and line ends, and nothing
// else.
#pragma once

#include <optional>
#include <string>

#include "loader/source.h"

namespace mxw {

/// Lines of arrays that are longer are broken, in code points.
constexpr std::size_t kMaxLineColumns = 100;

/// Returns the text of `source` in the one layout, without a byte order mark and with the line ends
/// that its first line has; what is in that layout already stays as it is. Keys, values, comments
/// and their order are the same, which is made sure of: std::logic_error where they would not be.
/// Returns nullopt and a finding (MXW002) where the source is no TOML. Thread-safe.
std::optional<std::string> format_toml(const Source &source, Findings &findings);

} // namespace mxw
