#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <thread>

#include <netinet/in.h>

#include "fake_host.h"
#include "loader/dns_text.h"
#include "temp_dir.h"

namespace fs = std::filesystem;
using namespace mxw;

namespace {

constexpr std::uint16_t kMx = 15;
constexpr std::uint16_t kA = 1;

/// A configuration of its own, named by MXWARDEN_CONFIG while it lives.
class Config {
public:
  explicit Config(const std::string &rules) {
    const fs::path file = dir_.write("mxwarden.toml", "schema = 1\n" + rules +
                                                          "\n[events]\nfile = \"events.json\"\n");
    setenv("MXWARDEN_CONFIG", file.c_str(), 1);
    setenv("MXWARDEN_STATE", (dir_.path() / "state").c_str(), 1);
  }

  [[nodiscard]] std::size_t events() const {
    std::ifstream in(dir_.path() / "events.json");
    std::size_t lines = 0;
    for (std::string line; std::getline(in, line);)
      ++lines;
    return lines;
  }

private:
  test::TempDir dir_;
};

/// The module, loaded and initialised.
class Host {
public:
  explicit Host(std::size_t workers = 1) : host_(fake_load(MXW_TEST_MODULE)) {
    if (host_ == nullptr)
      throw std::runtime_error(fake_error());
    fake_log();
    if (fake_init(host_, workers) == 0)
      throw std::runtime_error(fake_log());
  }
  Host(const Host &) = delete;
  Host &operator=(const Host &) = delete;
  ~Host() {
    fake_deinit(host_);
    fake_unload(host_);
  }

  fake_reply ask(const std::string &name, std::uint16_t type = kMx,
                 const std::function<void(fake_question &)> &change = {}) {
    const Name qname = parse_name(name).value();
    fake_question question = {};
    question.qname = qname.wire().data();
    question.qname_bytes = qname.wire().size();
    question.qtype = type;
    question.qclass = 1;
    question.family = AF_INET;
    question.address[0] = 192;
    question.edns = 1;
    if (change)
      change(question);
    return fake_ask(host_, &question);
  }
  fake_host *get() { return host_; }

private:
  fake_host *host_;
};

std::string rules(const std::string &action, const std::string &more = "") {
  return "[warning_mx]\nhosts = [\"warn1.example\", \"warn2.example\"]\n"
         "addresses = { \"warn1.example\" = [\"192.0.2.25\"] }\n"
         "[[protect]]\nid = \"dod\"\ndomains = [\"army.mil\"]\naction = \"" +
         action + "\"\n" + more;
}

bool is_mapped() {
  std::ifstream maps("/proc/self/maps");
  std::stringstream text;
  text << maps.rdbuf();
  return text.str().find("mxwarden.so") != std::string::npos;
}

std::size_t threads() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()));
}

} // namespace

TEST_CASE("host: 100 times loaded and unloaded, nothing is left", "[host]") {
  const Config config(rules("redirect"));
  std::thread([] {}).join(); // with the first thread a sanitizer starts one of its own
  const std::size_t threads_before = threads();
  std::size_t good = 0; // no CHECK in between: it keeps blocks of its own
  const auto cycle = [&good] {
    Host host(4);
    good += is_mapped() && host.ask("army.ml").answers == 2 && fake_callbacks(host.get()) == 2;
  };
  // The libraries that the module needs keep what they allocate once.
  for (int i = 0; i < 10; ++i)
    cycle();
  constexpr int kCycles = 90;
  const std::size_t blocks_before = fake_heap_blocks();
  for (int i = 0; i < kCycles; ++i)
    cycle();
  const std::size_t blocks_after = fake_heap_blocks();
  CHECK(good == 100);
  CHECK_FALSE(is_mapped());
  CHECK(threads() == threads_before);
  // A leak leaves a block each time; one more or less is a stack that the C library keeps.
  CHECK(blocks_after < blocks_before + kCycles / 2);
  CHECK(config.events() == 100);
}

TEST_CASE("host: without a thread decisions are made, and their events are written at the end",
          "[host]") {
  const Config config(rules("redirect"));
  {
    const bool allowed = fake_allow_threads(0) != 0;
    Host host;
    fake_allow_threads(1);
    for (int i = 0; i < 3; ++i)
      CHECK(host.ask("army.ml").answers == 2);
    const std::string log = fake_log();
    const std::size_t complaint = log.find("cannot start a thread");
    CHECK((complaint != std::string::npos) != allowed);
    if (!allowed) // once
      CHECK(log.find("cannot start a thread", complaint + 1) == std::string::npos);
  }
  CHECK(config.events() == 3);
}

