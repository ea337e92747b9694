#include "cli/replay_input.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <pcap/pcap.h>

#include "core/policy.h"
#include "loader/dns_text.h"
#include "loader/source.h"

namespace mxw::cli {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

// --- names, types, addresses ---

bool assign(Question &question, const Name &name) {
  const auto wire = name.wire();
  std::copy(wire.begin(), wire.end(), question.wire.begin());
  question.wire_bytes = wire.size();
  return true;
}

/// Nearly all names are plain; they need neither ldns nor memory. Of others, and of what is no
/// name, it returns false.
bool assign_plain(Question &question, std::string_view text) noexcept {
  if (text.ends_with('.'))
    text.remove_suffix(1);
  if (text.empty() || text.size() + 2 > question.wire.size())
    return false;
  std::size_t length_at = 0;
  std::size_t at = 1;
  for (const char c : text) {
    const std::size_t label_bytes = at - length_at - 1;
    if (c == '.') {
      if (label_bytes == 0)
        return false;
      question.wire[length_at] = static_cast<std::uint8_t>(label_bytes);
      length_at = at++;
      continue;
    }
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (label_bytes == Name::kMaxLabelBytes ||
        (!is_upper && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_'))
      return false;
    question.wire[at++] = static_cast<std::uint8_t>(is_upper ? c - 'A' + 'a' : c);
  }
  const std::size_t label_bytes = at - length_at - 1;
  if (label_bytes == 0)
    return false;
  question.wire[length_at] = static_cast<std::uint8_t>(label_bytes);
  question.wire[at++] = 0;
  question.wire_bytes = at;
  return true;
}

using NameParser = NameOrWhy (*)(std::string_view text);

bool assign_name(Question &question, std::string_view text, NameParser parse) {
  if (assign_plain(question, text))
    return true;
  if (text.size() > Name::kMaxTextBytes)
    return false;
  const auto name = parse(text);
  return name && assign(question, *name);
}

std::optional<std::uint16_t> type_of(std::string_view text) {
  // ldns compares with one after the other, and the usual ones come millions of times.
  constexpr std::pair<std::string_view, std::uint16_t> usual[] = {
      {"A", qtype::kA},     {"AAAA", qtype::kAaaa},
      {"MX", qtype::kMx},   {"HTTPS", 65},
      {"PTR", 12},          {"NS", 2},
      {"TXT", 16},          {"DS", 43},
      {"SOA", qtype::kSoa}, {"ANY", qtype::kAny},
      {"DNSKEY", 48},       {"SRV", 33},
      {"CNAME", 5},         {"SVCB", 64},
  };
  for (const auto &[name, type] : usual)
    if (name == text)
      return type;
  constexpr std::size_t kLongest = 16;
  return text.size() > kLongest ? std::nullopt : parse_qtype(std::string(text));
}

std::optional<ClientAddress> address_of(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN> zero_ended = {};
  if (text.size() >= zero_ended.size())
    return std::nullopt;
  std::copy(text.begin(), text.end(), zero_ended.begin());
  std::array<std::uint8_t, ClientAddress::kBytes> octets = {};
  if (text.find(':') != std::string_view::npos)
    return inet_pton(AF_INET6, zero_ended.data(), octets.data()) == 1
               ? ClientAddress::from_bytes(octets)
               : std::nullopt;
  return inet_pton(AF_INET, zero_ended.data(), octets.data()) == 1
             ? ClientAddress::from_bytes(std::span(octets).first<4>())
             : std::nullopt;
}

// --- lines ---

/// Takes the next word off `rest`: what stands before the next blank.
std::string_view take_word(std::string_view &rest) noexcept {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return word;
}

bool has(std::string_view text, std::string_view part) noexcept {
  return text.find(part) != std::string_view::npos;
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// True if `line` begins with a time as logs have it: of another program, or a line of no interest.
bool begins_with_time(std::string_view line) noexcept {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (line.size() < 16)
    return false;
  if (line[0] == '[')
    return is_digit(line[1]);
  if (line[4] == '-' && line[7] == '-')
    return is_digit(line[0]) && is_digit(line[9]);
  const std::size_t month = kMonths.find(line.substr(0, 3));
  return line[3] == ' ' && line[9] == ':' && month != std::string_view::npos && month % 3 == 0;
}

/// Nothing where a line is none of the format.
using OptionalKind = std::optional<LineKind>;

OptionalKind other_if(bool is_of_format) {
  return is_of_format ? OptionalKind(LineKind::other) : std::nullopt;
}

/// The question that mail to `address` leads to.
LineKind parse_address_of_mail(std::string_view address, Question &question) {
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos)
    return LineKind::other; // delivered here
  const std::string_view domain = address.substr(at + 1);
  if (domain.starts_with('['))
    return LineKind::other; // an address literal, which asks nobody
  if (!assign_name(question, domain, parse_asked_name))
    return LineKind::unknown;
  question.type = qtype::kMx;
  question.client.reset();
  return LineKind::question;
}

/// `… postfix/smtp[PID]: ID: to=<bob@example.org>, relay=…, status=…`. Other agents than smtp ask
/// for no MX.
OptionalKind parse_postfix(std::string_view line, Question &question) {
  const std::size_t agent = line.find("/smtp[");
  if (agent == std::string_view::npos)
    return other_if(has(line, "postfix/"));
  constexpr std::string_view kTo = ": to=<";
  const std::size_t to = line.find(kTo, agent);
  if (to == std::string_view::npos || !has(line.substr(to), ", status="))
    return LineKind::other;
  std::string_view address = line.substr(to + kTo.size());
  const std::size_t end = address.find(">, ");
  const std::string_view rest = address.substr(std::min(end, address.size()));
  // A filter on the same host gives the mail back, and it is delivered once more.
  for (const std::string_view here : {", relay=127.", ", relay=localhost[", ", relay=::1["})
    if (has(rest, here))
      return LineKind::other;
  return end == std::string_view::npos ? LineKind::unknown
                                       : parse_address_of_mail(address.substr(0, end), question);
}

/// True of `1abcde-0001Ab-2C` and, since Exim 4.97, of `1abcde-00000001Abc-2CdE`.
bool is_exim_id(std::string_view word) noexcept {
  const std::size_t second = word.size() == 16 ? 13 : 18;
  if ((word.size() != 16 && word.size() != 23) || word[6] != '-' || word[second] != '-')
    return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (i != 6 && i != second && !is_letter && !is_digit(c))
      return false;
  }
  return true;
}

/// `DATE TIME ID => bob@example.org R=… T=…`, with a zone and a process before the ID, or behind
/// what syslog puts in front.
OptionalKind parse_exim(std::string_view line, Question &question) {
  constexpr int kMaxWordsBefore = 9;
  std::string_view rest = line;
  for (int i = 0; !is_exim_id(take_word(rest)); ++i)
    if (i == kMaxWordsBefore || rest.empty())
      return std::nullopt;
  const std::string_view flag = take_word(rest);
  if (flag != "=>" && flag != "->" && flag != "**" && flag != "==")
    return LineKind::other;
  std::size_t local_part = 0;
  if (rest.starts_with('"')) // there may be blanks in it
    for (local_part = 1; local_part < rest.size() && rest[local_part] != '"'; ++local_part)
      local_part += rest[local_part] == '\\' ? 1 : 0;
  if (local_part >= rest.size())
    return LineKind::unknown;
  std::string_view address = rest.substr(local_part);
  address = take_word(address);
  if (address.ends_with(':'))
    address.remove_suffix(1);
  if (rest.starts_with('|') || rest.starts_with('/') || rest.starts_with(':'))
    return LineKind::other; // a pipe, a file, :blackhole:
  return parse_address_of_mail(address, question);
}

/// A name a line, or the first column of a CSV, as rule files have lists; of an address the domain.
OptionalKind parse_listed(std::string_view line, Question &question, bool is_sure) {
  constexpr std::string_view kAround = " \t\"";
  std::string_view field = line.substr(0, line.find_first_of(",;#"));
  field.remove_prefix(std::min(field.find_first_not_of(kAround), field.size()));
  field = field.substr(0, field.find_last_not_of(kAround) + 1);
  if (field.empty())
    return LineKind::other;
  field.remove_prefix(field.rfind('@') + 1);
  const bool may_be_name = is_sure || has(field, "."); // else any word would be one
  if (!may_be_name || !assign_name(question, field, parse_asked_name))
    return std::nullopt;
  question.type = qtype::kMx;
  question.client.reset();
  return LineKind::question;
}

// --- packets ---

/// What is left of a packet. Each step returns false where there is too little.
class Octets {
public:
  Octets(const std::uint8_t *data, std::size_t size) : rest_(data, size) {}
  [[nodiscard]] std::size_t size() const noexcept { return rest_.size(); }
  [[nodiscard]] unsigned at(std::size_t i) const noexcept { return rest_[i]; }
  [[nodiscard]] unsigned at16(std::size_t i) const noexcept {
    return (unsigned{rest_[i]} << 8U) | rest_[i + 1];
  }
  [[nodiscard]] std::span<const std::uint8_t> part(std::size_t at, std::size_t size) const {
    return rest_.subspan(at, size);
  }
  bool skip(std::size_t size) noexcept {
    if (size > rest_.size())
      return false;
    rest_ = rest_.subspan(size);
    return true;
  }

private:
  std::span<const std::uint8_t> rest_;
};

constexpr unsigned kUdp = 17;

/// Leaves of `packet` what is behind the link layer.
bool skip_link(int link_type, Octets &packet) noexcept {
  std::size_t type_at = 0;
  std::size_t size = 0;
  switch (link_type) {
  case DLT_EN10MB:
    type_at = 12;
    size = 14;
    break;
  case DLT_LINUX_SLL:
    type_at = 14;
    size = 16;
    break;
  case DLT_LINUX_SLL2:
    type_at = 0;
    size = 20;
    break;
  case DLT_NULL:
  case DLT_LOOP:
    return packet.skip(4);
  default: // DLT_RAW and the like, see Capture::open
    return true;
  }
  if (packet.size() < size)
    return false;
  unsigned type = packet.at16(type_at);
  packet.skip(size);
  constexpr int kMaxTags = 2; // IEEE 802.1ad
  for (int tags = 0; tags < kMaxTags && (type == 0x8100 || type == 0x88a8); ++tags) {
    if (packet.size() < 4)
      return false;
    type = packet.at16(2);
    packet.skip(4);
  }
  return type == 0x0800 || type == 0x86dd;
}

/// Leaves the UDP header and what follows. Source: RFC 791 §3.1, RFC 8200 §3 and §4.
bool skip_ip(Octets &packet, Question &question) noexcept {
  if (packet.size() < 20)
    return false;
  if (packet.at(0) >> 4U == 4) {
    const std::size_t header = std::size_t{packet.at(0) & 0xfU} * 4;
    const bool is_later_fragment = (packet.at16(6) & 0x1fffU) != 0;
    if (packet.at(9) != kUdp || is_later_fragment || header < 20)
      return false;
    question.client = ClientAddress::from_bytes(packet.part(12, 4));
    return packet.skip(header);
  }
  if (packet.at(0) >> 4U != 6 || packet.size() < 40)
    return false;
  question.client = ClientAddress::from_bytes(packet.part(8, 16));
  unsigned next = packet.at(6);
  packet.skip(40);
  constexpr int kMaxExtensions = 4;
  for (int i = 0; i < kMaxExtensions && (next == 0 || next == 43 || next == 60); ++i) {
    if (packet.size() < 8)
      return false;
    next = packet.at(0);
    if (!packet.skip((std::size_t{packet.at(1)} + 1) * 8))
      return false;
  }
  return next == kUdp;
}

/// Source: RFC 1035 §4.1.
LineKind parse_packet(int link_type, Octets packet, Question &question) noexcept {
  if (!skip_link(link_type, packet) || !skip_ip(packet, question) || packet.size() < 8 ||
      packet.at16(2) != 53)
    return LineKind::other;
  packet.skip(8);
  constexpr std::size_t kHeader = 12;
  if (packet.size() < kHeader)
    return LineKind::unknown;
  const bool is_query = (packet.at(2) & 0xf8U) == 0; // neither an answer nor another opcode
  if (!is_query || packet.at16(4) != 1)
    return LineKind::other;
  packet.skip(kHeader);
  std::size_t end = 0;
  while (end < packet.size() && packet.at(end) != 0)
    end += packet.at(end) + 1; // a pointer leads past the longest name
  if (end + 5 > packet.size())
    return LineKind::unknown;
  Name name;
  if (!name.assign(packet.part(0, end + 1)))
    return LineKind::unknown;
  assign(question, name);
  question.type = static_cast<std::uint16_t>(packet.at16(end + 1));
  return packet.at16(end + 3) == 1 ? LineKind::question : LineKind::other;
}

ssize_t read_input(void *input, char *to, std::size_t size) {
  return static_cast<ssize_t>(static_cast<Input *>(input)->read(to, size));
}

} // namespace

LineKind LineParser::parse(std::string_view line, Question &question) {
  if (line.starts_with(kByteOrderMark))
    line.remove_prefix(kByteOrderMark.size());
  line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
  if (line.empty() || line.front() == '#')
    return LineKind::other;
  OptionalKind kind = parse_as(format_ == InputFormat::automatic ? last_ : format_, line, question);
  if (format_ == InputFormat::automatic)
    for (const InputFormat format :
         {InputFormat::unbound, InputFormat::postfix, InputFormat::exim, InputFormat::names}) {
      if (kind)
        break;
      kind = parse_as(format, line, question);
      if (kind)
        last_ = format;
    }
  // Other programs write into the same log.
  return kind.value_or(begins_with_time(line) ? LineKind::other : LineKind::unknown);
}

OptionalKind LineParser::parse_as(InputFormat format, std::string_view line, Question &question) {
  switch (format) {
  case InputFormat::unbound:
    return parse_unbound(line, question);
  case InputFormat::postfix:
    return parse_postfix(line, question);
  case InputFormat::exim:
    return parse_exim(line, question);
  case InputFormat::names:
    return parse_listed(line, question, format_ == InputFormat::names);
  case InputFormat::automatic:
  case InputFormat::pcap:
    break;
  }
  return std::nullopt;
}

/// `… info: 192.0.2.1 example.org. MX IN`, with the answer's code and more behind it if it is of
/// log-replies. The word before is query or reply with log-tag-queryreply.
OptionalKind LineParser::parse_unbound(std::string_view line, Question &question) {
  std::string_view rest;
  for (std::size_t at = line.find("] "); at != std::string_view::npos && rest.empty();
       at = line.find("] ", at + 2))
    for (const std::string_view level : {"info: ", "query: ", "reply: "})
      if (line.substr(at + 2).starts_with(level))
        rest = line.substr(at + 2 + level.size());
  if (rest.empty())
    return other_if(has(line, "unbound["));
  const auto client = address_of(take_word(rest));
  const std::string_view name = take_word(rest);
  const std::string_view type_text = take_word(rest);
  const std::string_view class_text = take_word(rest);
  if (!client || !name.ends_with('.') || class_text.empty())
    return LineKind::other;
  const bool is_reply = !rest.empty();
  if (class_text != "IN" || (is_reply && has_queries_))
    return LineKind::other; // the query was counted
  const auto type = type_of(type_text);
  if (!type || !assign_name(question, name, parse_name))
    return LineKind::unknown;
  has_queries_ = has_queries_ || !is_reply;
  question.type = *type;
  question.client = client;
  return LineKind::question;
}

tl::expected<std::unique_ptr<Capture>, std::string> Capture::open(Input &input) {
  std::FILE *file = fopencookie(&input, "rb", {read_input, nullptr, nullptr, nullptr});
  if (file == nullptr)
    return tl::unexpected(reason(errno));
  std::array<char, PCAP_ERRBUF_SIZE> why = {};
  pcap_t *handle = pcap_fopen_offline(file, why.data());
  if (handle == nullptr) {
    std::fclose(file); // NOLINT(cert-err33-c): nothing was written
    return tl::unexpected(std::string(why.data()));
  }
  std::unique_ptr<Capture> capture(new Capture(handle, pcap_datalink(handle)));
  switch (capture->link_type_) {
  case DLT_EN10MB:
  case DLT_LINUX_SLL:
  case DLT_LINUX_SLL2:
  case DLT_NULL:
  case DLT_LOOP:
  case DLT_RAW:
  case DLT_IPV4:
  case DLT_IPV6:
    return capture;
  default:
    return tl::unexpected("link type " + std::to_string(capture->link_type_) + " is not known");
  }
}

Capture::~Capture() { pcap_close(handle_); }

std::optional<LineKind> Capture::next(Question &question) {
  pcap_pkthdr *header = nullptr;
  const std::uint8_t *data = nullptr;
  const int status = pcap_next_ex(handle_, &header, &data);
  if (status == 1)
    return parse_packet(link_type_, {data, header->caplen}, question);
  if (status == PCAP_ERROR)
    error_ = pcap_geterr(handle_);
  return std::nullopt;
}

} // namespace mxw::cli
