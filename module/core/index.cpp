#include "core/index.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "core/edit.h"
#include "core/hash.h"

namespace mxw {
namespace {

constexpr std::string_view kWww = "www";

/// The hash of a name's last `n` labels but one, the one with `from_right` labels behind it: what
/// tells forms of one label from those of another.
std::uint64_t hash_around(const Tails &tails, std::size_t n, std::size_t from_right) noexcept {
  std::uint64_t hash = hash_below(tails.hash(from_right), 0); // a hole, where the label was
  for (std::size_t i = from_right + 2; i <= n; ++i)
    hash = hash_below(hash, tails.label_hash(i));
  return hash;
}

/// True if the last `n` labels of both names, `n` being all that `b` has, are equal but for the
/// label `from_right` places from the last.
bool equal_around(const Name &a, const Name &b, std::size_t from_right) noexcept {
  const std::size_t n = b.labels();
  for (std::size_t i = 0; i < n; ++i)
    if (i != n - 1 - from_right && a.label(a.labels() - n + i) != b.label(i))
      return false;
  return true;
}

/// The labels of `name` from `first` up to `last` as one, or nullopt where that is too long for
/// one.
std::optional<std::string> glue(const Name &name, std::size_t first, std::size_t last) {
  std::string glued;
  for (std::size_t i = first; i < last; ++i)
    glued += name.label(i);
  if (glued.size() > Name::kMaxLabelBytes)
    return std::nullopt;
  return glued;
}

void append_label(std::string &wire, std::string_view label) {
  wire += static_cast<char>(label.size());
  wire += label;
}

/// `name` with one dot left out, in each place but the last, and with the one behind "www" left
/// out.
std::vector<Name> without_a_dot(const Name &name) {
  std::vector<Name> forms;
  const auto put = [&](std::string_view before, const std::string &label, std::size_t behind) {
    std::string head(before);
    append_label(head, label);
    if (const auto form = join(head, name.ancestor(behind)))
      forms.push_back(*form);
  };
  for (std::size_t i = 0; i + 2 < name.labels(); ++i)
    if (const auto glued = glue(name, i, i + 2))
      put(name.head(name.labels() - i), *glued, name.labels() - i - 2);
  if (name.label(0).size() + kWww.size() <= Name::kMaxLabelBytes && name.label(0) != kWww)
    put({}, std::string(kWww) + std::string(name.label(0)), name.labels() - 1);
  return forms;
}

/// True if `typed` (wire form) is `intended` with one dot left out, or with www put before it.
bool lacks_a_dot(std::string_view typed, const Name &intended) noexcept {
  // Both without the octets that count a label's length: what is left of the typed name must be
  // the intended name, except for one place where a length octet is missing.
  const std::string_view wire = intended.tail(intended.labels());
  if (typed.size() == wire.size() + kWww.size())
    return typed.substr(1, kWww.size()) == kWww && typed.substr(1 + kWww.size()) == wire.substr(1);
  if (typed.size() + 1 != wire.size())
    return false;
  std::size_t at = 0; // start of a label in both
  while (typed[at] == wire[at]) {
    const auto label_bytes = static_cast<std::uint8_t>(wire[at]);
    if (label_bytes == 0 || typed.substr(at + 1, label_bytes) != wire.substr(at + 1, label_bytes))
      return false;
    at += label_bytes + 1U;
  }
  const auto first = static_cast<std::uint8_t>(wire[at]);
  if (first == 0 || at + first + 1U >= wire.size())
    return false;
  const auto second = static_cast<std::uint8_t>(wire[at + first + 1U]);
  return static_cast<std::uint8_t>(typed[at]) == first + second &&
         typed.substr(at + 1, first) == wire.substr(at + 1, first) &&
         typed.substr(at + 1 + first) == wire.substr(at + first + 2U);
}

/// True if `label` is all labels of `name` without the dots.
bool is_glued(std::string_view label, const Name &name) noexcept {
  for (std::size_t i = 0; i < name.labels(); ++i) {
    const std::string_view part = name.label(i);
    if (label.substr(0, part.size()) != part)
      return false;
    label.remove_prefix(part.size());
  }
  return label.empty();
}

} // namespace

Index::Index(std::span<const IndexEntry> entries, std::span<const IndexOptions> groups,
             std::uint64_t seed)
    : forms_(seed), names_(seed), slips_(seed) {
  struct Label {
    std::uint32_t entry;
    std::size_t from_right;
    std::uint64_t around;
  };
  std::vector<Label> labels;
  std::vector<HashTable::Item> joined;
  std::vector<HashTable::Item> glued;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    const Name &name = entries[i].name;
    const std::size_t min_label = groups[entries[i].group].min_label;
    const Tails tails(name, seed);
    names_.add(name, entries[i].group);
    std::size_t base_bytes = 0; // of all labels but the last, without dots
    for (std::size_t at = 0; at + 1 < name.labels(); ++at) {
      base_bytes += name.label(at).size();
      const std::size_t from_right = name.labels() - 1 - at;
      if (name.label(at).size() >= min_label)
        labels.push_back({i, from_right, hash_around(tails, name.labels(), from_right)});
    }
    if (base_bytes < min_label)
      continue;
    for (const Name &form : without_a_dot(name))
      joined.push_back({Tails(form, seed).hash(form.labels()), i});
    if (const auto label = glue(name, 0, name.labels()))
      glued.push_back({hash_of(*label, seed), i});
  }
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> pairs;
  for (std::uint32_t group = 0; group < groups.size(); ++group)
    for (const Slip &slip : groups[group].slips) {
      const std::string_view typed = slip.typed.tail(slip.typed.labels());
      const std::string_view intended = slip.intended.tail(slip.intended.labels());
      const auto [at, is_new] = pairs.try_emplace({typed, intended}, slip_of_.size());
      if (is_new) {
        slips_.add(slip.typed, static_cast<std::uint32_t>(slip_of_.size()));
        // The length octet in front is no letter that anyone typed.
        const std::size_t distance = edit_distance(typed.substr(1), intended.substr(1));
        slip_of_.push_back({slip.intended,
                            Tails(slip.intended, seed).hash(slip.intended.labels()),
                            static_cast<std::uint8_t>(distance),
                            {}});
      }
      slip_of_[at->second].groups.push_back(group);
    }
  names_.seal();
  slips_.seal();
  labels_ = LabelFilter(labels.size());
  std::vector<HashTable::Item> edits;
  for (const Label &label : labels) {
    const Name &name = entries[label.entry].name;
    const std::string_view text = name.label(name.labels() - 1 - label.from_right);
    labels_.add(text, label.around);
    forms_.for_each(text, label.around, [&](std::uint64_t hash) {
      edits.push_back({hash, label.entry});
    });
  }
  edits_ = HashTable(edits);
  joined_ = HashTable(joined);
  glued_ = HashTable(glued);
}

