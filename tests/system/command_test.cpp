// The command and the resolver decide with the same code; here is what would show that they do not.
#include "world.h"

#include <array>
#include <catch2/catch.hpp>
#include <sstream>

using namespace mxw::test;
using namespace std::chrono_literals;

namespace {

/// Runs `script` by a shell in a directory with rules: $MXW is the command, main.toml a main file,
/// dod.toml a rule file, bad.toml one with an error, lax.toml one with a warning,
/// mirror.toml one that verifies.
Outcome run(const std::string &script) {
  const TempDir dir;
  dir.write("dod.toml", rule_file(R"(
[[clients]]
id = "relays"
subnets = ["192.0.2.0/24"]

[[protect]]
id = "dod"
domains = ["army.mil", "navy.mil"]
contact = "post\u001b[2Jmaster"

[[protect]]
id = "relays-only"
domains = ["fleet.example"]
clients = ["relays"]

[[test]]
query = "army.ml"
expect = { reason = "look-alike", mode = "enforce" }

[[test]]
query = "example.org"
expect = { mode = "none", rule = "none" }
)"));
  dir.write("mirror.toml",
            rule_file("[[protect]]\nid = \"mil\"\nsuffix = \"mil\"\nmirror = [\"ml\"]\n"
                      "verify = [\"counterpart\", \"same-owner\"]\n"));
  dir.write("bad.toml", "schema = 1\n[[protect]]\nid = \"bad\"\n");
  dir.write("lax.toml", rule_file("[[protect]]\nid = \"lax\"\ndomains = [\"army.mil\"]\n"
                                  "action = \"drop\"\n"));
  dir.write("idle.toml", rule_file("[[protect]]\nid = \"idle\"\ndomains = [\"army.mil\"]\n"
                                   "[[allow]]\ndomains = [\"example.org\"]\nreason = \"none\"\n"));
  dir.write("wide.toml", rule_file("[[protect]]\nid = \"wide\"\ndomains = [\"af.mil\"]\n"
                                   "min_label = 2\n"));
  dir.write("main.toml", "schema = 1\nrules = [\"dod.toml\"]\n");
  return outcome_of({"/bin/sh", "-c", "cd '" + dir.path().string() + "' && " + script},
                    {"MXW=" + setting("MXW_TEST_COMMAND"), "MXWARDEN_CONFIG="});
}

} // namespace

TEST_CASE("command: exit status and output", "[command]") {
  const auto [script, status, part] = GENERATE(table<std::string, int, std::string>({
      {"$MXW check --rules dod.toml", 0,
       "1 file, 2 rules, 3 protected names, 2 tests: 0 errors, 0 warnings"},
      {"$MXW check -c main.toml", 0, "2 files"},
      {"MXWARDEN_CONFIG=main.toml $MXW check", 0, "2 files"},
      {"$MXW check", 2, "/etc/mxwarden/mxwarden.toml: error[MXW001]"},
      {"$MXW check --rules lax.toml", 1, "warning[MXW029]"},
      {"$MXW check --rules bad.toml", 1, "bad.toml:2:1: error[MXW025]"},
      {"$MXW check --rules dod.toml bad.toml", 1, "error[MXW025]"},
      {"$MXW check --rules gone.toml", 2, "cannot read 'gone.toml'"},
      {"$MXW check --rules dod.toml gone.toml", 1, "cannot read 'gone.toml'"},
      {"$MXW check --config main.toml --rules dod.toml", 2, "excludes"},
      {"$MXW check --rules dod.toml >/dev/full", 2, "cannot write standard output"},
      {"$MXW check --rules lax.toml --format json", 1,
       R"({"severity":"warning","code":"MXW029","message":"'drop' makes senders wait for days, )"},
      {"$MXW check --rules lax.toml --format json", 1,
       R"("file":"lax.toml","line":5,"column":10})"},
      {"$MXW check --rules gone.toml --format json", 2, R"("line":null,"column":null})"},
      {"$MXW check --rules lax.toml --format github", 1,
       "::warning file=lax.toml,line=5,col=10,title=MXW029::'drop' makes senders wait"},
      {"cp lax.toml 'a,b:50%.toml' && $MXW check --rules a,b:50%.toml --format github", 1,
       "::warning file=a%2Cb%3A50%25.toml,line="},
      {"$MXW check --rules lax.toml --format github | grep -c 0.errors", 1, "0"},
      {"$MXW check --rules lax.toml --format xml", 2, "xml"},
      {"$MXW check --rules idle.toml", 0, "0 warnings, 1 note (--notes shows them)"},
      {"$MXW check --rules idle.toml --notes", 0, "note[MXW038]: 'example.org' would pass"},
      {"$MXW check --rules idle.toml --notes -f github", 0, "::notice file=idle.toml,"},
      {"$MXW check --rules dod.toml --popular gone.txt", 2, "cannot read 'gone.txt'"},
      {"for i in a b c d e g h i j k; do echo a$i.mil; done >near.txt; echo 'no name' >>near.txt; "
       "$MXW check --rules wide.toml --popular near.txt",
       1, "this rule would stop 10 of the 10 exempt or popular names, such as 'aa.mil'"},
      {"echo 'no name' >near.txt; $MXW check --rules dod.toml --popular near.txt", 0,
       "'near.txt': 1 line without a name left out"},
      {"$MXW check --rules dod.toml --server 192.0.2.1", 2, "--online"},
      {"$MXW check --rules dod.toml --online --server nowhere", 2, "'nowhere' is no server"},
      {"$MXW check --rules dod.toml --online --server 192.0.2.1@0", 2, "is no server"},
      {"$MXW test --rules dod.toml", 0, "2 tests: 0 failures\n"},
      {"$MXW test --rules lax.toml", 0, "0 tests: 0 failures\n"}, // a warning is no failure
      {"$MXW test --rules dod.toml bad.toml", 2, "the rules have errors, so nothing can be tested"},
      {"sed 's/example.org/army.ml/' dod.toml >odd.toml; $MXW test --rules odd.toml", 1,
       "error[MXW027]: 'army.ml': rule is 'dod', expected 'none'"},
      {"sed 's/example.org/army.ml/' dod.toml >odd.toml; $MXW test --rules odd.toml -f json", 1,
       R"("code":"MXW027")"},
      {"$MXW codes", 0, "MXW014 out of range\n"},
      {"$MXW codes MXW014 MXW001", 0, "# MXW014: out of range\n"},
      {"$MXW codes MXW114", 1, "there is no code 'MXW114', did you mean 'MXW014'?"},
      {"$MXW chekc", 2, "unknown command 'chekc', did you mean 'check'?"},
      {"$MXW", 2, "subcommand"},
      {"$MXW --version", 0, "mxwarden 0."},
      {"$MXW check --help", 0, "Exit status: 0 clean, 1 findings (notes are none), 2 cannot run."},
      {"$MXW explain army.ml --rules dod.toml", 0,
       "it looks like 'army.mil' (tld-slip, edits: 1, confidence: "},
      {"$MXW explain army.ml --rules dod.toml", 0, "contact  post?[2Jmaster"},
      {"$MXW explain army.ml -t A --rules dod.toml", 0, "army.ml A: pass (look-alike)"},
      {"$MXW explain mail.army.ml --rules mirror.toml", 0,
       "verify   only if 'mail.army.mil' takes mail"},
      {"$MXW explain mail.army.ml --rules mirror.toml", 0,
       "verify   not if its mail goes to the hosts of 'mail.army.mil'"},
      {"$MXW explain mail.army.ml --json --rules mirror.toml", 0,
       R"("verify":["counterpart","same-owner"],"counterpart":"mail.army.mil")"},
      {"$MXW explain armt.mil --rules dod.toml", 0,
       "army.mil' (replacement, edits: 1, confidence: 0.42)"},
      {"$MXW explain afmy.mil --rules dod.toml", 0, "replacement, edits: 1, confidence: 0.42"},
      {"$MXW explain a1my.mil --rules dod.toml", 0, "replacement, edits: 1, confidence: 0.24"},
      {"$MXW explain urma.mil --rules dod.toml", 0,
       "like 'army.mil' (two-edits): the technique is off"},
      {"$MXW explain army.org --rules dod.toml --json", 0,
       R"("techniques":["tld-swap"],"confidence":0.06)"},
      {"$MXW list army.mil --rules dod.toml", 0, "amry.mil transposition 0.57 enforce"},
      {"$MXW list army.mil", 0, "army.mll tld-slip"},
      {"$MXW list münchen.de -t idn-homoglyph", 0, "munchen.de idn-homoglyph"},
      {"$MXW list army.mil --json", 0,
       R"({"name":"army.ml","protected":"army.mil","technique":"tld-slip","edits":1,"confidence":0.57,"mode":"enforce"})"},
      {"$MXW list army.ml --rules dod.toml", 1, "army.ml"},
      {"$MXW list x..y", 1, "'x..y' is not a domain name"},
      {"$MXW list army.mil -t nonsense", 2, "nonsense"},
      {"$MXW list army.mil --rules bad.toml", 2, "bad.toml"},
      {"$MXW list army.mil >/dev/full", 2, "cannot write"},
      {"$MXW list", 2, "name is required"},
      {"$MXW explain army.ml --qtype NONSENSE --rules dod.toml", 2, "unknown type 'NONSENSE'"},
      {"$MXW explain army.ml --rules bad.toml", 2, "nothing can be explained"},
      {"$MXW explain --rules dod.toml", 2, "name is required"},
      {"$MXW explain flete.example --client 192.0.2.9 --rules dod.toml", 0, "rule     relays-only"},
      {"$MXW explain flete.example --client 192.0.3.9 --rules dod.toml", 0,
       "rule relays-only, not for this client"},
      {"$MXW explain army.ml --client relay --rules dod.toml", 2, "'relay' is not an address"},
      {"$MXW explain army.ml --client '' --rules dod.toml", 2, "'' is not an address"},
      {"$MXW explain bob@army.ml --rules dod.toml", 1,
       "it is a mail address; write what follows the '@'"},
      {"$MXW explain https://army.ml/ --rules dod.toml", 1, "it is a URL"},
      {"$MXW explain army.ml:25 --rules dod.toml", 1, "it has a port"},
      {"$MXW explain 'army.ml ' --rules dod.toml", 1, "it has a blank in it"},
      {"$MXW explain 'bob\\064army.ml' --rules dod.toml", 0, "no rule matches"},
      {"$MXW explain army.ml --rules dod.toml --json >/dev/full", 2, "cannot write"},
      {"$MXW explain --stdin --rules dod.toml </tmp", 2, "cannot read standard input"},
      {"printf 'x..y\\033[2J\\n' | $MXW explain --stdin --rules dod.toml", 1,
       "'x..y?[2J' is not a domain name"},
      {"echo army.ml | $MXW replay - --rules dod.toml", 1, "army.ml  army.mil    tld-slip"},
      {"echo army.ml | gzip | $MXW replay - --rules dod.toml", 1, "1 question, 1 of them"},
      {"echo example.org | $MXW replay - --rules dod.toml", 0, "no-match"},
      {"echo army.org | $MXW replay - --rules dod.toml", 0, "null-mx (observed)"},
      {"echo bamako.ml | $MXW replay - --rules mirror.toml", 1,
       "1 question of these by rules that"},
      {"for i in 1 2 3; do echo \"[1] unbound[1:0] info: 192.0.2.$i army.ml. MX IN\"; done | "
       "$MXW replay - --rules dod.toml",
       1, "[[allow]]\ndomains = [\"army.ml\"]\nreason = \"asked 3 times by 3 clients; not"},
      {"for i in 1 2; do echo army.ml; done | $MXW replay - --rules dod.toml --json", 1,
       R"("names":[{"name":"army.ml","questions":2,"clients":0,"protected":"army.mil",)"},
      {"echo '[1] unbound[1:0] info: 192.0.3.1 flete.example. MX IN' >log; "
       "echo '[1] unbound[1:0] info: 192.0.2.1 flete.example. MX IN' >>log; "
       "$MXW replay log --rules dod.toml",
       1, "1        1  flete.example  fleet.example"},
      {"echo army.ml | $MXW replay - --rules dod.toml --against idle.toml", 1,
       "other   null-mx by idle  null-mx by dod"},
      {"echo army.ml | $MXW replay - --rules wide.toml --against main.toml", 0,
       "no-longer-stopped  null-mx by dod  no-match"},
      {"echo army.ml | $MXW replay - --rules dod.toml --against dod.toml", 1, "Nothing changes"},
      {"echo bob.secret@army.ml | $MXW replay - --rules dod.toml | grep -c secret", 1, "0"},
      {"printf 'x y\\033[2J\\n' | $MXW replay - --rules dod.toml", 0, "not understood: -:1"},
      {"echo army.ml >log; $MXW replay log gone --rules dod.toml", 2,
       "cannot read 'gone': No such file or directory"},
      {"$MXW replay . --rules dod.toml", 2, "cannot read '.': Is a directory"},
      {"echo army.ml | gzip | head -c 20 | $MXW replay - --rules dod.toml", 2, "is cut off"},
      {"$MXW replay - --format pcap --rules dod.toml </dev/null", 2, "cannot read '-'"},
      {"$MXW replay log --rules bad.toml", 2, "nothing can be replayed"},
      {"$MXW replay log --rules dod.toml --against bad.toml", 2, "nothing can be compared"},
      {"$MXW replay --rules dod.toml", 2, "file is required"},
      {"echo army.ml | $MXW replay - --rules dod.toml >/dev/full", 2, "cannot write"},
  }));
  const Outcome outcome = run(script);
  CAPTURE(script, outcome.output);
  CHECK(outcome.status == status);
  CHECK(outcome.output.find(part) != std::string::npos);
  CHECK(outcome.output.find('\033') == std::string::npos);
}

TEST_CASE("command: findings have colours on a terminal that wants them", "[command]") {
  const auto [environment, coloured] = GENERATE(table<std::string, bool>({
      {"TERM=xterm NO_COLOR=", true},
      {"TERM=xterm NO_COLOR=1", false},
      {"TERM=dumb NO_COLOR=", false},
      {"TERM= NO_COLOR=", false},
  }));
  const Outcome outcome =
      run(environment + " script -qec '$MXW check --rules lax.toml' /dev/null </dev/null");
  CAPTURE(environment, outcome.output);
  CHECK(outcome.status == 1);
  CHECK(outcome.output.find("warning[MXW029]") != std::string::npos);
  CHECK((outcome.output.find('\033') != std::string::npos) == coloured);
}

TEST_CASE("command: check asks the DNS about warning hosts if it is told to", "[command]") {
  const Nsd world(zones());
  const Resolver resolver(world.endpoint(), without_module());
  const auto check = [&](const std::string &host) {
    const TempDir dir;
    dir.write("mx.toml", "schema = 1\n[warning_mx]\nhosts = [\"" + host + "\"]\n");
    const auto log = dir.path() / "output";
    Process command({setting("MXW_TEST_COMMAND"), "check", "--rules",
                     (dir.path() / "mx.toml").string(), "--online", "--server",
                     resolver.endpoint().address + '@' + std::to_string(resolver.endpoint().port)},
                    {}, log);
    const int status = command.wait();
    return std::pair(status, read_text(log));
  };
  const auto [status, output] = check("gone.plain.com");
  CAPTURE(output);
  CHECK(status == 1);
  CHECK(output.find("warning[MXW042]: warning host 'gone.plain.com' has no address") !=
        std::string::npos);
  CHECK(check("plain.com").first == 0);
}

TEST_CASE("command: names on standard input are read as lists are written", "[command]") {
  const Outcome outcome = run(
      "printf '\\357\\273\\277army.ml\\r\\n\\n  # a comment\\n\\tarmy.mil \\nno name\\nnavy.mi' | "
      "$MXW explain --stdin --json --rules dod.toml");
  CHECK(outcome.status == 1); // for the one that is no name
  std::istringstream lines(outcome.output);
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);) {
    const auto object = nlohmann::json::parse(line);
    found.push_back(object.at("query").get<std::string>() + ' ' +
                    object.value("reason", "no name"));
  }
  CHECK(found == std::vector<std::string>{"army.ml look-alike", "army.mil protected",
                                          "no name no name", "navy.mi look-alike"});
}

