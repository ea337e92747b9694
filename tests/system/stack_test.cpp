// The module among the host's others: validator, dns64, respip with policy zones, subnetcache,
// cachedb; and behind a proxy.
#include "world.h"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <thread>

using namespace mxw::test;
using namespace std::chrono_literals;

namespace {

std::string for_relays(const std::string &action) {
  return protect(action, kForRelays + ("action = \"" + action) + '"');
}

/// The world with aliases of two look-alikes.
Files zones_with_aliases() {
  Files result = zones();
  result["com"] += "to-redirect CNAME redirect.ml.\nto-nodata CNAME nodata.ml.\n";
  return result;
}

/// Asks as one client that rules are for and as one that they are not for, in turn, and checks that
/// each has its own answer however often the other came first.
void check_apart(const Resolver &module, const Resolver &plain) {
  for (const std::string id : {"redirect", "nodata"})
    for (const std::string &name : {id + ".ml", "mail." + id + ".ml", "to-" + id + ".com"})
      for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA})
        for (int round = 0; round < 3; ++round) {
          Question question{.name = name, .type = type, .source = kFree};
          CAPTURE(name, type_name(type), round);
          const std::string real = text(plain.ask(question));
          CHECK(text(module.ask(question)) == real);
          question.source = kBlocked;
          const auto reply = module.ask(question);
          REQUIRE(reply);
          if (id == "nodata") {
            CHECK(reply->answer.empty());
            CHECK(reply->ede);
          } else if (type == LDNS_RR_TYPE_MX) {
            CHECK(text(reply).find("warn1.example.mil") != std::string::npos);
          } else {
            CHECK(text(reply) == real);
          }
        }
}

} // namespace

TEST_CASE("stack: before a validator signed answers keep AD, and look-alikes are not bogus",
          "[stack][dnssec]") {
  const TempDir keys;
  Files world_zones = zones();
  for (const std::string name :
       {"redirect.mil", "redirect.ml", "nodata.ml"}) // squatters can sign too
    world_zones[name] = signed_zone(keys, name, "@ MX 10 mx.squatter.example.\n@ A 203.0.113.9\n");
  world_zones["sec.com"] =
      signed_zone(keys, "sec.com", "@ MX 10 mx\nwww CNAME @\nto-redirect CNAME redirect.ml.\n");
  const Nsd world(world_zones);
  const Upstream counted(world.endpoint(), 0ms);
  ResolverOptions options = with_rules(kRelays + for_relays("redirect") + for_relays("nodata"));
  options.modules = "validator iterator";
  options.server = "  trust-anchor-file: \"" + (keys.path() / "anchors").string() + "\"\n";
  const Resolver module(counted.endpoint(), options);
  for (const bool dnssec_ok : {false, true})
    for (const bool checking_disabled : {false, true}) {
      CAPTURE(dnssec_ok, checking_disabled);
      Question question{.name = {},
                        .dnssec_ok = dnssec_ok,
                        .checking_disabled = checking_disabled,
                        .authentic_data = true};
      // What is passed on stays secure: plain, as an alias, of a look-alike, cached or not. The
      // resolver's own look-ups of DS and DNSKEY are not in the way.
      for (const std::string name : {"redirect.mil", "sec.com", "www.sec.com", "nothing.sec.com",
                                     "redirect.ml", "nodata.ml", "to-redirect.sec.com"})
        for (int round = 0; round < 2; ++round) {
          question.name = name;
          question.source = kFree;
          CAPTURE(name, round);
          const auto reply = module.ask(question);
          REQUIRE(reply);
          CHECK(reply->rcode == (name == "nothing.sec.com" ? "NXDOMAIN" : "NOERROR"));
          CHECK((reply->ad || checking_disabled)); // with CD it depends on who asked before
          CHECK((reply->answer.empty() || text(reply).find("RRSIG") != std::string::npos) ==
                (dnssec_ok || reply->answer.empty()));
        }
      question.source = kBlocked;
      for (const std::string name : {"redirect.ml", "nodata.ml"}) {
        question.name = name;
        const auto policy = policy_answer(question, name.substr(0, name.find('.')));
        CHECK(text(module.ask(question)) == text(policy));
      }
      question.name = "to-redirect.sec.com";
      const auto reply = module.ask(question);
      REQUIRE(reply);
      CHECK_FALSE(reply->ad);
      CHECK(text(reply).find("warn1.example.mil") != std::string::npos);
    }
  // The alias is kept with its security.
  const int before = counted.questions();
  CHECK(module.ask({.name = "www.sec.com", .authentic_data = true})->ad);
  CHECK(counted.questions() == before);
}

