// A file of rules or names as text, and findings about places in it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.h"
#include "core/result.h"

namespace mxw {

/// A place in a file: line and column from 1, the column in code points. Line 0: the whole file.
struct Position {
  std::size_t line = 0;
  std::size_t column = 0;
};

class Source {
public:
  /// Reads all of `file`. Fails with MXW001 where it cannot be read, is no regular file, or is
  /// larger than `max_bytes`. A byte order mark is left out. Blocks on the disk only.
  static Result<Source> read(const std::filesystem::path &file, std::size_t max_bytes);

  Source(std::filesystem::path file, std::string text);

  [[nodiscard]] const std::filesystem::path &file() const noexcept { return file_; }
  [[nodiscard]] const std::string &text() const noexcept { return text_; }
  /// Line `n` from 1 without its end, or an empty one.
  [[nodiscard]] std::string_view line(std::size_t n) const noexcept;

  /// Returns a finding about a place in this file.
  [[nodiscard]] Diagnostic finding(Severity severity, std::string_view code, Position position,
                                   std::string message, std::string help) const;

private:
  std::filesystem::path file_;
  std::string text_;
  std::vector<std::size_t> line_starts_;
};

} // namespace mxw
