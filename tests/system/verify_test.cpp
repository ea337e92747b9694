// Rules that ask first whether a look-alike is one that matters: does the name that was meant take
// mail, does the look-alike belong to the same owner.
#include "world.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

using namespace mxw::test;
using namespace std::chrono_literals;

namespace {

/// mil has names that take mail in each of the ways there are, and names that take none; ml has a
/// name for each of them, and names that mil knows nothing of.
Files mirrored_zones() {
  Files result = zones();
  result["mil"] += R"(mx MX 10 mail.mx
*.wide MX 10 mail.mx
nullmx MX 0 .
nullmx A 192.0.2.40
addr4 A 192.0.2.41
addr6 AAAA 2001:db8::41
text TXT "no mail here"
aliased CNAME mx
owned MX 10 mx1.owned
owned MX 20 mx2.owned
)";
  for (const std::string name :
       {"mx", "nullmx", "addr4", "addr6", "text", "aliased", "bamako", "*.wide", "owned"})
    result["ml"] += name + " MX 10 mx.squatter.example.\n" + name + " A 203.0.113.50\n";
  result["ml"] += "half MX 10 mx1.owned.mil.\nhalf MX 20 mx.squatter.example.\n"
                  "own MX 10 mx2.owned.mil.\n";
  result["com"] += "to-mx CNAME mx.ml.\nto-bamako CNAME bamako.ml.\n";
  return result;
}

std::string mirror(const std::string &more) {
  return "[[protect]]\nid = \"all-of-mil\"\nsuffix = \"mil\"\nmirror = [\"ml\"]\n" + more;
}

bool is_redirected(const std::optional<Reply> &reply) {
  return text(reply).find("warn1.example.mil") != std::string::npos;
}

} // namespace

TEST_CASE("verify: a whole suffix is mirrored, and only names whose counterpart takes mail are "
          "look-alikes",
          "[verify]") {
  const Nsd world(mirrored_zones());
  ResolverOptions options = with_rules(mirror("verify = \"counterpart\"\n"));
  options.modules = GENERATE("iterator", "validator iterator");
  Resolver module(world.endpoint(), options);
  const std::set<std::string> matter = {"mx.ml",    "addr4.ml",  "addr6.ml", "aliased.ml",
                                        "owned.ml", "a.wide.ml", "to-mx.com"};
  const std::set<std::string> harmless = {"nullmx.ml", "text.ml", "bamako.ml", "to-bamako.com"};
  for (int round = 0; round < 2; ++round) {
    for (const std::string &name : matter) {
      CAPTURE(name, round);
      CHECK(is_redirected(module.ask({.name = name})));
    }
    for (const std::string &name : harmless) {
      CAPTURE(name, round);
      const auto reply = module.ask({.name = name});
      CHECK(is_squatters(reply));
      CHECK_FALSE(reply->ede);
    }
  }
  CHECK_FALSE(is_redirected(module.ask({.name = "mx.ml", .type = LDNS_RR_TYPE_A})));
  module.stop();
  for (const auto &event : module.events()) {
    CHECK(event["mxwarden"]["verified"] == "confirmed");
    CHECK(matter.contains(event["dns"]["question"]["name"]));
  }
  CHECK(module.events().size() == 2 * matter.size());
}

TEST_CASE("verify: a negative answer for every type is verified for every type", "[verify]") {
  const Nsd world(mirrored_zones());
  const Resolver module(world.endpoint(),
                        with_rules(mirror("verify = \"counterpart\"\naction = \"nodata\"\n")));
  for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A})
    for (int round = 0; round < 2; ++round) {
      CHECK(module.ask({.name = "mx.ml", .type = type})->answer.empty());
      CHECK_FALSE(module.ask({.name = "bamako.ml", .type = type})->answer.empty());
    }
}

TEST_CASE("verify: what was found out is remembered", "[verify]") {
  const Nsd world(mirrored_zones());
  const Upstream counted(world.endpoint(), 0ms);
  ResolverOptions options = with_rules(mirror("verify = \"counterpart\"\n"));
  // so that it is our memory that is asked, not the host's
  options.server = "  msg-cache-size: 0\n  rrset-cache-size: 0\n";
  const Resolver module(counted.endpoint(), options);
  CHECK(is_redirected(module.ask({.name = "addr6.ml"})));
  const int before = counted.questions();
  for (int i = 0; i < 10; ++i)
    CHECK(is_redirected(module.ask({.name = "addr6.ml"})));
  CHECK(counted.questions() == before);
}

TEST_CASE("verify: a look-alike whose mail goes to the hosts of the name meant passes",
          "[verify]") {
  Files world_zones = mirrored_zones();
  for (const std::string id : {"redirect", "null-mx", "nodata", "refused"})
    world_zones[id + ".mil"] = "@ MX 10 mx1.owned.mil.\n@ MX 20 mx2.owned.mil.\n@ A 192.0.2.9\n";
  world_zones["redirect.ml"] = "@ MX 10 mx2.owned.mil.\n";
  world_zones["null-mx.ml"] = "@ MX 10 MX2.Owned.MIL.\n@ MX 20 mx.squatter.example.\n";
  world_zones["refused.ml"] = "@ A 203.0.113.60\n"; // no MX: mail goes to its own address
  world_zones["com"] += "to-redirect CNAME redirect.ml.\n";
  const Nsd world(world_zones);
  const std::string verify =
      GENERATE("verify = \"same-owner\"\n", "verify = [\"counterpart\", \"same-owner\"]\n");
  const Resolver module(world.endpoint(),
                        with_rules(protect("redirect", verify) + protect("null-mx", verify) +
                                   protect("nodata", verify) + protect("refused", verify)));
  for (int round = 0; round < 2; ++round) {
    CHECK(lines(module.ask({.name = "redirect.ml"})->answer) ==
          std::vector<std::string>{"redirect.ml. MX 10 mx2.owned.mil."});
    CHECK(text(module.ask({.name = "to-redirect.com"})).find("mx2.owned.mil") != std::string::npos);
    CHECK(is_redirected(module.ask({.name = "null-mx.ml"}))); // one host is another's
    CHECK(is_redirected(module.ask({.name = "nodata.ml"})));
    CHECK(is_redirected(module.ask({.name = "refused.ml"})));
  }
}