TEST_CASE("host: each action leaves the query as the host expects it", "[host]") {
  struct Expected {
    const char *action;
    int rcode;
    std::size_t answers;
    std::size_t authorities;
    std::uint16_t ede_code;
    bool has_message;
    bool dropped;
  };
  const auto want = GENERATE(values<Expected>({
      {"redirect", 0, 2, 0, 4, true, false},
      {"null-mx", 0, 1, 0, 4, true, false},
      {"nxdomain", 3, 0, 1, 15, true, false},
      {"nodata", 0, 0, 1, 15, true, false},
      {"refused", 5, 0, 0, 15, false, false},
      {"servfail", 2, 0, 0, 15, false, false},
      {"drop", 0, 0, 0, 0, false, true},
  }));
  CAPTURE(want.action);
  const Config config(rules(want.action));
  Host host;
  const fake_reply reply = host.ask("mail.army.ml");
  CHECK(reply.state == FAKE_FINISHED);
  CHECK(reply.rcode == want.rcode);
  CHECK(reply.answers == want.answers);
  CHECK(reply.authorities == want.authorities);
  CHECK(reply.ede_code == want.ede_code);
  CHECK(reply.ede_options == (want.ede_code == 0 ? 0 : 1));
  CHECK_FALSE(reply.remembered);
  CHECK(static_cast<bool>(reply.has_message) == want.has_message);
  CHECK(static_cast<bool>(reply.dropped) == want.dropped);
  if (want.ede_code != 0)
    CHECK(std::string(reply.ede_text) == "near-miss of army.mil (tld-slip), rule dod");
  if (want.has_message) {
    CHECK((reply.flags & 0x8000) != 0); // QR
    CHECK((reply.flags & 0x0400) == 0); // AA
    CHECK((reply.flags & 0x0080) != 0); // RA
    CHECK(reply.security_is_insecure);
    CHECK(reply.ttl_s == 60);
    const std::string owner = want.authorities != 0 ? "army.ml" : "mail.army.ml";
    CHECK(Name::from_wire({reply.owner, reply.owner_bytes}) == parse_name(owner).value());
  }
  CHECK(host.ask("army.ml", kMx, [](auto &q) { q.edns = 0; }).ede_code == 0);
}

TEST_CASE("host: whenever memory runs out, the sender does not get the real answer", "[host]") {
  const std::string action =
      GENERATE(as<std::string>(), "redirect", "null-mx", "nxdomain", "nodata");
  CAPTURE(action);
  const Config config(rules(action));
  Host host;
  bool answered = false;
  long allowed = 0;
  for (; !answered && allowed < 100; ++allowed) {
    fake_allow_allocations(allowed);
    const fake_reply reply = host.ask("army.ml");
    CAPTURE(allowed);
    REQUIRE(reply.state == FAKE_FINISHED);
    answered = reply.has_message != 0;
    if (!answered)
      REQUIRE(reply.rcode == 2); // SERVFAIL
  }
  fake_allow_allocations(-1);
  CHECK(answered);
  CHECK(allowed > 5); // there was something to run out of
}

TEST_CASE("host: without memory for the reason the answer goes out without it", "[host]") {
  const Config config(rules("refused"));
  Host host;
  fake_allow_allocations(0);
  const fake_reply reply = host.ask("army.ml");
  fake_allow_allocations(-1);
  CHECK(reply.state == FAKE_FINISHED);
  CHECK(reply.rcode == 5);
  CHECK(reply.ede_code == 0);
}

TEST_CASE("host: what is not a client's mail question of class IN is passed on", "[host]") {
  const Config config(rules("redirect"));
  Host host;
  const auto passed = [](const fake_reply &reply) {
    return reply.state == FAKE_PASSED_ON && !reply.has_message;
  };
  CHECK(passed(host.ask("army.ml", kMx, [](auto &q) { q.family = 0; }))); // our own look-up
  CHECK(passed(host.ask("army.ml", kMx, [](auto &q) { q.qclass = 3; })));
  // Class ANY would be answered with what there is in IN.
  CHECK(host.ask("army.ml", kMx, [](auto &q) { q.qclass = 255; }).answers == 2);
  CHECK(passed(host.ask("army.ml", kA)));
  CHECK(passed(host.ask("example.org")));
  CHECK(passed(host.ask("army.mil")));
  CHECK(passed(host.ask("warn2.example", kA)));
  CHECK(host.ask("warn1.example", kA).answers == 1);
  CHECK(host.ask("army.ml", kMx, [](auto &q) { q.family = AF_UNIX; }).answers == 2);
  CHECK(host.ask("army.ml", kMx, [](auto &q) { q.family = AF_INET6; }).answers == 2);
  CHECK(host.ask("army.ml", kMx, [](auto &q) { q.event = FAKE_PASS; }).answers == 2);
}

