// What is known of where the mail of a name goes: as the resolver found it out, for as long as its
// answers hold. A small table of fixed size; what does not fit is looked up again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/name.h"

namespace mxw {

/// How far a name has been looked up, and with what outcome. Source: RFC 5321 §5.1: mail goes to
/// the MX hosts; without MX records to the name's own addresses.
enum class Mail : std::uint8_t {
  unknown, ///< nothing has been asked
  no_mx,   ///< there is no MX record; its A has to be asked for
  no_a,    ///< nor an A record; its AAAA has to be asked for
  none,    ///< the name takes no mail: it is not there, has no address, or says so (RFC 7505)
  takes,   ///< it takes mail
  failed,  ///< it could not be found out
};

struct MailFact {
  static constexpr std::size_t kMaxHosts = 8;

  Mail mail = Mail::unknown;
  std::uint8_t host_count = 0;                  ///< of its MX records; kMaxHosts + 1: more
  std::array<std::uint64_t, kMaxHosts> hosts{}; ///< their hashes, by MailFacts::host_hash()
};

/// For one thread. Never allocates once it is made.
class MailFacts {
public:
  /// `seed` should be random. Throws std::bad_alloc only.
  explicit MailFacts(std::uint64_t seed);

  /// What is said to hold longer is from before the clock went back, and is not believed.
  static constexpr std::uint32_t kMaxTtlS = 86'400;

  /// Returns what is known of `name` at `now_s`.
  [[nodiscard]] MailFact find(const Name &name, std::int64_t now_s) const noexcept;
  /// Remembers `fact` until `expires_s`, at most kMaxTtlS. What expires first makes room.
  void put(const Name &name, const MailFact &fact, std::int64_t expires_s,
           std::int64_t now_s) noexcept;

  [[nodiscard]] std::uint64_t host_hash(const Name &host) const noexcept;

private:
  struct Entry {
    std::uint64_t low = 0; // a hash of 128 bits stands for the name
    std::uint64_t high = 0;
    std::int64_t expires_s = 0;
    MailFact fact;
    [[nodiscard]] bool holds(std::int64_t now_s) const noexcept {
      return now_s < expires_s && expires_s <= now_s + kMaxTtlS;
    }
  };
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kEntries = 1024;

  std::uint64_t seed_;
  std::vector<Entry> entries_;
};

/// True if mail to one name goes to hosts of the other: each MX host of `typed` is one of `meant`.
[[nodiscard]] bool has_same_hosts(const MailFact &typed, const MailFact &meant) noexcept;

} // namespace mxw
