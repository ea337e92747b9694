// What `mxwarden replay` reads: logs, lists of names and captures, to the questions in them.
//
// Everything here comes from files that others write into, so each line and packet is hostile until
// it is taken apart. Of mail addresses only the domain is ever looked at or kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "cli/input.h"
#include "core/client.h"
#include "core/name.h"

struct pcap; // libpcap's

namespace mxw::cli {

enum class InputFormat : std::uint8_t { automatic, names, unbound, postfix, exim, pcap };

/// One question that was asked, or that a mail must have led to. A value without a pointer.
struct Question {
  std::array<std::uint8_t, Name::kMaxWireBytes> wire; ///< lower case, set up to wire_bytes
  std::size_t wire_bytes = 0;
  std::uint16_t type = 0;
  std::optional<ClientAddress> client; ///< what a mail log does not tell

  [[nodiscard]] std::string_view name() const noexcept {
    const void *octets = wire.data();
    return {static_cast<const char *>(octets), wire_bytes};
  }
};

enum class LineKind : std::uint8_t {
  question,
  other,   ///< of a known log, without a question or with one that counts elsewhere
  unknown, ///< not understood
};

/// Takes lines apart. One for each file, since lines before tell what later ones mean.
class LineParser {
public:
  /// `format` is none of captures.
  explicit LineParser(InputFormat format) noexcept : format_(format) {}

  /// Fills `question` if it returns LineKind::question. Allocates for names that are not plain
  /// ASCII only.
  LineKind parse(std::string_view line, Question &question);

private:
  std::optional<LineKind> parse_as(InputFormat format, std::string_view line, Question &question);
  std::optional<LineKind> parse_unbound(std::string_view line, Question &question);

  InputFormat format_;
  InputFormat last_ = InputFormat::unbound; // most lines are like the one before
  bool has_queries_ = false;
};

/// The DNS questions of a packet capture (pcap or pcapng).
class Capture {
public:
  /// Begins to read `input`, which must outlive it; or says why not.
  static tl::expected<std::unique_ptr<Capture>, std::string> open(Input &input);
  Capture(const Capture &) = delete;
  Capture &operator=(const Capture &) = delete;
  ~Capture();

  /// What the next packet is, or nullopt at the end.
  std::optional<LineKind> next(Question &question);
  /// Why reading ended before the end of the file; empty if it did not.
  [[nodiscard]] const std::string &error() const noexcept { return error_; }

private:
  explicit Capture(pcap *handle, int link_type) : handle_(handle), link_type_(link_type) {}
  pcap *handle_;
  int link_type_;
  std::string error_;
};

} // namespace mxw::cli
