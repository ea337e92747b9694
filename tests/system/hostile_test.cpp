// Octets that are no question, or hardly one: the resolver does with them what it does without the
// module.
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <iterator>
#include <random>

using namespace mxw::test;
using namespace std::chrono_literals;

namespace {

/// "1234 0100 …" as octets; the blanks are for the reader.
Bytes octets(const std::string &hex) {
  Bytes result;
  std::string digits;
  std::copy_if(hex.begin(), hex.end(), std::back_inserter(digits), [](char c) { return c != ' '; });
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    result.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return result;
}

Bytes operator+(Bytes left, const Bytes &right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

const Bytes kHeader = octets("abcd 0100 0001 0000 0000 0000"); // RD, one question
const Bytes kMxIn = octets("000f 0001");
const Bytes kRedirectMl = octets("08") + Bytes{'r', 'e', 'd', 'i', 'r', 'e', 'c', 't'} +
                          octets("02") + Bytes{'m', 'l'} + octets("00");

/// Returns all that comes back for the octets. No clock is needed: behind them goes a question that
/// the resolver answers by itself, and what has not come before its answer will not come.
std::vector<Bytes> replies(const Resolver &resolver, const Bytes &message) {
  const Socket socket(Socket::Kind::udp, resolver.endpoint(), "", 20s);
  constexpr std::uint16_t kBarrierId = 0x5a5a;
  socket.send(message);
  socket.send(to_wire({.name = "localhost", .type = LDNS_RR_TYPE_A}, kBarrierId));
  std::vector<Bytes> result;
  for (;;) {
    auto reply = socket.receive();
    REQUIRE(reply);
    if (reply->size() >= 2 && ldns_read_uint16(reply->data()) == kBarrierId)
      return result;
    result.push_back(std::move(*reply));
  }
}

void check_alive(const Resolver &module) {
  for (const bool tcp : {false, true}) {
    const Question question{.name = "redirect.ml", .tcp = tcp};
    CHECK(text(module.ask(question)) == text(policy_answer(question, "redirect")));
  }
}

} // namespace

TEST_CASE("hostile: malformed messages are treated as without the module", "[hostile]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_every_action());
  const Resolver plain(world.endpoint(), without_module());
  const Bytes label63(64, 63);
  const std::vector<std::pair<std::string, Bytes>> messages = {
      {"nothing", {}},
      {"an octet", octets("ab")},
      {"half a header", octets("abcd 0100 0001")},
      {"a header alone", kHeader},
      {"no question", octets("abcd 0100 0000 0000 0000 0000")},
      {"no question, but octets of one",
       octets("abcd 0100 0000 0000 0000 0000") + kRedirectMl + kMxIn},
      {"two questions",
       octets("abcd 0100 0002 0000 0000 0000") + kRedirectMl + kMxIn + kRedirectMl + kMxIn},
      {"65535 questions", octets("abcd 0100 ffff 0000 0000 0000") + kRedirectMl + kMxIn},
      {"a label longer than the message", kHeader + octets("3f 6d6c 00") + kMxIn},
      {"a label of 64 octets", kHeader + octets("40") + Bytes(64, 'a') + octets("00") + kMxIn},
      {"a label of type 10", kHeader + octets("80 6d6c 00") + kMxIn},
      {"a pointer to itself", kHeader + octets("c00c") + kMxIn},
      {"a pointer forward", kHeader + octets("c0ff") + kMxIn},
      {"a pointer into the header", kHeader + octets("c000") + kMxIn},
      {"a loop of two pointers", kHeader + octets("c00e c00c") + kMxIn},
      {"a label, then a loop", kHeader + octets("02 6d6c c00c") + kMxIn},
      {"a name with no end", kHeader + octets("02 6d6c")},
      {"a name with no type", kHeader + kRedirectMl},
      {"half a type", kHeader + kRedirectMl + octets("00")},
      {"no class", kHeader + kRedirectMl + octets("000f")},
      {"a name of 257 octets",
       kHeader + label63 + label63 + label63 + label63 + octets("00") + kMxIn},
      {"an answer", octets("abcd 8100 0001 0000 0000 0000") + kRedirectMl + kMxIn},
      {"opcode 15", octets("abcd 7900 0001 0000 0000 0000") + kRedirectMl + kMxIn},
      {"a NOTIFY", octets("abcd 2000 0001 0000 0000 0000") + kRedirectMl + kMxIn},
      {"an UPDATE", octets("abcd 2800 0001 0000 0000 0000") + kRedirectMl + kMxIn},
      {"TC set", octets("abcd 0300 0001 0000 0000 0000") + kRedirectMl + kMxIn},
      {"octets after the question", kHeader + kRedirectMl + kMxIn + octets("dead beef")},
      {"an OPT that ends too soon",
       octets("abcd 0100 0001 0000 0000 0001") + kRedirectMl + kMxIn + octets("00 0029 04d0")},
      {"an OPT whose option is too long", octets("abcd 0100 0001 0000 0000 0001") + kRedirectMl +
                                              kMxIn +
                                              octets("00 0029 04d0 00000000 0004 000a ffff")},
      {"two OPTs", octets("abcd 0100 0001 0000 0000 0002") + kRedirectMl + kMxIn +
                       octets("00 0029 04d0 00000000 0000 00 0029 04d0 00000000 0000")},
      {"EDNS version 1", octets("abcd 0100 0001 0000 0000 0001") + kRedirectMl + kMxIn +
                             octets("00 0029 04d0 00010000 0000")},
      {"an answer section in the question", octets("abcd 0100 0001 0001 0000 0000") + kRedirectMl +
                                                kMxIn +
                                                octets("c00c 000f 0001 0000003c 0003 0000 00")}};
  for (const auto &[what, message] : messages) {
    CAPTURE(what);
    const auto answered = replies(module, message);
    const auto expected = replies(plain, message);
    // what the resolver takes for a question in spite of it all may be answered by policy, never by
    // the squatter
    if (answered != expected)
      for (const Bytes &reply : answered)
        CHECK(text(parse(reply)).find("warn1.example.mil") != std::string::npos);
    check_alive(module);
  }
}

TEST_CASE("hostile: the longest names and the oddest labels are answered as without the module",
          "[hostile]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_every_action());
  const Resolver plain(world.endpoint(), without_module());
  const std::string label63(63, 'a');
  const std::string nearly_full =
      label63 + '.' + label63 + '.' + label63 + '.'; // 192 of 255 octets
  std::string many_labels;
  for (int i = 0; i < 121; ++i)
    many_labels += "x.";
  for (const std::string &name :
       {nearly_full + std::string(61, 'b'), nearly_full + std::string(56, 'b') + ".com",
        many_labels + "plain.com", std::string("\\000.\\000.com"), std::string("\\255\\254.ml"),
        std::string("redirect\\.ml.com"), std::string("\\@\\(\\).mil"), std::string(".")})
    for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A, LDNS_RR_TYPE_ANY}) {
      const Question question{.name = name, .type = type};
      CAPTURE(name);
      CHECK(text(module.ask(question)) == text(plain.ask(question)));
    }
  for (const std::string &below : {many_labels.substr(0, 220), nearly_full.substr(0, 192) + "b."}) {
    const Question question{.name = below + "redirect.ml"};
    CHECK(text(module.ask(question)) == text(policy_answer(question, "redirect")));
  }
}

