// Made names for the benchmarks: protected ones, and questions of each kind. The same in each run.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/name_list.h"
#include "core/policy.h"

namespace mxw::bench {

constexpr std::uint64_t kSeed = 4711;

/// `n` names of two labels, the first one of 8 to 14 letters. At a million some 50 come twice.
NameList protected_names(std::size_t n);

/// Whether labels are matched at a distance of 2 too.
enum class Edits : std::uint8_t { one, two_from_7 };

IndexOptions options_of(Edits edits);
/// One rule for the first `n` protected names, with the public suffix list and common slips.
PolicySpec spec_of(std::size_t n, Edits edits);

enum class Kind : std::uint8_t {
  miss_two_labels,   ///< nothing, under the suffixes that protected names have
  miss_three_labels, ///< the same with a host before it
  miss_elsewhere,    ///< under suffixes that no protected name has
  protected_name,    ///< a protected name, or one below it
  one_edit,          ///< an omission, transposition, replacement or insertion
  slip,              ///< the suffix mistyped
  dots,              ///< www put before it without a dot, or a hyphen for the last dot
  other_suffix,      ///< another suffix, or one more
  idn_miss,          ///< A-labels that look like nothing protected
  idn_hit,           ///< A-labels that do
};
inline constexpr std::array<Kind, 10> kKinds = {Kind::miss_two_labels,
                                                Kind::miss_three_labels,
                                                Kind::miss_elsewhere,
                                                Kind::protected_name,
                                                Kind::one_edit,
                                                Kind::slip,
                                                Kind::dots,
                                                Kind::other_suffix,
                                                Kind::idn_miss,
                                                Kind::idn_hit};
std::string_view to_string(Kind kind) noexcept;

/// Names in wire form, packed.
class Questions {
public:
  void add(std::span<const std::uint8_t> wire) {
    octets_.insert(octets_.end(), wire.begin(), wire.end());
    ends_.push_back(octets_.size());
  }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::span<const std::uint8_t> wire(std::size_t i) const noexcept {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::span(octets_).subspan(begin, ends_[i] - begin);
  }

private:
  std::vector<std::uint8_t> octets_;
  std::vector<std::size_t> ends_;
};

/// `count` names of `kind` for the policy of `n` protected names, each of which it decides about as
/// about that kind: what is a look-alike by chance is left out of the misses. Throws
/// std::runtime_error if there are not so many.
Questions questions_of(Kind kind, const Policy &policy, std::size_t n, std::size_t count);

} // namespace mxw::bench
