#include "core/index.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/edit.h"
#include "core/fold.h"
#include "core/hash.h"

namespace mxw {
namespace {

constexpr std::string_view kWww = "www";
constexpr std::string_view kRoot("\0", 1); // in wire form
/// Public suffixes have no more labels, but for a handful that nobody has under them.
constexpr std::size_t kMaxSuffixLabels = 3;
constexpr std::size_t kCountryCodeBytes = 2; // ISO 3166
/// Tables of that size are near wherever they run.
constexpr std::size_t kMaxNearBytes = std::size_t{1} << 20U;
/// Of all suffixes together. What each is mistyped as takes 20 KB an octet while the index is
/// built: 2 GB, which is what a million names take.
constexpr std::size_t kMaxSuffixOctets = 100'000;
/// Of all names together, a million of usual length have 20 to 80 million.
constexpr std::size_t kMaxKeys = 200'000'000;
/// Labels with more are no words joined by hyphens.
constexpr std::size_t kMaxHyphens = 4;

using LabelBuffer = std::array<char, Name::kMaxLabelBytes>;

/// Calls `visit(n)` for each bit that is set.
template <class Bits, class Visit> void for_each_bit(Bits bits, Visit &&visit) {
  for (; bits != 0; bits &= bits - 1)
    visit(static_cast<std::size_t>(std::countr_zero(bits)));
}

/// Label `from_right` of `name`, 0 being the last.
std::string_view label_of(const Name &name, std::size_t from_right) noexcept {
  return name.label(name.labels() - 1 - from_right);
}

/// The hash of a name's last `n` labels but one, the one with `from_right` labels behind it: what
/// tells forms of one label from those of another. `behind` is the hash of what stands behind it,
/// and `shift` how many labels of the name stand for none of the other.
std::uint64_t hash_around(const Tails &tails, std::size_t n, std::size_t from_right,
                          std::uint64_t behind) noexcept {
  std::uint64_t hash = hash_below(behind, 0); // a hole, where the label was
  for (std::size_t i = from_right + 2; i <= n; ++i)
    hash = hash_below(hash, tails.label_hash(i));
  return hash;
}

/// What is in a label, seen in one pass: most labels have nothing that needs a second look. May say
/// that something is there which is not.
class Traits {
public:
  static constexpr std::uint32_t kDouble = (1U << 27U) - 1; // two equal octets
  static constexpr std::uint32_t kHyphen = 1U << 27U;       // -
  static constexpr std::uint32_t kPlural = 1U << 28U;       // es
  static constexpr std::uint32_t kFold =                    // 0, 1, rn, cl, and nn, rr, vv
      7U << 29U | 1U << ('n' - 'a') | 1U << ('r' - 'a') | 1U << ('v' - 'a');

  Traits() = default;
  explicit Traits(std::string_view label) noexcept {
    std::uint64_t before = 0;
    std::uint64_t pairs = 0;
    std::uint64_t alone = 0;
    for (const char c : label) {
      const std::uint64_t octet = kOctets[static_cast<std::uint8_t>(c)];
      pairs |= before >> 32U & octet;
      alone |= octet;
      before = octet;
    }
    bits_ = static_cast<std::uint32_t>(pairs | (alone & kAlone));
  }
  [[nodiscard]] bool has(std::uint32_t trait) const noexcept { return (bits_ & trait) != 0; }

private:
  static constexpr std::uint64_t kAlone = kHyphen | 1U << 29U;
  /// For each octet in the low half what it is as the second of a pair, or alone, and in the high
  /// half what it is as the first. Two octets are a pair where both have a bit.
  static constexpr std::array<std::uint64_t, 256> kOctets = [] {
    std::array<std::uint64_t, 256> octets = {};
    const auto add = [&](char first, char second, std::uint64_t bit) {
      octets[static_cast<std::uint8_t>(first)] |= bit << 32U;
      octets[static_cast<std::uint8_t>(second)] |= bit;
    };
    for (std::size_t c = 0; c < octets.size(); ++c) {
      const bool is_letter = c >= 'a' && c <= 'z';
      octets[c] = (std::uint64_t{1} << 32U | 1U) << (is_letter ? c - 'a' : 26);
    }
    octets['-'] |= kHyphen;
    octets['0'] |= 1U << 29U;
    octets['1'] |= 1U << 29U;
    add('e', 's', kPlural);
    add('r', 'n', 1U << 30U);
    add('c', 'l', 1U << 31U);
    return octets;
  }();

