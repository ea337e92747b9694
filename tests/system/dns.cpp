#include "dns.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <netdb.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace mxw::test {
namespace {

template <auto Free> struct Deleter {
  template <typename T> void operator()(T *object) const { Free(object); }
};
using Packet = std::unique_ptr<ldns_pkt, Deleter<ldns_pkt_free>>;
using OptionList = std::unique_ptr<ldns_edns_option_list, Deleter<ldns_edns_option_list_deep_free>>;
using AddressInfo = std::unique_ptr<addrinfo, Deleter<freeaddrinfo>>;
template <typename T> using Malloced = std::unique_ptr<T, Deleter<std::free>>;

std::string take(char *text) {
  const Malloced<char> owner(text);
  return text == nullptr ? std::string() : std::string(text);
}

std::string to_text(const ldns_rdf *rdf) { return take(ldns_rdf2str(rdf)); }

Record to_record(const ldns_rr *rr) {
  Record record{.owner = to_text(ldns_rr_owner(rr)),
                .type = type_name(ldns_rr_get_type(rr)),
                .rdata = {},
                .ttl_s = ldns_rr_ttl(rr)};
  for (std::size_t i = 0; i < ldns_rr_rd_count(rr); ++i)
    record.rdata += (i == 0 ? "" : " ") + to_text(ldns_rr_rdf(rr, i));
  return record;
}

Section to_section(const ldns_rr_list *list) {
  Section section;
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i)
    section.push_back(to_record(ldns_rr_list_rr(list, i)));
  return section;
}

/// Source: RFC 8914 section 2 (two octets of code, then UTF-8 text).
std::optional<ExtendedError> to_extended_error(ldns_pkt *packet) {
  const ldns_edns_option_list *options = ldns_pkt_edns_get_option_list(packet);
  for (std::size_t i = 0; i < ldns_edns_option_list_get_count(options); ++i) {
    const ldns_edns_option *option = ldns_edns_option_list_get_option(options, i);
    const std::size_t size = ldns_edns_get_size(option);
    const std::uint8_t *data = ldns_edns_get_data(option);
    if (ldns_edns_get_code(option) != LDNS_EDNS_EDE || size < 2)
      continue;
    return ExtendedError{.code = ldns_read_uint16(data), .text = {data + 2, data + size}};
  }
  return std::nullopt;
}

AddressInfo resolve(const std::string &address, std::uint16_t port, int type) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = type;
  addrinfo *found = nullptr;
  if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    throw std::runtime_error("'" + address + "' is not an address");
  return AddressInfo(found);
}

/// Returns the port that a new socket of this type has after binding to this one, or nullopt if it
/// is taken.
std::optional<std::uint16_t> try_port(const std::string &address, std::uint16_t port, int type) {
  const AddressInfo wanted = resolve(address, port, type);
  const int fd = socket(wanted->ai_family, type | SOCK_CLOEXEC, 0);
  char service[NI_MAXSERV] = "";
  const bool bound = bind(fd, wanted->ai_addr, wanted->ai_addrlen) == 0 &&
                     getsockname(fd, wanted->ai_addr, &wanted->ai_addrlen) == 0 &&
                     getnameinfo(wanted->ai_addr, wanted->ai_addrlen, nullptr, 0, service,
                                 sizeof service, NI_NUMERICSERV) == 0;
  close(fd);
  return bound ? std::optional(static_cast<std::uint16_t>(std::stoi(service))) : std::nullopt;
}

} // namespace

std::uint16_t free_port(const std::string &address) {
  for (;;) {
    const auto port = try_port(address, 0, SOCK_DGRAM);
    if (!port)
      throw std::runtime_error("no port is free on " + address);
    if (try_port(address, *port, SOCK_STREAM))
      return *port;
  }
}

std::string type_name(ldns_rr_type type) { return take(ldns_rr_type2str(type)); }

std::vector<std::string> lines(const Section &section) {
  std::vector<std::string> result;
  for (const Record &record : section)
    result.push_back(record.text());
  std::sort(result.begin(), result.end());
  return result;
}

std::uint32_t max_ttl_s(const Reply &reply) {
  std::uint32_t result = 0;
  for (const Section *section : {&reply.answer, &reply.authority, &reply.additional})
    for (const Record &record : *section)
      result = std::max(result, record.ttl_s);
  return result;
}

std::string Reply::text() const {
  std::string result = rcode + " for " + question;
  for (const auto &[set, name] :
       {std::pair{aa, " aa"}, {ad, " ad"}, {cd, " cd"}, {ra, " ra"}, {rd, " rd"}, {tc, " tc"}})
    result += set ? name : "";
  result += edns ? ", edns\n" : "\n";
  if (ede)
    result += "ede " + std::to_string(ede->code) + ' ' + ede->text + '\n';
  for (const auto &[section, name] :
       {std::pair{&answer, "answer: "}, {&authority, "authority: "}, {&additional, "additional: "}})
    for (const std::string &line : lines(*section))
      result += name + line + '\n';
  return result;
}

std::string text(const std::optional<Reply> &reply) { return reply ? reply->text() : ""; }

