// The rules that were in force last, kept on the disk: so that a resolver that starts while
// somebody has broken the rule files enforces them, instead of nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/result.h"
#include "loader/rule_files.h"

namespace mxw {

/// For one thread. The file is `last-good` in the state directory, written whole and renamed into
/// its place, with a checksum (XXH3) over what it has.
class LastGood {
public:
  explicit LastGood(const std::filesystem::path &directory) : file_(directory / "last-good") {}

  /// Keeps `files`, which `main_file` was loaded from at `now_s` (seconds since 1970), unless they
  /// are there already. Returns why not where that fails; then what was kept before is still there.
  /// Makes the directory if it is not there. Blocks on the disk.
  [[nodiscard]] std::optional<std::string> keep(const std::filesystem::path &main_file,
                                                const SavedFiles &files, std::int64_t now_s);

  struct Kept {
    SavedFiles files;
    std::int64_t time_s = 0; ///< when they were kept
  };
  /// Returns what was kept for `main_file`, or why there is nothing: no file, one that is damaged,
  /// of another version or of another main file.
  [[nodiscard]] tl::expected<Kept, std::string> load(const std::filesystem::path &main_file);

  [[nodiscard]] const std::filesystem::path &file() const noexcept { return file_; }

private:
  std::filesystem::path file_;
  std::optional<std::uint64_t> checksum_; // of what is there, once it is known
};

} // namespace mxw
