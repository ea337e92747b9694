// What the index is compared with: the two plain ways to find labels one edit away.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/name.h"
#include "core/name_list.h"

namespace mxw::bench {

/// Every label under the same suffix whose length is near is compared, bit-parallel. Of a name the
/// label before the last counts, as for all of these.
class Scan {
public:
  explicit Scan(const NameList &names);
  /// How many protected labels `name` is one edit from at most.
  [[nodiscard]] std::size_t find(const Name &name) const;

private:
  using Buckets = std::array<std::string, Name::kMaxLabelBytes + 2>; // [n]: labels of n, in a row
  std::map<std::string, Buckets, std::less<>> labels_;               // by suffix
};

/// All labels by each of their forms that lack one octet, as SymSpell has them.
class DeletesTable {
public:
  explicit DeletesTable(const NameList &names);
  [[nodiscard]] std::size_t find(const Name &name) const;

private:
  const NameList &names_;
  std::unordered_map<std::string, std::vector<std::uint32_t>> forms_;
};

} // namespace mxw::bench
