// Replaces a file in one step: whoever reads it sees what was there or what comes, never a part.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace mxw {

/// Nothing, or why nothing was written: one line in lower case with the file in quotes, to be made
/// printable() by whoever shows it.
using Written = tl::expected<void, std::string>;

/// Makes `text` all that `file` has. A link stays a link, and mode and owner stay; a new file is
/// 0644. With `before` the file must still have exactly these octets, so that what another wrote
/// since it was read is not lost. What is no regular file is refused. After a failure the file is
/// as it was, and nothing is left beside it. When this returns the text is on the disk. Blocks on
/// the disk only; thread-safe.
Written replace_file(const std::filesystem::path &file, std::string_view text,
                     std::optional<std::string_view> before = std::nullopt);

/// The same for a file that must not be there yet, in any form.
Written create_file(const std::filesystem::path &file, std::string_view text);

} // namespace mxw
