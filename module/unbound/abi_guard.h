// Whether the running program is the one that the module was compiled against.
//
// The layouts of the host's structures change without a change of version or configuration, so the
// GNU build-id is compared: the linker derives it from all that went into the program.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mxw {

/// Returns the build-id of the running program in lower-case hexadecimal, or nullopt if it has
/// none. Reads the program's own notes in memory; touches no host structure.
std::optional<std::string> running_build_id();

/// Returns why `running` cannot be the host, and what to do about it, in one line; nothing if it
/// is. `expected` is the build-id that was compiled in.
std::optional<std::string> host_mismatch(const std::optional<std::string> &running,
                                         std::string_view expected,
                                         std::string_view expected_version);

} // namespace mxw
