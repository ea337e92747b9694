#include "loader/source.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mxw {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

class Descriptor {
public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() {
    if (fd_ >= 0)
      close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

private:
  int fd_;
};

Diagnostic unreadable(const std::filesystem::path &file, const std::string &why, std::string help) {
  Diagnostic d;
  d.code = "MXW001";
  d.file = file;
  d.message = "cannot read this file: " + why;
  d.help = std::move(help);
  return d;
}

} // namespace

Result<Source> Source::read(const std::filesystem::path &file, std::size_t max_bytes) {
  const auto failed = [&](int error) {
    return tl::unexpected(unreadable(
        file, std::strerror(error), // NOLINT(concurrency-mt-unsafe): glibc's is safe
        "it must exist and be readable by the user that the resolver runs as, inside its chroot"));
  };
  // Without O_NONBLOCK a FIFO would hold us until somebody writes to it.
  const Descriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status = {};
  if (fd.get() < 0 || fstat(fd.get(), &status) != 0)
    return failed(errno);
  if (!S_ISREG(status.st_mode))
    return tl::unexpected(
        unreadable(file, "it is not a regular file",
                   "name a file, or its files by a pattern such as 'rules.d/*.toml'"));
  const auto too_large = [&] {
    return tl::unexpected(unreadable(
        file, "it has more than " + std::to_string(max_bytes >> 20U) + " MiB", "split it up"));
  };
  std::string text;
  if (static_cast<std::size_t>(status.st_size) > max_bytes)
    return too_large();
  // One octet more than it says, so that a file that grows meanwhile is noticed.
  text.resize(static_cast<std::size_t>(status.st_size) + 1);
  std::size_t used = 0;
  for (;;) {
    const ssize_t got = ::read(fd.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return failed(errno);
    if (got == 0)
      break;
    used += static_cast<std::size_t>(got);
    if (used > max_bytes)
      return too_large();
    if (used == text.size())
      text.resize(2 * text.size());
  }
  text.resize(used);
  if (text.starts_with(kByteOrderMark))
    text.erase(0, kByteOrderMark.size());
  return Source(file, std::move(text));
}

Source::Source(std::filesystem::path file, std::string text)
    : file_(std::move(file)), text_(std::move(text)), line_starts_{0} {
  for (std::size_t at = text_.find('\n'); at != std::string::npos; at = text_.find('\n', at + 1))
    line_starts_.push_back(at + 1);
}

std::string_view Source::line(std::size_t n) const noexcept {
  if (n == 0 || n > line_starts_.size())
    return {};
  const std::size_t start = line_starts_[n - 1];
  const std::size_t end = n < line_starts_.size() ? line_starts_[n] - 1 : text_.size();
  std::string_view line = std::string_view(text_).substr(start, end - start);
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  return line;
}

Diagnostic Source::finding(Severity severity, std::string_view code, Position position,
                           std::string message, std::string help) const {
  Diagnostic d;
  d.severity = severity;
  d.code = code;
  d.message = std::move(message);
  d.help = std::move(help);
  d.file = file_;
  d.line = position.line;
  d.column = position.column;
  d.source_line = line(position.line);
  return d;
}

} // namespace mxw