TEST_CASE("hostile: broken TCP streams do not stop the resolver", "[hostile]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_every_action());
  const Bytes question = kHeader + kRedirectMl + kMxIn;
  for (const Bytes &stream :
       {Bytes{}, octets("00"), octets("0000"), octets("ffff") + question, octets("0001 ab"),
        octets("000c") + kHeader, octets("00ff") + kHeader, Bytes(4096, 0xff)}) {
    Socket(Socket::Kind::tcp, module.endpoint(), "", 20s).send(stream);
    check_alive(module);
  }
}

TEST_CASE("hostile: mutated questions do not stop the resolver", "[hostile]") {
  const Nsd world(zones());
  const Resolver module(world.endpoint(), with_every_action());
  std::mt19937 random{1}; // NOLINT: the same octets every time
  const auto below = [&](std::size_t limit) { return random() % limit; };
  const Socket socket(Socket::Kind::udp, module.endpoint(), "", 20s);
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 100; ++i) {
      Bytes message =
          to_wire({.name = "mail." + actions()[below(actions().size())] + ".ml"}, 0xabcd);
      for (std::size_t changes = 1 + below(4); changes > 0; --changes)
        message[below(message.size())] = static_cast<std::uint8_t>(random());
      if (below(4) == 0)
        message.resize(below(message.size()));
      socket.send(message);
    }
    check_alive(module);
  }
}
