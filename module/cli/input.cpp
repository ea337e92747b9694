#include "cli/input.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

namespace mxw::cli {
namespace {

constexpr std::size_t kBarWidth = 40;

std::string reason(int error) { return std::generic_category().message(error); }

} // namespace

tl::expected<std::unique_ptr<Input>, std::string> Input::open(const std::filesystem::path &file) {
  const int fd = file == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                             : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return tl::unexpected(reason(errno));
  struct stat status = {};
  const bool is_known = fstat(fd, &status) == 0;
  gzFile_s *stream = is_known && !S_ISDIR(status.st_mode) ? gzdopen(fd, "rb") : nullptr;
  if (stream == nullptr) {
    close(fd);
    return tl::unexpected(reason(is_known && S_ISDIR(status.st_mode) ? EISDIR : errno));
  }
  gzbuffer(stream, kBufferBytes);
  const bool has_size = S_ISREG(status.st_mode);
  return std::unique_ptr<Input>(
      new Input(stream, has_size ? static_cast<std::uint64_t>(status.st_size) : 0));
}

Input::~Input() { gzclose(file_); }

bool Input::fill() {
  if (ended_)
    return false;
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const auto room = static_cast<unsigned>(buffer_.size() - end_);
  errno = 0;
  const int got = gzread(file_, buffer_.data() + end_, room);
  if (got > 0)
    end_ += static_cast<std::size_t>(got);
  if (got < static_cast<int>(room)) {
    ended_ = true;
    int code = Z_OK;
    gzerror(file_, &code);
    if (code == Z_ERRNO)
      error_ = reason(errno);
    else if (code == Z_BUF_ERROR)
      error_ = "the compressed file is cut off";
    else if (code != Z_OK && code != Z_STREAM_END)
      error_ = "the compressed file is damaged";
  }
  return got > 0;
}

std::optional<std::string_view> Input::next_line(bool &too_long) {
  too_long = false;
  for (std::size_t searched = 0;;) {
    const char *begin = buffer_.data() + begin_;
    const std::size_t size = end_ - begin_;
    const void *found =
        size > searched ? std::memchr(begin + searched, '\n', size - searched) : nullptr;
    if (found != nullptr) {
      const auto line_bytes = static_cast<std::size_t>(static_cast<const char *>(found) - begin);
      begin_ += line_bytes + 1;
      too_long = too_long || line_bytes > kMaxLineBytes;
      return too_long ? std::string_view() : std::string_view(begin, line_bytes);
    }
    if (size > kMaxLineBytes) { // its end may be far
      too_long = true;
      begin_ = end_;
    }
    searched = end_ - begin_;
    if (fill())
      continue;
    if (begin_ == end_ && !too_long)
      return std::nullopt;
    const std::string_view last(buffer_.data() + begin_, end_ - begin_);
    begin_ = end_;
    return too_long ? std::string_view() : last;
  }
}

std::size_t Input::read(char *to, std::size_t size) {
  if (begin_ == end_ && !fill())
    return 0;
  const std::size_t got = std::min(size, end_ - begin_);
  std::memcpy(to, buffer_.data() + begin_, got);
  begin_ += got;
  return got;
}

bool Input::is_capture() {
  fill();
  constexpr std::string_view magics[] = {
      "\xa1\xb2\xc3\xd4", "\xd4\xc3\xb2\xa1",                     // microseconds
      "\xa1\xb2\x3c\x4d", "\x4d\x3c\xb2\xa1", "\x0a\x0d\x0d\x0a", // nanoseconds; pcapng
  };
  const std::string_view text(buffer_.data() + begin_, end_ - begin_);
  return std::any_of(std::begin(magics), std::end(magics),
                     [&](std::string_view magic) { return text.starts_with(magic); });
}

std::uint64_t Input::bytes_done() const {
  const z_off_t done = gzoffset(file_);
  return done < 0 ? 0 : static_cast<std::uint64_t>(done);
}

Progress::Progress(const std::vector<std::filesystem::path> &files) {
  const char *terminal = std::getenv("TERM"); // NOLINT(concurrency-mt-unsafe): there is one thread
  is_shown_ =
      isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
  for (const auto &file : files) {
    std::error_code none;
    const auto bytes = std::filesystem::file_size(file, none);
    total_ += none ? 0 : bytes;
  }
}

Progress::~Progress() {
  if (is_drawn_)
    std::cerr << '\r' << std::string(kBarWidth + 30, ' ') << '\r' << std::flush;
}

void Progress::show(const Input &input, std::uint64_t lines) {
  constexpr std::uint64_t kEvery = 1U << 15U;
  if (!is_shown_ || lines % kEvery != 0)
    return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(200))
    return;
  last_ = now;
  is_drawn_ = true;
  std::cerr << '\r';
  if (total_ > 0) {
    const double share = std::min(1.0, static_cast<double>(done_ + input.bytes_done()) /
                                           static_cast<double>(total_));
    const auto filled = static_cast<std::size_t>(share * kBarWidth);
    std::cerr << '[' << std::string(filled, '#') << std::string(kBarWidth - filled, '.') << "] "
              << static_cast<int>(share * 100) << " % ";
  }
  std::cerr << lines << " lines" << std::flush;
}

} // namespace mxw::cli