  std::uint32_t bits_ = 0;
};

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_a_label(std::string_view label) noexcept { return label.starts_with("xn--"); }

/// What a reader sees of `label`: an A-label folded, another as it is. nullopt for an A-label that
/// stands for nothing.
std::optional<std::string_view> seen(std::string_view label, LabelBuffer &buffer) noexcept {
  if (!is_a_label(label))
    return label;
  const auto size = fold_idn(label, buffer);
  if (!size)
    return std::nullopt;
  return std::string_view(buffer.data(), *size);
}

std::string_view folded(std::string_view label, LabelBuffer &buffer) noexcept {
  return {buffer.data(), fold_ascii(label, buffer)};
}

bool is_read_as_m(std::string_view label, std::size_t at) noexcept {
  return at + 1 < label.size() && label[at] == label[at + 1] &&
         (label[at] == 'n' || label[at] == 'r');
}

/// Calls `visit(text)` for what a reader may take `label` for: folded, and the same once a pair
/// `nn` or `rr` is read as m, or all of them are.
template <class Visit> void for_each_reading(std::string_view label, Visit &&visit) noexcept {
  LabelBuffer buffer;
  visit(folded(label, buffer));
  LabelBuffer with_m;
  std::size_t pairs = 0;
  for (std::size_t i = 0; i < label.size(); ++i)
    if (is_read_as_m(label, i)) {
      label.copy(with_m.data(), i);
      with_m[i] = 'm';
      label.substr(i + 2).copy(with_m.data() + i + 1, label.size() - i - 2);
      visit(folded({with_m.data(), label.size() - 1}, buffer));
      ++pairs;
    }
  if (pairs < 2)
    return;
  std::size_t size = 0;
  for (std::size_t i = 0; i < label.size(); ++i)
    if (is_read_as_m(label, i)) {
      with_m[size++] = 'm';
      ++i;
    } else {
      with_m[size++] = label[i];
    }
  visit(folded({with_m.data(), size}, buffer));
}

/// A name in wire form that is put together from parts, or nothing where it would be too long.
class Wire {
public:
  Wire &octets(std::string_view part) noexcept {
    if (size_ + part.size() > bytes_.size()) {
      size_ = bytes_.size() + 1; // equal to no name, and nothing fits behind it
      return *this;
    }
    part.copy(bytes_.data() + size_, part.size());
    size_ += part.size();
    return *this;
  }
  Wire &label(std::string_view first, std::string_view second = {},
              std::string_view third = {}) noexcept {
    const std::size_t bytes = first.size() + second.size() + third.size();
    if (bytes == 0 || bytes > Name::kMaxLabelBytes)
      size_ = bytes_.size() + 1;
    const char length = static_cast<char>(bytes);
    return octets({&length, 1}).octets(first).octets(second).octets(third);
  }
  [[nodiscard]] bool is(std::string_view wire) const noexcept {
    return size_ == wire.size() && std::string_view(bytes_.data(), size_) == wire;
  }

private:
  std::array<char, Name::kMaxWireBytes> bytes_; // NOLINT(*-member-init): set up to size_
  std::size_t size_ = 0;
};

/// All labels of `name` as one, or nothing where that would be too long for one.
std::string glue(const Name &name) {
  std::string glued;
  for (std::size_t i = 0; i < name.labels(); ++i)
    glued += name.label(i);
  std::erase(glued, '-');
  return glued.size() > Name::kMaxLabelBytes ? std::string() : glued;
}

/// The size of label `from_right` of `name` and the one before it, as one.
std::size_t joined_bytes(const Name &name, std::size_t from_right) noexcept {
  return label_of(name, from_right + 1).size() + label_of(name, from_right).size();
}

/// Calls `visit(r)` for each label of `name` from `first` on, counted from the right, that makes a
/// label with the one before it.
template <class Visit> void for_each_joint(const Name &name, std::size_t first, Visit &&visit) {
  for (std::size_t r = first; r + 1 < name.labels(); ++r)
    if (joined_bytes(name, r) <= Name::kMaxLabelBytes)
      visit(r);
}

/// True if `label` is all labels of `name` with `between` for the dots.
bool is_glued(std::string_view label, const Name &name, std::string_view between) noexcept {
  for (std::size_t i = 0; i < name.labels(); ++i)
    for (const std::string_view part : {i == 0 ? std::string_view() : between, name.label(i)}) {
      if (!label.starts_with(part))
        return false;
      label.remove_prefix(part.size());
    }
  return label.empty();
}

bool may_be_a_label(std::string_view text) noexcept {
  return !text.empty() && text.size() <= Name::kMaxLabelBytes && text.front() != '-' &&
         text.back() != '-';
}

/// Name from presentation form without escapes, of labels as a mail domain has them.
std::optional<Name> name_of(std::string_view text) {
  if (text.empty())
    return std::nullopt;
  std::string head;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    if (!may_be_a_label(label))
      return std::nullopt;
    head += static_cast<char>(label.size());
    head += label;
    text.remove_prefix(label.size());
    if (text.starts_with('.') && text.size() == 1)
      return std::nullopt;
    text.remove_prefix(std::min<std::size_t>(1, text.size()));
  }
  return join(head, Name());
}

std::string text_of(const Name &name) {
  std::array<char, Name::kMaxTextBytes> text; // NOLINT(*-member-init): filled below
  return std::string(name.to_text(text));
}

/// Calls `visit(typed)` for every text one edit from `text`.
template <class Visit> void for_each_edit(const std::string &text, Visit &&visit) {
  constexpr std::string_view kOctets = "abcdefghijklmnopqrstuvwxyz0123456789-.";
  for (std::size_t at = 0; at <= text.size(); ++at) {
    for (const char c : kOctets) {
      visit(std::string(text).insert(at, 1, c));
      if (at < text.size())
        visit(std::string(text).replace(at, 1, 1, c));
    }
    if (at < text.size())
      visit(std::string(text).erase(at, 1));
    if (at + 1 < text.size()) {
      std::string swapped = text;
      std::swap(swapped[at], swapped[at + 1]);
      visit(swapped);
    }
  }
}

/// True if `typed` is `intended` but for dots that it lacks.
bool lacks_dots(std::string typed, std::string intended) {
  if (typed.size() >= intended.size())
    return false;
  std::erase(typed, '.');
  std::erase(intended, '.');
  return typed == intended;
}

/// The least length of a label at which any technique of one label is on; more than a label can
/// have where none is.
std::size_t label_floor(const IndexOptions &options) noexcept {
  std::size_t floor = Name::kMaxLabelBytes + 1;
  for (auto i = static_cast<std::size_t>(Technique::omission); i < kTechniques; ++i) {
    const auto technique = static_cast<Technique>(i);
    if ((technique <= Technique::idn_homoglyph || technique == Technique::two_place) &&
        options.of(technique).level != Level::off)
      floor = std::min<std::size_t>(floor, options.of(technique).min_label);
  }
  return floor;
}

bool takes_two_edits(const IndexOptions &options, std::string_view label) noexcept {
  const TechniqueOptions &of = options.of(Technique::two_edits);
  return of.level != Level::off && label.size() >= of.min_label;
}

} // namespace

// Building

/// What is made while the index is built, and not kept.
struct Index::Builder {
  /// A label to be found by its forms.
  struct Label {
    std::string_view text;   // as a reader sees it
    std::string_view folded; // empty where that is the same
    std::uint64_t around;
    std::size_t from_right;
    bool two_edits;
  };

  explicit Builder(Index &built) : index(built) {
    for (const IndexOptions &options : index.groups_)
      floors.push_back(label_floor(options));
  }

  /// Calls `visit(entry, group, tails)` for every entry.
  template <class Visit> void for_each_entry(Visit &&visit) const {
    std::uint32_t entry = 0;
    for (std::uint32_t group = 0; group < index.group_ends_.size(); ++group)
      for (; entry < index.group_ends_[group]; ++entry) {
        const Name name = index.names_[entry];
        visit(entry, group, Tails(name, index.seed_));
      }
  }

  /// Calls `visit(hash)` for what a name is found by besides its labels.
  template <class Visit>
  void for_each_key(std::uint32_t entry, std::uint32_t group, const Tails &tails,
                    Visit &&visit) const {
    const Name &name = tails.name();
    const IndexOptions &options = index.groups_[group];
    const std::size_t n = name.labels();
    const std::size_t body = n - index.suffix_labels(entry);
    visit(exact_key(tails.hash(n)));
    const auto is_on = [&](Technique technique) {
      return options.of(technique).level != Level::off;
    };
    if (is_on(Technique::missing_dot) || is_on(Technique::hyphenation)) {
      if (const std::string glued = glue(name); !glued.empty())
        visit(glued_key(hash_of(glued, index.seed_)));
      for_each_joint(name, index.first_joint(entry), [&](std::size_t r) {
        const std::string_view behind = label_of(name, r);
        const std::string joined = std::string(label_of(name, r + 1)) + std::string(behind);
        std::uint64_t hash = hash_below(tails.hash(r), hash_of(joined, index.seed_));
        for (std::size_t i = r + 3; i <= n; ++i)
          hash = hash_below(hash, tails.label_hash(i));
        visit(joined_key(hash));
      });
    }
    if (is_on(Technique::tld_swap) || is_on(Technique::wrong_sld) || is_on(Technique::combosquat)) {
      std::uint64_t hash = index.seed_;
      for (std::size_t i = n - body + 1; i <= n; ++i)
        hash = hash_below(hash, tails.label_hash(i));
      visit(body_key(hash));
    }
  }

  template <class Visit>
  void for_each_label(std::uint32_t entry, std::uint32_t group, const Tails &tails,
                      Visit &&visit) const {
    const Name &name = tails.name();
    const IndexOptions &options = index.groups_[group];
    for (std::size_t r = index.suffix_labels(entry); r < name.labels(); ++r) {
      LabelBuffer seen_buffer;
      LabelBuffer fold_buffer;
      const auto text = seen(label_of(name, r), seen_buffer);
      const bool two_edits = text && takes_two_edits(options, *text);
      if (!text || (text->size() < floors[group] && !two_edits))
        continue;
      visit(Label{*text, has_ascii_folds(*text) ? folded(*text, fold_buffer) : std::string_view(),
                  hash_around(tails, name.labels(), r, tails.hash(r)), r, two_edits});
    }
  }

