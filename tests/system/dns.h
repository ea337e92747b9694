/// A DNS client for tests: questions and answers as values, transport by plain sockets (so that a
/// test can choose the client's address and send octets that no library would build), everything
/// between by ldns. Thread-safe; holds no Catch2 assertion, because Catch2's are not.
#pragma once

#include <stdbool.h> // first: else ldns defines "bool" and "true" as macros

#include <chrono>
#include <cstdint>
#include <ldns/ldns.h>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mxw::test {

using Bytes = std::vector<std::uint8_t>;

struct Endpoint {
  std::string address;
  std::uint16_t port = 0;
};

struct Question {
  std::string name; // presentation form; its case goes out as it stands
  ldns_rr_type type = LDNS_RR_TYPE_MX;
  ldns_rr_class rr_class = LDNS_RR_CLASS_IN;
  bool tcp = false;
  bool edns = true;
  bool dnssec_ok = false;
  bool checking_disabled = false;
  bool authentic_data = false;
  bool recursion_desired = true;
  std::string source = {}; // the client's address; empty: the kernel's choice
  std::chrono::milliseconds timeout = std::chrono::seconds(20);
};

struct Record {
  std::string owner;
  std::string type;
  std::string rdata;
  std::uint32_t ttl_s = 0;

  /// "army.ml. MX 0 .": without the TTL, which counts down in a cache.
  [[nodiscard]] std::string text() const { return owner + ' ' + type + ' ' + rdata; }
};

using Section = std::vector<Record>;

struct ExtendedError {
  std::uint16_t code = 0;
  std::string text;
};

struct Reply {
  std::string rcode;
  bool aa = false, ad = false, cd = false, ra = false, rd = false, tc = false;
  std::string question; // the name as it came back, in its own case
  Section answer = {}, authority = {}, additional = {};
  bool edns = false;
  std::optional<ExtendedError> ede = {};

  /// Returns the whole reply but for TTLs and message id, its records sorted: two replies say the
  /// same if their texts are equal.
  [[nodiscard]] std::string text() const;
};

/// "MX" for LDNS_RR_TYPE_MX.
[[nodiscard]] std::string type_name(ldns_rr_type type);

/// Returns "" for no reply, so that "no answer" can be compared like an answer.
[[nodiscard]] std::string text(const std::optional<Reply> &reply);

/// Returns the records of a section as sorted lines.
[[nodiscard]] std::vector<std::string> lines(const Section &section);

/// Returns the largest TTL of all records; 0 if there are none.
[[nodiscard]] std::uint32_t max_ttl_s(const Reply &reply);

/// Returns the reply, or nullopt if none came in time.
/// Throws std::runtime_error if the question cannot be sent or the reply cannot be read.
[[nodiscard]] std::optional<Reply> ask(const Endpoint &server, const Question &question);

/// Returns the question as a message with the given id.
[[nodiscard]] Bytes to_wire(const Question &question, std::uint16_t id);

/// Returns the message as it goes over TCP, its length in front.
[[nodiscard]] Bytes framed(Bytes message);

/// Returns the octets as a message that ldns can read, else nullopt.
[[nodiscard]] std::optional<Reply> parse(std::span<const std::uint8_t> message);

/// Returns a port that is free for UDP and TCP on this address at this moment.
[[nodiscard]] std::uint16_t free_port(const std::string &address);

/// A connected socket for octets that are no question.
class Socket {
public:
  enum class Kind { udp, tcp };

  /// Throws std::runtime_error if the addresses cannot be used; a refused TCP connection shows as
  /// silence.
  Socket(Kind kind, const Endpoint &server, const std::string &source,
         std::chrono::milliseconds timeout);
  ~Socket();
  Socket(const Socket &) = delete;
  Socket &operator=(const Socket &) = delete;

  /// Sends the octets as they are; the two octets of length before a TCP message are the caller's.
  void send(std::span<const std::uint8_t> octets) const;

  /// Returns the next message, or nullopt at the time-out or when the server has closed.
  [[nodiscard]] std::optional<Bytes> receive() const;

private:
  Kind kind_;
  int fd_ = -1;
};

} // namespace mxw::test
