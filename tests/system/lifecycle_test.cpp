// Start, reload and end: with good rules, with bad ones, under load, in the wrong host.
#include "world.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <set>
#include <span>
#include <thread>

using namespace mxw::test;
using namespace std::chrono_literals;

namespace {

/// What came back. The counters may be read while the load runs.
struct Load {
  std::set<std::string> wrong; // answers that must not be, each once
  std::atomic<int> answered = 0;
  std::atomic<int> unanswered = 0;
  std::atomic<int> given_up = 0; // SERVFAIL: what a resolver that ends answers to what is under way
};

/// Lets four clients ask look-alikes and unrelated names all the time while `work` runs. What they
/// report is checked by the caller: Catch2's assertions belong to one thread.
void under_load(const Resolver &module, const Resolver &plain, Load &load,
                const std::function<void()> &work) {
  struct Case {
    Question question;
    std::string expected;
    bool looked_up;
  };
  std::vector<Case> cases;
  for (const std::string action :
       {"redirect", "null-mx", "nxdomain", "nodata", "refused", "servfail"})
    for (const bool tcp : {false, true})
      for (const std::string prefix : {"", "mail."}) {
        const Question question{.name = prefix + action + ".ml", .tcp = tcp, .timeout = 2s};
        cases.push_back({question, text(policy_answer(question, action)), false});
      }
  for (const std::string name :
       {"plain.com", "redirect.mil", "mail.drop.mil", "pass.ml", "nothing.com"})
    for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A}) {
      const Question question{.name = name, .type = type, .timeout = 2s};
      cases.push_back({question, text(plain.ask(question)), true});
    }

  std::mutex mutex;
  std::atomic<bool> done = false;
  std::vector<std::jthread> clients;
  for (std::size_t client = 0; client < 4; ++client)
    clients.emplace_back([&, client] {
      for (std::size_t i = client * 7; !done; ++i) {
        const auto &[question, expected, looked_up] = cases[i % cases.size()];
        std::string got;
        try {
          got = text(module.ask(question));
        } catch (const std::exception &error) {
          got = error.what();
        }
        if (got.empty()) {
          ++load.unanswered;
        } else if (got == expected) {
          ++load.answered;
        } else if (looked_up && got.starts_with("SERVFAIL")) {
          ++load.given_up;
        } else {
          const std::scoped_lock lock(mutex);
          load.wrong.insert(question.name + " got:\n" + got);
        }
      }
    });
  work();
  done = true;
  clients.clear(); // joins them
}

} // namespace

TEST_CASE("lifecycle: 20 reloads while four clients ask, and no look-alike slips through",
          "[lifecycle][load]") {
  const int threads = GENERATE(1, 4);
  CAPTURE(threads);
  const Nsd world(zones());
  ResolverOptions options = with_every_action();
  options.threads = threads;
  Resolver module(world.endpoint(), options);
  const Resolver plain(world.endpoint(), without_module());
  std::vector<std::string> outputs;
  Load load;
  under_load(module, plain, load, [&] {
    for (int i = 0; i < 20; ++i) {
      outputs.push_back(module.control({"reload"}));
      const int before = load.answered; // so that each reload meets clients that are being served
      if (!eventually([&] { return load.answered > before + 200; }))
        return;
    }
  });
  CHECK(outputs == std::vector<std::string>(20, "ok\n"));
  CHECK(load.wrong == std::set<std::string>{});
  CHECK(load.answered > 20 * 200);
  CHECK(module.running());
  module.stop();
  CHECK(!module.events().empty());
}

