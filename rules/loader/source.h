// A file of rules or names as text, and findings about places in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.h"
#include "core/result.h"

namespace mxw {

/// What some editors put before the text of a file; it is no part of it.
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// A place in a file: line and column from 1, the column in code points. Line 0: the whole file.
struct Position {
  std::size_t line = 0;
  std::size_t column = 0;
};

/// A string with its place.
struct Text {
  std::string value;
  Position at;
};

class Source {
public:
  /// Reads all of `file`. Fails with MXW001 where it cannot be read, is no regular file, is larger
  /// than `max_bytes`, or is written meanwhile. A byte order mark is left out. Blocks on the disk
  /// only.
  static Result<Source> read(const std::filesystem::path &file, std::size_t max_bytes);

  /// A text from elsewhere, which is or will be that of `file`. A byte order mark is left out.
  Source(std::filesystem::path file, std::string text);

  [[nodiscard]] const std::filesystem::path &file() const noexcept { return file_; }
  [[nodiscard]] const std::string &text() const noexcept { return text_; }
  /// Everything that the file has: the text, and the byte order mark if there is one.
  [[nodiscard]] std::string octets() const {
    return (has_mark_ ? std::string(kByteOrderMark) : std::string()) + text_;
  }
  /// True if every user of the system may write to the file.
  [[nodiscard]] bool is_open_to_all() const noexcept { return is_open_to_all_; }
  /// Line `n` from 1 without its end, or an empty one.
  [[nodiscard]] std::string_view line(std::size_t n) const noexcept;

  /// Returns a finding about a place in this file. Of a long line it holds what is around the
  /// place, so that its size does not depend on the file.
  [[nodiscard]] Diagnostic finding(Severity severity, std::string_view code, Position position,
                                   std::string message, std::string help) const;

private:
  std::filesystem::path file_;
  std::string text_;
  std::vector<std::uint32_t> line_starts_; // files have less than 4 GB
  bool has_mark_ = false;
  bool is_open_to_all_ = false;
};

/// Collects the findings of all files: no more than somebody may want to read, since a file that is
/// something else altogether would give one for each of its octets.
class Findings {
public:
  static constexpr std::size_t kMax = 200;

  void error(const Source &source, std::string_view code, Position at, std::string message,
             std::string help);
  void warning(const Source &source, std::string_view code, Position at, std::string message,
               std::string help);
  /// Adds a finding that is about no place in a file that was read.
  void add(Diagnostic finding);

  [[nodiscard]] bool has_error() const noexcept { return has_error_; }
  /// Counts a finding, and returns false if it will not be kept: for those that take long to write.
  bool has_room(Severity severity) noexcept;
  /// Returns them by file, line and column; at the end MXW009 where there were more than kMax.
  [[nodiscard]] std::vector<Diagnostic> sorted() &&;

private:
  std::vector<Diagnostic> all_;
  bool has_error_ = false;
  bool dropped_ = false;
};

/// By file, line and column; what stands at one place keeps its order.
void sort_by_place(std::vector<Diagnostic> &findings);

/// Returns `text` in quotes for a message; a long one without its end.
std::string quote(std::string_view text);

} // namespace mxw
