#include "cli/replay_input.h"

#include <fstream>

#include <catch2/catch.hpp>

#include <zlib.h>

#include "core/policy.h"
#include "loader/dns_text.h"
#include "temp_dir.h"

using namespace mxw;
using namespace mxw::cli;
using mxw::test::TempDir;

namespace {

/// "army.ml MX 192.0.2.1", "other" or "unknown".
std::string text_of(LineKind kind, const Question &question) {
  if (kind != LineKind::question)
    return kind == LineKind::other ? "other" : "unknown";
  Name name;
  if (!name.assign(question.name()))
    return "no name";
  return to_string(name) + ' ' + qtype_name(question.type) +
         (question.client ? ' ' + to_string(*question.client) : "");
}

std::string parse(const std::string &line, InputFormat format = InputFormat::automatic) {
  Question question;
  const LineKind kind = LineParser(format).parse(line, question);
  return text_of(kind, question);
}

std::filesystem::path write(const TempDir &dir, const std::string &octets) {
  const auto file = dir.path() / "input";
  std::ofstream(file, std::ios::binary) << octets;
  return file;
}

std::string compressed(const TempDir &dir, const std::string &text) {
  const auto file = dir.path() / "compressed";
  gzFile out = gzopen(file.c_str(), "wb");
  gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
  gzclose(out);
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The lines of a file: their sizes, and "long" for those that are too long; then the error.
std::string read_lines(const std::filesystem::path &file) {
  const auto input = Input::open(file);
  if (!input)
    return input.error();
  std::string all;
  bool too_long = false;
  while (const auto line = (*input)->next_line(too_long))
    all += (too_long ? "long" : std::to_string(line->size())) + ' ';
  return all + (*input)->error();
}

const std::string kSmtp = "Nov 26 12:53:50 mx1 postfix/smtp[1234]: 4XyZ1: ";
const std::string kEnd = ", relay=none, delay=0.1, dsn=5.4.4, status=bounced (not found)";
const std::string kExim = "2026-11-26 12:53:50 1rabcd-0001Ab-2C ";

using namespace std::string_literals;

/// A question about the MX of `name`, which is in wire form, in UDP.
std::string udp(const std::string &name, bool is_answer = false) {
  return "\x80\0\0\x35\0\0\0\0"s + "\x12\x34"s + (is_answer ? "\x81" : "\x01") +
         "\0\0\1\0\0\0\0\0\0"s + name + "\0\x0f\0\1"s;
}

std::string ipv4(const std::string &payload) {
  return "\x45\0\0\0\0\0\0\0\x40\x11\0\0"s + "\xc0\0\2\1"s + "\xc0\0\2\x35"s + payload;
}

/// From 2001:db8::1, with `extensions`, the first of which is of type `next`.
std::string ipv6(const std::string &payload, char next = 17, const std::string &extensions = "") {
  return "\x60\0\0\0\0\0"s + next + "\x40" + "\x20\1\x0d\xb8"s + std::string(11, '\0') + "\1" +
         std::string(16, '\0') + extensions + payload;
}

std::string ethernet(const std::string &packet, const std::string &type = "\x08\0"s) {
  return std::string(12, '\0') + type + packet;
}

/// A capture of one packet. Source of the link types: pcap-linktype(7).
std::string capture(const std::string &packet, const std::string &link_type = "\1\0"s) {
  const std::string size{static_cast<char>(packet.size()), 0, 0, 0};
  return "\xd4\xc3\xb2\xa1\2\0\4\0"s + std::string(8, '\0') + "\0\0\4\0"s + link_type + "\0\0"s +
         std::string(8, '\0') + size + size + packet;
}

/// The same as pcapng: a section, an interface, a packet.
std::string capture_ng(std::string packet) {
  const std::string size{static_cast<char>(packet.size()), 0, 0, 0};
  packet.resize((packet.size() + 3) / 4 * 4);
  const auto block = [](const std::string &type, const std::string &body) {
    const std::string length{static_cast<char>(body.size() + 12), 0, 0, 0};
    return type + length + body + length;
  };
  return block("\x0a\x0d\x0d\x0a", "\x4d\x3c\x2b\x1a\1\0\0\0"s + std::string(8, '\xff')) +
         block("\1\0\0\0"s, "\1\0\0\0\0\0\4\0"s) +
         block("\6\0\0\0"s, std::string(12, '\0') + size + size + packet);
}

std::string read_capture(const std::filesystem::path &file) {
  const auto input = Input::open(file);
  if (!input)
    return input.error();
  if (!(*input)->is_capture())
    return "no capture";
  const auto packets = Capture::open(**input);
  if (!packets)
    return "refused";
  std::string all;
  Question question;
  while (const auto kind = (*packets)->next(question))
    all += text_of(*kind, question) + ' ';
  return all + ((*packets)->error().empty() ? "" : "cut off");
}

const std::string kArmyMl("\4army\2ml\0", 9);

} // namespace

TEST_CASE("replay: lines of each log tell the question in them", "[replay]") {
  const auto [line, expected] = GENERATE_COPY(table<std::string, std::string>({
      {"[1700000000] unbound[12:0] info: 192.0.2.1 Army.ML. MX IN", "army.ml MX 192.0.2.1"},
      {"Nov 26 12:53:50 unbound[12:a] info: 192.0.2.1 army.ml. AAAA IN", "army.ml AAAA 192.0.2.1"},
      {"Nov 26 12:53:50 ns unbound[12]: [12:0] info: 2001:db8::1 army.ml. ANY IN",
       "army.ml ANY 2001:db8::1"},
      {"2026-11-26T12:53:50.1+01:00 ns unbound[12]: [12:0] query: 192.0.2.1 army.ml. MX IN",
       "army.ml MX 192.0.2.1"},
      {"[1700000000] unbound[12:0] reply: 192.0.2.1 army.ml. MX IN NOERROR 0.1 0 40",
       "army.ml MX 192.0.2.1"},
      {"[1700000000] unbound[12:0] info: 192.0.2.1 . TYPE65280 IN", ". TYPE65280 192.0.2.1"},
      {"[1700000000] unbound[12:0] info: 192.0.2.1 version.bind. TXT CH", "other"},
      {"[1700000000] unbound[12:0] info: start of service (unbound 1.17.1).", "other"},
      {"[1700000000] unbound[12:0] info: 192.0.2.1 a..b. MX IN", "unknown"},
      {"[1700000000] unbound[12:0] info: 192.0.2.1 army.ml. NONSENSE IN", "unknown"},
      {kSmtp + "to=<bob@army.ml>" + kEnd, "army.ml MX"},
      {kSmtp + "to=<bob@army.ml>, orig_to=<x@example.org>" + kEnd, "army.ml MX"},
      {kSmtp + "to=<\"a>b@c\"@army.ml>" + kEnd, "army.ml MX"},
      {kSmtp + "to=<bob@m\xc3\xbcnchen.de>" + kEnd, "xn--mnchen-3ya.de MX"},
      {kSmtp + "to=<bob@[192.0.2.1]>" + kEnd, "other"},
      {kSmtp + "to=<bob@army.ml>, relay=127.0.0.1[127.0.0.1]:10024, status=sent (ok)", "other"},
      {kSmtp + "to=<bob@x..y>" + kEnd, "unknown"},
      {"Nov 26 12:53:50 mx1 postfix/local[9]: 4X: to=<bob@army.ml>" + kEnd, "other"},
      {"Nov 26 12:53:50 mx1 postfix/qmgr[9]: 4X: from=<bob@army.ml>, size=9", "other"},
      {kExim + "=> bob@army.ml R=dnslookup T=remote_smtp H=mx [192.0.2.1]", "army.ml MX"},
      {kExim + "-> bob@army.ml <x@example.org> R=dnslookup", "army.ml MX"},
      {kExim + "** \"a \\\" b\"@army.ml: Unrouteable address", "army.ml MX"},
      {kExim + "== bob@army.ml R=dnslookup defer (-1): host lookup", "army.ml MX"},
      {"2026-11-26 12:53:50.123 +0100 [99] 1rabcd-00000001Abc-2CdE => bob@army.ml R=x",
       "army.ml MX"},
      {kExim + "=> bob <bob@army.ml> R=local_user T=maildir", "other"},
      {kExim + "=> |/bin/cat@army.ml R=x", "other"},
      {kExim + "<= bob@army.ml H=x", "other"},
      {kExim + "=> \"bob", "unknown"},
      {kExim + "=>", "unknown"},
      {"army.ml", "army.ml MX"},
      {"\xef\xbb\xbf\"bob@army.ml\";1\r", "army.ml MX"},
      {"m\xc3\xbcnchen.de # comment", "xn--mnchen-3ya.de MX"},
      {"# army.ml", "other"},
      {" \t\r", "other"},
      {"word", "unknown"},
      {"two words", "unknown"},
      {std::string("army\0.ml", 8) + "\xff", "unknown"},
      {"Nov 26 12:53:50 host sshd[1]: session opened", "other"},
      {"Foo 26 12:53:50 host sshd[1]: session opened", "unknown"},
      {std::string(64, 'a') + ".ml", "unknown"},
      {std::string(300, '.'), "unknown"},
  }));
  CAPTURE(line);
  CHECK(parse(line) == expected);
}

TEST_CASE("replay: a format that is asked for is the only one", "[replay]") {
  CHECK(parse("word", InputFormat::names) == "word MX");
  CHECK(parse("army.ml", InputFormat::unbound) == "unknown");
  CHECK(parse(kExim + "=> bob@army.ml R=x", InputFormat::postfix) == "other");
}

TEST_CASE("replay: a reply is not counted where its query was", "[replay]") {
  const std::string query = "[1700000000] unbound[12:0] info: 192.0.2.1 army.ml. MX IN";
  LineParser parser(InputFormat::automatic);
  Question question;
  CHECK(parser.parse(query + " NOERROR 0.1 0 40", question) == LineKind::question);
  CHECK(parser.parse(query, question) == LineKind::question);
  CHECK(parser.parse(query + " NOERROR 0.1 0 40", question) == LineKind::other);
}

TEST_CASE("replay: files are read by lines, compressed or not, whole or not", "[replay]") {
  const TempDir dir;
  const std::string text = "abc\n\n" + std::string(1'000'000, 'x') + "\nab\r\nlast";
  const std::string expected = "3 0 long 3 4 ";
  CHECK(read_lines(write(dir, text)) == expected);
  const std::string zipped = compressed(dir, text);
  CHECK(read_lines(write(dir, zipped)) == expected);
  CHECK(read_lines(write(dir, zipped.substr(0, zipped.size() - 9))).find("is cut off") !=
        std::string::npos);
  std::string damaged = zipped;
  damaged[zipped.size() - 6] = static_cast<char>(~damaged[zipped.size() - 6]); // the checksum
  CHECK(read_lines(write(dir, damaged)).find("is damaged") != std::string::npos);
  CHECK(read_lines(write(dir, "")).empty());
  CHECK(read_lines(write(dir, std::string(1'000'000, 'x'))) == "long ");
  CHECK(read_lines(dir.path()) == "Is a directory");
  CHECK(read_lines(dir.path() / "gone") == "No such file or directory");
}

TEST_CASE("replay: captures tell the questions in them", "[replay]") {
  const TempDir dir;
  const std::string asked = udp(kArmyMl);
  const std::string whole = capture(ethernet(ipv4(asked)));
  const std::string zipped = compressed(dir, whole);
  const std::string four = "army.ml MX 192.0.2.1 ";
  const std::string six = "army.ml MX 2001:db8::1 ";
  const auto [octets, expected] = GENERATE_COPY(table<std::string, std::string>({
      {whole, four},
      {zipped, four},
      {capture_ng(ethernet(ipv4(asked))), four},
      // links: a VLAN in another, Linux' own of two kinds, the loopback of BSD, none
      {capture(ethernet(ipv4(asked), "\x88\xa8\0\1\x81\0\0\1\x08\0"s)), four},
      {capture(std::string(14, '\0') + "\x08\0"s + ipv4(asked), "\x71\0"s), four},
      {capture("\x86\xdd"s + std::string(18, '\0') + ipv6(asked), "\x14\1"s), six},
      {capture("\2\0\0\0"s + ipv4(asked), "\0\0"s), four},
      {capture(ipv4(asked), "\x65\0"s), four},
      {capture(ipv6(asked), "\x65\0"s), six},
      {capture(ipv4(asked), "\x69\0"s), "refused"}, // of IEEE 802.11
      // IPv6, with extensions
      {capture(ethernet(ipv6(asked), "\x86\xdd")), six},
      {capture(ethernet(ipv6(asked, 0, "\x3c\0\0\0\0\0\0\0"s + "\x11\1"s + std::string(14, '\0')),
                        "\x86\xdd")),
       six},
      {capture(ethernet(ipv6(asked, 6), "\x86\xdd")), "other "},
      {capture(ethernet(ipv6(asked, 44, std::string(8, '\0')), "\x86\xdd")), "other "},
      {capture(ethernet(ipv6("", 0, "\x11\xff\0\0\0\0\0\0"s), "\x86\xdd")), "other "},
      // what is no question
      {capture(ethernet(ipv4(asked), "\x08\x06")), "other "},
      {capture(ethernet(ipv4(udp(kArmyMl, true)))), "other "},
      {capture(ethernet(ipv4(udp("\xc0\x0c")))), "unknown "},
      {capture(ethernet(ipv4(udp("\x7f"
                                 "army\0"s)))),
       "unknown "},
      {whole.substr(0, whole.size() - 1), "cut off"},
      {whole.substr(0, 30), "cut off"},
      {whole.substr(0, 10), "refused"},
      {"army.ml\n", "no capture"},
  }));
  CHECK(read_capture(write(dir, octets)) == expected);
}

TEST_CASE("replay: no part of a packet is taken for whole that is not", "[replay]") {
  const TempDir dir;
  const std::string whole = capture(ethernet(ipv4(udp(kArmyMl))));
  constexpr std::size_t kHeaders = 40; // of the file and the packet
  for (std::size_t size = 0; size < whole.size() - kHeaders; ++size) {
    std::string cut = whole.substr(0, kHeaders + size);
    cut[32] = static_cast<char>(size); // the octets that were captured
    CAPTURE(size);
    const std::string found = read_capture(write(dir, cut));
    CHECK((found == "other " || found == "unknown "));
  }
}
