#include "core/name_list.h"

#include <utility>

#include "core/hash.h"
#include "core/key_table.h"

namespace mxw {

void NameList::remove_repeated() {
  const std::uint64_t seed = random_seed();
  KeyTable seen(size(), size() + 1);
  NameList kept;
  kept.reserve(size(), octets_.size());
  for (std::size_t i = 0; i < size(); ++i) {
    const std::string_view octets = wire(i);
    const std::uint64_t hash = hash_of(octets, seed);
    bool is_new = true;
    seen.find(hash, [&](std::uint32_t other) { is_new = is_new && kept.wire(other) != octets; });
    if (!is_new)
      continue;
    seen.add(hash, static_cast<std::uint32_t>(kept.size()));
    kept.append(octets);
  }
  if (kept.size() != size())
    *this = std::move(kept);
}

} // namespace mxw
