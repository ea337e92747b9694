// Servers of the outside world that are broken or mean: the client gets what the resolver gives
// without the module, or the policy's answer.
#include "world.h"

#include <catch2/catch.hpp>

using namespace mxw::test;
using namespace std::chrono_literals;

namespace {

/// An answer as octets, so that it can be what no library would build.
class Message {
public:
  /// Begins as the answer to `question`: its header and first question.
  explicit Message(std::span<const std::uint8_t> question) {
    std::size_t end = 12;
    while (question[end] != 0)
      end += question[end] + std::size_t{1};
    end += 5;
    octets_.assign(question.begin(), question.begin() + static_cast<std::ptrdiff_t>(end));
    octets_[2] |= 0x84; // QR, AA
    octets_[3] = 0;
    for (std::size_t i = 6; i < 12; ++i)
      octets_[i] = 0;
  }
  Message &rcode(std::uint8_t code) {
    octets_[3] = static_cast<std::uint8_t>((octets_[3] & 0xf0) | code);
    return *this;
  }
  Message &truncated() {
    octets_[2] |= 2;
    return *this;
  }
  Message &not_authoritative() {
    octets_[2] &= 0xfb;
    return *this;
  }
  /// Adds a record of the answer section (or, `section` being 8, the authority). The owner is the
  /// question's name unless one is given.
  Message &add(std::uint16_t type, const Bytes &rdata, const Bytes &owner = {0xc0, 0x0c},
               std::size_t section = 6) {
    put(owner);
    put({static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type), 0, 1, 0, 0, 14, 16,
         static_cast<std::uint8_t>(rdata.size() >> 8), static_cast<std::uint8_t>(rdata.size())});
    put(rdata);
    const unsigned count = octets_[section] * 256U + octets_[section + 1] + 1;
    octets_[section] = static_cast<std::uint8_t>(count >> 8);
    octets_[section + 1] = static_cast<std::uint8_t>(count);
    return *this;
  }
  operator std::optional<Bytes>() const { return octets_; }

private:
  void put(const Bytes &more) { octets_.insert(octets_.end(), more.begin(), more.end()); }

  Bytes octets_;
};

constexpr std::uint16_t kNs = 2;
constexpr std::uint16_t kCname = 5;
constexpr std::uint16_t kMx = 15;
constexpr std::uint16_t kDname = 39;

/// "a.b" in wire form.
Bytes wire(const std::string &name) {
  Bytes result;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    result.push_back(static_cast<std::uint8_t>(dot - at));
    result.insert(result.end(), name.begin() + static_cast<std::ptrdiff_t>(at),
                  name.begin() + static_cast<std::ptrdiff_t>(dot));
    at = dot + 1;
  }
  result.push_back(0);
  return result;
}

Bytes mx(const std::string &host) {
  Bytes rdata = {0, 10};
  const Bytes name = wire(host);
  rdata.insert(rdata.end(), name.begin(), name.end());
  return rdata;
}

std::string name_in(std::span<const std::uint8_t> question) {
  std::string name;
  for (std::size_t at = 12; question[at] != 0; at += question[at] + std::size_t{1})
    name += (name.empty() ? "" : ".") +
            std::string(question.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                        question.begin() + static_cast<std::ptrdiff_t>(at) + 1 + question[at]);
  return name;
}