  template <class Visit> void for_each_form(const Label &label, Visit &&visit) const {
    const FormHasher &forms = index.forms_;
    forms.for_each(label.text, label.around, visit);
    if (label.two_edits)
      forms.for_each_pair(label.text, label.around, visit);
    if (!label.folded.empty())
      visit(forms.whole(label.folded, label.around));
    for (std::size_t i = 0; i + 1 < label.text.size(); ++i)
      if (label.text[i] == label.text[i + 1]) {
        std::string rest(label.text);
        visit(forms.whole(rest.erase(i, 2), double_around(label.around, i)));
      }
  }

  /// Adds keys some time after they are asked to be fetched, since most are far away.
  void add(std::uint64_t hash, std::uint32_t entry) {
    auto &[pending_hash, pending_entry] = pending[next++ % pending.size()];
    if (next > pending.size())
      index.keys_.add(pending_hash, pending_entry);
    pending_hash = hash;
    pending_entry = entry;
    index.keys_.prefetch(hash);
  }
  void flush() {
    for (std::size_t i = next - std::min(next, pending.size()); i < next; ++i)
      index.keys_.add(pending[i % pending.size()].first, pending[i % pending.size()].second);
  }

  Index &index;
  std::vector<std::size_t> floors; // of the groups: label_floor()
  std::size_t next = 0;
  std::array<std::pair<std::uint64_t, std::uint32_t>, 32> pending;
};

Index::Index(std::vector<NameList> names, std::vector<IndexOptions> groups,
             IsPublicSuffix is_public_suffix, std::uint64_t seed)
    : is_public_suffix_(is_public_suffix), seed_(seed), forms_(seed), groups_(std::move(groups)),
      suffixes_(seed), slips_(seed) {
  std::size_t count = 0;
  std::size_t octets = 0;
  for (const NameList &list : names) {
    count += list.size();
    octets += list.octets();
  }
  if (names.size() == 1)
    names_ = std::move(names[0]);
  else
    names_.reserve(count, octets);
  for (NameList &list : names) {
    names_.append(list);
    list = {};
    group_ends_.push_back(static_cast<std::uint32_t>(names_.size()));
  }

  names_.shrink_to_fit();
  shapes_.reserve(count);
  for (std::uint32_t entry = 0; entry < count; ++entry) {
    const Name name = names_[entry];
    const std::size_t n = name.labels();
    std::size_t suffix = 1;
    for (std::size_t i = std::min(n - 1, kMaxSuffixLabels); i > 1; --i)
      if (is_public_suffix_ != nullptr && is_public_suffix_(text_of(name.ancestor(i)))) {
        suffix = i;
        break;
      }
    shapes_.push_back(static_cast<std::uint8_t>(suffix << 4U | (n - 1)));
    label_counts_ |= 1U << n;
    body_counts_ |= 1U << (n - suffix);
    suffix_counts_ |= 1U << suffix;
    max_labels_ = std::max(max_labels_, n);
    for (std::size_t r = 0; r < n; ++r) { // a suffix may lose its dots too
      const std::string_view label = label_of(name, r);
      add_ends(label.front(), label.back(), label.size());
    }
    for_each_joint(name, first_joint(entry), [&](std::size_t r) {
      add_ends(label_of(name, r + 1).front(), label_of(name, r).back(), joined_bytes(name, r));
    });
    if (const std::string glued = glue(name); !glued.empty()) {
      add_ends(glued.end()[-2], glued.back(), kGluedEnd);
      add_ends(label_of(name, 0).size() > 1 ? glued.end()[-2] : '-', glued.back(), kGluedEnd);
    }
    has_hyphens_ = has_hyphens_ || name.head(suffix).find('-') != std::string_view::npos;
  }
  add_slips();
  if (!excess_.empty())
    return;

  // First how much there is, then where it goes: a million names have no room for a list of keys.
  Builder builder(*this);
  std::size_t keys = 0;
  std::size_t label_total = 0;
  std::unordered_map<std::uint64_t, Around> arounds;
  const auto count_key = [&](std::uint64_t /*hash*/) { ++keys; };
  builder.for_each_entry([&](std::uint32_t entry, std::uint32_t group, const Tails &tails) {
    builder.for_each_key(entry, group, tails, count_key);
    builder.for_each_label(entry, group, tails, [&](const Builder::Label &label) {
      ++label_total;
      // Of two equal neighbours one gives a form the less, and both give one key more.
      const std::size_t length = label.text.size();
      keys += length + 1 + (label.two_edits ? length * (length - 1) / 2 : 0) +
              (label.folded.empty() ? 0 : 1);
      Around &around =
          arounds.try_emplace(label.around, Around{label.around, Name::kMaxLabelBytes, 0, false})
              .first->second;
      for (const std::string_view text : {label.text, label.folded})
        if (!text.empty()) {
          around.min_bytes = std::min(around.min_bytes, static_cast<std::uint8_t>(text.size()));
          around.max_bytes = std::max(around.max_bytes, static_cast<std::uint8_t>(text.size()));
        }
      around.two_edits = around.two_edits || label.two_edits;
      two_edits_ = two_edits_ || label.two_edits;
      places_[labels(entry)] |= 1U << label.from_right;
    });
  });
  if (keys > kMaxKeys) {
    excess_ = "have too many look-alikes: most have long labels with 'two-edits'";
    return;
  }
  keys_ = KeyTable(keys, count + 1);
  labels_ = LabelFilter(label_total);
  builder.for_each_entry([&](std::uint32_t entry, std::uint32_t group, const Tails &tails) {
    const auto add = [&](std::uint64_t hash) { builder.add(hash, entry); };
    builder.for_each_key(entry, group, tails, add);
    builder.for_each_label(entry, group, tails, [&](const Builder::Label &label) {
      builder.for_each_form(label, add);
      labels_.add(label.text, label.around);
      if (!label.folded.empty())
        labels_.add(label.folded, label.around);
    });
  });
  builder.flush();
  arounds_ = KeyTable(arounds.size(), arounds.size() + 1);
  for (const auto &[hash, around] : arounds) {
    arounds_.add(hash, static_cast<std::uint32_t>(around_of_.size()));
    around_of_.push_back(around);
  }
}

