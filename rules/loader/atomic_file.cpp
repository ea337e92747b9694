#include "loader/atomic_file.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/posix.h"
#include "loader/source.h"

namespace mxw {
namespace {

namespace fs = std::filesystem;

tl::unexpected<std::string> failed(const fs::path &file, const std::string &why) {
  return tl::unexpected("cannot write " + quote(file.native()) + ": " + why);
}

/// A file that is gone when this is, unless it was given a name to stay under.
class Temporary {
public:
  explicit Temporary(const fs::path &directory)
      // The patterns of rule files do not match what begins with a dot.
      : path_((directory / ".mxwarden-XXXXXX").native()), fd_(mkostemp(path_.data(), O_CLOEXEC)) {}
  Temporary(const Temporary &) = delete;
  Temporary &operator=(const Temporary &) = delete;
  ~Temporary() {
    if (fd_ < 0)
      return;
    close(fd_);
    if (!kept_)
      unlink(path_.c_str());
  }

  [[nodiscard]] int get() const noexcept { return fd_; }

  bool write(std::string_view text) const noexcept {
    while (!text.empty()) {
      const ssize_t done = ::write(fd_, text.data(), text.size());
      if (done < 0 && errno == EINTR)
        continue;
      if (done < 0)
        return false;
      text.remove_prefix(static_cast<std::size_t>(done));
    }
    return fsync(fd_) == 0;
  }

  /// Gives it the name `file`. With `must_be_new` nothing may have that name.
  bool keep_as(const fs::path &file, bool must_be_new) noexcept {
    kept_ = renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, file.c_str(),
                      must_be_new ? RENAME_NOREPLACE : 0U) == 0;
    return kept_;
  }

private:
  std::string path_;
  int fd_;
  bool kept_ = false;
};

/// Gives `fd` the mode and owner that `old` has.
bool take_over(int fd, const struct stat &old) {
  struct stat made = {};
  if (fstat(fd, &made) != 0)
    return false;
  // The owner first: changing it may take bits of the mode away.
  if ((made.st_uid != old.st_uid || made.st_gid != old.st_gid) &&
      fchown(fd, old.st_uid, old.st_gid) != 0)
    return false;
  return fchmod(fd, old.st_mode & 07777U) == 0;
}

/// A name is on the disk when its directory is.
bool sync(const fs::path &directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Some file systems cannot do it for directories.
  const bool good = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
  if (fd >= 0) {
    const int error = errno;
    close(fd);
    errno = error;
  }
  return good;
}

Written put(const fs::path &file, std::string_view text, std::optional<std::string_view> before,
            bool must_be_new) {
  if (file.native().find('\0') != std::string::npos) // open() would take what stands before it
    return failed(file, "its name has a NUL octet");
  struct stat old = {};
  const bool is_there = lstat(file.c_str(), &old) == 0;
  if (!is_there && errno != ENOENT)
    return failed(file, error_text(errno));
  if (is_there && must_be_new)
    return failed(file, "it is there already");
  fs::path target = file;
  if (is_there) {
    std::error_code error;
    target = fs::canonical(file, error);
    if (error)
      return failed(file, error.message());
    if (stat(target.c_str(), &old) != 0)
      return failed(file, error_text(errno));
    if (!S_ISREG(old.st_mode))
      return failed(file, "it is not a regular file");
    if (access(target.c_str(), W_OK) != 0) // a rename would not ask
      return failed(file, error_text(errno));
  } else if (before) {
    return failed(file, "it is gone since it was read");
  }
  const fs::path directory = target.has_parent_path() ? target.parent_path() : fs::path(".");

  Temporary temporary(directory);
  if (temporary.get() < 0 || !temporary.write(text))
    return failed(file, error_text(errno));
  if (is_there ? !take_over(temporary.get(), old) : fchmod(temporary.get(), 0644) != 0)
    return failed(file, "its owner and mode cannot be kept: " + error_text(errno));
  if (before) {
    const auto now = Source::read(target, before->size() + kByteOrderMark.size());
    if (!now || now->octets() != *before)
      return failed(file, "another has changed it since it was read; try again");
  }
  if (!temporary.keep_as(target, !is_there))
    return failed(file, error_text(errno));
  if (!sync(directory))
    return tl::unexpected("wrote " + quote(file.native()) +
                          ", but its directory may not be on the disk: " + error_text(errno));
  return {};
}

} // namespace

Written replace_file(const fs::path &file, std::string_view text,
                     std::optional<std::string_view> before) {
  return put(file, text, before, false);
}

Written create_file(const fs::path &file, std::string_view text) {
  return put(file, text, std::nullopt, true);
}

} // namespace mxw
