// Where the loader has the text of files from: the disk, or a copy of what was read from there
// before.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/source.h"

namespace mxw {

/// The text of all files of one configuration, and what its patterns matched: enough to load it
/// again without the files. A value.
struct SavedFiles {
  std::map<std::filesystem::path, std::string> texts;
  std::map<std::string, std::vector<std::filesystem::path>> matches; ///< by pattern
  std::map<std::filesystem::path, std::filesystem::path> identities;

  /// Says that `pattern`, relative to `directory`, matches `files`.
  void set_matches(const std::filesystem::path &directory, const std::string &pattern,
                   std::vector<std::filesystem::path> files);
  friend bool operator==(const SavedFiles &, const SavedFiles &) = default;
};

/// Texts that files are to have, by their canonical paths.
using Overlay = std::map<std::filesystem::path, std::string>;

/// For one load. Everything that it gives it keeps, if there is where to.
class RuleFiles {
public:
  /// Reads the disk. What was read is put into `kept`, unless that is null.
  explicit RuleFiles(SavedFiles *kept = nullptr) : kept_(kept) {}
  /// Reads the disk, but for the files that `overlay` has.
  explicit RuleFiles(Overlay overlay) : overlay_(std::move(overlay)) {}
  /// Reads `saved`, which must outlive it, and never the disk.
  explicit RuleFiles(const SavedFiles &saved) : saved_(&saved) {}

  /// As Source::read().
  Result<Source> read(const std::filesystem::path &file, std::size_t max_bytes);
  /// The files that `pattern` (glob(7)) matches, which is relative to `directory`: sorted, none
  /// where there are none, nullopt where a directory cannot be read.
  std::optional<std::vector<std::filesystem::path>> match(const std::filesystem::path &directory,
                                                          const std::string &pattern);
  /// What is the same for the same file, however it is named.
  std::filesystem::path identity(const std::filesystem::path &file);

private:
  SavedFiles *kept_ = nullptr;
  const SavedFiles *saved_ = nullptr;
  Overlay overlay_;
};

} // namespace mxw