void Index::add_slips() {
  std::map<std::string, std::uint32_t> suffixes; // by wire form
  const auto suffix_of = [&](const Name &suffix) {
    const auto [at, is_new] = suffixes.try_emplace(std::string(suffix.tail(suffix.labels())),
                                                   static_cast<std::uint32_t>(suffixes_.size()));
    if (is_new)
      suffixes_.add(suffix, 0);
    return at->second;
  };
  std::map<std::pair<std::string, std::uint32_t>, std::size_t> pairs;
  const auto slip_for = [&](const Name &typed, const Name &intended) -> StoredSlip & {
    const std::uint32_t suffix = suffix_of(intended);
    const auto [at, is_new] =
        pairs.try_emplace({std::string(typed.tail(typed.labels())), suffix}, slip_of_.size());
    if (is_new) {
      slips_.add(typed, static_cast<std::uint32_t>(slip_of_.size()));
      const std::string typed_text = text_of(typed);
      const std::string intended_text = text_of(intended);
      StoredSlip slip = {};
      slip.intended = suffix;
      slip.intended_hash = hash_of_name(intended, seed_);
      const bool is_short =
          std::max(typed_text.size(), intended_text.size()) <= Name::kMaxLabelBytes;
      slip.edits = static_cast<std::uint8_t>(
          (is_short ? label_distance : edit_distance)(typed_text, intended_text));
      slip.is_real = is_real(typed);
      slip.lacks_dots = lacks_dots(typed_text, intended_text);
      slip.has_letter_of_body = typed_text.substr(1) == intended_text;
      slip.gave_letter_to_body = typed_text == intended_text.substr(1);
      slip_of_.push_back(std::move(slip));
    }
    return slip_of_[at->second];
  };
  for (std::uint32_t group = 0; group < groups_.size(); ++group) {
    for (const Slip &slip : groups_[group].slips) {
      std::vector<std::uint32_t> &users = slip_for(slip.typed, slip.intended).groups;
      if (users.empty() || users.back() != group)
        users.push_back(group);
    }
    groups_[group].slips = {};
  }
  std::map<std::string, Name> unreal; // the suffixes that have slips of that kind
  std::string last;
  for (std::uint32_t entry = 0; entry < names_.size(); ++entry) {
    if (!groups_[group_of(entry)].unreal_slips)
      continue;
    const Name suffix = names_[entry].ancestor(suffix_labels(entry));
    std::string wire(suffix.tail(suffix.labels()));
    if (wire == last) // most lists are of one
      continue;
    unreal.try_emplace(wire, suffix);
    last = std::move(wire);
  }
  const std::size_t octets =
      std::accumulate(unreal.begin(), unreal.end(), std::size_t{0},
                      [](std::size_t sum, const auto &each) { return sum + each.first.size(); });
  if (octets > kMaxSuffixOctets) {
    excess_ = "end in too many different suffixes";
    unreal.clear();
  }
  for (const auto &each : unreal) {
    const Name &suffix = each.second;
    suffix_of(suffix);
    if (suffix.labels() == 1)
      suffix_bytes_ |= std::uint64_t{1} << suffix.label(0).size();
    const std::string intended = text_of(suffix);
    const auto add_unreal = [&](const std::string &text) {
      const auto typed = name_of(text);
      if (text != intended && typed && typed->labels() <= kMaxRuleLabels && !is_real(*typed))
        slip_for(*typed, suffix).is_unreal = true;
    };
    for_each_edit(intended, add_unreal);
    std::string twice = intended;
    add_unreal((twice += '.') += intended);
    if (suffix.labels() > 1) {
      std::string without_dots = intended;
      std::erase(without_dots, '.');
      for_each_edit(without_dots, [&](const std::string &text) {
        if (text.find('.') == std::string::npos)
          add_unreal(text);
      });
    }
  }
  suffixes_.seal();
  slips_.seal();
}

bool Index::is_real(const Name &suffix) const noexcept {
  if (is_public_suffix_ == nullptr)
    return false;
  std::array<char, Name::kMaxTextBytes> text; // NOLINT(*-member-init): filled below
  return is_public_suffix_(suffix.to_text(text));
}

std::uint32_t Index::group_of(std::uint32_t entry) const noexcept {
  return static_cast<std::uint32_t>(
      std::upper_bound(group_ends_.begin(), group_ends_.end(), entry) - group_ends_.begin());
}

void Index::add_to(TailFilter &filter) const noexcept {
  for (std::uint32_t entry = 0; entry < names_.size(); ++entry)
    filter.add(hash_of_name(names_[entry], seed_));
  slips_.add_to(filter);
}

std::size_t Index::memory_bytes() const noexcept {
  return names_.memory_bytes() + shapes_.capacity() + keys_.memory_bytes() +
         labels_.memory_bytes() + arounds_.memory_bytes() + around_of_.capacity() * sizeof(Around) +
         suffixes_.memory_bytes() + slips_.memory_bytes() +
         slip_of_.capacity() * sizeof(StoredSlip);
}

// Looking up

/// One look-up.
class Index::Search {
public:
  Search(const Index &index, const Tails &tails, MatchSink &sink) noexcept
      : index_(index), tails_(tails), qname_(tails.name()), sink_(sink) {}

  void run() noexcept {
    if (index_.keys_.memory_bytes() > kMaxNearBytes)
      prefetch();
    find_edits();
    if (tails_.possible() != 0)
      find_slips();
    if (const std::size_t bytes = label_of(qname_, 0).size(); bytes > 2)
      if (const std::uint64_t shorter = (std::uint64_t{1} << (bytes - 1)) - 1;
          (index_.suffix_bytes_ & shorter) != 0)
        find_long_slips(index_.suffix_bytes_ & shorter);
    find_dots();
    const std::string_view last = label_of(qname_, before_tld());
    if (last.size() > 1 && index_.may_be_label(last.end()[-2], last.back(), kGluedEnd))
      find_glued(last);
    find_other_suffixes();
    if (candidates_ > kMaxCandidates)
      sink_.candidates_left();
  }

private:
  /// Asks for what nearly every look-up comes to, so that the memory of one does not wait for that
  /// of another.
  void prefetch() const noexcept {
    const std::uint64_t label = tails_.label_hash(before_tld() + 1);
    index_.keys_.prefetch(glued_key(label));
    index_.keys_.prefetch(body_key(hash_below(index_.seed_, label)));
  }

  /// What is known of a match besides its entry.
  struct Found {
    Techniques techniques = {};
    std::size_t edits;
    std::size_t apex_labels; ///< of the query
    std::size_t label_bytes; ///< of what is meant
    bool near_keys = false;
  };
  static Techniques only(Technique technique) noexcept {
    Techniques techniques = {};
    techniques.add(technique);
    return techniques;
  }

  /// The query's label before the last, or the only one.
  [[nodiscard]] std::size_t before_tld() const noexcept { return qname_.labels() == 1 ? 0 : 1; }

  void find_edits() noexcept;
  void find_slips() noexcept;
  /// `lengths`: bits of those that the suffixes meant may have.
  void find_long_slips(std::uint64_t lengths) noexcept;
  void find_dots() noexcept;
  /// `label`: of the query, that may be all of a name.
  void find_glued(std::string_view label) noexcept;
  void find_other_suffixes() noexcept;
  void find_words(std::size_t suffix_labels) noexcept;
  void find_digits(std::size_t suffix_labels) noexcept;

  /// Calls `visit(entry)` for each entry that may be under `key`.
  template <class Visit> void look_up(std::uint64_t key, Visit &&visit) noexcept {
    index_.keys_.find(key, [&](std::uint32_t entry) {
      if (++candidates_ <= kMaxCandidates)
        visit(entry);
    });
  }
  /// Calls `visit(entry)` for each entry that one of the labels stored in `around` may be of, which
  /// the query's label `from_right` may be like. `all`: by any technique, else by one edit only.
  template <class Visit>
  void find_label(std::size_t from_right, std::uint64_t around, bool all, Visit &&visit) noexcept;
  /// The same where one of them may be found: out of line, since mostly none is.
  template <class Visit>
  [[gnu::noinline]] void find_label_in(std::size_t from_right, std::uint64_t around, bool all,
                                       bool by_edit, Visit &visit) noexcept;
  /// By the forms of a label.
  template <class Visit>
  void find_forms(std::string_view typed, std::uint64_t around, bool two_edits,
                  Visit &visit) noexcept;
  /// By what an A-label stands for.
  template <class Visit>
  void find_a_label(std::string_view typed, const Around &around, Visit &visit) noexcept;
  /// By what a label may be read as.
  template <class Visit>
  void find_readings(std::string_view typed, std::uint64_t around, Visit &visit) noexcept;
  /// By the double letters of a label, and by its plural.
  template <class Visit>
  void find_doubles(std::string_view typed, std::uint64_t around, Visit &visit) noexcept;
  template <class Visit>
  void find_body(std::uint64_t behind, std::string_view intended, std::size_t typed_labels,
                 Visit &&visit) noexcept;

