#include "bench/baselines.h"

#include <algorithm>

#include "core/edit.h"

namespace mxw::bench {
namespace {

/// Label and suffix of a name of two labels in wire form.
std::string_view label_of(std::string_view wire) noexcept {
  return wire.substr(1, static_cast<std::uint8_t>(wire[0]));
}
std::string_view suffix_of(std::string_view wire) noexcept {
  return wire.substr(1U + static_cast<std::uint8_t>(wire[0]));
}

/// Calls `visit(form)` for `label` and each of its forms, each once.
template <class Visit> void for_each_form(std::string_view label, Visit &&visit) {
  visit(std::string(label));
  for (std::size_t i = 0; i < label.size(); ++i)
    if (i == 0 || label[i] != label[i - 1])
      visit(std::string(label).erase(i, 1));
}

} // namespace

Scan::Scan(const NameList &names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string_view label = label_of(names.wire(i));
    labels_[std::string(suffix_of(names.wire(i)))][label.size()] += label;
  }
}

std::size_t Scan::find(const Name &name) const {
  const auto at = labels_.find(name.tail(1));
  if (at == labels_.end())
    return 0;
  const std::string_view typed = name.label(name.labels() - 2);
  std::size_t found = 0;
  for (std::size_t bytes = std::max<std::size_t>(typed.size(), 2) - 1; bytes <= typed.size() + 1;
       ++bytes) {
    const std::string_view labels = at->second[bytes];
    for (std::size_t i = 0; i < labels.size(); i += bytes)
      found += label_distance(typed, labels.substr(i, bytes)) <= 1 ? 1U : 0U;
  }
  return found;
}

DeletesTable::DeletesTable(const NameList &names) : names_(names) {
  for (std::uint32_t entry = 0; entry < names.size(); ++entry)
    for_each_form(label_of(names.wire(entry)),
                  [&](std::string form) { forms_[std::move(form)].push_back(entry); });
}

std::size_t DeletesTable::find(const Name &name) const {
  const std::string_view typed = name.label(name.labels() - 2);
  std::vector<std::uint32_t> found;
  for_each_form(typed, [&](const std::string &form) {
    const auto at = forms_.find(form);
    if (at == forms_.end())
      return;
    for (const std::uint32_t entry : at->second) {
      const std::string_view wire = names_.wire(entry);
      if (suffix_of(wire) == name.tail(1) && label_distance(typed, label_of(wire)) <= 1 &&
          std::find(found.begin(), found.end(), entry) == found.end())
        found.push_back(entry);
    }
  });
  return found.size();
}

} // namespace mxw::bench