TEST_CASE("command: the shipped rules of the military decide as they must", "[command]") {
  struct Expected {
    const char *query, *decision, *reason, *meant, *technique;
  };
  const Outcome outcome =
      run("printf 'army.ml\\nmail.army.ml\\namry.mil\\narny.mil\\narmymil.com\\n"
          "army.mil\\nwww.army.mil\\ngouv.ml\\nexample.org\\n' | "
          "$MXW explain --rules '" MXW_SOURCE_DIR "/rules/sets/us-dod.toml' --json --stdin");
  CHECK(outcome.status == 0);
  std::istringstream lines(outcome.output);
  for (const Expected &want : std::array<Expected, 9>{{
           {"army.ml", "null-mx", "look-alike", "army.mil", "tld-slip"},
           {"mail.army.ml", "null-mx", "look-alike", "army.mil", "tld-slip"},
           {"amry.mil", "pass", "protected", "mil", nullptr}, // all of .mil is legitimate
           {"arny.mil", "pass", "protected", "mil", nullptr},
           {"armymil.com", "null-mx", "look-alike", "army.mil", "missing-dot"},
           {"army.mil", "pass", "protected", "army.mil", nullptr},
           {"www.army.mil", "pass", "protected", "army.mil", nullptr},
           {"gouv.ml", "pass", "allowed", nullptr, nullptr},
           {"example.org", "pass", "no-match", nullptr, nullptr},
       }}) {
    std::string line;
    std::getline(lines, line);
    CAPTURE(want.query, line);
    const auto object = nlohmann::json::parse(line);
    const auto is = [&](const char *key, const char *text) {
      return text == nullptr ? object.at(key).is_null() : object.at(key) == text;
    };
    CHECK(is("query", want.query));
    CHECK(is("decision", want.decision));
    CHECK(is("reason", want.reason));
    CHECK(is("protected", want.meant));
    CHECK(is("technique", want.technique));
    const bool has_rule = want.meant != nullptr;
    CHECK(is("rule", has_rule ? "dod" : nullptr));
    CHECK(is("mode", has_rule ? "enforce" : nullptr));
    CHECK(object.at("edits").is_number() == (want.technique != nullptr));
    CHECK(object.at("line").is_number() == (has_rule || std::string(want.reason) == "allowed"));
    CHECK(object.at("file").is_string() == object.at("line").is_number());
  }
}