  /// The label that is meant, and the others as they are typed.
  void verify_label(std::uint32_t entry, std::size_t n, std::size_t from_right) noexcept;
  void verify_two_place(std::uint32_t entry, const StoredSlip &slip, std::size_t typed_labels,
                        std::size_t from_right, std::string_view typed) noexcept;
  [[nodiscard]] bool holds(const StoredSlip &slip, std::uint32_t entry) const noexcept {
    const std::uint32_t group = index_.group_of(entry);
    return (slip.is_unreal && index_.groups_[group].unreal_slips &&
            index_.suffix_labels(entry) == index_.suffixes_.labels(slip.intended)) ||
           std::binary_search(slip.groups.begin(), slip.groups.end(), group);
  }
  /// The hash of the name whose labels are those behind `from_right`, then `label`, then those of
  /// the query from `next` (counted from 1) to `last`.
  [[nodiscard]] std::uint64_t hash_with(std::uint64_t behind, std::string_view label,
                                        std::size_t next, std::size_t last) const noexcept {
    std::uint64_t hash = hash_below(behind, hash_of(label, index_.seed_));
    for (std::size_t i = next; i <= last; ++i)
      hash = hash_below(hash, tails_.label_hash(i));
    return hash;
  }
  /// The labels of the query's last `n` that stand before the last `skipped`, in wire form.
  [[nodiscard]] std::string_view head(std::size_t n, std::size_t skipped) const noexcept {
    std::string_view labels = qname_.tail(n);
    labels.remove_suffix(qname_.tail(skipped).size());
    return labels;
  }
  /// False if no protected name has the query's label `from_right`, or two that make it.
  [[nodiscard]] bool may_be_known(std::size_t from_right) const noexcept {
    return index_.may_be_label(label_of(qname_, from_right));
  }
  /// False if that is so for all of the query's labels from `first` to before `last`.
  [[nodiscard]] bool has_known(std::size_t first, std::size_t last) const noexcept {
    while (first < last && !may_be_known(first))
      ++first;
    return first < last;
  }
  /// What is in the query's label `from_right`.
  [[nodiscard]] Traits traits_of(std::size_t from_right) noexcept {
    if ((known_traits_ >> from_right & 1U) == 0) {
      known_traits_ |= 1U << from_right;
      traits_[from_right] = Traits(label_of(qname_, from_right));
    }
    return traits_[from_right];
  }
  /// True if the query's last `n` labels are a public suffix.
  [[nodiscard]] bool is_real(std::size_t n) noexcept {
    if (index_.is_public_suffix_ == nullptr)
      return n == 1;
    if (!real_[n])
      real_[n] = index_.is_real(qname_.ancestor(n));
    return *real_[n];
  }
  /// The length of all labels of the body.
  [[nodiscard]] std::size_t body_bytes(std::uint32_t entry) const noexcept {
    const Name name = index_.names_[entry];
    const std::size_t suffix = index_.suffix_labels(entry);
    return name.head(suffix).size() - (name.labels() - suffix);
  }
  /// Of the longest label of the body.
  [[nodiscard]] std::size_t longest_bytes(std::uint32_t entry) const noexcept {
    const Name name = index_.names_[entry];
    std::size_t longest = 0;
    for (std::size_t r = index_.suffix_labels(entry); r < name.labels(); ++r)
      longest = std::max(longest, label_of(name, r).size());
    return longest;
  }

  /// True if the options of the entry's group want to know of one of the techniques.
  [[nodiscard]] bool is_wanted(std::uint32_t entry, const Found &found) const noexcept;
  /// Tells of a match, if so.
  void report(std::uint32_t entry, const Found &found) noexcept;

  const Index &index_;
  const Tails &tails_;
  const Name &qname_;
  MatchSink &sink_;
  std::array<Traits, kMaxRuleLabels> traits_;
  std::uint32_t known_traits_ = 0;                             // bit n: that one is set
  std::array<std::optional<bool>, kMaxSuffixLabels + 1> real_; // [n]: the last n labels, once known
  std::size_t candidates_ = 0;
};

void Index::find(const Tails &tails, MatchSink &sink) const noexcept {
  if (!names_.empty() && tails.size() > 0)
    Search(*this, tails, sink).run();
}

bool Index::Search::is_wanted(std::uint32_t entry, const Found &found) const noexcept {
  const IndexOptions &options = index_.groups_[index_.group_of(entry)];
  bool wanted = false;
  found.techniques.for_each([&](Technique technique) {
    wanted = wanted || options.of(technique).wants(found.label_bytes);
  });
  return wanted;
}

void Index::Search::report(std::uint32_t entry, const Found &found) noexcept {
  const IndexOptions &options = index_.groups_[index_.group_of(entry)];
  Match match = {};
  found.techniques.for_each([&](Technique technique) {
    const TechniqueOptions &of = options.of(technique);
    if (!of.wants(found.label_bytes))
      return;
    match.techniques.add(technique);
    const std::uint8_t confidence = confidence_of(technique, found.label_bytes, found.near_keys);
    if (of.level < match.level || (of.level == match.level && confidence <= match.confidence))
      return;
    match.technique = technique;
    match.level = of.level;
    match.confidence = confidence;
  });
  if (match.technique == Technique::none)
    return;
  match.entry = entry;
  match.edits = static_cast<std::uint8_t>(found.edits);
  match.apex_labels = static_cast<std::uint8_t>(found.apex_labels);
  match.label_bytes = static_cast<std::uint8_t>(found.label_bytes);
  sink_.add(match);
}

// Labels

template <class Visit>
void Index::Search::find_label(std::size_t from_right, std::uint64_t around_hash, bool all,
                               Visit &&visit) noexcept {
  const std::string_view typed = label_of(qname_, from_right);
  const Traits traits = traits_of(from_right);
  const bool by_edit = index_.labels_.may_match(typed, around_hash);
  const bool otherwise =
      all && (index_.two_edits_ || traits.has(Traits::kFold | Traits::kDouble | Traits::kPlural) ||
              (traits.has(Traits::kHyphen) && is_a_label(typed)));
  if (by_edit || otherwise)
    find_label_in(from_right, around_hash, all, by_edit, visit);
}

template <class Visit>
void Index::Search::find_label_in(std::size_t from_right, std::uint64_t around_hash, bool all,
                                  bool by_edit, Visit &visit) noexcept {
  const Around *around = nullptr;
  index_.arounds_.find(around_hash, [&](std::uint32_t at) {
    if (index_.around_of_[at].hash == around_hash)
      around = &index_.around_of_[at];
  });
  if (around == nullptr)
    return;
  const std::string_view typed = label_of(qname_, from_right);
  if (is_a_label(typed)) {
    if (all)
      find_a_label(typed, *around, visit);
    return;
  }
  const bool two_edits = all && around->may_be_two_edits(typed);
  if (two_edits || by_edit)
    find_forms(typed, around_hash, two_edits, visit);
  if (!all)
    return;
  if (traits_of(from_right).has(Traits::kFold))
    find_readings(typed, around_hash, visit);
  if (traits_of(from_right).has(Traits::kDouble | Traits::kPlural))
    find_doubles(typed, around_hash, visit);
}