/// What the first label of a name asks for.
std::optional<Bytes> broken(std::span<const std::uint8_t> question) {
  const std::string name = name_in(question);
  const std::string what = name.substr(0, name.find('.'));
  const auto type = static_cast<std::uint16_t>(question[12 + name.size() + 2] * 256 +
                                               question[12 + name.size() + 3]);
  Message message(question);
  if (what == "silent")
    return std::nullopt;
  if (what == "formerr")
    return message.rcode(1);
  if (what == "servfail")
    return message.rcode(2);
  if (what == "refused")
    return message.rcode(5);
  if (what == "yxdomain")
    return message.rcode(6);
  if (what == "truncated")
    return message.truncated();
  if (what == "cut") { // in the middle of a record
    std::optional<Bytes> whole = message.add(kMx, mx("mx.squatter.example"));
    whole->resize(whole->size() - 7);
    return whole;
  }
  if (what == "lame")
    return message.not_authoritative().add(kNs, wire("ns.nowhere.example"), wire("example"), 8);
  if (what == "upward")
    return message.not_authoritative().add(kNs, wire("a.root-servers.net"), {0}, 8);
  if (what == "self")
    return message.add(kCname, wire(name));
  if (what == "ping")
    return message.add(kCname, wire("pong.example.org"));
  if (what == "pong")
    return message.add(kCname, wire("ping.example.org"));
  if (what == "ring") // in one answer
    return message.add(kCname, wire("a.ring.example"))
        .add(kCname, wire("b.ring.example"), wire("a.ring.example"))
        .add(kCname, wire("a.ring.example"), wire("b.ring.example"));
  if (what == "long") // as far as the host follows
    return message.add(kCname, wire("n0.long.example"));
  if (name.ends_with(".long.example")) {
    const int next = std::stoi(name.substr(1)) + 1;
    return message.add(
        kCname, wire(next < 8 ? "n" + std::to_string(next) + ".long.example" : "redirect.ml"));
  }
  if (what == "dname")
    return message.add(kDname, wire("redirect.ml"), wire(name.substr(name.find('.') + 1)));
  if (what == "two") // which is no answer
    return message.add(kCname, wire("redirect.ml")).add(kCname, wire("null-mx.ml"));
  if (what == "alias")
    return message.add(kCname, wire("redirect.ml"));
  if (what == "both") // a CNAME beside an MX, which must not be
    return message.add(kMx, mx("mx.squatter.example")).add(kCname, wire("redirect.ml"));
  if (what == "late") // the MX before the CNAME that leads to it
    return message.add(kMx, mx("mx.squatter.example"), wire("redirect.ml"))
        .add(kCname, wire("redirect.ml"));
  if (what == "many") {
    for (int i = 0; i < 500; ++i)
      message.add(kMx, mx("mx" + std::to_string(i) + ".many.example"));
    return message;
  }
  if (what == "nohost")
    return message.add(kMx, {0, 10});
  if (what == "norest")
    return message.add(kMx, {0, 10, 5, 'a', 'b'});
  if (what == "loop")
    return message.add(kMx, {0, 10, 0xc0, static_cast<std::uint8_t>(12 + name.size() + 6 + 14)});
  if (what == "odd")
    return message.add(kMx, {0, 10, 3, 0, '\\', 0xff, 4, '.', ' ', '"', '\n', 0});
  if (type == kMx)
    return message.add(kMx, mx("mx.squatter.example"));
  return message;
}

const std::vector<std::string> &faults() {
  static const std::vector<std::string> names = {
      "formerr", "servfail", "refused", "yxdomain", "truncated", "cut",  "lame", "upward", "self",
      "ping",    "ring",     "many",    "nohost",   "norest",    "loop", "odd",  "fine"};
  return names;
}

} // namespace

TEST_CASE("upstream: what is broken or mean gives the answer that it gives without the module",
          "[upstream]") {
  const Upstream world(broken);
  ResolverOptions options = with_every_action();
  options.modules = GENERATE("iterator", "validator iterator");
  const Resolver module(world.endpoint(), options);
  ResolverOptions without = without_module();
  without.modules = options.modules;
  const Resolver plain(world.endpoint(), without);
  for (const std::string &fault : faults())
    for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A})
      for (int round = 0; round < 2; ++round) {
        const Question question{.name = fault + ".example.org", .type = type};
        CAPTURE(fault, type_name(type), round);
        CHECK(text(module.ask(question)) == text(plain.ask(question)));
      }
}

TEST_CASE("upstream: no mean answer leads past the rules", "[upstream]") {
  const Upstream world(broken);
  ResolverOptions options = with_rules("[[clients]]\nid = \"relays\"\nsubnets = "
                                       "[\"127.0.0.2/32\"]\n" +
                                       protect("redirect", "clients = [\"relays\"]") +
                                       protect("null-mx", "clients = [\"relays\"]"));
  options.modules = GENERATE("iterator", "validator iterator");
  const Resolver module(world.endpoint(), options);
  for (const std::string name : {"alias.example.org", "dname.example.org", "two.example.org",
                                 "both.example.org", "late.example.org", "long.example.org"})
    for (int round = 0; round < 2; ++round)
      for (const std::string client : {"127.0.0.3", "127.0.0.2"})
        for (const std::string &asked :
             {name, std::string("redirect.ml"), std::string("null-mx.ml")}) {
          CAPTURE(name, asked, client, round);
          const auto reply = module.ask({.name = asked, .source = client});
          REQUIRE(reply);
          if (client == "127.0.0.2" && name != "both.example.org") // that is no alias for the host
            CHECK_FALSE(is_squatters(reply));
          if (asked.ends_with(".ml"))
            CHECK(is_squatters(reply) == (client == "127.0.0.3"));
        }
}

TEST_CASE("upstream: servers that say nothing do not stop anything", "[upstream]") {
  const Upstream world(broken);
  const Resolver module(world.endpoint(), with_every_action());
  for (int i = 0; i < 20; ++i)
    CHECK_FALSE(module.ask({.name = "silent.n" + std::to_string(i) + ".example", .timeout = 20ms}));
  CHECK(is_squatters(module.ask({.name = "fine.example.org"})));
  CHECK(text(module.ask({.name = "redirect.ml"})) ==
        text(policy_answer({.name = "redirect.ml"}, "redirect")));
}