TEST_CASE("command: what explain says is what the resolver does", "[command]") {
  const Nsd world(zones());
  ResolverOptions options = with_every_action();
  options.files["rules.d/20-more.toml"] =
      rule_file(protect("watched", "mode = \"observe\"") + protect("embassy", "") +
                "[[allow]]\ndomains = [\"embassy.ml\"]\nreason = \"ticket 1\"\n");
  const Resolver module(world.endpoint(), options);
  const Resolver plain(world.endpoint(), without_module());

  std::vector<std::string> names = {"watched.ml", "embassy.ml", "plain.com", "ml", "gouv.ml"};
  for (const std::string &action : actions())
    for (const std::string name : {".ml", ".mil"})
      for (const std::string prefix : {"", "mail.", "mta-sts.", "_mta-sts."})
        names.push_back(prefix + action + name);
  for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A, LDNS_RR_TYPE_TXT}) {
    std::vector<std::string> command = {setting("MXW_TEST_COMMAND"),
                                        "explain",
                                        "--json",
                                        "--config",
                                        (module.dir() / "mxwarden.toml").string(),
                                        "--qtype",
                                        type_name(type)};
    command.insert(command.end(), names.begin(), names.end());
    std::istringstream output(output_of(command));
    for (const std::string &name : names) {
      std::string line;
      std::getline(output, line);
      CAPTURE(name, type_name(type), line);
      const auto explained = nlohmann::json::parse(line);
      const std::string decision = explained.at("decision");
      Question question{.name = name, .type = type};
      if (decision == "pass" || explained.at("mode") == "observe") {
        CHECK(text(module.ask(question)) == text(plain.ask(question)));
      } else if (decision == "drop") {
        question.timeout = 200ms;
        CHECK(text(module.ask(question)) == "");
      } else {
        CHECK(text(module.ask(question)) == text(policy_answer(question, decision)));
      }
    }
  }
}