TEST_CASE("lifecycle: clients that were dropped are not counted as waiting", "[lifecycle]") {
  const Nsd world(zones());
  const Endpoint silent{world.endpoint().address, free_port(world.endpoint().address)};
  ResolverOptions options = with_rules(protect("drop", "action = \"drop\""));
  // With 16 times as many waiting no client may join the look-up of another.
  options.server = "  num-queries-per-thread: 4\n";
  options.clauses = forward_zone("silent", silent);
  Resolver module(world.endpoint(), options);
  (void)module.control({"stats"}); // begins at 0 again
  for (int i = 0; i < 100; ++i)
    CHECK(text(module.ask({.name = "drop.ml", .timeout = 5ms})) == "");
  for (int i = 0; i < 3; ++i) // the second and third wait for what the first has asked
    CHECK(text(module.ask({.name = "x.silent", .timeout = 20ms})) == "");
  const std::string stats = module.control({"stats_noreset"});
  CHECK_THAT(stats, Catch::Contains("total.requestlist.exceeded=0"));
  CHECK_THAT(stats, Catch::Contains("total.num.queries=103"));
}

TEST_CASE("lifecycle: four threads answer as one does", "[lifecycle][load]") {
  const Nsd world(zones());
  ResolverOptions options = with_every_action();
  options.threads = 4;
  const Resolver module(world.endpoint(), options);
  const Resolver plain(world.endpoint(), without_module());
  Load load;
  under_load(module, plain, load,
             [&] { CHECK(eventually([&] { return load.answered > 20000; })); });
  CHECK(load.wrong == std::set<std::string>{});
  CHECK(load.unanswered + load.given_up == 0);
}

TEST_CASE("lifecycle: a reload brings new rules, and takes old ones away", "[lifecycle]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  const Question before{.name = "redirect.ml"};
  const Question after{.name = "null-mx.ml"};
  CHECK(text(module.ask(before)) == text(policy_answer(before, "redirect")));
  CHECK(is_squatters(module.ask(after)));
  module.write("rules.d/10-test.toml", rule_file(protect("null-mx", "action = \"null-mx\"")));
  CHECK(module.control({"reload"}) == "ok\n");
  CHECK(eventually([&] { return is_squatters(module.ask(before)); }));
  CHECK(text(module.ask(after)) == text(policy_answer(after, "null-mx")));
}

TEST_CASE(
    "lifecycle: with rules that cannot be read the resolver starts, passes all and says where",
    "[lifecycle][bad]") {
  struct Case {
    std::string what;
    std::function<void(ResolverOptions &)> spoil;
    std::string place; // in the log
  };
  const auto &[what, spoil, place] = GENERATE(values<Case>(
      {{"a TOML error",
        [](ResolverOptions &o) {
          o.files["rules.d/20-bad.toml"] = "schema = 1\n[[protect]]\nid = = 1\n";
        },
        "rules.d/20-bad.toml:3:6"},
       {"an unknown action",
        [](ResolverOptions &o) {
          o.files["rules.d/20-bad.toml"] = rule_file(protect("null-mx", "action = \"explode\""));
        },
        "rules.d/20-bad.toml:7:10"},
       {"a missing rule file",
        [](ResolverOptions &o) {
          const std::string glob = "rules.d/*.toml";
          o.main.replace(o.main.find(glob), glob.size(), "rules.d/none.toml");
        },
        "mxwarden.toml:2:10"},
       {"a missing list",
        [](ResolverOptions &o) {
          o.files["rules.d/20-bad.toml"] = rule_file(protect("null-mx", "files = [\"none.txt\"]"));
        },
        "rules.d/20-bad.toml:7:10"},
       {"a list that is a directory", // unreadable for root too
        [](ResolverOptions &o) {
          o.files["rules.d/20-bad.toml"] =
              rule_file(protect("null-mx", "files = [\"../rules.d\"]"));
        },
        "rules.d/20-bad.toml:7:10"},
       {"an error in the main file", [](ResolverOptions &o) { o.main += "nonsense = 1\n"; },
        "mxwarden.toml:10:1"},
       {"no main file", [](ResolverOptions &o) { o.main = ""; }, "mxwarden.toml"}}));
  CAPTURE(what);
  const Nsd world(zones());
  ResolverOptions options = with_rules(protect("redirect", ""));
  spoil(options);
  Resolver module(world.endpoint(), options);
  const Resolver plain(world.endpoint(), without_module());
  for (const std::string name : {"redirect.ml", "mail.redirect.ml", "plain.com", "redirect.mil"})
    CHECK(text(module.ask({.name = name})) == text(plain.ask({.name = name})));
  CHECK_THAT(module.log(),
             Catch::Contains("NOTHING IS ENFORCED") &&
                 Catch::Contains(module.dir().string() + '/' + place + ": error[MXW"));
}