TEST_CASE("verify: what cannot be found out is treated as the rule says, and in time", "[verify]") {
  const Nsd world(mirrored_zones());
  const Endpoint silent{world.endpoint().address, free_port(world.endpoint().address)};
  const bool block = GENERATE(true, false);
  ResolverOptions options =
      with_rules(mirror(std::string("verify = \"counterpart\"\nverify_timeout_ms = 300\n") +
                        (block ? "" : "on_unknown = \"pass\"\n")));
  options.clauses = forward_zone("mil", silent);
  Resolver module(world.endpoint(), options);
  for (const std::string name : {"mx.ml", "bamako.ml", "to-mx.com"})
    for (int round = 0; round < 2; ++round) {
      CAPTURE(name, block, round);
      // Far sooner than the resolver itself gives up, which takes more than ten seconds.
      const auto reply = module.ask({.name = name, .timeout = 8s});
      CHECK(is_redirected(reply) == block);
      CHECK(is_squatters(reply) == !block);
    }
  module.stop();
  CHECK(module.events().size() == (block ? 6 : 0));
  for (const auto &event : module.events())
    CHECK(event["mxwarden"]["verified"] == "unknown");
}

TEST_CASE("verify: a counterpart that fails or is bogus is not known", "[verify][dnssec]") {
  const TempDir keys;
  const TempDir others;
  Files world_zones = mirrored_zones();
  (void)signed_zone(keys, "bogus.mil", "@ MX 10 mx\n");
  world_zones["bogus.mil"] = signed_zone(others, "bogus.mil", "@ MX 10 mx\n"); // another key
  world_zones["ml"] += "bogus MX 10 mx.squatter.example.\nbroken MX 10 mx.squatter.example.\n";
  const Nsd world(world_zones);
  const Upstream broken([](std::span<const std::uint8_t> question) -> std::optional<Bytes> {
    Bytes answer(question.begin(), question.end());
    answer[2] |= 0x80; // an answer
    answer[3] = 1;     // FORMERR
    return answer;
  });
  const bool block = GENERATE(true, false);
  ResolverOptions options = with_rules(
      mirror(std::string("verify = \"counterpart\"\n") + (block ? "" : "on_unknown = \"pass\"\n")));
  options.modules = "validator iterator";
  options.server = "  trust-anchor-file: \"" + (keys.path() / "anchors").string() + "\"\n";
  options.clauses = forward_zone("broken.mil", broken.endpoint());
  const Resolver module(world.endpoint(), options);
  for (const std::string name : {"bogus.ml", "broken.ml"})
    for (int round = 0; round < 2; ++round) {
      CAPTURE(name, block);
      CHECK(is_redirected(module.ask({.name = name})) == block);
    }
}

TEST_CASE("verify: observe mode tells of what would be done, and does nothing", "[verify]") {
  const Nsd world(mirrored_zones());
  Resolver module(world.endpoint(),
                  with_rules(mirror("verify = \"counterpart\"\nmode = \"observe\"\n")));
  CHECK(is_squatters(module.ask({.name = "mx.ml"})));
  CHECK(is_squatters(module.ask({.name = "bamako.ml"})));
  module.stop();
  REQUIRE(module.events().size() == 1);
  CHECK(module.events()[0]["dns"]["question"]["name"] == "mx.ml");
  CHECK(module.events()[0]["mxwarden"]["mode"] == "observe");
}

TEST_CASE("verify: many clients at once, with and without the rule, while the counterpart is slow",
          "[verify][clients][threads]") {
  const Nsd world(mirrored_zones());
  const Upstream slow(world.endpoint(), 100ms);
  ResolverOptions options =
      with_rules(kRelays + mirror("verify = [\"counterpart\", \"same-owner\"]\n"
                                  "clients = [\"relays\"]\n"));
  options.threads = 2;
  const Resolver module(slow.endpoint(), options);
  std::atomic<int> wrong = 0;
  std::atomic<int> silent = 0;
  std::vector<std::jthread> clients;
  for (int client = 0; client < 24; ++client)
    clients.emplace_back([&, client] {
      const bool blocked = client % 2 != 0;
      for (int round = 0; round < 4; ++round)
        for (const std::string &name :
             {"n" + std::to_string(round) + ".wide.ml", std::string("bamako.ml"),
              std::string("addr6.ml"), std::string("to-mx.com")}) {
          const auto reply = module.ask({.name = name, .source = blocked ? kBlocked : kFree});
          silent += !reply;
          wrong += reply && is_redirected(reply) != (blocked && name != "bamako.ml");
        }
    });
  clients.clear();
  CHECK(wrong == 0);
  CHECK(silent == 0);
}