TEST_CASE("stack: an answer that does not validate is SERVFAIL, as without the module",
          "[stack][dnssec]") {
  const TempDir keys;
  Files world_zones = zones();
  world_zones["sec.com"] = signed_zone(keys, "sec.com", "@ MX 10 mx\nwww CNAME @\n");
  // Another key than the one that the resolver trusts.
  const TempDir others;
  world_zones["sec.com"] = signed_zone(others, "sec.com", "@ MX 10 mx\nwww CNAME @\n");
  const Nsd world(world_zones);
  ResolverOptions options = with_rules(protect("redirect", ""));
  options.modules = "validator iterator";
  options.server = "  trust-anchor-file: \"" + (keys.path() / "anchors").string() + "\"\n";
  const Resolver module(world.endpoint(), options);
  for (const std::string name : {"sec.com", "www.sec.com"})
    for (int round = 0; round < 2; ++round) {
      CHECK(module.ask({.name = name})->rcode == "SERVFAIL");
      CHECK(module.ask({.name = name, .checking_disabled = true})->rcode == "NOERROR");
    }
}

TEST_CASE(
    "stack: a forwarder that validates takes the policy's answer where the look-alike's zone is "
    "not signed, and SERVFAIL where it is",
    "[stack][dnssec]") {
  const TempDir keys;
  Files world_zones = zones();
  world_zones["redirect.ml"] = signed_zone(keys, "redirect.ml", "@ MX 10 mx.squatter.example.\n");
  const Nsd world(world_zones);
  ResolverOptions options = with_rules(protect("redirect", "") + protect("null-mx", ""));
  options.modules = "validator iterator";
  const Resolver module(world.endpoint(), options);
  ResolverOptions behind = without_module();
  behind.modules = "validator iterator";
  behind.server = "  trust-anchor-file: \"" + (keys.path() / "anchors").string() + "\"\n";
  const Resolver forwarder(module.endpoint(), behind);
  for (int round = 0; round < 2; ++round) {
    CHECK(forwarder.ask({.name = "redirect.ml"})->rcode == "SERVFAIL");
    const auto reply = forwarder.ask({.name = "null-mx.ml"});
    CHECK(text(reply).find("warn1.example.mil") != std::string::npos);
    CHECK_FALSE(reply->ad);
    CHECK_FALSE(is_squatters(forwarder.ask({.name = "redirect.ml", .checking_disabled = true})));
  }
}

TEST_CASE("stack: behind dns64, nothing is stored that is for one client only", "[stack][dns64]") {
  Files world_zones = zones_with_aliases();
  world_zones["com"] += "four A 192.0.2.44\n";
  const Nsd world(world_zones);
  const Upstream counted(world.endpoint(), 0ms);
  ResolverOptions options = with_rules(kRelays + for_relays("redirect") + for_relays("nodata"));
  options.before = "dns64 ";
  options.modules = GENERATE("iterator", "validator iterator");
  const Resolver module(counted.endpoint(), options);
  ResolverOptions without = without_module();
  without.modules = "dns64 " + options.modules;
  const Resolver plain(world.endpoint(), without);
  check_apart(module, plain);
  const Question synthesized{.name = "four.com", .type = LDNS_RR_TYPE_AAAA};
  CHECK(text(module.ask(synthesized)) == text(plain.ask(synthesized)));
  const int before = counted.questions();
  CHECK(text(module.ask(synthesized)) == text(plain.ask(synthesized)));
  CHECK(counted.questions() == before);
}

TEST_CASE("stack: dns64 makes no address for a look-alike that shall have none", "[stack][dns64]") {
  Files world_zones = zones();
  world_zones["nodata.ml"] += "four A 203.0.113.44\n";
  const Nsd world(world_zones);
  ResolverOptions options = with_rules(protect("nodata", "action = \"nodata\""));
  options.before = "dns64 ";
  const Resolver module(world.endpoint(), options);
  for (int round = 0; round < 2; ++round) {
    const auto reply = module.ask({.name = "four.nodata.ml", .type = LDNS_RR_TYPE_AAAA});
    REQUIRE(reply);
    CHECK(reply->answer.empty());
  }
}

