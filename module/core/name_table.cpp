#include "core/name_table.h"

namespace mxw {

void NameTable::seal() {
  slots_ = KeyTable(entries_.size(), entries_.size() + 1);
  for (std::uint32_t entry = 0; entry < entries_.size(); ++entry)
    slots_.add(hash_of_name(name(entry), seed_), entry);
  octets_.shrink_to_fit();
  entries_.shrink_to_fit();
}

void NameTable::add_to(TailFilter &filter) const noexcept {
  for (std::uint32_t entry = 0; entry < entries_.size(); ++entry)
    filter.add(hash_of_name(name(entry), seed_));
}

Name NameTable::name(std::size_t entry) const noexcept {
  Name name;
  name.assign(wire(entry)); // was a Name when it was added
  return name;
}

} // namespace mxw
