#include "reference/reference.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "core/fold.h"

namespace mxw::test {

namespace {

/// Some neighbouring labels of a name.
using View = std::span<const std::string>;

bool equal(View a, View b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

/// The labels with `glue` between them.
std::string glued(View labels, std::string_view glue) {
  std::string text;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (i != 0)
      text += glue;
    text += labels[i];
  }
  return text;
}

std::size_t octets(View labels) { return glued(labels, "").size(); }

/// Where `a` and `b` differ; their sizes are equal.
template <class Sequence>
std::vector<std::size_t> differences(const Sequence &a, const Sequence &b) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i])
      places.push_back(i);
  return places;
}

bool is_any_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

bool is_digits(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Distance ---------------------------------------------------------------------------------------

/// Optimal string alignment over octets, by the whole matrix.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min(
          {d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

// Folds ------------------------------------------------------------------------------------------

/// One pass from the left; what was read is not read again.
std::string read_as_ascii(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> readings = {
      {{"rn", 'm'}, {"vv", 'w'}, {"cl", 'd'}, {"0", 'o'}, {"1", 'l'}}};
  std::string read;
  while (!text.empty()) {
    const auto found = std::find_if(readings.begin(), readings.end(), [&](const auto &reading) {
      return text.starts_with(reading.first);
    });
    read += found == readings.end() ? text[0] : found->second;
    text.remove_prefix(found == readings.end() ? 1 : found->first.size());
  }
  return read;
}

/// With no pair `nn` or `rr` read as m, or one, or all.
bool is_read_as(std::string_view typed, std::string_view meant) {
  if (read_as_ascii(typed) == read_as_ascii(meant))
    return true;
  const auto is_pair_at = [&](std::size_t i) {
    return typed.substr(i).starts_with("nn") || typed.substr(i).starts_with("rr");
  };
  for (std::size_t i = 0; i < typed.size(); ++i)
    if (is_pair_at(i) &&
        read_as_ascii(std::string(typed).replace(i, 2, "m")) == read_as_ascii(meant))
      return true;
  std::string all;
  while (!typed.empty()) {
    const bool is_pair = is_pair_at(0);
    all += is_pair ? 'm' : typed[0];
    typed.remove_prefix(is_pair ? 2 : 1);
  }
  return read_as_ascii(all) == read_as_ascii(meant);
}

bool is_a_label(std::string_view label) { return label.starts_with("xn--"); }

/// What a label stands for; nullopt for an A-label that stands for nothing.
std::optional<std::string> meaning(std::string_view label) {
  if (!is_a_label(label))
    return std::string(label);
  std::array<char, Name::kMaxLabelBytes> out{};
  const std::optional<std::size_t> size = fold_idn(label, out);
  if (!size)
    return std::nullopt;
  return std::string(out.data(), *size);
}

// One protected name against one tail of a query -----------------------------------------------

/// The labels of a query, and which of its tails are public suffixes, by their number of labels.
struct Query {
  Labels labels;
  std::vector<bool> public_tails;
};

/// A way in which the end of the tail is a slip for the end of the protected name.
struct SlipReading {
  std::size_t head;  ///< how many labels stand before it, in both
  bool whole_suffix; ///< it is for the public suffix, no more and no less
  bool has_junk;     ///< `comque` for `com`
  bool lacks_dots_only;
};

class Comparison {
public:
  Comparison(const Query &query, std::size_t apex_labels, const Reference::Protected &meant,
             const ReferenceGroup &group)
      : query_(query), group_(group), typed_(View(query.labels).last(apex_labels)),
        meant_(meant.labels), body_(View(meant.labels).first(meant.body)),
        suffix_(View(meant.labels).subspan(meant.body)) {}

  Techniques run() {
    if (equal(typed_, meant_))
      return {};
    compare_one_label();
    compare_slips();
    compare_joined();
    compare_glued();
    compare_split();
    compare_suffixes();
    compare_words();
    return found_;
  }

private:
  /// `size` is what the floor of the technique is compared with.
  void add(Technique technique, std::size_t size) {
    const auto at = static_cast<std::size_t>(technique);
    if (group_.on[at] && size >= group_.min_label[at])
      found_.add(technique);
  }

  [[nodiscard]] bool is_public_tail(std::size_t labels) const {
    return query_.public_tails[labels];
  }

  [[nodiscard]] std::size_t longest_body_label() const {
    std::size_t longest = 0;
    for (const std::string &label : body_)
      longest = std::max(longest, label.size());
    return longest;
  }

  // One label of the body differs -------------------------------------------------------------

  void compare_one_label() {
    if (typed_.size() != meant_.size())
      return;
    const auto places = differences(typed_, meant_);
    if (places.size() != 1 || places[0] >= body_.size())
      return;
    const std::string &typed = typed_[places[0]];
    const std::string &meant = meant_[places[0]];
    if (is_a_label(typed) || is_a_label(meant)) {
      compare_idn(typed, meant);
      return;
    }
    if (typed.size() + 1 == meant.size())
      compare_one_fewer(typed, meant);
    if (typed.size() == meant.size() + 1)
      compare_one_more(typed, meant);
    if (typed.size() == meant.size())
      compare_same_size(typed, meant);
    if (is_read_as(typed, meant))
      add(Technique::homoglyph, meant.size());
    if (typed == meant + 's')
      add(Technique::plural, meant.size());
    for (std::size_t i = 0; i < meant.size(); ++i)
      if (is_any_of(meant[i], "sxz") && typed == std::string(meant).insert(i + 1, "es"))
        add(Technique::plural, meant.size());
    if (distance(typed, meant) == 2)
      add(Technique::two_edits, meant.size());
  }

  void compare_idn(const std::string &typed, const std::string &meant) {
    const auto typed_meaning = meaning(typed);
    const auto meant_meaning = meaning(meant);
    if (!typed_meaning || !meant_meaning)
      return;
    std::size_t edits = distance(*typed_meaning, *meant_meaning);
    if (is_a_label(typed))
      edits = std::min(edits, distance(read_as_ascii(*typed_meaning), *meant_meaning));
    if (edits <= 1 || is_read_as(*typed_meaning, *meant_meaning))
      add(Technique::idn_homoglyph, meant_meaning->size());
    else if (edits == 2)
      add(Technique::two_edits, meant_meaning->size());
  }

  void compare_one_fewer(const std::string &typed, const std::string &meant) {
    for (std::size_t i = 0; i < meant.size(); ++i)
      if (typed == std::string(meant).erase(i, 1))
        add(meant[i] == '-' ? Technique::hyphenation : Technique::omission, meant.size());
  }

  void compare_one_more(const std::string &typed, const std::string &meant) {
    for (std::size_t i = 0; i < typed.size(); ++i) {
      if (std::string(typed).erase(i, 1) != meant)
        continue;
      const bool is_last = i + 1 == typed.size();
      if (typed[i] == '-')
        add(Technique::hyphenation, meant.size());
      else if ((i > 0 && typed[i - 1] == typed[i]) || (!is_last && typed[i + 1] == typed[i]))
        add(Technique::repetition, meant.size());
      else
        add(is_last ? Technique::addition : Technique::insertion, meant.size());
    }
  }

  void compare_same_size(const std::string &typed, const std::string &meant) {
    const auto places = differences(typed, meant);
    if (places.size() == 1)
      compare_replaced(typed[places[0]], meant[places[0]], meant.size());
    if (places.size() != 2 || places[1] != places[0] + 1)
      return;
    const std::size_t i = places[0];
    if (typed[i] == meant[i + 1] && typed[i + 1] == meant[i])
      add(Technique::transposition, meant.size());
    if (typed[i] == typed[i + 1] && meant[i] == meant[i + 1])
      add(Technique::double_replacement, meant.size());
  }

  void compare_replaced(char typed, char meant, std::size_t size) {
    add(Technique::replacement, size);
    if (is_any_of(typed, "aeiou") && is_any_of(meant, "aeiou"))
      add(Technique::vowel_swap, size);
    if (std::has_single_bit(static_cast<std::uint8_t>(typed ^ meant)))
      add(Technique::bitsquatting, size);
    for (const std::string_view alike : {"0o", "1il"})
      if (is_any_of(typed, alike) && is_any_of(meant, alike))
        add(Technique::homoglyph, size);
  }

  // The suffix is a slip ------------------------------------------------------------------------

  void compare_slips() {
    const auto readings = slip_readings();
    const bool swapped =
        std::any_of(readings.begin(), readings.end(),
                    [&](const SlipReading &reading) { return is_dot_swapped(reading); });
    if (swapped)
      add(Technique::transposition, body_.back().size());
    for (const SlipReading &reading : readings) {
      const View typed = typed_.first(reading.head);
      const View meant = meant_.first(reading.head);
      const auto places = differences(typed, meant);
      if (places.empty())
        add(reading.lacks_dots_only ? Technique::missing_dot : Technique::tld_slip,
            body_.back().size());
      if (places.size() != 1 || places[0] >= body_.size() || reading.has_junk || swapped)
        continue;
      const std::string &label = meant[places[0]];
      if (!is_a_label(typed[places[0]]) && !is_a_label(label) &&
          distance(typed[places[0]], label) == 1)
        add(Technique::two_place, label.size());
    }
  }

  [[nodiscard]] std::vector<SlipReading> slip_readings() const {
    std::vector<SlipReading> readings;
    for (const auto &[typed, intended] : group_.slips)
      if (!typed.empty() && !intended.empty() && typed != intended &&
          typed.size() < typed_.size() && intended.size() < meant_.size() &&
          equal(typed_.last(typed.size()), typed) &&
          equal(meant_.last(intended.size()), intended) &&
          typed_.size() - typed.size() == meant_.size() - intended.size())
        readings.push_back({typed_.size() - typed.size(), intended.size() == suffix_.size(), false,
                            lacks_dots_only(typed, intended)});
    if (group_.unreal_slips && typed_.size() > body_.size()) {
      const View typed = typed_.subspan(body_.size());
      if (is_unreal_slip(typed) || is_suffix_twice(typed))
        readings.push_back({body_.size(), true, false, lacks_dots_only(typed, suffix_)});
      if (is_suffix_with_junk(typed))
        readings.push_back({body_.size(), true, true, false});
    }
    return readings;
  }

  [[nodiscard]] bool is_unreal_slip(View typed) const {
    const auto is_hostname = [](const std::string &label) {
      return label.front() != '-' && label.back() != '-' &&
             label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
    };
    return typed.size() <= suffix_.size() + 1 && !is_public_tail(typed.size()) &&
           std::all_of(typed.begin(), typed.end(), is_hostname) &&
           (distance(glued(typed, "."), glued(suffix_, ".")) == 1 ||
            (suffix_.size() > 1 && typed.size() == 1 &&
             distance(typed[0], glued(suffix_, "")) == 1));
  }

  /// `com.com` for `com`.
  [[nodiscard]] bool is_suffix_twice(View typed) const {
    return typed.size() == 2 * suffix_.size() && !is_public_tail(typed.size()) &&
           equal(typed.first(suffix_.size()), suffix_) &&
           equal(typed.last(suffix_.size()), suffix_);
  }

  [[nodiscard]] bool is_suffix_with_junk(View typed) const {
    return typed.size() == 1 && suffix_.size() == 1 && !is_public_tail(1) &&
           typed[0].starts_with(suffix_[0]) && typed[0].size() >= suffix_[0].size() + 2;
  }

  /// Every typed label is one or more labels of `intended` in a row, glued.
  static bool lacks_dots_only(View typed, View intended) {
    if (typed.size() >= intended.size())
      return false;
    std::size_t next = 0;
    for (const std::string &label : typed) {
      std::string made;
      while (next < intended.size() && made.size() < label.size())
        made += intended[next++];
      if (made != label)
        return false;
    }
    return next == intended.size();
  }

  /// The dot before the suffix changed places with an octet beside it.
  [[nodiscard]] bool is_dot_swapped(const SlipReading &reading) const {
    const std::size_t last = body_.size() - 1;
    if (!reading.whole_suffix || reading.has_junk || typed_.size() != meant_.size() ||
        !equal(typed_.first(last), meant_.first(last)) ||
        !equal(typed_.subspan(last + 2), meant_.subspan(last + 2)) || is_a_label(typed_[last]) ||
        is_a_label(meant_[last]))
      return false;
    const auto &label = meant_[last];
    const auto &after = meant_[last + 1];
    return (typed_[last] == label.substr(0, label.size() - 1) &&
            typed_[last + 1] == label.back() + after) ||
           (typed_[last] == label + after.front() && typed_[last + 1] == after.substr(1));
  }

  // Dots are lost or too many -------------------------------------------------------------------

  void compare_joined() {
    // All dots but the last, and those within the suffix.
    for (std::size_t i = 0; i < body_.size() && i + 2 < meant_.size(); ++i) {
      if (typed_.size() + 1 != meant_.size())
        break;
      Labels joined(meant_.begin(), meant_.end());
      joined.erase(joined.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      joined[i] = meant_[i] + meant_[i + 1];
      if (equal(typed_, joined))
        add(Technique::missing_dot, octets(body_));
      joined[i] = meant_[i] + '-' + meant_[i + 1];
      if (equal(typed_, joined))
        add(Technique::hyphenation, octets(body_));
    }
    Labels with_www(meant_.begin(), meant_.end());
    with_www[0] = "www" + meant_[0];
    if (!meant_[0].starts_with("www") && equal(typed_, with_www))
      add(Technique::missing_dot, octets(body_));
  }

  void compare_glued() {
    const bool is_alone = query_.labels.size() == 1;
    if (typed_.size() != 2 && !is_alone)
      return;
    if (typed_[0] == glued(meant_, ""))
      add(Technique::missing_dot, octets(body_));
    if (typed_[0] == glued(meant_, "-"))
      add(Technique::hyphenation, octets(body_));
  }

  void compare_split() {
    if (typed_.size() != meant_.size() + 1)
      return; // for speed
    for (std::size_t i = 0; i < body_.size(); ++i) {
      const std::string &label = body_[i];
      const auto is_typed = [&](const std::string &left, const std::string &right) {
        Labels split(meant_.begin(), meant_.end());
        split[i] = right;
        split.insert(split.begin() + static_cast<std::ptrdiff_t>(i), left);
        return equal(typed_, split); // never where a part is empty: no label is
      };
      for (std::size_t at = 0; at < label.size(); ++at) {
        if (is_typed(label.substr(0, at), label.substr(at)))
          add(Technique::subdomain, label.size());
        if (label[at] == '-' && is_typed(label.substr(0, at), label.substr(at + 1)))
          add(Technique::hyphenation, label.size());
      }
    }
  }

  // Other suffixes, other words -------------------------------------------------------------------

  void compare_suffixes() {
    if (typed_.size() == meant_.size() + 1 && equal(typed_.first(meant_.size()), meant_))
      add(Technique::added_tld, longest_body_label());
    if (typed_.size() <= body_.size() || !equal(typed_.first(body_.size()), body_))
      return;
    const View suffix = typed_.subspan(body_.size());
    if (!is_public_tail(suffix.size()) || equal(suffix, suffix_))
      return;
    if (suffix.size() > 1 && suffix.back().size() != 2)
      return;
    const bool is_second_level =
        suffix.size() >= 2 && suffix_.size() >= 2 && suffix.back() == suffix_.back();
    add(is_second_level ? Technique::wrong_sld : Technique::tld_swap, longest_body_label());
  }

  void compare_words() {
    if (body_.size() != 1 || typed_.size() < 2)
      return;
    const std::string &label = typed_[0];
    const std::string &word = body_[0];
    const bool is_first = label.starts_with(word);
    const bool is_last = label.ends_with(word);
    if (is_public_tail(typed_.size() - 1) && label.size() > word.size() + 1 &&
        std::count(label.begin(), label.end(), '-') <= 4 &&
        (label.starts_with(word + '-') || label.ends_with('-' + word)))
      add(Technique::combosquat, word.size());
    if (equal(typed_.subspan(1), suffix_) && label.size() >= word.size() + 2 &&
        ((is_first && is_digits(label.substr(word.size()))) ||
         (is_last && is_digits(label.substr(0, label.size() - word.size())))))
      add(Technique::junk_affix, word.size());
  }

  const Query &query_;
  const ReferenceGroup &group_;
  View typed_;
  View meant_;
  View body_;
  View suffix_;
  Techniques found_ = {};
};

/// How many of the last labels are the suffix.
std::size_t suffix_labels(const Labels &labels, const std::vector<bool> &public_tails) {
  for (std::size_t n = labels.size() - 1; n > 1; --n)
    if (public_tails[n])
      return n;
  return 1;
}

std::vector<bool> public_tails(const Name &name, IsPublicSuffix is_public_suffix) {
  std::vector<bool> tails(name.labels() + 1);
  std::array<char, Name::kMaxTextBytes> text{};
  for (std::size_t n = 1; n <= name.labels(); ++n)
    tails[n] = is_public_suffix(name.ancestor(n).to_text(text));
  return tails;
}

std::uint32_t bits(Techniques techniques) {
  std::uint32_t all = 0;
  techniques.for_each(
      [&](Technique technique) { all |= std::uint32_t{1} << static_cast<unsigned>(technique); });
  return all;
}

} // namespace

Labels labels_of(const Name &name) {
  Labels labels;
  for (std::size_t i = 0; i < name.labels(); ++i)
    labels.emplace_back(name.label(i));
  return labels;
}

Name name_of(const Labels &labels) {
  std::vector<std::uint8_t> wire;
  for (const std::string &label : labels) {
    if (label.empty() || label.size() > Name::kMaxLabelBytes)
      throw std::invalid_argument("a label is empty or too long");
    wire.push_back(static_cast<std::uint8_t>(label.size()));
    for (const char c : label)
      wire.push_back(static_cast<std::uint8_t>(c));
  }
  wire.push_back(0);
  const auto name = Name::from_wire(wire);
  if (!name)
    throw std::invalid_argument("a name is too long");
  return *name;
}

std::strong_ordering operator<=>(const ReferenceMatch &a, const ReferenceMatch &b) {
  const auto key = [](const ReferenceMatch &match) {
    return std::array<std::uint32_t, 3>{match.entry, match.apex_labels, bits(match.techniques)};
  };
  return key(a) <=> key(b);
}

std::string to_string(const ReferenceMatch &match) {
  std::string text = std::to_string(match.entry) + '/' + std::to_string(match.apex_labels);
  match.techniques.for_each(
      [&](Technique technique) { (text += ' ') += mxw::to_string(technique); });
  return text;
}

ReferenceGroup::ReferenceGroup(const IndexOptions &options) : unreal_slips(options.unreal_slips) {
  for (std::size_t i = 0; i < kTechniques; ++i) {
    on[i] = options.techniques[i].level != Level::off;
    min_label[i] = options.techniques[i].min_label;
  }
  for (const Slip &slip : options.slips)
    slips.emplace_back(labels_of(slip.typed), labels_of(slip.intended));
}

Reference::Reference(std::span<const ReferenceEntry> entries, std::vector<ReferenceGroup> groups,
                     IsPublicSuffix is_public_suffix)
    : groups_(std::move(groups)), is_public_suffix_(is_public_suffix) {
  for (const auto &[name, group] : entries) {
    const Labels labels = labels_of(name);
    const std::size_t suffix = suffix_labels(labels, public_tails(name, is_public_suffix));
    entries_.push_back({group, labels, labels.size() - suffix});
  }
}

std::vector<ReferenceMatch> Reference::matches(const Name &query) const {
  const Query typed = {labels_of(query), public_tails(query, is_public_suffix_)};
  std::vector<ReferenceMatch> matches;
  for (std::uint32_t entry = 0; entry < entries_.size(); ++entry)
    for (std::size_t n = 1; n <= typed.labels.size(); ++n) {
      const Protected &meant = entries_[entry];
      const Techniques techniques = Comparison(typed, n, meant, groups_[meant.group]).run();
      if (!techniques.empty())
        matches.push_back({entry, techniques, static_cast<std::uint8_t>(n)});
    }
  return matches;
}

std::vector<ReferenceMatch> reference_matches(const Name &query,
                                              std::span<const ReferenceEntry> entries,
                                              std::span<const ReferenceGroup> groups,
                                              IsPublicSuffix is_public_suffix) {
  return Reference(entries, {groups.begin(), groups.end()}, is_public_suffix).matches(query);
}

} // namespace mxw::test