TEST_CASE("host: a name that is none is passed on", "[host]") {
  const Config config(rules("redirect"));
  Host host;
  const std::string wire = GENERATE(std::string(),
                                    std::string("\x04"
                                                "army",
                                                5),
                                    std::string("\x04"
                                                "army\xc0\x0c",
                                                7),
                                    std::string(300, '\x3f'),
                                    std::string("\x04"
                                                "army\x02ml\0x",
                                                10));
  CAPTURE(wire.size());
  const auto reply = host.ask(".", kMx, [&](fake_question &q) {
    q.qname = reinterpret_cast<const std::uint8_t *>(wire.data());
    q.qname_bytes = wire.size();
  });
  CHECK(reply.state == FAKE_PASSED_ON);
}

TEST_CASE("host: later events of a query end as the host expects", "[host]") {
  const Config config(rules("redirect"));
  Host host;
  CHECK(host.ask("army.ml", kMx, [](auto &q) { q.event = FAKE_NOREPLY; }).state == FAKE_ERROR);
}

namespace {

constexpr auto kForRelays = "clients = [\"relays\"]\n[[clients]]\nid = \"relays\"\n"
                            "subnets = [\"198.51.100.0/24\"]\n";
const std::array<std::uint8_t, 4> kRelay = {198, 51, 100, 1};

/// The question that leads to these names by aliases, asked and answered.
fake_reply resolve(Host &host, const std::string &name,
                   const std::vector<std::string> &aliases = {},
                   const std::function<void(fake_question &)> &change = {},
                   std::uint16_t type = kMx) {
  std::vector<Name> names;
  for (const std::string &alias : aliases)
    names.push_back(parse_name(alias).value());
  std::vector<fake_name> targets;
  for (const Name &target : names)
    targets.push_back({target.wire().data(), target.wire().size()});
  return host.ask(name, type, [&](fake_question &q) {
    q.resolves = 1;
    q.aliases = targets.data();
    q.alias_count = targets.size();
    if (change)
      change(q);
  });
}

void joined_by_relay(fake_question &q) {
  q.joined_family = AF_INET;
  std::copy(kRelay.begin(), kRelay.end(), q.joined_address);
}

} // namespace

TEST_CASE("host: an answer that is no alias the host stores as ever", "[host][cache]") {
  const Config config(rules("redirect"));
  Host host;
  const auto reply = resolve(host, "example.org");
  CHECK(reply.state == FAKE_FINISHED);
  CHECK(reply.host_stored);
  CHECK_FALSE(reply.stored);
}

TEST_CASE("host: the answer of an alias is stored when all it leads to is known", "[host][cache]") {
  const Config config(rules("redirect"));
  Host host;
  const auto reply = resolve(host, "example.org", {"example.net", "mail.example.com"});
  CHECK(reply.state == FAKE_FINISHED);
  CHECK_FALSE(reply.host_stored);
  CHECK(reply.stored == 2); // as the alias, and as what it leads to
  CHECK(reply.ede_code == 0);
}

TEST_CASE("host: an alias of a look-alike gets the policy's answer and is not stored",
          "[host][cache]") {
  const Config config(rules("redirect"));
  Host host;
  const auto aliases =
      GENERATE(values<std::vector<std::string>>({{"army.ml"},
                                                 {"example.net", "mail.army.ml"},
                                                 {"amry.mil", "army.ml", "example.net"},
                                                 {"ARMY.ML", "army.mil"}}));
  const bool by_client = GENERATE(true, false);
  const auto reply = resolve(host, "partner.example", aliases,
                             [&](fake_question &q) { q.family = by_client ? AF_INET : 0; });
  CHECK(reply.state == FAKE_FINISHED);
  CHECK_FALSE(reply.host_stored);
  CHECK_FALSE(reply.stored);
  CHECK(static_cast<std::size_t>(reply.uncached) == 1 + aliases.size());
  CHECK(reply.heap_allocations == 0);
  CHECK(reply.answers == (by_client ? 2 : 0)); // the resolver's own look-up is left alone
  if (by_client) {
    const std::string ede = reply.ede_text;
    CHECK(ede.find("near-miss of army.mil") == 0);
    CHECK(ede.find(", as an alias of ") != std::string::npos);
    CHECK(Name::from_wire({reply.owner, reply.owner_bytes}) ==
          parse_name("partner.example").value());
  }
}

