#include "core/name.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "names.h"

using namespace mxw;
using test::name;

namespace {

std::optional<Name> from_wire(const std::string &wire) {
  return Name::from_wire({reinterpret_cast<const std::uint8_t *>(wire.data()), wire.size()});
}

std::string label_of(std::size_t octets, char c = 'a') {
  return std::string(1, static_cast<char>(octets)) + std::string(octets, c);
}

} // namespace

TEST_CASE("name: the wire form of RFC 1035 is read, in lower case", "[name]") {
  const auto n = from_wire(std::string("\x04"
                                       "ArMy"
                                       "\x03"
                                       "MiL"
                                       "\0",
                                       10));
  REQUIRE(n);
  CHECK(to_string(*n) == "army.mil");
  CHECK(n->labels() == 2);
  CHECK(n->label(0) == "army");
  CHECK(n->label(1) == "mil");
  CHECK(n->wire().size() == 10);
}

TEST_CASE("name: the root has no labels", "[name]") {
  const auto root = from_wire(std::string(1, '\0'));
  REQUIRE(root);
  CHECK(root->labels() == 0);
  CHECK(*root == Name());
  CHECK(to_string(*root) == ".");
}

TEST_CASE("name: what is no name is refused", "[name]") {
  const auto wire = GENERATE(std::string(), // nothing
                             std::string("\x04"
                                         "army",
                                         5), // no root
                             std::string("\x05"
                                         "army\0",
                                         6), // the label takes the root
                             std::string("\x04"
                                         "ar",
                                         3), // the label ends behind the end
                             std::string("\x04"
                                         "army\0\0",
                                         7), // something after the root
                             std::string("\0\x04"
                                         "army\0",
                                         7),             // the root first
                             std::string("\xc0\x0c", 2), // a compression pointer
                             std::string("\x04"
                                         "army\xc0\x0c",
                                         7), // one behind a label
                             std::string("\x40", 1) + std::string(64, 'a') + '\0', // a label of 64
                             std::string("\x80"
                                         "a\0",
                                         3),          // a reserved label type
                             std::string(1, '\x3f')); // a length alone
  CAPTURE(wire.size());
  CHECK_FALSE(from_wire(wire));
}

TEST_CASE("name: 63 octets a label and 255 in all are the limits", "[name]") {
  const std::string l63 = label_of(63);
  CHECK(from_wire(l63 + '\0'));
  const std::string longest = l63 + l63 + l63 + label_of(61) + '\0';
  REQUIRE(longest.size() == 255);
  CHECK(from_wire(longest));
  CHECK_FALSE(from_wire(l63 + l63 + l63 + label_of(62) + '\0'));

  std::string deepest;
  for (int i = 0; i < 127; ++i)
    deepest += label_of(1);
  deepest += '\0';
  REQUIRE(deepest.size() == 255);
  const auto n = from_wire(deepest);
  REQUIRE(n);
  CHECK(n->labels() == Name::kMaxLabels);
  CHECK(n->label(126) == "a");
  CHECK(n->tail(1) == std::string("\x01"
                                  "a\0",
                                  3));
}

TEST_CASE("name: octets that text cannot hold are escaped, and read back", "[name]") {
  const std::string label = std::string("a.b\\c\0 \x7f\xff\"@", 11);
  const auto n = from_wire(static_cast<char>(label.size()) + label + '\0');
  REQUIRE(n);
  CHECK(to_string(*n) == "a\\.b\\\\c\\000\\032\\127\\255\\\"\\@");
  CHECK(name(to_string(*n)) == *n);
}

TEST_CASE("name: every octet survives the way to text and back", "[name]") {
  for (int c = 0; c < 256; ++c) {
    const auto n =
        from_wire(label_of(5, static_cast<char>(c)) + label_of(63, static_cast<char>(c)) + '\0');
    REQUIRE(n);
    CAPTURE(c);
    CHECK(name(to_string(*n)) == *n);
  }
}

TEST_CASE("name: text that does not fit is cut off", "[name]") {
  std::array<char, 5> out = {};
  CHECK(name("army.mil").to_text(out) == "army.");
}

TEST_CASE("name: at or below counts labels, not letters", "[name]") {
  const auto [below, apex, expected] = GENERATE(table<std::string, std::string, bool>({
      {"army.mil", "army.mil", true},
      {"WWW.Army.Mil", "army.mil", true},
      {"armyarmy.mil", "army.mil", false},
      {"mil", "army.mil", false},
      {"army.mil", ".", true},
      // The same octets, cut elsewhere.
      {"a\\003mil", "mil", false},
  }));
  CAPTURE(below, apex);
  CHECK(name(below).is_at_or_below(name(apex)) == expected);
}

TEST_CASE("name: an ancestor is the name of the last labels", "[name]") {
  const Name n = name("mail.us.army.mil");
  CHECK(n.ancestor(2) == name("army.mil"));
  CHECK(n.ancestor(2).label(0) == "army");
  CHECK(n.ancestor(0) == Name());
  CHECK(n.ancestor(9) == n);
}

TEST_CASE("name: a head and a suffix make a name, unless it is too long", "[name]") {
  const Name n = name("mail.army.ml");
  CHECK(n.head(1) == std::string("\x04mail\x04"
                                 "army"));
  CHECK(join(n.head(1), name("mil")) == name("mail.army.mil"));
  const Name longest =
      *from_wire(label_of(63) + label_of(63) + label_of(63) + label_of(58) + "\x02ml" + '\0');
  CHECK(longest.wire().size() == 255);
  CHECK_FALSE(join(longest.head(1), name("mil")));
}
