// What a label looks like to a reader: letters that others imitate, alone or in pairs.
//
// Between Name and Index: a label goes in, the ASCII that a reader takes it for comes out. Which
// code point looks like what is worked out from ICU when building (make_fold_table.cpp); this file
// and what includes it need no ICU.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "core/name.h"

namespace mxw {

/// Room for any label, folded or not.
using LabelSpan = std::span<char, Name::kMaxLabelBytes>;

/// What a code point without a look-alike in ASCII is folded to: no label worth protecting has it,
/// so it is one edit wherever it stands.
constexpr char kNoLook = '\x7f';

/// The ASCII that a reader takes the code point `c` for, which is not ASCII: 0 to 4 octets, kNoLook
/// where it resembles nothing. Static storage.
std::string_view look_of(char32_t c) noexcept;

/// True if fold_ascii() would change `label`.
bool has_ascii_folds(std::string_view label) noexcept;

/// Writes `label` with `rn` read as m, `vv` as w, `cl` as d, `0` as o and `1` as l, and returns how
/// many octets that are. From left to right, and once: what comes out is not read again.
/// `label` is in lower case and has 63 octets at most; what is behind them is left out.
std::size_t fold_ascii(std::string_view label, LabelSpan out) noexcept;

/// Writes what an A-label (`xn--…`) looks like and returns how many octets that are: each code
/// point it stands for is replaced by the ASCII that a reader takes it for, 0 to 4 octets; marks
/// vanish; kNoLook stands for what resembles nothing. The ASCII part stays as it is, and
/// fold_ascii() is left to the caller. Whether IDNA would allow the label is not asked.
/// Returns nullopt if `label` is not in lower case, no A-label or no valid Punycode, or if nothing
/// or more than 63 octets would come out.
std::optional<std::size_t> fold_idn(std::string_view label, LabelSpan out) noexcept;

/// Writes the code points that `punycode` (without `xn--`, in lower case) stands for and returns
/// how many they are, or nullopt if it is not valid, has more than 63 octets, or holds surrogates.
/// Source: RFC 3492 §6.2.
std::optional<std::size_t> decode_punycode(std::string_view punycode,
                                           std::span<char32_t, Name::kMaxLabelBytes> out) noexcept;

} // namespace mxw