template <class Visit>
void Index::Search::find_forms(std::string_view typed, std::uint64_t around_hash, bool two_edits,
                               Visit &visit) noexcept {
  auto before = static_cast<std::uint32_t>(index_.names_.size());
  const auto by_form = [&](std::uint64_t hash) {
    look_up(hash, [&](std::uint32_t entry) {
      if (entry != before) // one edit leaves many forms in common
        visit(entry);
      before = entry;
    });
  };
  // Many are asked for before one is looked at: their memory comes as soon as that of one.
  std::array<std::uint64_t, 64> hashes; // NOLINT(*-member-init): set up to size
  std::size_t size = 0;
  const auto look_all_up = [&] {
    std::for_each_n(hashes.begin(), size, by_form);
    size = 0;
  };
  const auto ask_for = [&](std::uint64_t hash) {
    index_.keys_.prefetch(hash);
    hashes[size++] = hash;
    if (size == hashes.size())
      look_all_up();
  };
  index_.forms_.for_each(typed, around_hash, ask_for);
  if (two_edits)
    index_.forms_.for_each_pair(typed, around_hash, ask_for);
  look_all_up();
}

template <class Visit>
void Index::Search::find_a_label(std::string_view typed, const Around &around,
                                 Visit &visit) noexcept {
  LabelBuffer seen_buffer;
  const auto text = seen(typed, seen_buffer);
  if (!text)
    return;
  find_forms(*text, around.hash, around.may_be_two_edits(*text), visit);
  if (has_ascii_folds(*text)) {
    LabelBuffer fold_buffer;
    const std::string_view fold = folded(*text, fold_buffer);
    find_forms(fold, around.hash, around.may_be_two_edits(fold), visit);
  }
  find_readings(*text, around.hash, visit);
}

template <class Visit>
void Index::Search::find_readings(std::string_view typed, std::uint64_t around_hash,
                                  Visit &visit) noexcept {
  for_each_reading(typed, [&](std::string_view reading) {
    look_up(index_.forms_.whole(reading, around_hash), visit);
  });
}

template <class Visit>
void Index::Search::find_doubles(std::string_view typed, std::uint64_t around_hash,
                                 Visit &visit) noexcept {
  const FormHasher &forms = index_.forms_;
  for (std::size_t i = 0; i + 1 < typed.size(); ++i) {
    LabelBuffer rest;
    const auto without = [&](std::size_t at) {
      typed.copy(rest.data(), at);
      typed.substr(at + 2).copy(rest.data() + at, typed.size() - at - 2);
      return std::string_view(rest.data(), typed.size() - 2);
    };
    if (typed[i] == typed[i + 1])
      look_up(forms.whole(without(i), double_around(around_hash, i)), visit);
    if (i > 0 && typed[i] == 'e' && typed[i + 1] == 's')
      look_up(forms.whole(without(i), around_hash), visit);
  }
}

void Index::Search::find_edits() noexcept {
  const std::size_t most = std::min(tails_.size(), index_.max_labels_);
  for (std::size_t n = 2; n <= most; ++n)
    for_each_bit(index_.places_[n], [&](std::size_t from_right) {
      // All others are as they are meant; of names of two labels the other one hardly tells.
      if (n > 2 && !may_be_known(from_right == 1 ? n - 1 : 1))
        return;
      find_label(from_right, hash_around(tails_, n, from_right, tails_.hash(from_right)), true,
                 [&](std::uint32_t entry) { verify_label(entry, n, from_right); });
    });
}

void Index::Search::verify_label(std::uint32_t entry, std::size_t n,
                                 std::size_t from_right) noexcept {
  const std::string_view typed = label_of(qname_, from_right);
  if (index_.labels(entry) != n || from_right < index_.suffix_labels(entry))
    return;
  const Name meant = index_.names_[entry];
  for (std::size_t r = 0; r < n; ++r)
    if (r != from_right && label_of(meant, r) != label_of(qname_, r))
      return;
  const std::string_view intended = label_of(meant, from_right);
  if (typed == intended)
    return;
  LabelBuffer typed_buffer;
  LabelBuffer intended_buffer;
  LabelBuffer typed_fold;
  LabelBuffer intended_fold;
  const auto typed_text = seen(typed, typed_buffer);
  const auto intended_text = seen(intended, intended_buffer);
  if (!typed_text || !intended_text)
    return;
  const std::string_view intended_reading = folded(*intended_text, intended_fold);
  bool folds_equal = false;
  for_each_reading(*typed_text, [&](std::string_view reading) {
    folds_equal = folds_equal || reading == intended_reading;
  });
  Found found = {{}, 1, n, intended_text->size()};
  if (is_a_label(typed) || is_a_label(intended)) {
    std::size_t edits = label_distance(*typed_text, *intended_text);
    if (is_a_label(typed) && has_ascii_folds(*typed_text))
      edits = std::min(edits, label_distance(folded(*typed_text, typed_fold), *intended_text));
    if (folds_equal)
      edits = 0;
    if (edits > 2)
      return;
    found.techniques.add(edits == 2 ? Technique::two_edits : Technique::idn_homoglyph);
    found.edits = edits + 1; // what a reader does not see is one
    report(entry, found);
    return;
  }
  found.techniques = single_edit(typed, intended);
  if (found.techniques.empty()) {
    found.edits = label_distance(typed, intended);
    if (found.edits == 2)
      found.techniques.add(Technique::two_edits);
    if (is_double_replacement(typed, intended))
      found.techniques.add(Technique::double_replacement);
    if (is_plural_in_es(typed, intended))
      found.techniques.add(Technique::plural);
  } else if (typed.size() >= intended.size()) {
    const Keyboards keyboards = index_.groups_[index_.group_of(entry)].keyboards;
    const std::size_t at = first_difference(typed, intended);
    const auto is_near = [&](char c) { return are_near_keys(typed[at], c, keyboards); };
    found.near_keys = typed.size() == intended.size()
                          ? is_near(intended[at])
                          : (at > 0 && is_near(typed[at - 1])) ||
                                (at + 1 < typed.size() && is_near(typed[at + 1]));
  }
  if (folds_equal)
    found.techniques.add(Technique::homoglyph);
  if (!found.techniques.empty())
    report(entry, found);
}

// Suffixes

/// Calls `visit(entry, n)` for each protected name that the query's last `n` labels are once their
/// last `typed_labels` are read as `intended`, whose hash is `behind`.
template <class Visit>
void Index::Search::find_body(std::uint64_t behind, std::string_view intended,
                              std::size_t typed_labels, Visit &&visit) noexcept {
  for (std::size_t n = typed_labels + 1; n <= tails_.size(); ++n) {
    behind = hash_below(behind, tails_.label_hash(n));
    look_up(exact_key(behind), [&](std::uint32_t entry) {
      if (Wire().octets(head(n, typed_labels)).octets(intended).is(index_.names_.wire(entry)))
        visit(entry, n);
    });
  }
}

