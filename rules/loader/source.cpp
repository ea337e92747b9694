#include "loader/source.h"

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/posix.h"

namespace mxw {
namespace {

Diagnostic unreadable(const std::filesystem::path &file, const std::string &why, std::string help) {
  Diagnostic d;
  d.code = "MXW001";
  d.file = file;
  d.message = "cannot read " + quote(file.native()) + ": " + why;
  d.help = std::move(help);
  return d;
}

/// False if the file was written between the two, as far as its time tells (inode(7)). That of its
/// status changes as well where another file takes its name, which is no harm.
bool is_unchanged(const struct stat &before, const struct stat &after) noexcept {
  const auto facts = [](const struct stat &s) {
    return std::tuple(s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
  };
  return facts(before) == facts(after);
}

/// Where the code point behind the one at `at` begins.
std::size_t next_point(std::string_view text, std::size_t at) noexcept {
  const std::size_t most = std::min(at + 4, text.size());
  do
    ++at;
  while (at < most && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80);
  return at;
}

/// Puts what is shown of `line` into `d`: all of it, or what is around the column that is meant.
void show(std::string_view line, Diagnostic &d) {
  constexpr std::size_t kShownColumns = 120;
  constexpr std::size_t kMaxColumn = 10'000; // farther right nobody counts columns, nor do we
  if (d.column == 0 || d.column > kMaxColumn)
    return;
  const std::size_t skipped = d.column > kShownColumns ? d.column - kShownColumns / 2 : 0;
  std::size_t begin = 0;
  for (std::size_t points = 0; points < skipped && begin < line.size(); ++points)
    begin = next_point(line, begin);
  std::size_t end = begin;
  for (std::size_t points = 0; points < kShownColumns && end < line.size(); ++points)
    end = next_point(line, end);
  d.source_line = (skipped == 0 ? "" : "…") + std::string(line.substr(begin, end - begin)) +
                  (end == line.size() ? "" : "…");
  d.caret = d.column - skipped + (skipped == 0 ? 0 : 1);
}

} // namespace

Result<Source> Source::read(const std::filesystem::path &file, std::size_t max_bytes) {
  if (file.native().find('\0') != std::string::npos) // open() would take what stands before it
    return tl::unexpected(unreadable(file, "its name has a NUL octet", "write the name of a file"));
  const auto failed = [&](int error) {
    return tl::unexpected(unreadable(
        file, error_text(error),
        "it must exist and be readable by the user that the resolver runs as, inside its chroot"));
  };
  // Without O_NONBLOCK a FIFO would hold us until somebody writes to it.
  const Descriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status = {};
  if (fd.get() < 0 || fstat(fd.get(), &status) != 0)
    return failed(errno);
  if (!S_ISREG(status.st_mode))
    return tl::unexpected(
        unreadable(file, "it is not a regular file",
                   "name a regular file; rule files of a directory: 'rules.d/*.toml'"));
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
  struct stat after = {};
  if (fstat(fd.get(), &after) != 0)
    return failed(errno);
  if (!is_unchanged(status, after))
    return tl::unexpected(unreadable(file, "it changed while it was read",
                                     "write another file and rename it, which is one step"));
  text.resize(used);
  Source source(file, std::move(text));
  source.is_open_to_all_ = (status.st_mode & S_IWOTH) != 0;
  return source;
}

Source::Source(std::filesystem::path file, std::string text)
    : file_(std::move(file)), text_(std::move(text)), has_mark_(text_.starts_with(kByteOrderMark)) {
  if (has_mark_)
    text_.erase(0, kByteOrderMark.size());
  line_starts_.reserve(1U + static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n')));
  line_starts_.push_back(0);
  for (std::size_t at = text_.find('\n'); at != std::string::npos; at = text_.find('\n', at + 1))
    line_starts_.push_back(static_cast<std::uint32_t>(at + 1));
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
  show(line(position.line), d);
  return d;
}

bool Findings::has_room(Severity severity) noexcept {
  has_error_ = has_error_ || severity == Severity::error;
  dropped_ = dropped_ || all_.size() == kMax;
  return all_.size() < kMax;
}

void Findings::add(Diagnostic finding) {
  if (has_room(finding.severity))
    all_.push_back(std::move(finding));
}

void Findings::error(const Source &source, std::string_view code, Position at, std::string message,
                     std::string help) {
  if (has_room(Severity::error))
    all_.push_back(source.finding(Severity::error, code, at, std::move(message), std::move(help)));
}

void Findings::warning(const Source &source, std::string_view code, Position at,
                       std::string message, std::string help) {
  if (has_room(Severity::warning))
    all_.push_back(
        source.finding(Severity::warning, code, at, std::move(message), std::move(help)));
}

void sort_by_place(std::vector<Diagnostic> &findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Diagnostic &a, const Diagnostic &b) {
    return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
  });
}

std::vector<Diagnostic> Findings::sorted() && {
  sort_by_place(all_);
  const auto is_same = [](const Diagnostic &a, const Diagnostic &b) {
    return std::tie(a.file, a.line, a.column, a.code, a.message, a.help) ==
           std::tie(b.file, b.line, b.column, b.code, b.message, b.help);
  };
  all_.erase(std::unique(all_.begin(), all_.end(), is_same), all_.end()); // two rules, one default
  if (dropped_) {
    Diagnostic d;
    d.severity = has_error_ ? Severity::error : Severity::warning;
    d.code = "MXW009";
    d.file = all_.back().file;
    d.message = "more than " + std::to_string(kMax) + " findings; the rest is not shown";
    d.help = "mend these first and check again";
    all_.push_back(std::move(d));
  }
  return std::move(all_);
}

std::string quote(std::string_view text) {
  constexpr std::size_t kMaxQuotedPoints = 80;
  std::size_t end = 0;
  for (std::size_t points = 0; points < kMaxQuotedPoints && end < text.size(); ++points)
    end = next_point(text, end);
  return "'" + std::string(text.substr(0, end)) + (end < text.size() ? "…'" : "'");
}

} // namespace mxw
