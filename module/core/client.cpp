#include "core/client.h"

#include <algorithm>

namespace mxw {

std::optional<ClientAddress>
ClientAddress::from_bytes(std::span<const std::uint8_t> bytes) noexcept {
  if (bytes.size() == 4)
    return ClientAddress(bytes.first<4>());
  if (bytes.size() != kBytes)
    return std::nullopt;
  Bytes v6{};
  std::copy(bytes.begin(), bytes.end(), v6.begin());
  return ClientAddress(v6);
}

bool ClientAddress::is_v4() const noexcept {
  const bool zeros =
      std::all_of(bytes_.begin(), bytes_.begin() + 10, [](auto b) { return b == 0; });
  return zeros && bytes_[10] == 0xff && bytes_[11] == 0xff;
}

ClientAddress ClientSet::first_of(const Subnet &subnet) noexcept {
  ClientAddress::Bytes first = subnet.address.bytes();
  for (unsigned bit = subnet.prefix_bits; bit < 8 * ClientAddress::kBytes; ++bit)
    first[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  return ClientAddress(first);
}

ClientSet::ClientSet(std::span<const Subnet> subnets) {
  for (const Subnet &subnet : subnets) {
    ClientAddress::Bytes last = subnet.address.bytes();
    for (unsigned bit = subnet.prefix_bits; bit < 8 * ClientAddress::kBytes; ++bit)
      last[bit / 8] |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
    ranges_.push_back({first_of(subnet), ClientAddress(last)});
  }
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range &a, const Range &b) { return a.first < b.first; });
  std::vector<Range> merged;
  for (const Range &range : ranges_) {
    if (merged.empty() || merged.back().last < range.first)
      merged.push_back(range);
    else
      merged.back().last = std::max(merged.back().last, range.last);
  }
  ranges_ = std::move(merged);
}

bool ClientSet::contains(const ClientAddress &client) const noexcept {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), client,
                       [](const ClientAddress &c, const Range &range) { return c < range.first; });
  return after != ranges_.begin() && !(std::prev(after)->last < client);
}

std::optional<ClientAddress> ClientSet::common(const ClientSet &other) const noexcept {
  for (auto a = ranges_.begin(), b = other.ranges_.begin();
       a != ranges_.end() && b != other.ranges_.end();) {
    const ClientAddress first = std::max(a->first, b->first);
    if (!(std::min(a->last, b->last) < first))
      return first;
    if (a->last < b->last)
      ++a;
    else
      ++b;
  }
  return std::nullopt;
}

} // namespace mxw