TEST_CASE("lifecycle: after a start with broken files the last good rules are enforced",
          "[lifecycle][bad]") {
  const auto [what, spoil] =
      GENERATE(table<std::string, std::function<void(const Resolver &)>>({
          {"a rule file with an error",
           [](const Resolver &r) { r.write("rules.d/10-test.toml", "schema = 1\n[[protect]\n"); }},
          {"an error in the main file",
           [](const Resolver &r) { r.write("mxwarden.toml", "schema = 2\n"); }},
          {"no rule files any more, and an error in another",
           [](const Resolver &r) {
             std::filesystem::remove_all(r.dir() / "rules.d");
             r.write("rules.d/20-more.toml", "schema = 1\nnonsense = 1\n");
           }},
          {"a list that is gone",
           [](const Resolver &r) { std::filesystem::remove(r.dir() / "names.txt"); }},
          {"nothing at all",
           [](const Resolver &r) {
             std::filesystem::remove_all(r.dir() / "rules.d");
             std::filesystem::remove(r.dir() / "mxwarden.toml");
           }},
      }));
  CAPTURE(what);
  const Nsd world(zones());
  ResolverOptions options = with_rules(protect("redirect", ""));
  options.files["rules.d/15-list.toml"] =
      rule_file("[[protect]]\nid = \"listed\"\nfiles = [\"../names.txt\"]\n");
  options.files["names.txt"] = "null-mx.mil\n";
  Resolver module(world.endpoint(), options);
  const Question question{.name = "redirect.ml"};
  const std::string answer = text(policy_answer(question, "redirect"));
  CHECK(text(module.ask(question)) == answer);
  spoil(module);
  for (int start = 0; start < 2; ++start) { // they are good as often as it takes
    CHECK(module.control({"reload"}) == "ok\n");
    REQUIRE(eventually([&] {
      return module.log().find("THE LAST GOOD RULES ARE ENFORCED, of 2") != std::string::npos;
    }));
    const std::size_t events = module.events().size();
    CHECK(text(module.ask(question)) == answer);
    CHECK(eventually([&] { return module.events().size() > events; })); // where they said
    CHECK_FALSE(is_squatters(module.ask({.name = "null-mx.ml"})));
    CHECK(module.ask({.name = "plain.com"}));
  }
  CHECK_THAT(module.log(), Catch::Contains("error[MXW"));
}