void Index::find(const Tails &tails, MatchSink &sink) const noexcept {
  find_edits(tails, sink);
  find_slips(tails, sink);
  find_missing_dots(tails, sink);
}

void Index::find_edits(const Tails &tails, MatchSink &sink) const noexcept {
  const Name &qname = tails.name();
  const std::size_t most_labels = std::min(tails.size(), names_.max_labels());
  for (std::size_t n = 2; n <= most_labels; ++n) {
    if (!names_.has_labels(n))
      continue;
    for (std::size_t from_right = 1; from_right < n; ++from_right) {
      const std::string_view typed = qname.label(qname.labels() - 1 - from_right);
      const std::uint64_t around = hash_around(tails, n, from_right);
      if (!labels_.may_match(typed, around))
        continue;
      forms_.for_each(typed, around, [&](std::uint64_t hash) {
        edits_.find(hash, [&](std::uint32_t entry) {
          if (names_.labels(entry) != n)
            return;
          const Name intended = names_.name(entry);
          if (!equal_around(qname, intended, from_right))
            return;
          if (const auto technique = single_edit(typed, intended.label(n - 1 - from_right)))
            sink.add({entry, *technique, 1, static_cast<std::uint8_t>(n)});
        });
      });
    }
  }
}

void Index::find_slips(const Tails &tails, MatchSink &sink) const noexcept {
  const Name &qname = tails.name();
  slips_.find_covering(tails, [&](std::uint32_t typed) {
    const StoredSlip &slip = slip_of_[slips_.value(typed)];
    const std::size_t typed_labels = slips_.labels(typed);
    const std::string_view intended = slip.intended.tail(slip.intended.labels());
    std::uint64_t meant = slip.intended_hash;
    // The name as it was meant, for each number of labels that it may have.
    for (std::size_t n = typed_labels + 1;
         n <= tails.size() && n - typed_labels + slip.intended.labels() <= names_.max_labels();
         ++n) {
      meant = hash_below(meant, tails.label_hash(n));
      std::string_view head = qname.tail(n);
      head.remove_suffix(qname.tail(typed_labels).size());
      names_.find(meant, head, intended, [&](std::uint32_t entry) {
        if (std::binary_search(slip.groups.begin(), slip.groups.end(), names_.value(entry)))
          sink.add({entry, Technique::tld_slip, slip.edits, static_cast<std::uint8_t>(n)});
      });
    }
  });
}

void Index::find_missing_dots(const Tails &tails, MatchSink &sink) const noexcept {
  const Name &qname = tails.name();
  const std::size_t most_labels = std::min(tails.size(), names_.max_labels());
  for (std::size_t n = 2; n <= most_labels; ++n)
    joined_.find(tails.hash(n), [&](std::uint32_t entry) {
      if (lacks_a_dot(qname.tail(n), names_.name(entry)))
        sink.add({entry, Technique::missing_dot, 1, static_cast<std::uint8_t>(n)});
    });

  // One label under a top-level domain, whichever: deeper it is part of somebody's own naming.
  if (qname.labels() < 2)
    return;
  glued_.find(tails.label_hash(2), [&](std::uint32_t entry) {
    if (is_glued(qname.label(qname.labels() - 2), names_.name(entry)))
      sink.add({entry, Technique::missing_dot, 1, 2});
  });
}

std::size_t Index::memory_bytes() const noexcept {
  return names_.memory_bytes() + slips_.memory_bytes() + slip_of_.capacity() * sizeof(StoredSlip) +
         labels_.memory_bytes() + edits_.memory_bytes() + joined_.memory_bytes() +
         glued_.memory_bytes();
}

} // namespace mxw
