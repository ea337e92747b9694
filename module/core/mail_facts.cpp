#include "core/mail_facts.h"

#include <algorithm>
#include <span>

#include "core/hash.h"

namespace mxw {
namespace {

XXH128_hash_t hash_128(const Name &name, std::uint64_t seed) noexcept {
  const std::string_view wire = name.tail(name.labels());
  return XXH3_128bits_withSeed(wire.data(), wire.size(), seed);
}

} // namespace

MailFacts::MailFacts(std::uint64_t seed) : seed_(seed), entries_(kEntries) {}

MailFact MailFacts::find(const Name &name, std::int64_t now_s) const noexcept {
  const auto [low, high] = hash_128(name, seed_);
  const std::size_t first = low % (kEntries / kWays) * kWays;
  for (const Entry &entry : std::span(entries_).subspan(first, kWays))
    if (entry.low == low && entry.high == high && entry.holds(now_s))
      return entry.fact;
  return {};
}

void MailFacts::put(const Name &name, const MailFact &fact, std::int64_t expires_s,
                    std::int64_t now_s) noexcept {
  const auto [low, high] = hash_128(name, seed_);
  const std::size_t first = low % (kEntries / kWays) * kWays;
  const auto ways = std::span(entries_).subspan(first, kWays);
  const auto rank = [&, own_low = low, own_high = high](const Entry &entry) {
    return entry.low == own_low && entry.high == own_high ? INT64_MIN
           : entry.holds(now_s)                           ? entry.expires_s
                                                          : now_s;
  };
  const auto place = std::min_element(
      ways.begin(), ways.end(), [&](const Entry &a, const Entry &b) { return rank(a) < rank(b); });
  *place = {low, high, expires_s, fact};
}

std::uint64_t MailFacts::host_hash(const Name &host) const noexcept {
  return hash_of(host.tail(host.labels()), seed_);
}

bool has_same_hosts(const MailFact &typed, const MailFact &meant) noexcept {
  if (typed.host_count == 0 || typed.host_count > MailFact::kMaxHosts ||
      meant.host_count > MailFact::kMaxHosts)
    return false;
  const auto known = std::span(meant.hosts).first(meant.host_count);
  const auto asked = std::span(typed.hosts).first(typed.host_count);
  return std::all_of(asked.begin(), asked.end(), [&](std::uint64_t host) {
    return std::find(known.begin(), known.end(), host) != known.end();
  });
}

} // namespace mxw
