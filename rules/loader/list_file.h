// Lists of names: one a line, or the first column of a CSV.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "loader/source.h"

namespace mxw {

/// Calls `visit(entry)` with the text of each entry of `list` and its place, in order, until one
/// returns false. A comment (#), blanks and quotes around a name are none of it; what has other
/// columns and an empty first one is an entry without text.
template <class Visit> void for_each_list_entry(const Source &list, Visit &&visit) {
  std::size_t line = 0;
  for (std::string_view rest = list.text(); !rest.empty();) {
    ++line;
    const std::size_t end = rest.find('\n');
    const std::string_view whole = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    std::string_view field = whole.substr(0, whole.find_first_of(",;#"));
    constexpr std::string_view kAround = " \t\r\"";
    const std::size_t first = field.find_first_not_of(kAround);
    const bool is_empty = first == std::string_view::npos;
    if (is_empty && (field.size() == whole.size() || whole[field.size()] == '#'))
      continue; // nothing, or a comment: there is no other column
    if (!is_empty)
      field = field.substr(first, field.find_last_not_of(kAround) - first + 1);
    if (!visit(Text{std::string(is_empty ? "" : field), {line, is_empty ? 1 : first + 1}}))
      return;
  }
}

} // namespace mxw