TEST_CASE("host: aliases of a name that the rules know as legitimate are not looked at",
          "[host][cache]") {
  const Config config(rules("redirect", "[[allow]]\ndomains = [\"partner.example\"]\n"
                                        "reason = \"ticket 1\"\n"));
  Host host;
  for (const std::string name : {"partner.example", "www.army.mil"}) {
    const auto reply = resolve(host, name, {"army.ml"});
    CHECK(reply.ede_code == 0);
    CHECK(reply.stored == 1); // not as what it leads to
  }
}

TEST_CASE("host: an alias of more names than anybody needs is not followed", "[host][cache]") {
  const Config config(rules("redirect"));
  Host host;
  const auto reply = resolve(host, "partner.example", std::vector<std::string>(70, "example.net"));
  CHECK(reply.rcode == 2); // SERVFAIL
  CHECK_FALSE(reply.stored);
}

TEST_CASE("host: an alias whose answer somebody else keeps from the cache is not stored",
          "[host][cache]") {
  const Config config(rules("redirect"));
  Host host;
  const auto member =
      GENERATE(&fake_question::in_subnet, &fake_question::has_rpz, &fake_question::no_lookup);
  const auto reply =
      resolve(host, "example.org", {"example.net"}, [&](fake_question &q) { q.*member = 1; });
  CHECK(reply.state == FAKE_FINISHED);
  CHECK_FALSE(reply.stored);
}

TEST_CASE("host: a look-alike that is passed on is not cached, and its look-up is not shared",
          "[host][cache]") {
  const Config config(rules("redirect", kForRelays));
  Host host;
  const auto reply = resolve(host, "army.ml"); // of a client that the rule is not for
  CHECK(reply.state == FAKE_FINISHED);
  CHECK(reply.ede_code == 0);
  CHECK(reply.unique);
  CHECK(reply.no_cache_store);
  CHECK_FALSE(reply.host_stored);
  CHECK_FALSE(reply.stored);
  CHECK(resolve(host, "example.org").unique); // it may turn out to be an alias
  CHECK_FALSE(resolve(host, "example.org", {}, {}, kA).unique);
}

TEST_CASE("host: look-ups are shared where all clients are alike", "[host][cache]") {
  const Config config(rules("redirect", "mode = \"observe\""));
  Host host;
  CHECK_FALSE(resolve(host, "army.ml").unique);
  CHECK_FALSE(resolve(host, "army.ml").host_stored);
}

TEST_CASE("host: clients that must not get the same answer get none and ask again",
          "[host][cache]") {
  const Config config(rules("redirect", kForRelays));
  Host host;
  CHECK(resolve(host, "partner.example", {"army.ml"}, joined_by_relay).dropped);
  CHECK(resolve(host, "army.ml", {}, joined_by_relay).dropped);
  CHECK_FALSE(resolve(host, "partner.example", {"example.net"}, joined_by_relay).dropped);
  const auto both = resolve(host, "partner.example", {"army.ml"}, [](fake_question &q) {
    joined_by_relay(q);
    std::copy(kRelay.begin(), kRelay.end(), q.address);
  });
  CHECK_FALSE(both.dropped);
  CHECK(both.answers == 2);
}

TEST_CASE("host: what the resolver waits for itself stays as it is", "[host][cache]") {
  const Config config(rules("nodata"));
  Host host;
  const auto reply = resolve(
      host, "partner.example", {"army.ml"}, [](fake_question &q) { q.has_super = 1; }, kA);
  CHECK(reply.dropped); // for the client, who asks again
  CHECK(reply.answers == 0);
  CHECK(reply.authorities == 0);
}

TEST_CASE("host: without memory to remember a question its answer is looked at all the same",
          "[host][cache]") {
  const Config config(rules("refused"));
  Host host;
  fake_allow_allocations(0);
  const auto alias = resolve(host, "partner.example", {"army.ml"});
  const auto plain = resolve(host, "example.org");
  fake_allow_allocations(-1);
  CHECK(alias.rcode == 5);
  CHECK(plain.rcode == 0);
  CHECK_FALSE(alias.host_stored);
  CHECK_FALSE(plain.host_stored);
}

