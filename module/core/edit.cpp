#include "core/edit.h"

#include <algorithm>
#include <vector>

namespace mxw {
namespace {

/// `longer` is `shorter` with one octet more, at `at`.
Technique name_of_extra(std::string_view longer, std::size_t at) noexcept {
  const char extra = longer[at];
  if (extra == '-')
    return Technique::hyphenation;
  // The first place where the two differ is behind a run of equal letters, so look to the left.
  if (at > 0 && longer[at - 1] == extra)
    return Technique::repetition;
  return at + 1 == longer.size() ? Technique::addition : Technique::insertion;
}

} // namespace

std::optional<Technique> single_edit(std::string_view typed, std::string_view intended) noexcept {
  const auto differ = std::mismatch(typed.begin(), typed.end(), intended.begin(), intended.end());
  const auto at = static_cast<std::size_t>(differ.first - typed.begin());
  const std::string_view typed_rest = typed.substr(at);
  const std::string_view intended_rest = intended.substr(at);

  if (typed.size() == intended.size() + 1) {
    if (typed_rest.substr(1) == intended_rest)
      return name_of_extra(typed, at);
    return std::nullopt;
  }
  if (typed.size() + 1 == intended.size()) {
    if (intended_rest.substr(1) != typed_rest)
      return std::nullopt;
    return intended[at] == '-' ? Technique::hyphenation : Technique::omission;
  }
  if (typed.size() != intended.size() || typed_rest.empty())
    return std::nullopt;
  if (typed_rest.substr(1) == intended_rest.substr(1))
    return Technique::replacement;
  if (typed_rest.size() > 1 && typed_rest[0] == intended_rest[1] &&
      typed_rest[1] == intended_rest[0] && typed_rest.substr(2) == intended_rest.substr(2))
    return Technique::transposition;
  return std::nullopt;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the table; rows[1] is the one before the current.
  std::vector<std::vector<std::size_t>> rows(3, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t j = 0; j <= b.size(); ++j)
    rows[2][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::rotate(rows.begin(), rows.begin() + 1, rows.end());
    const auto &before_last = rows[0];
    const auto &last = rows[1];
    auto &row = rows[2];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return rows[2][b.size()];
}

} // namespace mxw
