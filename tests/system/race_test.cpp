// Clients, rules, look-ups and connections that meet at the wrong moment.
#include "world.h"

#include <arpa/inet.h>
#include <atomic>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace mxw::test;
using namespace std::chrono_literals;

namespace {

const std::string kNodataForRelays =
    kRelays + protect("nodata", std::string(kForRelays) + "action = \"nodata\"");

/// Asks the same twice on one connection, and in between on another.
void ask_a_b_a(const Resolver &module, const Question &question, const std::string &a_address,
               const std::string &b_address) {
  const Socket a(Socket::Kind::tcp, module.endpoint(), a_address, 3s);
  const Socket b(Socket::Kind::tcp, module.endpoint(), b_address, 3s);
  std::uint16_t id = 0;
  for (const Socket *socket : {&a, &b, &a}) {
    socket->send(framed(to_wire(question, ++id)));
    std::this_thread::sleep_for(50ms);
  }
  (void)a.receive();
  (void)b.receive();
}

} // namespace

TEST_CASE("race: two clients that ask AAAA behind dns64 share no A", "[race][dns64]") {
  const Nsd world(zones());
  const Upstream slow(world.endpoint(), 400ms);
  ResolverOptions options = with_rules(kNodataForRelays);
  options.before = "dns64 ";
  const Resolver module(slow.endpoint(), options);
  int leaks = 0;
  int starved = 0;
  for (int i = 0; i < 6; ++i) {
    const std::string name = "n" + std::to_string(i) + ".nodata.ml";
    std::optional<Reply> a, b;
    std::jthread free_client(
        [&] { a = module.ask({.name = name, .type = LDNS_RR_TYPE_AAAA, .source = kFree}); });
    std::this_thread::sleep_for(600ms); // the A is under way
    b = module.ask({.name = name, .type = LDNS_RR_TYPE_AAAA, .source = kBlocked});
    free_client.join();
    leaks += b && !b->answer.empty();
    starved += !a || a->answer.empty();
  }
  CHECK(leaks == 0);
  CHECK(starved == 0);
}

TEST_CASE("race: a client that joins while dns64 looks up an A gets none that it must not have",
          "[race][dns64]") {
  Files z = zones();
  for (int i = 0; i < 6; ++i)
    z["com"] += "al" + std::to_string(i) + " CNAME below.nodata.ml.\n";
  const Nsd world(z);
  const Upstream slow(world.endpoint(), 400ms);
  ResolverOptions options = with_rules(kNodataForRelays);
  options.before = "dns64 ";
  options.server = "  rrset-cache-size: 0\n  discard-timeout: 0\n";
  const Resolver module(slow.endpoint(), options);
  int leaks = 0;
  for (int i = 0; i < 3; ++i) {
    const std::string name = "al" + std::to_string(i) + ".com";
    std::optional<Reply> a, b;
    std::jthread free_client([&] {
      a = module.ask({.name = name, .type = LDNS_RR_TYPE_AAAA, .source = kFree, .timeout = 6s});
    });
    std::this_thread::sleep_for(600ms + i * 300ms);
    b = module.ask({.name = name, .type = LDNS_RR_TYPE_AAAA, .source = kBlocked, .timeout = 6s});
    free_client.join();
    leaks += b && !b->answer.empty();
  }
  CHECK(leaks == 0);
}

TEST_CASE("race: a look-up of verify that ends late does not end in dns64",
          "[race][dns64][verify]") {
  Files z = zones();
  z["com"] += "to-nodata CNAME nodata.ml.\n";
  const Nsd world(z);
  const Upstream slow(world.endpoint(), 500ms);
  const Upstream slower(world.endpoint(), 450ms);
  ResolverOptions options =
      with_rules(protect("nodata", "action = \"nodata\"\n"
                                   "verify = \"counterpart\"\nverify_timeout_ms = 200\n"));
  options.before = "dns64 ";
  options.clauses = forward_zone("mil", slower.endpoint());
  options.server = "  discard-timeout: 0\n";
  const Resolver module(slow.endpoint(), options);
  const auto reply =
      module.ask({.name = "to-nodata.com", .type = LDNS_RR_TYPE_AAAA, .timeout = 6s});
  INFO(text(reply));
  REQUIRE(reply);
  CHECK(reply->answer.empty());
}