TEST_CASE("host: dns64 stores nothing of concern, whatever memory there is", "[host][cache]") {
  const Config config(rules("redirect", kForRelays));
  Host host;
  for (const bool from_relay : {true, false})
    for (const std::string name : {"army.ml", "partner.example"})
      for (long allowed = 0; allowed < 20; ++allowed) {
        CAPTURE(from_relay, name, allowed);
        fake_allow_allocations(allowed);
        const auto reply = resolve(host, name, {"army.ml"}, [&](fake_question &q) {
          q.behind_dns64 = 1;
          if (from_relay)
            std::copy(kRelay.begin(), kRelay.end(), q.address);
        });
        fake_allow_allocations(-1);
        CHECK_FALSE(reply.dns64_stores);
        CHECK_FALSE(reply.host_stored);
        CHECK_FALSE(reply.stored);
      }
  CHECK(
      resolve(host, "example.org", {}, [](fake_question &q) { q.behind_dns64 = 1; }).dns64_stores);
}

TEST_CASE("host: what cannot be verified is treated as the rule says", "[host][verify]") {
  const bool block = GENERATE(true, false);
  const Config config(rules("refused", std::string("verify = [\"counterpart\", \"same-owner\"]\n") +
                                           (block ? "" : "on_unknown = \"pass\"\n")));
  const auto fault = GENERATE(static_cast<int fake_question::*>(nullptr), &fake_question::no_subs,
                              &fake_question::no_timers);
  CAPTURE(block, fault == &fake_question::no_subs, fault == &fake_question::no_timers);
  Host host;
  const auto set_fault = [&](fake_question &q) {
    if (fault != nullptr)
      q.*fault = 1;
  };
  for (int round = 0; round < 2; ++round) {
    const auto reply = resolve(host, "army.ml", {}, set_fault);
    CHECK(reply.waited == (fault == nullptr && round == 0)); // then it is known for a while
    CHECK(reply.rcode == (block ? 5 : 0));
    CHECK(reply.state == FAKE_FINISHED);
    CHECK(reply.timers_left == 0);
    CHECK_FALSE(reply.host_stored);
    CHECK_FALSE(reply.stored);
  }
  // The same where an alias leads to it.
  const auto alias = resolve(host, "partner.example", {"mail.army.ml"}, set_fault);
  CHECK(alias.waited == (fault == nullptr));
  CHECK(alias.rcode == (block ? 5 : 0));
  CHECK(alias.timers_left == 0);
  CHECK_FALSE(alias.stored);
}

TEST_CASE("host: without memory to remember a question nothing is verified", "[host][verify]") {
  const Config config(rules("refused", "verify = \"counterpart\"\n"));
  Host host;
  fake_allow_allocations(0);
  const auto reply = resolve(host, "army.ml");
  fake_allow_allocations(-1);
  CHECK(reply.waited == 0);
  CHECK(reply.rcode == 5);
}

TEST_CASE("host: a decision and its answer allocate nothing from the heap", "[host]") {
  const Config config(rules("redirect"));
  Host host;
  const std::string name = GENERATE(as<std::string>(), "army.ml", "mail.amry.mil", "example.org",
                                    "armymil.com", "_mta-sts.army.ml");
  for (int i = 0; i < 3; ++i) // the first time too
    CHECK(host.ask(name).heap_allocations == 0);
}

TEST_CASE("host: bad rules do not end the resolver, everything passes and the log says so",
          "[host]") {
  const auto [text, code] = GENERATE(table<std::string, std::string>({
      {"[[protect]\n", "MXW002"},
      {"[[protect]]\nid = \"dod\"\ndomains = [\"mil\"]\n", "MXW011"},
      {"rules = [\"gone.toml\"]\n", "MXW001"},
  }));
  const Config config(text);
  Host host;
  const std::string log = fake_log();
  CAPTURE(log);
  CHECK(log.find("NOTHING IS ENFORCED") != std::string::npos);
  CHECK(log.find(code) != std::string::npos);
  CHECK(host.ask("army.ml").state == FAKE_PASSED_ON);
  CHECK(fake_get_mem(host.get()) > 0);
}

TEST_CASE("host: a missing configuration does not end the resolver", "[host]") {
  const test::TempDir state;
  setenv("MXWARDEN_CONFIG", "/nonexistent/mxwarden.toml", 1);
  setenv("MXWARDEN_STATE", state.path().c_str(), 1);
  Host host;
  CHECK(std::string(fake_log()).find("/nonexistent/mxwarden.toml: error[MXW001]") !=
        std::string::npos);
  CHECK(host.ask("army.ml").state == FAKE_PASSED_ON);
}

TEST_CASE("host: events of a worker that there is not are dropped", "[host]") {
  const Config config(rules("redirect"));
  Host host(0);
  CHECK(host.ask("army.ml").answers == 2);
}
