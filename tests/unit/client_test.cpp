#include "core/client.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "loader/dns_text.h"

using namespace mxw;

TEST_CASE("client: a set contains what its subnets contain", "[client]") {
  std::vector<ClientSet::Subnet> subnets;
  for (const char *text : {"192.0.2.0/24", "198.51.100.7", "198.51.100.8/31", "2001:db8:25::/48",
                           "2001:db8:25:1::/64", "203.0.113.130/25"})
    subnets.push_back(parse_subnet(text).value());
  const ClientSet set(subnets);
  const auto [address, expected] = GENERATE(table<std::string, bool>({
      {"192.0.2.0", true},
      {"192.0.2.255", true},
      {"192.0.3.0", false},
      {"192.0.1.255", false},
      {"198.51.100.6", false},
      {"198.51.100.7", true},
      {"198.51.100.9", true},
      {"198.51.100.10", false},
      {"203.0.113.127", false},
      {"203.0.113.128", true}, // the bits behind the prefix do not count
      {"2001:db8:25::1", true},
      {"2001:db8:25:ffff::1", true},
      {"2001:db8:26::", false},
      {"::ffff:192.0.2.1", true}, // the same client on a socket of both families
      {"::192.0.2.1", false},
      {"::", false},
  }));
  CAPTURE(address);
  CHECK(set.contains(parse_address(address).value()) == expected);
}

TEST_CASE("client: an empty set contains nobody, /0 everybody of its family", "[client]") {
  CHECK_FALSE(ClientSet().contains(*parse_address("192.0.2.1")));
  const std::vector<ClientSet::Subnet> v4 = {parse_subnet("0.0.0.0/0").value()};
  CHECK(ClientSet(v4).contains(*parse_address("255.255.255.255")));
  CHECK_FALSE(ClientSet(v4).contains(*parse_address("2001:db8::1")));
  const std::vector<ClientSet::Subnet> v6 = {parse_subnet("::/0").value()};
  CHECK(ClientSet(v6).contains(*parse_address("2001:db8::1")));
}

TEST_CASE("client: text that is no subnet is refused", "[client]") {
  const std::string text =
      GENERATE(as<std::string>(), "", "192.0.2.0/33", "192.0.2.0/", "192.0.2/24", "192.0.2.0/-1",
               "192.0.2.0/2x", "2001:db8::/129", "example.mil", "192.0.2.0/0024", "192.0.2.0 /24");
  CAPTURE(text);
  CHECK_FALSE(parse_subnet(text));
}

TEST_CASE("client: octets of another length are no address", "[client]") {
  const std::vector<std::uint8_t> octets(17, 1);
  CHECK(ClientAddress::from_bytes(std::span(octets).first(4)));
  CHECK(ClientAddress::from_bytes(std::span(octets).first(16)));
  CHECK_FALSE(ClientAddress::from_bytes(std::span(octets).first(0)));
  CHECK_FALSE(ClientAddress::from_bytes(octets));
}
