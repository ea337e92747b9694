// Who asks: an address, and the sets of subnets that rules are limited to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mxw {

/// An IPv6 address, or an IPv4 address in its mapped form (RFC 4291 §2.5.5.2), so that both
/// compare the same way, however the socket gave it.
class ClientAddress {
public:
  static constexpr std::size_t kBytes = 16;
  using Bytes = std::array<std::uint8_t, kBytes>;

  ClientAddress() = default;
  explicit ClientAddress(const Bytes &v6) noexcept : bytes_(v6) {}
  explicit ClientAddress(std::span<const std::uint8_t, 4> v4) noexcept
      : bytes_{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, v4[0], v4[1], v4[2], v4[3]} {}

  /// Returns the address that `bytes` holds in network order, or nullopt unless they are 4 or 16.
  static std::optional<ClientAddress> from_bytes(std::span<const std::uint8_t> bytes) noexcept;

  [[nodiscard]] bool is_v4() const noexcept;
  [[nodiscard]] const Bytes &bytes() const noexcept { return bytes_; }

  friend auto operator<=>(const ClientAddress &, const ClientAddress &) = default;

private:
  Bytes bytes_ = {};
};

/// A set of addresses, given as subnets.
class ClientSet {
public:
  struct Subnet {
    ClientAddress address;
    unsigned prefix_bits = 0; ///< of 128: an IPv4 prefix of /24 is 120
  };

  /// The lowest address of `subnet`: its own, unless it has bits behind the prefix.
  static ClientAddress first_of(const Subnet &subnet) noexcept;

  ClientSet() = default;
  explicit ClientSet(std::span<const Subnet> subnets);

  /// Logarithmic in the number of subnets. Thread-safe, does not allocate.
  [[nodiscard]] bool contains(const ClientAddress &client) const noexcept;
  /// The lowest address that is in both sets.
  [[nodiscard]] std::optional<ClientAddress> common(const ClientSet &other) const noexcept;

private:
  struct Range {
    ClientAddress first;
    ClientAddress last;
  };
  std::vector<Range> ranges_; // sorted, apart from each other
};

} // namespace mxw
