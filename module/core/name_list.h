// Many names, packed: a million of them are no million objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/name.h"

namespace mxw {

/// Names in the order in which they were added, some 20 octets each. May hold 4 GB of them.
class NameList {
public:
  NameList() = default;
  NameList(std::initializer_list<Name> names) {
    for (const Name &name : names)
      push_back(name);
  }

  void push_back(const Name &name) { append(name.tail(name.labels())); }
  /// Adds the names of `other` behind its own.
  void append(const NameList &other) {
    for (std::size_t i = 0; i < other.size(); ++i)
      append(other.wire(i));
  }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] bool empty() const noexcept { return ends_.empty(); }
  /// The wire form of name `i` with the root. Valid until the list changes.
  [[nodiscard]] std::string_view wire(std::size_t i) const noexcept {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(octets_).substr(begin, ends_[i] - begin);
  }
  [[nodiscard]] Name operator[](std::size_t i) const noexcept {
    Name name;
    name.assign(wire(i)); // was a Name when it was added
    return name;
  }
  void reserve(std::size_t names, std::size_t octets) {
    ends_.reserve(names);
    octets_.reserve(octets);
  }
  void shrink_to_fit() {
    octets_.shrink_to_fit();
    ends_.shrink_to_fit();
  }
  /// Removes each name that stands earlier in the list already.
  void remove_repeated();
  [[nodiscard]] std::size_t octets() const noexcept { return octets_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return octets_.capacity() + ends_.capacity() * sizeof(ends_[0]);
  }

private:
  void append(std::string_view wire) {
    octets_ += wire;
    ends_.push_back(static_cast<std::uint32_t>(octets_.size()));
  }

  std::string octets_;
  std::vector<std::uint32_t> ends_;
};

} // namespace mxw
