#include "core/edit.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace mxw {
namespace {

/// What `longer` is, which is `shorter` with one octet more, at `at`.
Techniques of_extra(std::string_view longer, std::size_t at) noexcept {
  Techniques found = {};
  const char extra = longer[at];
  const bool at_end = at + 1 == longer.size();
  if (extra == '-')
    found.add(Technique::hyphenation);
  // The first place where the two differ is behind a run of equal letters, so look to the left.
  else if (at > 0 && longer[at - 1] == extra)
    found.add(Technique::repetition);
  else
    found.add(at_end ? Technique::addition : Technique::insertion);
  if (at_end && extra == 's')
    found.add(Technique::plural);
  return found;
}

bool is_among(std::string_view set, char a, char b) noexcept {
  return set.find(a) != std::string_view::npos && set.find(b) != std::string_view::npos;
}

Techniques of_replaced(char typed, char intended) noexcept {
  Techniques found = {};
  found.add(Technique::replacement);
  if (is_among("aeiou", typed, intended))
    found.add(Technique::vowel_swap);
  if (is_among("1il", typed, intended) || is_among("0o", typed, intended))
    found.add(Technique::homoglyph);
  if (std::has_single_bit(static_cast<std::uint8_t>(typed ^ intended)))
    found.add(Technique::bitsquatting);
  return found;
}

} // namespace

std::size_t first_difference(std::string_view typed, std::string_view intended) noexcept {
  const auto differ = std::mismatch(typed.begin(), typed.end(), intended.begin(), intended.end());
  return static_cast<std::size_t>(differ.first - typed.begin());
}

Techniques single_edit(std::string_view typed, std::string_view intended) noexcept {
  const std::size_t at = first_difference(typed, intended);
  const std::string_view typed_rest = typed.substr(at);
  const std::string_view intended_rest = intended.substr(at);
  Techniques found = {};

  if (typed.size() == intended.size() + 1) {
    if (typed_rest.substr(1) == intended_rest)
      return of_extra(typed, at);
  } else if (typed.size() + 1 == intended.size()) {
    if (intended_rest.substr(1) == typed_rest)
      found.add(intended[at] == '-' ? Technique::hyphenation : Technique::omission);
  } else if (typed.size() == intended.size() && !typed_rest.empty()) {
    if (typed_rest.substr(1) == intended_rest.substr(1))
      return of_replaced(typed[at], intended[at]);
    if (typed_rest.size() > 1 && typed_rest[0] == intended_rest[1] &&
        typed_rest[1] == intended_rest[0] && typed_rest.substr(2) == intended_rest.substr(2))
      found.add(Technique::transposition);
  }
  return found;
}

std::size_t label_distance(std::string_view typed, std::string_view intended) noexcept {
  if (intended.empty())
    return typed.size();
  const auto octet = [](char c) { return static_cast<std::uint8_t>(c); };
  std::array<std::uint64_t, 256> where; // NOLINT(*-member-init): what is read is set before
  for (const char c : typed)
    where[octet(c)] = 0;
  for (const char c : intended)
    where[octet(c)] = 0;
  for (std::size_t i = 0; i < intended.size(); ++i)
    where[octet(intended[i])] |= std::uint64_t{1} << i;
  const std::uint64_t last = std::uint64_t{1} << (intended.size() - 1);
  std::uint64_t up = ~std::uint64_t{0}; // where a cell is one more than the one above it
  std::uint64_t down = 0;               // one less
  std::uint64_t diagonal = 0;           // equal to the one above and to the left of it
  std::uint64_t where_before = 0;
  std::size_t distance = intended.size();
  for (const char c : typed) {
    const std::uint64_t same = where[octet(c)];
    const std::uint64_t swapped = ((~diagonal & same) << 1U) & where_before;
    diagonal = (((same & up) + up) ^ up) | same | down | swapped;
    const std::uint64_t right_up = down | ~(diagonal | up);
    const std::uint64_t right_down = diagonal & up;
    distance += (right_up & last) != 0 ? 1U : 0U;
    distance -= (right_down & last) != 0 ? 1U : 0U;
    const std::uint64_t shifted_up = right_up << 1U | 1U;
    const std::uint64_t shifted_down = right_down << 1U;
    up = shifted_down | ~(diagonal | shifted_up);
    down = shifted_up & diagonal;
    where_before = same;
  }
  return distance;
}

bool is_double_replacement(std::string_view typed, std::string_view intended) noexcept {
  if (typed.size() != intended.size())
    return false;
  const std::size_t at = first_difference(typed, intended);
  return at + 1 < typed.size() && typed[at] == typed[at + 1] && intended[at] == intended[at + 1] &&
         typed.substr(at + 2) == intended.substr(at + 2);
}

bool is_plural_in_es(std::string_view typed, std::string_view intended) noexcept {
  if (typed.size() != intended.size() + 2)
    return false;
  for (std::size_t at = 1; at <= intended.size(); ++at)
    if (typed.substr(at, 2) == "es" &&
        std::string_view("sxz").find(intended[at - 1]) != std::string_view::npos &&
        typed.substr(0, at) == intended.substr(0, at) &&
        typed.substr(at + 2) == intended.substr(at))
      return true;
  return false;
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
