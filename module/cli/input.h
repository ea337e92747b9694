// The lines of a file that others write into, compressed or not, in memory that does not grow with
// it; and how far a command has come with such files.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

struct gzFile_s; // zlib's

namespace mxw::cli {

/// The octets of a file, decompressed if they are gzip's. Moves with its owner; one thread.
class Input {
public:
  /// Longer lines are none of a log, and are skipped without being kept.
  static constexpr std::size_t kMaxLineBytes = std::size_t{64} * 1024;

  /// Opens `file`, "-" being standard input; or says why not, in lower case. A FIFO is waited for.
  static tl::expected<std::unique_ptr<Input>, std::string> open(const std::filesystem::path &file);
  Input(const Input &) = delete;
  Input &operator=(const Input &) = delete;
  ~Input();

  /// Returns the next line without its end, an empty one for a line that is too long, which
  /// `too_long` tells, or nullopt at the end. Valid until the next call of this object.
  std::optional<std::string_view> next_line(bool &too_long);
  /// Copies at most `size` octets and returns how many; 0 at the end.
  std::size_t read(char *to, std::size_t size);
  /// True if the file begins as a packet capture does. Before anything was read.
  bool is_capture();

  /// Why reading ended before the end of the file, in lower case; empty if it did not.
  [[nodiscard]] const std::string &error() const noexcept { return error_; }
  /// How many octets of the file, as it is on the disk, are behind us.
  [[nodiscard]] std::uint64_t bytes_done() const;
  /// The size of a regular file, else 0.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
  Input(gzFile_s *file, std::uint64_t bytes) : file_(file), bytes_(bytes), buffer_(kBufferBytes) {}
  static constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;
  static_assert(kMaxLineBytes < kBufferBytes);
  bool fill();

  gzFile_s *file_;
  std::uint64_t bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0; // of what was not yet taken
  std::size_t end_ = 0;
  bool ended_ = false;
  std::string error_;
};

/// The share of the files that is behind us, on a terminal.
class Progress {
public:
  explicit Progress(const std::vector<std::filesystem::path> &files);
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;
  ~Progress();

  /// `lines` counts those of all files.
  void show(const Input &input, std::uint64_t lines);
  void finish(const Input &input) { done_ += input.bytes(); }

private:
  bool is_shown_ = false;
  bool is_drawn_ = false;
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
  std::chrono::steady_clock::time_point last_ = {};
};

} // namespace mxw::cli