TEST_CASE("lifecycle: mended files take the place of the last good rules", "[lifecycle][bad]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  module.write("rules.d/10-test.toml", "schema = 1\n[[protect]\n");
  CHECK(module.control({"reload"}) == "ok\n");
  REQUIRE(eventually(
      [&] { return module.log().find("THE LAST GOOD RULES ARE ENFORCED") != std::string::npos; }));
  module.write("rules.d/10-test.toml", rule_file(protect("null-mx", "") + protect("nodata", "")));
  REQUIRE(eventually([&] { return module.log().find("again 2 rules") != std::string::npos; }));
  CHECK(is_squatters(module.ask({.name = "redirect.ml"})));
  CHECK_FALSE(is_squatters(module.ask({.name = "null-mx.ml"})));
}

TEST_CASE("lifecycle: last good rules that are damaged are not enforced", "[lifecycle][bad]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  std::string kept = read_text(module.dir() / "state/last-good");
  REQUIRE(kept.find("redirect.mil") != std::string::npos);
  kept[kept.find("redirect.mil")] = 'x';
  module.write("state/last-good", kept);
  module.write("rules.d/10-test.toml", "schema = 1\n[[protect]\n");
  CHECK(module.control({"reload"}) == "ok\n");
  REQUIRE(eventually([&] {
    return module.log().find("there are no last good ones ('" +
                             (module.dir() / "state/last-good").string() + "' is damaged") !=
           std::string::npos;
  }));
  CHECK(is_squatters(module.ask({.name = "redirect.ml"})));
}

TEST_CASE("lifecycle: where the last good rules cannot be kept the rules hold all the same",
          "[lifecycle][bad]") {
  const Nsd world(zones());
  ResolverOptions options = with_rules(protect("redirect", ""));
  options.files["state"] = "a file, and no directory";
  const Resolver module(world.endpoint(), options);
  CHECK_FALSE(is_squatters(module.ask({.name = "redirect.ml"})));
  CHECK_THAT(module.log(), Catch::Contains("state/last-good': Not a directory; should the rules be "
                                           "broken when the resolver starts"));
}

TEST_CASE("lifecycle: a state directory that is taken away costs no decision, and is made again",
          "[lifecycle][bad]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  std::filesystem::remove_all(module.dir() / "state");
  const Question question{.name = "redirect.ml"};
  const std::string answer = text(policy_answer(question, "redirect"));
  CHECK(text(module.ask(question)) == answer);
  module.write("rules.d/10-test.toml", rule_file(protect("redirect", ""))); // the same once more
  REQUIRE(eventually([&] { return std::filesystem::exists(module.dir() / "state/last-good"); }));
  CHECK(text(module.ask(question)) == answer);
  CHECK(module.control({"reload"}) == "ok\n"); // which listens anew, too
  CHECK(eventually([&] { return std::filesystem::exists(module.dir() / "state/control"); }));
}

TEST_CASE("lifecycle: rules that went bad do not end the resolver at a reload",
          "[lifecycle][bad]") {
  const Nsd world(zones());
  Resolver module(world.endpoint(), with_rules(protect("redirect", "")));
  module.write("rules.d/10-test.toml", "schema = 1\n[[protect]\n");
  CHECK(module.control({"reload"}) == "ok\n");
  CHECK(eventually([&] { return module.log().find("10-test.toml:2:") != std::string::npos; }));
  CHECK(module.ask({.name = "plain.com"}));
  CHECK(module.running());
  module.write("rules.d/10-test.toml", rule_file(protect("redirect", "")));
  CHECK(module.control({"reload"}) == "ok\n");
  const Question question{.name = "redirect.ml"};
  CHECK(eventually(
      [&] { return text(module.ask(question)) == text(policy_answer(question, "redirect")); }));
}

TEST_CASE("lifecycle: in a host that it was not built for the module refuses to start, in one line",
          "[lifecycle]") {
  // the same program with another build id: the octets behind the header of its note "GNU"
  const TempDir dir;
  const auto program = dir.path() / "unbound";
  std::string image = read_text(setting("MXW_TEST_UNBOUND_DIR") + "/unbound");
  const std::string header("\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0", 16);
  const auto note = image.find(header);
  REQUIRE(note != std::string::npos);
  for (char &octet : std::span(image).subspan(note + header.size(), 20))
    octet = static_cast<char>(~octet);
  dir.write("unbound", image);
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);

  const Nsd world(zones());
  ResolverOptions options = with_every_action();
  options.unbound = program;
  options.starts = false;
  const Resolver module(world.endpoint(), options);
  const std::string log = module.log();
  CAPTURE(log);
  CHECK_THAT(log, Catch::Contains("build"));
  std::size_t ours = 0;
  for (auto at = log.find("mxwarden:"); at != std::string::npos; at = log.find("mxwarden:", at + 1))
    ++ours;
  CHECK(ours == 1);
}
