// Tells when files may have changed: written, replaced, or reached by another symbolic link.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace mxw {

/// For one thread. What is watched are directories (inotify(7)): those on the way to each file, and
/// on the way to what a symbolic link among them points to. So a file may be written in place,
/// renamed into its place, appear for the first time, or be exchanged with all its directory.
class FileWatch {
public:
  /// Watches nothing yet. Where the system has no watch left, it never tells of a change.
  FileWatch();
  FileWatch(const FileWatch &) = delete;
  FileWatch &operator=(const FileWatch &) = delete;
  ~FileWatch();

  /// Watches these from now on and nothing else. They need not exist; the last part that has a
  /// wildcard (glob(7)) stands for all that match. Throws std::bad_alloc only. Returns false if one
  /// of them cannot be watched.
  bool watch(const std::vector<std::filesystem::path> &files);

  /// What poll() finds readable when something happened; -1 where nothing can be watched.
  [[nodiscard]] int fd() const noexcept { return fd_; }

  /// Returns true if something of what is watched changed since the last call. Then it has waited
  /// until nothing changed any more for a moment, or for half a second.
  bool changed();

private:
  using Names = std::set<std::string>; // what is watched in a directory: names, wildcards

  bool add(const std::filesystem::path &file, std::map<int, Names> &watched, int links);
  /// Returns true if there was something among what happened.
  bool drain();

  int fd_;
  std::map<int, Names> watched_; // by the watch's number
};

} // namespace mxw
