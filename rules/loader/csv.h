// CSV as registries publish it. Source: RFC 4180.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mxw {

/// Takes a text apart, a record after the other.
class CsvReader {
public:
  /// `text` must outlive the reader.
  explicit CsvReader(std::string_view text) : rest_(text) {}

  /// Makes `fields` those of the next record and returns true; false at the end, or where a quoted
  /// field never ends. Lines end with LF, CR or both; an empty one is a record with one empty
  /// field. What stands after a closing quote belongs to the field, as most programs have it.
  bool next(std::vector<std::string> &fields);

  /// The line, from 1, where the last record began.
  [[nodiscard]] std::size_t line() const noexcept { return line_; }
  /// True if the text ended inside of a quoted field, in the record that begins at line().
  [[nodiscard]] bool is_cut_off() const noexcept { return cut_off_; }

private:
  void read_field(std::string &field);

  std::string_view rest_;
  std::size_t line_ = 0;
  std::size_t next_line_ = 1;
  bool cut_off_ = false;
};

} // namespace mxw