TEST_CASE("race: a connection that is dropped is given up once", "[race][drop]") {
  Files z = zones();
  z["com"] += "to-drop CNAME drop.ml.\n";
  const Nsd world(z);
  const Upstream slow(world.endpoint(), 500ms);
  ResolverOptions options = with_rules(protect("drop", "action = \"drop\"\n"));
  options.server =
      "  discard-timeout: 0\n  incoming-num-tcp: 10\n  access-control: 127.0.0.0/8 allow\n";
  Resolver module(slow.endpoint(), options);
  const Question question{.name = "to-drop.com", .tcp = true};
  ask_a_b_a(module, question, "", "");
  std::this_thread::sleep_for(300ms);
  // Else the host would give a connection that is in use to others, and not come to its end.
  std::vector<std::jthread> clients;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back(
        [&] { (void)module.ask({.name = "plain.com", .tcp = true, .timeout = 2s}); });
  clients.clear();
  CHECK(module.ask({.name = "plain.com", .tcp = true}));
}

TEST_CASE("race: what another worker knows of a look-alike opens no way",
          "[race][verify][threads]") {
  Files one = zones();
  one["nodata.mil"] = "@ MX 10 mx1.owned.mil.\n@ A 192.0.2.9\n";
  one["nodata.ml"] = "@ MX 10 mx1.owned.mil.\n@ A 203.0.113.66\n";
  Files two = one;
  two["nodata.ml"] = "@ A 203.0.113.66\n";
  const Nsd friendly(one);
  const Nsd hostile(two);
  std::atomic<bool> turned = false;
  const Upstream world([&](std::span<const std::uint8_t> question) {
    return relay(turned ? hostile.endpoint() : friendly.endpoint(), question);
  });
  ResolverOptions options =
      with_rules(protect("nodata", "action = \"nodata\"\nverify = \"same-owner\"\n"));
  options.threads = 2;
  const Resolver module(world.endpoint(), options);
  for (int i = 0; i < 40; ++i)
    (void)module.ask({.name = "nodata.ml"});
  turned = true;
  int leaks = 0;
  for (int i = 0; i < 20; ++i) {
    const auto mx = module.ask({.name = "nodata.ml"});
    if (i == 0) {
      CHECK(mx->answer.empty()); // no MX: the sender takes the address
      const auto a = module.ask({.name = "nodata.ml", .type = LDNS_RR_TYPE_A});
      leaks += !a->answer.empty();
      for (int k = 0; k < 20; ++k)
        leaks += !module.ask({.name = "nodata.ml", .type = LDNS_RR_TYPE_A})->answer.empty();
    }
  }
  CHECK(leaks == 0);
}

TEST_CASE(
    "race: a client that goes away while its question is verified leaves nothing in the cache",
    "[race][verify]") {
  const Nsd world(zones());
  const Endpoint silent{world.endpoint().address, free_port(world.endpoint().address)};
  ResolverOptions options =
      with_rules(protect("nodata", "action = \"nodata\"\n"
                                   "verify = \"counterpart\"\nverify_timeout_ms = 400\n"));
  options.clauses = forward_zone("mil", silent);
  const Resolver module(world.endpoint(), options);
  {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(module.endpoint().port);
    inet_pton(AF_INET, module.endpoint().address.c_str(), &to.sin_addr);
    REQUIRE(connect(fd, reinterpret_cast<sockaddr *>(&to), sizeof(to)) == 0);
    const Bytes message =
        framed(to_wire({.name = "nodata.ml", .type = LDNS_RR_TYPE_TXT, .tcp = true}, 7));
    (void)!write(fd, message.data(), message.size());
    std::this_thread::sleep_for(100ms);
    const linger hard = {1, 0}; // RST
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd);
  }
  std::this_thread::sleep_for(1s);
  const auto reply = module.ask({.name = "nodata.ml", .type = LDNS_RR_TYPE_TXT, .timeout = 8s});
  REQUIRE(reply);
  INFO(text(reply));
  CHECK(reply->answer.empty());
}