TEST_CASE(
    "stack: a policy zone decides before the module where it names the question, and after it "
    "where it names an answer",
    "[stack][rpz]") {
  const TempDir dir;
  const auto zone = dir.write("rpz.zone", R"($ORIGIN rpz.example.
@ 3600 SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
blocked.com CNAME .
null-mx.ml MX 5 rpz.example.
refused.ml CNAME rpz-passthru.
lured.com CNAME redirect.ml.
32.9.113.0.203.rpz-ip CNAME .
)");
  Files world_zones = zones_with_aliases();
  world_zones["com"] += "blocked MX 1 mx\nlured MX 1 mx\nto-blocked CNAME blocked\n";
  const Nsd world(world_zones);
  ResolverOptions options =
      with_rules(protect("redirect", "") + protect("null-mx", "") + protect("refused", "") +
                 protect("nodata", R"(action = "nodata")"));
  options.modules = "respip validator iterator";
  options.clauses = "rpz:\n  name: \"rpz.example\"\n  zonefile: \"" + zone.string() + "\"\n";
  const Resolver module(world.endpoint(), options);
  for (int round = 0; round < 2; ++round) {
    CAPTURE(round);
    CHECK(module.ask({.name = "blocked.com"})->rcode == "NXDOMAIN");
    CHECK(module.ask({.name = "to-blocked.com"})->rcode == "NXDOMAIN");
    CHECK(lines(module.ask({.name = "null-mx.ml"})->answer) ==
          std::vector<std::string>{"null-mx.ml. MX 5 rpz.example."});
    // A passthru there only means that the zone has nothing to say.
    for (const std::string name : {"refused.ml", "redirect.ml", "to-redirect.com", "lured.com"}) {
      CAPTURE(name);
      CHECK(text(module.ask({.name = name})).find("warn1.example.mil") != std::string::npos);
    }
    // The addresses of look-alikes that keep theirs are still the policy zone's.
    CHECK(module.ask({.name = "redirect.ml", .type = LDNS_RR_TYPE_A})->rcode == "NXDOMAIN");
    // The module's negative answer comes first.
    CHECK(module.ask({.name = "nodata.ml", .type = LDNS_RR_TYPE_A})->rcode == "NOERROR");
    CHECK(lines(module.ask({.name = "plain.com"})->answer).size() == 2);
  }
}

namespace {

/// Answers like the world, and says of each answer that it is for the client's subnet.
Upstream::Answer for_subnet(const Endpoint &world) {
  return [world](std::span<const std::uint8_t> question) -> std::optional<Bytes> {
    const auto answer = relay(world, question);
    ldns_pkt *asked = nullptr;
    ldns_pkt *answered = nullptr;
    if (!answer || ldns_wire2pkt(&asked, question.data(), question.size()) != LDNS_STATUS_OK ||
        ldns_wire2pkt(&answered, answer->data(), answer->size()) != LDNS_STATUS_OK)
      return std::nullopt;
    if (ldns_rdf *option = ldns_pkt_edns_data(asked)) {
      ldns_rdf *copy = ldns_rdf_clone(option);
      ldns_rdf_data(copy)[7] = ldns_rdf_data(copy)[6]; // scope: the whole source prefix
      ldns_pkt_set_edns_data(answered, copy);
    }
    std::uint8_t *wire = nullptr;
    std::size_t size = 0;
    (void)ldns_pkt2wire(&wire, answered, &size);
    Bytes result(wire, wire + size);
    free(wire);
    ldns_pkt_free(asked);
    ldns_pkt_free(answered);
    return result;
  };
}

} // namespace

TEST_CASE("stack: subnetcache keeps nothing that leads past the rules", "[stack][subnetcache]") {
  const Nsd world(zones_with_aliases());
  const bool by_subnet = GENERATE(true, false);
  CAPTURE(by_subnet);
  const Upstream upstream(by_subnet ? for_subnet(world.endpoint()) : [&world](auto question) {
    return relay(world.endpoint(), question);
  });
  ResolverOptions options = with_rules(kRelays + for_relays("redirect") + for_relays("nodata"));
  options.modules = "subnetcache validator iterator";
  options.server = "  send-client-subnet: " + upstream.endpoint().address +
                   "\n  max-client-subnet-ipv4: 8\n"; // both clients are in one
  const Resolver module(upstream.endpoint(), options);
  const Resolver plain(world.endpoint(), without_module());
  check_apart(module, plain);
}