void Index::Search::find_slips() noexcept {
  index_.slips_.find_covering(tails_, [&](std::uint32_t typed) {
    const StoredSlip &slip = index_.slip_of_[index_.slips_.value(typed)];
    const std::size_t typed_labels = index_.slips_.labels(typed);
    if (typed_labels <= kMaxSuffixLabels)
      real_[typed_labels] = slip.is_real;
    const std::size_t intended_labels = index_.suffixes_.labels(slip.intended);
    const std::string_view intended = index_.suffixes_.wire(slip.intended);
    if (typed_labels >= tails_.size())
      return;
    const auto last_body = [&](std::uint32_t entry) {
      const Name name = index_.names_[entry];
      return label_of(name, index_.suffix_labels(entry)).size();
    };
    find_body(slip.intended_hash, intended, typed_labels, [&](std::uint32_t entry, std::size_t n) {
      if (holds(slip, entry))
        report(entry, {only(slip.lacks_dots ? Technique::missing_dot : Technique::tld_slip),
                       slip.edits, n, last_body(entry)});
    });
    // A letter of the body behind the dot, or one of the suffix before it.
    const std::string_view label = label_of(qname_, typed_labels);
    const char moved =
        slip.has_letter_of_body ? label_of(qname_, typed_labels - 1).front() : intended[1];
    const bool is_moved = slip.has_letter_of_body ? label.size() < Name::kMaxLabelBytes
                                                  : slip.gave_letter_to_body && label.size() > 1 &&
                                                        label.back() == moved;
    if (is_moved && !is_a_label(label)) {
      LabelBuffer buffer;
      label.copy(buffer.data(), label.size());
      std::size_t size = label.size() - 1;
      if (slip.has_letter_of_body) {
        buffer[label.size()] = moved;
        size = label.size() + 1;
      }
      const std::string_view meant(buffer.data(), size);
      std::uint64_t hash = hash_below(slip.intended_hash, hash_of(meant, index_.seed_));
      for (std::size_t n = typed_labels + 1; n <= tails_.size(); ++n) {
        if (n > typed_labels + 1)
          hash = hash_below(hash, tails_.label_hash(n));
        look_up(exact_key(hash), [&](std::uint32_t entry) {
          if (index_.suffix_labels(entry) == intended_labels && holds(slip, entry) &&
              !is_a_label(meant) &&
              Wire()
                  .octets(head(n, typed_labels + 1))
                  .label(meant)
                  .octets(intended)
                  .is(index_.names_.wire(entry)))
            report(entry, {only(Technique::transposition), 1, n, meant.size()});
        });
      }
    }
    for (std::size_t m = intended_labels + 1; m <= index_.max_labels_; ++m) {
      const std::size_t n = m - intended_labels + typed_labels;
      if (n > tails_.size())
        break;
      for_each_bit(index_.places_[m], [&](std::size_t from_right) {
        if (from_right < intended_labels)
          return;
        const std::size_t at = from_right - intended_labels + typed_labels;
        std::uint64_t behind = slip.intended_hash;
        for (std::size_t i = typed_labels + 1; i <= at; ++i)
          behind = hash_below(behind, tails_.label_hash(i));
        find_label(at, hash_around(tails_, n, at, behind), false, [&](std::uint32_t entry) {
          verify_two_place(entry, slip, typed_labels, from_right, label_of(qname_, at));
        });
      });
    }
  });
}

void Index::Search::verify_two_place(std::uint32_t entry, const StoredSlip &slip,
                                     std::size_t typed_labels, std::size_t from_right,
                                     std::string_view typed) noexcept {
  const std::size_t intended_labels = index_.suffixes_.labels(slip.intended);
  const std::size_t m = index_.labels(entry);
  if (m <= from_right || from_right < index_.suffix_labels(entry) || !holds(slip, entry))
    return;
  const Name meant = index_.names_[entry];
  if (meant.tail(intended_labels) != index_.suffixes_.wire(slip.intended) ||
      m - intended_labels + typed_labels > qname_.labels())
    return;
  for (std::size_t r = intended_labels; r < m; ++r)
    if (r != from_right &&
        label_of(meant, r) != label_of(qname_, r - intended_labels + typed_labels))
      return;
  const std::string_view intended = label_of(meant, from_right);
  if (is_a_label(typed) || is_a_label(intended) || single_edit(typed, intended).empty())
    return;
  // The dot one place off is one mistake.
  if (from_right == intended_labels && index_.suffix_labels(entry) == intended_labels) {
    const char typed_first = label_of(qname_, typed_labels - 1).front();
    const char intended_first = label_of(meant, intended_labels - 1).front();
    if ((slip.has_letter_of_body && intended.size() == typed.size() + 1 &&
         intended.starts_with(typed) && intended.back() == typed_first) ||
        (slip.gave_letter_to_body && typed.size() == intended.size() + 1 &&
         typed.starts_with(intended) && typed.back() == intended_first))
      return;
  }
  report(entry, {only(Technique::two_place), slip.edits + 1U, m - intended_labels + typed_labels,
                 intended.size()});
}

void Index::Search::find_long_slips(std::uint64_t lengths) noexcept {
  const std::string_view typed = label_of(qname_, 0);
  for_each_bit(lengths, [&](std::size_t bytes) {
    const std::string_view intended = typed.substr(0, bytes);
    const std::uint64_t hash = hash_below(index_.seed_, hash_of(intended, index_.seed_));
    const char length = static_cast<char>(bytes);
    std::array<char, Name::kMaxLabelBytes + 1> start; // NOLINT(*-member-init): filled below
    start[0] = length;
    intended.copy(start.data() + 1, bytes);
    index_.suffixes_.find(hash, {start.data(), bytes + 1}, kRoot, [&](std::uint32_t suffix) {
      find_body(hash, index_.suffixes_.wire(suffix), 1, [&](std::uint32_t entry, std::size_t n) {
        if (!index_.groups_[index_.group_of(entry)].unreal_slips ||
            index_.suffix_labels(entry) != 1 || is_real(1))
          return;
        report(entry, {only(Technique::tld_slip), typed.size() - bytes, n,
                       label_of(index_.names_[entry], 1).size()});
      });
    });
  });
}

// Dots

void Index::Search::find_dots() noexcept {
  const std::size_t most = std::min(tails_.size(), index_.max_labels_ + 1);
  for (std::size_t n = 2; n <= most; ++n) {
    const bool has_fewer = (index_.label_counts_ >> (n - 1) & 1U) != 0 && n > 2;
    const bool has_more = (index_.label_counts_ >> (n + 1) & 1U) != 0;
    const std::string_view first = label_of(qname_, n - 1);
    if (first.front() == kWww.front() && (index_.label_counts_ >> n & 1U) != 0 &&
        first.size() > kWww.size() && first.starts_with(kWww)) {
      const std::string_view rest = first.substr(kWww.size());
      look_up(exact_key(hash_with(tails_.hash(n - 1), rest, 1, 0)), [&](std::uint32_t entry) {
        if (!rest.starts_with(kWww) &&
            Wire().label(rest).octets(qname_.tail(n - 1)).is(index_.names_.wire(entry)))
          report(entry, {only(Technique::missing_dot), 1, n, body_bytes(entry)});
      });
    }
    if (has_more && has_known(1, n))
      look_up(joined_key(tails_.hash(n)), [&](std::uint32_t entry) {
        const Name meant = index_.names_[entry];
        for (std::size_t r = index_.first_joint(entry); r + 1 < meant.labels(); ++r)
          if (meant.labels() == n + 1 && Wire()
                                             .octets(meant.head(r + 2))
                                             .label(label_of(meant, r + 1), label_of(meant, r))
                                             .octets(meant.tail(r))
                                             .is(qname_.tail(n))) {
            report(entry, {only(Technique::missing_dot), 1, n, body_bytes(entry)});
            return;
          }
      });
    const std::size_t joints = has_more || has_fewer ? n : 0;
    for (std::size_t r = 1; r < joints; ++r) {
      const std::string_view label = label_of(qname_, r);
      if (has_more && traits_of(r).has(Traits::kHyphen))
        for (std::size_t at = label.find('-'); at != std::string_view::npos;
             at = label.find('-', at + 1)) {
          const std::string_view before = label.substr(0, at);
          const std::string_view behind = label.substr(at + 1);
          if (before.empty() || behind.empty() || !index_.may_be_label(before) ||
              !index_.may_be_label(behind))
            continue;
          const std::uint64_t hash = hash_below(tails_.hash(r), hash_of(behind, index_.seed_));
          look_up(exact_key(hash_with(hash, before, r + 2, n)), [&](std::uint32_t entry) {
            if (index_.first_joint(entry) <= r && Wire()
                                                      .octets(head(n, r + 1))
                                                      .label(before)
                                                      .label(behind)
                                                      .octets(qname_.tail(r))
                                                      .is(index_.names_.wire(entry)))
              report(entry, {only(Technique::hyphenation), 1, n, body_bytes(entry)});
          });
        }
      if (!has_fewer || r + 1 >= n)
        continue;
      const std::string_view before = label_of(qname_, r + 1);
      for (const std::string_view between : {std::string_view(), std::string_view("-")}) {
        const std::size_t size = before.size() + between.size() + label.size();
        if (size > Name::kMaxLabelBytes || (!between.empty() && !index_.has_hyphens_) ||
            !index_.may_be_label(before.front(), label.back(), size))
          continue;
        LabelBuffer buffer;
        before.copy(buffer.data(), before.size());
        between.copy(buffer.data() + before.size(), between.size());
        label.copy(buffer.data() + before.size() + between.size(), label.size());
        const std::string_view joined(buffer.data(), size);
        look_up(exact_key(hash_with(tails_.hash(r), joined, r + 3, n)), [&](std::uint32_t entry) {
          if (index_.suffix_labels(entry) <= r && Wire()
                                                      .octets(head(n, r + 2))
                                                      .label(joined)
                                                      .octets(qname_.tail(r))
                                                      .is(index_.names_.wire(entry)))
            report(entry, {only(between.empty() ? Technique::subdomain : Technique::hyphenation), 1,
                           n, size});
        });
      }
    }
  }
}

