// What `mxwarden replay` reads: logs, lists of names and captures, to the questions in them.
//
// Everything here comes from files that others write into, so each line and packet is hostile until
// it is taken apart. Of mail addresses only the domain is ever looked at or kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "core/client.h"
#include "core/name.h"

struct gzFile_s; // zlib's
struct pcap;     // libpcap's

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

/// The octets of a file, decompressed if they are gzip's. Moves with its owner; one thread.
class Input {
public:
  /// Longer lines are none of a log, and are skipped without being kept.
  static constexpr std::size_t kMaxLineBytes = std::size_t{64} * 1024;

  /// Opens `file`, "-" being standard input; or says why not, in lower case. A FIFO is waited for.
  static tl::expected<std::unique_ptr<Input>, std::string> open(const std::filesystem::path &file);
  Input(const Input &) = delete;
  Input &operator=(const Input &) = delete;
  ~Input();

  /// Returns the next line without its end, an empty one for a line that is too long, which
  /// `too_long` tells, or nullopt at the end. Valid until the next call of this object.
  std::optional<std::string_view> next_line(bool &too_long);
  /// Copies at most `size` octets and returns how many; 0 at the end.
  std::size_t read(char *to, std::size_t size);
  /// True if the file begins as a packet capture does. Before anything was read.
  bool is_capture();

  /// Why reading ended before the end of the file, in lower case; empty if it did not.
  [[nodiscard]] const std::string &error() const noexcept { return error_; }
  /// How many octets of the file, as it is on the disk, are behind us.
  [[nodiscard]] std::uint64_t bytes_done() const;
  /// The size of a regular file, else 0.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
  Input(gzFile_s *file, std::uint64_t bytes) : file_(file), bytes_(bytes), buffer_(kBufferBytes) {}
  static constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;
  static_assert(kMaxLineBytes < kBufferBytes);
  bool fill();

  gzFile_s *file_;
  std::uint64_t bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0; // of what was not yet taken
  std::size_t end_ = 0;
  bool ended_ = false;
  std::string error_;
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