TEST_CASE("stack: modules of the host in front of the module are complained of", "[stack]") {
  const Nsd world(zones());
  ResolverOptions options = with_rules(protect("redirect", ""));
  options.before = "validator ";
  const Resolver module(world.endpoint(), options);
  CHECK(module.log().find("module-config has 'validator' before 'dynlib'") != std::string::npos);
  const Resolver good(world.endpoint(), with_rules(protect("redirect", "")));
  CHECK(good.log().find("module-config has") == std::string::npos);
}

TEST_CASE("stack: what cachedb has from elsewhere leads nobody past the rules",
          "[stack][cachedb]") {
  if (!host_has("cachedb")) {
    WARN("this host has no cachedb; nothing is tested");
    return;
  }
  Files world_zones = zones_with_aliases();
  world_zones["com"] += "soon-gone 1 CNAME redirect.ml.\n";
  const Nsd world(world_zones);
  const TempDir dir;
  const std::uint16_t port = free_port(world.endpoint().address);
  const Process redis({"/usr/bin/redis-server", "--bind", world.endpoint().address, "--port",
                       std::to_string(port), "--save", "", "--dir", dir.path().string()},
                      {}, dir.path() / "redis.log");
  REQUIRE(eventually([&] {
    return read_text(dir.path() / "redis.log").find("Ready to accept") != std::string::npos;
  }));
  ResolverOptions options = with_rules(kRelays + for_relays("redirect") + for_relays("nodata"));
  options.modules = GENERATE("cachedb iterator", "validator cachedb iterator");
  options.clauses =
      "cachedb:\n  backend: \"redis\"\n  redis-server-host: " + world.endpoint().address +
      "\n  redis-server-port: " + std::to_string(port) + '\n';
  ResolverOptions other = options; // a resolver without the module fills the store
  other.module = false;
  const Resolver plain(world.endpoint(), other);
  for (const std::string name : {"redirect.ml", "mail.redirect.ml", "to-redirect.com", "nodata.ml",
                                 "mail.nodata.ml", "to-nodata.com"})
    for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A})
      REQUIRE(plain.ask({.name = name, .type = type}));
  const auto keys = [&] {
    return output_of({"/usr/bin/redis-cli", "-h", world.endpoint().address, "-p",
                      std::to_string(port), "dbsize"});
  };
  REQUIRE(plain.ask({.name = "soon-gone.com"}));
  CHECK(keys().find("13") != std::string::npos);
  // What has expired cachedb gives to the client by itself.
  options.server = "  serve-expired: yes\n  serve-expired-client-timeout: 0\n";
  const Resolver module(world.endpoint(), options);
  std::this_thread::sleep_for(2500ms);
  CHECK_FALSE(is_squatters(module.ask({.name = "soon-gone.com", .source = kBlocked})));
  check_apart(module, plain);
}

TEST_CASE("stack: behind a proxy the client is the one that the proxy tells of",
          "[stack][clients]") {
  const Nsd world(zones());
  ResolverOptions options = with_rules(
      "[[clients]]\nid = \"relays\"\nsubnets = [\"192.0.2.0/24\"]\n" + for_relays("redirect"));
  const std::uint16_t port = free_port(world.endpoint().address);
  options.server =
      "  interface: " + world.endpoint().address + '@' + std::to_string(port) +
      "\n  proxy-protocol-port: " + std::to_string(port) +
      "\n  access-control: 192.0.2.0/24 allow\n  access-control: 198.51.100.0/24 allow\n";
  const Resolver module(world.endpoint(), options);
  for (const auto &[client, blocked] :
       std::vector<std::pair<std::string, bool>>{{"192.0.2.7", true}, {"198.51.100.7", false}}) {
    CAPTURE(client);
    Bytes message = {
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55,
        0x49, 0x54, 0x0a, 0x21, 0x12, 0x00, 0x0c}; // version 2, PROXY, UDP over IPv4, 12 octets
    std::uint8_t address[4];
    REQUIRE(inet_pton(AF_INET, client.c_str(), address) == 1);
    message.insert(message.end(), std::begin(address), std::end(address));
    message.insert(message.end(), {127, 0, 0, 1, 0x30, 0x39, 0x00, 0x35});
    const Bytes question = to_wire({.name = "redirect.ml"}, 7);
    message.insert(message.end(), question.begin(), question.end());
    const Socket socket(Socket::Kind::udp, {module.endpoint().address, port}, {}, 20s);
    socket.send(message);
    const auto answer = socket.receive();
    REQUIRE(answer);
    CHECK(is_squatters(parse(*answer)) == !blocked);
  }
}
