// Seeded hashing of octets. The names come from the network, so the seed must not be guessable.
#pragma once

#include <cstdint>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mxw {

/// Returns the XXH3 hash of `octets`. Never throws, does not allocate.
inline std::uint64_t hash_of(std::string_view octets, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(octets.data(), octets.size(), seed);
}

} // namespace mxw
