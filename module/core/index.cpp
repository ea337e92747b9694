#include "core/index.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "core/edit.h"
#include "core/hash.h"

namespace mxw {
namespace {

constexpr std::string_view kWww = "www";

/// The hash of all of a name's last `n` labels but label `at`: what tells forms of one label from
/// those of another.
std::uint64_t hash_around(const Tails &tails, std::size_t n, std::size_t at) noexcept {
  const Name &name = tails.name();
  const std::size_t first = name.labels() - n;
  const std::uint64_t behind = tails.hash(name.labels() - at - 1) + (at - first);
  if (at == first)
    return behind;
  const std::string_view before = name.tail(n);
  return hash_of(before.substr(0, before.size() - name.tail(name.labels() - at).size()), behind);
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

/// All labels of `name` from `first`, without dots, at most as much as fits into one label.
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

/// The wire forms of `name` with one dot left out; the last dot stays.
std::vector<std::string> without_a_dot(const Name &name) {
  std::vector<std::string> forms;
  for (std::size_t i = 0; i + 2 < name.labels(); ++i) {
    const auto glued = glue(name, i, i + 2);
    if (!glued)
      continue;
    std::string wire(name.head(name.labels() - i));
    append_label(wire, *glued);
    wire += name.tail(name.labels() - i - 2);
    forms.push_back(wire);
  }
  if (name.label(0).size() + kWww.size() <= Name::kMaxLabelBytes &&
      name.wire().size() + kWww.size() <= Name::kMaxWireBytes && name.label(0) != kWww) {
    std::string wire;
    append_label(wire, std::string(kWww) + std::string(name.label(0)));
    wire += name.tail(name.labels() - 1);
    forms.push_back(wire);
  }
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
    : seed_(seed), forms_(seed), names_(seed), slips_(seed) {
  std::set<std::uint64_t> contexts;
  std::vector<HashTable::Item> edits;
  std::vector<HashTable::Item> joined;
  std::vector<HashTable::Item> glued;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    const Name &name = entries[i].name;
    const std::size_t min_label = groups[entries[i].group].min_label;
    const std::size_t labels = name.labels();
    const Tails tails(name, seed_);
    names_.add(name, entries[i].group);
    std::size_t base_bytes = 0; // of all labels but the last, without dots
    for (std::size_t at = 0; at + 1 < labels; ++at) {
      base_bytes += name.label(at).size();
      if (name.label(at).size() < min_label)
        continue;
      const std::uint64_t around = hash_around(tails, labels, at);
      contexts.insert(around);
      forms_.for_each(name.label(at), around, [&](std::uint64_t hash) {
        edits.push_back({hash, i});
      });
    }
    if (base_bytes < min_label)
      continue;
    for (const std::string &wire : without_a_dot(name))
      joined.push_back({hash_of(wire, seed_), i});
    if (const auto label = glue(name, 0, labels))
      glued.push_back({hash_of(*label, seed_), i});
  }
  for (std::uint32_t group = 0; group < groups.size(); ++group)
    for (const Slip &slip : groups[group].slips) {
      slips_.add(slip.typed, static_cast<std::uint32_t>(slip_of_.size()));
      const std::string_view typed = slip.typed.tail(slip.typed.labels());
      const std::string_view intended = slip.intended.tail(slip.intended.labels());
      // The length octet in front is no letter that anyone typed.
      const std::size_t distance = edit_distance(typed.substr(1), intended.substr(1));
      slip_of_.push_back({slip.intended, group, static_cast<std::uint8_t>(distance)});
    }
  names_.seal();
  slips_.seal();
  std::vector<HashTable::Item> context_items;
  context_items.reserve(contexts.size());
  for (const std::uint64_t context : contexts)
    context_items.push_back({context, 0});
  contexts_ = HashTable(context_items);
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
  for (std::size_t n = 2; n <= std::min(tails.size(), names_.max_labels()); ++n) {
    if (!names_.has_labels(n))
      continue;
    for (std::size_t from_right = 1; from_right < n; ++from_right) {
      const std::size_t at = qname.labels() - 1 - from_right;
      const std::string_view typed = qname.label(at);
      const std::uint64_t around = hash_around(tails, n, at);
      bool known = false;
      contexts_.find(around, [&](std::uint32_t) { known = true; });
      if (!known)
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
    const std::string_view head = qname.head(typed_labels);
    // The name as it was meant, for each number of labels that it may have.
    for (std::size_t n = 1;
         n <= qname.labels() - typed_labels && n + slip.intended.labels() <= names_.max_labels();
         ++n) {
      const std::size_t skipped =
          head.size() - (qname.tail(typed_labels + n).size() - qname.tail(typed_labels).size());
      const auto meant = join(head.substr(skipped), slip.intended);
      if (!meant)
        break;
      names_.find(meant->tail(meant->labels()), [&](std::uint32_t entry) {
        if (names_.value(entry) == slip.group)
          sink.add({entry, Technique::tld_slip, slip.edits,
                    static_cast<std::uint8_t>(typed_labels + n)});
      });
    }
  });
}

void Index::find_missing_dots(const Tails &tails, MatchSink &sink) const noexcept {
  const Name &qname = tails.name();
  for (std::size_t n = 2; n <= std::min(tails.size(), names_.max_labels()); ++n) {
    const std::string_view typed = qname.tail(n);
    joined_.find(tails.hash(n), [&](std::uint32_t entry) {
      if (lacks_a_dot(typed, names_.name(entry)))
        sink.add({entry, Technique::missing_dot, 1, static_cast<std::uint8_t>(n)});
    });
  }

  // One label under a top-level domain, whichever: deeper it is part of somebody's own naming.
  if (qname.labels() < 2)
    return;
  const std::string_view label = qname.label(qname.labels() - 2);
  glued_.find(hash_of(label, seed_), [&](std::uint32_t entry) {
    if (is_glued(label, names_.name(entry)))
      sink.add({entry, Technique::missing_dot, 1, 2});
  });
}

std::size_t Index::memory_bytes() const noexcept {
  return names_.memory_bytes() + slips_.memory_bytes() + slip_of_.capacity() * sizeof(StoredSlip) +
         contexts_.memory_bytes() + edits_.memory_bytes() + joined_.memory_bytes() +
         glued_.memory_bytes();
}

} // namespace mxw
