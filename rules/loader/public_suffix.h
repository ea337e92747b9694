// Which suffixes exist, by the public suffix list.
#pragma once

#include <string_view>

namespace mxw {

/// True if `name` (presentation form, lower case, A-labels, no last dot) is a public suffix of the
/// list's ICANN part: "mil", "co.uk". Asks the newest list that the machine has, else the one that
/// came with libpsl, so that it works inside a chroot. Thread-safe; does not allocate, but for the
/// first call in a process, which reads the list.
bool is_public_suffix(std::string_view name) noexcept;

} // namespace mxw
