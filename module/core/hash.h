// Seeded hashing of octets. The names come from the network, so the seed must not be guessable.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mxw {

/// Odd numbers to multiply by, so that each bit reaches the higher ones: the golden ratio (Knuth,
/// TAOCP volume 3, 6.4), and a second without a pattern in common with it.
constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15U;
constexpr std::uint64_t kSecond = 0xd6e8feb86659fd93U;

/// Returns a seed that nobody can guess. Not for the query path.
inline std::uint64_t random_seed() {
  std::random_device random;
  return (std::uint64_t{random()} << 32U) | random();
}

/// Returns the XXH3 hash of `octets`. Never throws, does not allocate.
inline std::uint64_t hash_of(std::string_view octets, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(octets.data(), octets.size(), seed);
}

} // namespace mxw
