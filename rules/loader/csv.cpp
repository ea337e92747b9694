#include "loader/csv.h"

#include <algorithm>

namespace mxw {

void CsvReader::read_field(std::string &field) {
  if (rest_.starts_with('"')) {
    rest_.remove_prefix(1);
    for (;;) {
      const std::size_t quote = rest_.find('"');
      const std::string_view part = rest_.substr(0, quote);
      next_line_ += static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
      field += part;
      if (quote == std::string_view::npos) {
        rest_ = {};
        cut_off_ = true;
        return;
      }
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"'))
        break;
      field += '"'; // two of them stand for one
      rest_.remove_prefix(1);
    }
  }
  const std::size_t end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
  field += rest_.substr(0, end);
  rest_.remove_prefix(end);
}

bool CsvReader::next(std::vector<std::string> &fields) {
  fields.clear();
  if (rest_.empty())
    return false;
  line_ = next_line_;
  for (;;) {
    read_field(fields.emplace_back());
    if (cut_off_)
      return false;
    if (!rest_.starts_with(','))
      break;
    rest_.remove_prefix(1);
  }
  if (!rest_.empty()) {
    rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
    ++next_line_;
  }
  return true;
}

} // namespace mxw