TEST_CASE("race: an answer that is under way when a rule comes is not kept, whatever its type",
          "[race][reload]") {
  const Nsd world(zones());
  const Upstream slow(world.endpoint(), 700ms);
  ResolverOptions options = with_rules(protect("redirect", ""));
  options.server = "  discard-timeout: 0\n";
  Resolver module(slow.endpoint(), options);
  const Question q{.name = "nodata.ml", .type = LDNS_RR_TYPE_TXT, .timeout = 8s};
  {
    std::jthread client([&] { (void)module.ask(q); });
    std::this_thread::sleep_for(100ms);
    module.write("rules.d/20-new.toml", rule_file(protect("nodata", "action = \"nodata\"")));
  }
  std::this_thread::sleep_for(300ms);
  REQUIRE(module.log().find("again 2 rules") != std::string::npos);
  const auto reply = module.ask(q);
  INFO(text(reply));
  CHECK(reply->answer.empty());
}

TEST_CASE("race: a name that cannot be looked up makes no other unknown", "[race][verify]") {
  Files z = zones();
  z["mil"] += "mx MX 10 mail.mx\n";
  z["ml"] += "mx MX 10 mx.squatter.example.\ndead CNAME mx\nbamako MX 10 mx.squatter.example.\n"
             "dead2 CNAME bamako\n";
  z["com"] += "evil CNAME dead.ml.\nevil2 CNAME dead2.ml.\n";
  const Nsd world(z);
  const Endpoint silent{world.endpoint().address, free_port(world.endpoint().address)};
  const bool pass = GENERATE(true, false);
  ResolverOptions options = with_rules(
      std::string("[[protect]]\nid = \"all-of-mil\"\nsuffix = \"mil\"\nmirror = [\"ml\"]\n"
                  "verify = \"counterpart\"\nverify_timeout_ms = 300\n") +
      (pass ? "on_unknown = \"pass\"\n" : ""));
  options.clauses = forward_zone("dead.mil", silent) + forward_zone("dead2.mil", silent);
  const Resolver module(world.endpoint(), options);
  (void)module.ask({.name = "evil.com", .timeout = 8s});
  const auto reply = module.ask({.name = "mx.ml", .timeout = 8s});
  INFO(pass << text(reply));
  CHECK_FALSE(is_squatters(reply)); // mx.mil takes mail and its server answers
  (void)module.ask({.name = "evil2.com", .timeout = 8s});
  const auto free = module.ask({.name = "bamako.ml", .timeout = 8s});
  INFO(text(free));
  CHECK(is_squatters(free)); // there is no bamako.mil
}

TEST_CASE("race: observe mode changes nothing for clients that ask together", "[race]") {
  Files z = zones();
  z["com"] += "to-nodata CNAME nodata.ml.\n";
  const Nsd world(z);
  const Upstream slow(world.endpoint(), 300ms);
  ResolverOptions options = with_rules(
      kRelays +
      protect("nodata", "action = \"nodata\"\nmode = \"observe\"\nclients = [\"relays\"]\n"));
  const Resolver module(slow.endpoint(), options);
  std::optional<Reply> a, b;
  {
    std::jthread one([&] {
      a = module.ask(
          {.name = "to-nodata.com", .type = LDNS_RR_TYPE_A, .source = kFree, .timeout = 4s});
    });
    std::jthread two([&] {
      b = module.ask(
          {.name = "to-nodata.com", .type = LDNS_RR_TYPE_A, .source = kBlocked, .timeout = 4s});
    });
  }
  CHECK(a);
  CHECK(b);
}