void Index::Search::find_glued(std::string_view label) noexcept {
  const std::size_t at = before_tld();
  std::uint64_t hash = tails_.label_hash(at + 1);
  if (traits_of(at).has(Traits::kHyphen)) {
    LabelBuffer buffer;
    const auto *end = std::remove_copy(label.begin(), label.end(), buffer.begin(), '-');
    hash = hash_of({buffer.data(), static_cast<std::size_t>(end - buffer.data())}, index_.seed_);
  }
  look_up(glued_key(hash), [&](std::uint32_t entry) {
    const Name meant = index_.names_[entry];
    for (const auto &[between, technique] :
         {std::pair(std::string_view(), Technique::missing_dot),
          std::pair(std::string_view("-"), Technique::hyphenation)})
      if (is_glued(label, meant, between))
        report(entry, {only(technique), meant.labels() - 1, at + 1, body_bytes(entry)});
  });
}

// Other suffixes and other words

void Index::Search::find_other_suffixes() noexcept {
  const std::size_t longest = may_be_known(std::min<std::size_t>(1, qname_.labels() - 1))
                                  ? std::min(tails_.size() - 1, index_.max_labels_)
                                  : 0;
  std::uint64_t above = index_.seed_; // the hash of the name without its last label
  for (std::size_t n = 1; n <= longest; ++n) {
    above = hash_below(above, tails_.label_hash(n + 1));
    if ((index_.label_counts_ >> n & 1U) != 0)
      look_up(exact_key(above), [&](std::uint32_t entry) {
        if (Wire().octets(head(n + 1, 1)).octets(kRoot).is(index_.names_.wire(entry)))
          report(entry, {only(Technique::added_tld), 1, n + 1, longest_bytes(entry)});
      });
  }
  // Under other than country codes hardly any suffix has two labels.
  const std::size_t most =
      label_of(qname_, 0).size() == kCountryCodeBytes ? kMaxSuffixLabels : std::size_t{1};
  for (std::size_t s = 1; s <= most && s < tails_.size(); ++s) {
    const std::size_t bodies =
        may_be_known(s) ? std::min(tails_.size() - s, index_.max_labels_) : 0;
    std::uint64_t hash = index_.seed_;
    for (std::size_t b = 1; b <= bodies; ++b) {
      hash = hash_below(hash, tails_.label_hash(s + b));
      if ((index_.body_counts_ >> b & 1U) == 0)
        continue;
      look_up(body_key(hash), [&](std::uint32_t entry) {
        const Name meant = index_.names_[entry];
        const std::size_t suffix = index_.suffix_labels(entry);
        const bool same_tld = s > 1 && suffix > 1 && meant.tail(1) == qname_.tail(1);
        const Found found = {only(same_tld ? Technique::wrong_sld : Technique::tld_swap), 1, s + b,
                             longest_bytes(entry)};
        if (meant.head(suffix) == head(s + b, s) && meant.tail(suffix) != qname_.tail(s) &&
            is_wanted(entry, found) && is_real(s))
          report(entry, found);
      });
    }
    if (traits_of(s).has(Traits::kHyphen) && (index_.body_counts_ & 2U) != 0)
      find_words(s);
    if (const std::string_view label = label_of(qname_, s);
        (index_.suffix_counts_ >> s & 1U) != 0 &&
        (is_digit(label.front()) || is_digit(label.back())))
      find_digits(s);
  }
}

void Index::Search::find_words(std::size_t suffix_labels) noexcept {
  const std::string_view label = label_of(qname_, suffix_labels);
  if (static_cast<std::size_t>(std::count(label.begin(), label.end(), '-')) > kMaxHyphens)
    return;
  for (std::size_t at = label.find('-'); at != std::string_view::npos; at = label.find('-', at + 1))
    for (const std::string_view word : {label.substr(0, at), label.substr(at + 1)}) {
      if (word.empty() || word.size() + 1 >= label.size() || !index_.may_be_label(word))
        continue;
      look_up(body_key(hash_with(index_.seed_, word, 1, 0)), [&](std::uint32_t entry) {
        const Name meant = index_.names_[entry];
        const std::size_t suffix = index_.suffix_labels(entry);
        if (meant.labels() == suffix + 1 && meant.label(0) == word && is_real(suffix_labels))
          report(entry, {only(Technique::combosquat), label.size() - word.size(), suffix_labels + 1,
                         word.size()});
      });
    }
}

void Index::Search::find_digits(std::size_t suffix_labels) noexcept {
  constexpr std::string_view kDigits = "0123456789";
  const std::string_view label = label_of(qname_, suffix_labels);
  const std::size_t first = std::min(label.find_first_not_of(kDigits), label.size());
  const std::size_t last = label.find_last_not_of(kDigits) + 1; // 0 where there is none
  const auto look = [&](std::string_view rest) {
    if (!index_.may_be_label(rest))
      return;
    look_up(exact_key(hash_with(tails_.hash(suffix_labels), rest, 1, 0)), [&](std::uint32_t entry) {
      if (index_.suffix_labels(entry) == suffix_labels &&
          Wire().label(rest).octets(qname_.tail(suffix_labels)).is(index_.names_.wire(entry)))
        report(entry, {only(Technique::junk_affix), label.size() - rest.size(), suffix_labels + 1,
                       rest.size()});
    });
  };
  for (std::size_t digits = 2; digits <= first && digits < label.size(); ++digits)
    look(label.substr(digits));
  for (std::size_t digits = 2; digits <= label.size() - last && digits < label.size(); ++digits)
    look(label.substr(0, label.size() - digits));
}

} // namespace mxw
