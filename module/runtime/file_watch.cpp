#include "runtime/file_watch.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <system_error>

#include <fnmatch.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace mxw {
namespace {

namespace fs = std::filesystem;

/// Files that are written one after the other are read together.
constexpr std::chrono::milliseconds kQuiet(50);
constexpr std::chrono::milliseconds kAtMost(500);
constexpr int kMaxLinks = 40; // as many as the system follows

constexpr std::uint32_t kMask =
    IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_ONLYDIR;

bool has_wildcard(const std::string &text) {
  return text.find_first_of("*?[") != std::string::npos;
}

} // namespace

FileWatch::FileWatch() : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

FileWatch::~FileWatch() {
  if (fd_ >= 0)
    close(fd_);
}

bool FileWatch::watch(const std::vector<fs::path> &files) {
  bool good = fd_ >= 0;
  std::map<int, Names> watched;
  for (const fs::path &file : files) {
    std::error_code error;
    const fs::path absolute = fs::absolute(file, error);
    good = good && !error && add(absolute, watched, kMaxLinks);
  }
  for (const auto &[number, names] : watched_)
    if (!watched.contains(number))
      inotify_rm_watch(fd_, number);
  watched_ = std::move(watched);
  return good;
}

bool FileWatch::add(const fs::path &file, std::map<int, Names> &watched, int links) {
  bool good = true;
  fs::path directory = file.root_path();
  for (const fs::path &part : file.relative_path()) {
    const std::string name = part.string();
    if (name.empty() || name == ".")
      continue;
    if (name == "..") {
      directory = directory.parent_path();
      continue;
    }
    const int number = inotify_add_watch(fd_, directory.c_str(), kMask);
    if (number < 0 && (errno == ENOENT || errno == ENOTDIR))
      return true;      // not there yet, which the directory above it will tell
    good = number >= 0; // one on the way may be unreadable; the last one counts
    if (good)
      watched[number].insert(name);
    if (has_wildcard(name))
      return good;
    directory /= part;
    std::error_code error;
    const fs::path target = fs::read_symlink(directory, error);
    if (error)
      continue;
    if (links == 0)
      return false;
    const fs::path real = directory.parent_path() / target; // `target`, if that is absolute
    if (!add(real, watched, links - 1))
      return false;
    directory = real;
  }
  return good;
}

bool FileWatch::changed() {
  if (fd_ < 0 || !drain())
    return false;
  const auto end = std::chrono::steady_clock::now() + kAtMost;
  pollfd waiting = {fd_, POLLIN, 0};
  while (std::chrono::steady_clock::now() < end &&
         poll(&waiting, 1, static_cast<int>(kQuiet.count())) > 0)
    drain();
  return true;
}

bool FileWatch::drain() {
  bool found = false;
  alignas(inotify_event) std::array<char, 4096> buffer; // NOLINT(*-member-init): filled by read()
  for (ssize_t got = 0; (got = read(fd_, buffer.data(), buffer.size())) > 0;)
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      const auto *event =
          static_cast<const inotify_event *>(static_cast<const void *>(buffer.data() + at));
      at += sizeof(inotify_event) + event->len;
      if ((event->mask & IN_Q_OVERFLOW) != 0) {
        found = true; // something was lost
        continue;
      }
      const auto place = watched_.find(event->wd);
      if (place == watched_.end() || event->len == 0)
        continue;
      const char *name = static_cast<const char *>(event->name);
      found =
          found ||
          std::any_of(place->second.begin(), place->second.end(), [&](const std::string &pattern) {
            return pattern == name || fnmatch(pattern.c_str(), name, FNM_PERIOD) == 0;
          });
    }
  return found;
}

} // namespace mxw