TEST_CASE("race: answers of class ANY from before a rule are gone", "[race][reload]") {
  const Nsd world(zones());
  ResolverOptions options = with_rules(protect("redirect", ""));
  options.modules = GENERATE("iterator", "validator iterator");
  Resolver module(world.endpoint(), options);
  const Question q{.name = "null-mx.ml", .rr_class = LDNS_RR_CLASS_ANY, .timeout = 8s};
  const auto first = module.ask(q);
  INFO(text(first));
  module.write("rules.d/20-new.toml", rule_file(protect("null-mx", "action = \"null-mx\"")));
  REQUIRE(eventually([&] { return module.log().find("again 2 rules") != std::string::npos; }));
  CHECK_FALSE(is_squatters(module.ask(q)));
}

TEST_CASE("race: cachedb brings nothing back, whatever its type", "[race][cachedb]") {
  if (!host_has("cachedb"))
    return;
  const Nsd world(zones());
  ResolverOptions options = with_rules(protect("redirect", ""));
  options.modules = "cachedb iterator";
  options.clauses = "cachedb:\n  backend: \"testframe\"\n  secret-seed: \"x\"\n";
  Resolver module(world.endpoint(), options);
  const Question f{.name = "nodata.ml", .type = LDNS_RR_TYPE_TXT, .source = kFree, .timeout = 8s};
  const Question b{
      .name = "nodata.ml", .type = LDNS_RR_TYPE_TXT, .source = kBlocked, .timeout = 8s};
  (void)module.ask(f);
  module.write("rules.d/20-new.toml", rule_file(kNodataForRelays));
  REQUIRE(eventually([&] { return module.log().find("again 2 rules") != std::string::npos; }));
  CHECK(module.ask(b)->answer.empty());
  (void)module.ask(f);
  const auto reply = module.ask(b);
  INFO(text(reply));
  CHECK(reply->answer.empty());
}

TEST_CASE("race: both kinds of clients that ask for an alias all the time get answers",
          "[race][clients][threads]") {
  Files z = zones();
  z["com"] += "to-nodata CNAME nodata.ml.\n";
  const Nsd world(z);
  const Upstream slow(world.endpoint(), 30ms);
  ResolverOptions options = with_rules(kNodataForRelays);
  options.server = "  infra-host-ttl: 900\n";
  const Resolver module(slow.endpoint(), options);
  std::atomic<int> asked = 0, silent = 0;
  {
    std::vector<std::jthread> all;
    for (int c = 0; c < 12; ++c)
      all.emplace_back([&, c] {
        for (int i = 0; i < 10; ++i) {
          const auto r = module.ask({.name = "to-nodata.com",
                                     .type = LDNS_RR_TYPE_A,
                                     .source = c % 2 != 0 ? kBlocked : kFree,
                                     .timeout = 500ms});
          if (c % 2 == 0) {
            ++asked;
            silent += !r;
          }
        }
      });
  }
  CHECK(asked > 0);
  CHECK(silent == 0);
}

TEST_CASE("race: clients that do not agree on one connection do not harm others", "[race][drop]") {
  Files z = zones();
  z["com"] += "to-nodata CNAME nodata.ml.\n";
  const Nsd world(z);
  const Upstream slow(world.endpoint(), 300ms);
  ResolverOptions options = with_rules(kNodataForRelays);
  options.server = "  discard-timeout: 0\n  incoming-num-tcp: 10\n";
  const Resolver module(slow.endpoint(), options);
  const Question question{.name = "to-nodata.com", .type = LDNS_RR_TYPE_A, .tcp = true};
  ask_a_b_a(module, question, kFree, kBlocked);
  std::vector<std::jthread> clients;
  std::atomic<int> lost = 0;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back(
        [&, i] { lost += !module.ask({.name = "plain.com", .tcp = true, .timeout = 8s}); });
  clients.clear();
  CHECK(lost == 0);
  CHECK(module.ask({.name = "plain.com", .timeout = 8s}));
}