Bytes to_wire(const Question &question, std::uint16_t id) {
  ldns_rdf *name = ldns_dname_new_frm_str(question.name.c_str());
  if (name == nullptr)
    throw std::runtime_error("'" + question.name + "' is no domain name");
  const std::uint16_t flags = question.recursion_desired ? LDNS_RD : 0;
  const Packet packet(ldns_pkt_query_new(name, question.type, question.rr_class, flags));
  ldns_pkt_set_id(packet.get(), id);
  ldns_pkt_set_cd(packet.get(), question.checking_disabled);
  ldns_pkt_set_ad(packet.get(), question.authentic_data);
  if (question.edns)
    ldns_pkt_set_edns_udp_size(packet.get(), 1232);
  ldns_pkt_set_edns_do(packet.get(), question.dnssec_ok);
  std::uint8_t *octets = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&octets, packet.get(), &size) != LDNS_STATUS_OK)
    throw std::runtime_error("no message can be made of '" + question.name + "'");
  const Malloced<std::uint8_t> owner(octets);
  return {octets, octets + size};
}

std::optional<Reply> parse(std::span<const std::uint8_t> message) {
  ldns_pkt *parsed = nullptr;
  if (ldns_wire2pkt(&parsed, message.data(), message.size()) != LDNS_STATUS_OK)
    return std::nullopt;
  const Packet packet(parsed);
  const ldns_rr_list *questions = ldns_pkt_question(parsed);
  return Reply{.rcode = take(ldns_pkt_rcode2str(ldns_pkt_get_rcode(parsed))),
               .aa = ldns_pkt_aa(parsed),
               .ad = ldns_pkt_ad(parsed),
               .cd = ldns_pkt_cd(parsed),
               .ra = ldns_pkt_ra(parsed),
               .rd = ldns_pkt_rd(parsed),
               .tc = ldns_pkt_tc(parsed),
               .question = ldns_rr_list_rr_count(questions) == 0
                               ? ""
                               : to_text(ldns_rr_owner(ldns_rr_list_rr(questions, 0))),
               .answer = to_section(ldns_pkt_answer(parsed)),
               .authority = to_section(ldns_pkt_authority(parsed)),
               .additional = to_section(ldns_pkt_additional(parsed)),
               .edns = ldns_pkt_edns(parsed),
               .ede = to_extended_error(parsed)};
}

Socket::Socket(Kind kind, const Endpoint &server, const std::string &source,
               std::chrono::milliseconds timeout)
    : kind_(kind) {
  const int type = (kind == Kind::tcp ? SOCK_STREAM : SOCK_DGRAM);
  const AddressInfo to = resolve(server.address, server.port, type);
  fd_ = socket(to->ai_family, type | SOCK_CLOEXEC, 0);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timeval limit{.tv_sec = seconds.count(),
                      .tv_usec = std::chrono::microseconds(timeout - seconds).count()};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (!source.empty()) {
    const AddressInfo from = resolve(source, 0, type);
    if (bind(fd_, from->ai_addr, from->ai_addrlen) != 0) {
      close(fd_);
      throw std::runtime_error("cannot send from " + source);
    }
  }
  if (connect(fd_, to->ai_addr, to->ai_addrlen) != 0 && kind == Kind::udp) {
    close(fd_);
    throw std::runtime_error("cannot reach " + server.address);
  }
}

Socket::~Socket() { close(fd_); }

void Socket::send(std::span<const std::uint8_t> octets) const {
  // what cannot be sent (the server is down, or has closed) shows as silence in receive()
  [[maybe_unused]] const auto sent = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
}

std::optional<Bytes> Socket::receive() const {
  Bytes message(65535);
  if (kind_ == Kind::tcp) {
    if (recv(fd_, message.data(), 2, MSG_WAITALL) != 2)
      return std::nullopt;
    message.resize(ldns_read_uint16(message.data()));
    const auto got = recv(fd_, message.data(), message.size(), MSG_WAITALL);
    return std::cmp_equal(got, message.size()) ? std::optional(message) : std::nullopt;
  }
  const auto got = recv(fd_, message.data(), message.size(), 0);
  if (got < 0)
    return std::nullopt;
  message.resize(static_cast<std::size_t>(got));
  return message;
}

Bytes framed(Bytes message) {
  const std::uint8_t length[] = {static_cast<std::uint8_t>(message.size() >> 8),
                                 static_cast<std::uint8_t>(message.size())};
  message.insert(message.begin(), std::begin(length), std::end(length));
  return message;
}

std::optional<Reply> ask(const Endpoint &server, const Question &question) {
  thread_local std::mt19937 random{std::random_device{}()};
  const auto id = static_cast<std::uint16_t>(random());
  Bytes message = to_wire(question, id);
  const Socket socket(question.tcp ? Socket::Kind::tcp : Socket::Kind::udp, server, question.source,
                      question.timeout);
  if (question.tcp)
    message = framed(std::move(message));
  socket.send(message);
  while (const auto answer = socket.receive())
    if (answer->size() >= 2 && ldns_read_uint16(answer->data()) == id) {
      auto reply = parse(*answer);
      if (!reply)
        throw std::runtime_error("the reply for '" + question.name + "' is malformed");
      return reply;
    }
  return std::nullopt;
}

} // namespace mxw::test
