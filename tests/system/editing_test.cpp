// The commands that write files: what they write, and above all what they leave alone.
#include "world.h"

#include <catch2/catch.hpp>

using namespace mxw::test;

namespace {

/// Runs `script` by a shell in a directory with rules; $MXW is the command.
Outcome run(const std::string &script) {
  const TempDir dir;
  dir.write("main.toml", "schema = 1\nrules = [\"rules.d/*.toml\"]\n");
  std::filesystem::create_directory(dir.path() / "rules.d");
  dir.write("rules.d/10-dod.toml", R"(schema = 1
# what we protect
[[protect]]
id = "dod"
domains = ["army.mil", "navy.mil"]

[[allow]]
domains = ["navy.ml"] # by ticket
reason = "a partner"

[[exempt]]
domains = ["marmy.mil"]

[[test]]
query = "mail.army.ml"
expect = { reason = "look-alike" }
)");
  dir.write("rules.d/20-more.toml", "schema = 1\r\n[[protect]]\r\nid = \"gov\"\r\n"
                                    "domains = [\"state.gov\"]");
  dir.write("bad.toml", "schema = 2\n");
  dir.write("cisa.csv",
            "\xef\xbb\xbf"
            "Domain Name,Domain Type,Organization name\r\n"
            "STATE.gov,Federal,\"State, \"\"Department\"\" of\nit\"\r\n"
            "army.mil,Federal,Army\r\nm\xc3\xbcnchen.de,City,x\r\nstate.gov,again,x\r\n");
  return outcome_of({"/bin/sh", "-c", "cd '" + dir.path().string() + "' && " + script},
                    {"MXW=" + setting("MXW_TEST_COMMAND"), "MXWARDEN_CONFIG=main.toml"});
}

/// Runs `script`, which is to end with `status` and to print `part`.
void check(const std::string &script, int status, const std::string &part) {
  const Outcome outcome = run(script);
  CAPTURE(script, outcome.output);
  CHECK(outcome.status == status);
  CHECK(outcome.output.find(part) != std::string::npos);
}

} // namespace

TEST_CASE("editing: exit status and output of allow", "[editing]") {
  const auto [script, status, part] = GENERATE(table<std::string, int, std::string>({
      {"$MXW allow state.gob --reason x --owner y --expires 2999-12-31 --dry-run", 0,
       "[[allow]]\ndomains = [\"state.gob\"]\nreason = \"x\"\nowner = \"y\"\n"
       "expires = 2999-12-31\n"},
      {"$MXW allow STATE.gob. state.gob --reason 'a \"b\" \\c' --dry-run", 0,
       "domains = [\"state.gob\"]\nreason = \"a \\\"b\\\" \\\\c\"\n"},
      {"$MXW allow m\xc3\xbcnchen.de --reason x --dry-run", 0, "domains = [\"m\xc3\xbcnchen.de\"]"},
      {"$MXW allow state.gob --reason x", 0, "entry to 'rules.d/10-dod.toml'"},
      {"$MXW allow state.gob --reason x >/dev/null && $MXW explain state.gob", 0, "(allowed)"},
      {"$MXW allow state.gob --reason x >/dev/null && $MXW allow www.state.gob --reason x", 1,
       "'www.state.gob' is allowed already, by the entry at rules.d/10-dod.toml:18"},
      {"$MXW allow example.org --reason x", 0, "no rule would stop 'example.org' itself"},
      {"$MXW allow www.army.mil --reason x", 1,
       "needs no entry: 'army.mil' is protected by the rule at rules.d/10-dod.toml:3"},
      {"$MXW allow marmy.mil --reason x", 1, "it is exempt"},
      {"$MXW allow navy.ml --reason x", 1,
       "'navy.ml' is allowed already, by the entry at rules.d/10-dod.toml:7"},
      {"$MXW allow ml --reason x", 1, "'ml' is a public suffix"},
      {"$MXW allow co.uk --reason x", 1, "'co.uk' is a public suffix"},
      {"$MXW allow 'x y.ml' --reason x", 1, "is not a domain name"},
      {"$MXW allow \"$(printf 'a\\033[2J.ml')\" --reason x", 1, "'a?[2J.ml' is not"},
      {"$MXW allow state.gob", 2, "--reason is required"},
      {"$MXW allow state.gob --reason ' '", 1, "rules.d/10-dod.toml' was left as it is"},
      {"$MXW allow state.gob --reason x --expires soon", 2, "'soon' is no date"},
      {"$MXW allow state.gob --reason x --expires 0d", 2, "'0d' is no date"},
      {"$MXW allow state.gob --reason x --expires 2027-02-29", 2, "'2027-02-29' is no date"},
      {"$MXW allow state.gob --reason x --expires 2020-01-01", 2, "'2020-01-01' is over"},
      {"$MXW allow state.gob --reason x --file bad.toml", 2, "none of the rule files"},
      {"$MXW allow state.gob --reason x --rules bad.toml", 2, "error[MXW006]"},
      {"$MXW allow army.ml --reason x", 1, "MXW027"},
      {"$MXW allow army.ml --reason x", 1, "with the entry the rules would be worse"},
  }));
  check(script, status, part);
}

TEST_CASE("editing: spans of time are counted by the calendar", "[editing]") {
  const auto [span, shift] = GENERATE(table<std::string, std::string>(
      {{"1d", "1 day"}, {"12w", "84 days"}, {"2y", "2 years"}, {"9999d", "9999 days"}}));
  const Outcome outcome =
      run("test \"$($MXW allow state.gob --reason x --dry-run --expires " + span +
          " | tail -1)\" = \"expires = $(date -u -d '" + shift + "' +%F)\"");
  CAPTURE(span, outcome.output);
  CHECK(outcome.status == 0);
}

TEST_CASE("editing: allow adds to the end and leaves the rest as it is", "[editing]") {
  const auto script = GENERATE(
      // LF, and a line end that was there; CRLF, and one that was not
      std::string("cp rules.d/10-dod.toml old && $MXW allow state.gob --reason x && { cat old; "
                  "printf '\\n[[allow]]\\ndomains = [\"state.gob\"]\\nreason = \"x\"\\n'; } | "
                  "cmp - rules.d/10-dod.toml"),
      std::string("f=rules.d/20-more.toml; cp $f old && $MXW allow state.gob --reason x --file $f "
                  "&& { cat old; printf '\\r\\n\\r\\n[[allow]]\\r\\ndomains = "
                  "[\"state.gob\"]\\r\\nreason = \"x\"\\r\\n'; } | cmp - $f"),
      std::string("f=rules.d/20-more.toml; mv $f real && ln -s ../real $f && chmod 640 real && "
                  "$MXW allow state.gob --reason x --file $f && test -L $f && "
                  "test \"$(stat -c %a real)\" = 640 && grep -q state.gob real"),
      std::string("f=rules.d/20-more.toml; { printf '\\357\\273\\277'; cat $f; } >bom && mv bom $f "
                  "&& $MXW allow state.gob --reason x --file $f && "
                  "test \"$(head -c3 $f | od -An -tx1)\" = ' ef bb bf' && $MXW check"));
  const Outcome outcome = run(script);
  CAPTURE(script, outcome.output);
  CHECK(outcome.status == 0);
}

TEST_CASE("editing: what fails leaves the file as it was and nothing beside it", "[editing]") {
  const auto [script, part] = GENERATE(table<std::string, std::string>({
      {"$MXW allow army.ml --reason x", "was left as it is"},
      {"$MXW allow state.gob --reason x --dry-run", "[[allow]]"},
      {"$MXW allow state.gob --reason \"$(printf '\\377')\"", "MXW002"},
      // what is said must not be held back by the limit
      {"(trap '' XFSZ; ulimit -f 0; $MXW allow state.gob --reason x) 2>&1 | cat",
       "cannot write 'rules.d/10-dod.toml': File too large"},
  }));
  const Outcome outcome =
      run("cp -r rules.d old; " + script + "; diff -r old rules.d && echo same");
  CAPTURE(script, outcome.output);
  CHECK(outcome.output.find(part) != std::string::npos);
  CHECK(outcome.output.find("same\n") != std::string::npos);
}

TEST_CASE("editing: exit status and output of fmt", "[editing]") {
  const auto [script, status, part] = GENERATE(table<std::string, int, std::string>({
      {"$MXW fmt", 0, "rules.d/20-more.toml\n"},
      {"$MXW fmt --check", 1, "rules.d/20-more.toml\n"},
      {"$MXW fmt; $MXW fmt --check rules.d && echo clean", 0, "clean"},
      {"$MXW fmt && tail -n +2 rules.d/20-more.toml | od -An -c | head -1", 0, "\\r  \\n"},
      {"cp rules.d/20-more.toml old; $MXW fmt --check; cmp old rules.d/20-more.toml", 0, ""},
      {"printf 'a=1' | $MXW fmt -", 0, "a = 1\n"},
      {"printf 'a=1' | $MXW fmt - --check", 1, "-\n"},
      {"printf 'a=' | $MXW fmt -", 2, "-:1:3: error[MXW002]"},
      {"printf 'a=' >rules.d/20-more.toml; $MXW fmt; cat rules.d/20-more.toml", 0, "a="},
      {"printf 'a=' >a.toml; printf 'b=1' >b.toml; $MXW fmt a.toml b.toml", 2, "b.toml\n"},
      {"chmod 640 rules.d/20-more.toml; $MXW fmt && stat -c %a rules.d/20-more.toml", 0, "640\n"},
      {"$MXW fmt gone.toml", 2, "cannot read 'gone.toml'"},
      {"MXWARDEN_CONFIG=gone.toml $MXW fmt", 2, "cannot read 'gone.toml'"},
      {"mkfifo pipe; $MXW fmt pipe", 2, "not a regular file"},
      {"head -c 17M /dev/zero | $MXW fmt -", 2, "more than 16 MiB"},
      {"(trap '' XFSZ; ulimit -f 0; $MXW fmt) 2>&1 | cat", 0,
       "cannot write 'rules.d/20-more.toml'"},
      {"$MXW init -d new -p example.mil -p m\u00fcnchen.de --contact x --warning-mx "
       "w1.example.mil=192.0.2.1 && $MXW fmt --check new new/rules.d && echo clean",
       0, "clean"},
      {"$MXW fmt; $MXW allow state.gob --reason x && $MXW fmt --check && echo clean", 0, "clean"},
  }));
  check(script, status, part);
}

TEST_CASE("editing: import writes what rules can read", "[editing]") {
  const auto [script, status, part] = GENERATE(table<std::string, int, std::string>({
      {"$MXW import cisa.csv | tail -n +2 | tr '\\n' ' '", 0,
       "army.mil state.gov xn--mnchen-3ya.de "},
      {"$MXW import cisa.csv | head -1", 0, "# From 'cisa.csv' by mxwarden import on 2"},
      {"$MXW import - <cisa.csv | head -1", 0, "names: 3\n"},
      {"$MXW import cisa.csv --suffix gov | tail -n +2", 0, "state.gov\n"},
      {"$MXW import cisa.csv --suffix ml -o out; test ! -e out && $MXW import cisa.csv --suffix ml",
       1, "no name that is wanted"},
      {"printf 'x,army.mil\\ny,navy.mil' | $MXW import - --column 2 | tail -n +2", 0,
       "army.mil\nnavy.mil\n"},
      {"printf 'no,Where\\nx,army.mil' | $MXW import - --column where", 0, "army.mil\n"},
      {"$MXW import cisa.csv --column Nowhere", 2, "there is no column 'Nowhere'"},
      {"$MXW import cisa.csv --column 0", 2, "there is no column '0'"},
      {"printf 'army.mil\\nno name\\nmil\\n' | $MXW import -", 1,
       "'-' line 2: 'no name' is left out: "},
      {"printf 'army.mil\\nmil\\n' | $MXW import -", 1, "'mil' is left out: it is a whole"},
      {"printf 'army.mil\\n\"navy.mil\\n' | $MXW import -", 2, "line 2: a quote is never closed"},
      {"printf '' | $MXW import -", 1, "nothing was written"},
      {"$MXW import gone.csv", 2, "cannot read 'gone.csv'"},
      {"mkfifo pipe; $MXW import pipe", 2, "not a regular file"},
      {"mkfifo pipe; $MXW import cisa.csv -o pipe", 2, "cannot write 'pipe': it is not a regular"},
      {"$MXW import cisa.csv -o none/out", 2, "cannot write 'none/out'"},
      {"$MXW import cisa.csv >/dev/full", 2, "cannot write standard output"},
      {"$MXW import cisa.csv -o list.txt && printf 'schema = 1\\n[[protect]]\\nid = \"list\"\\n"
       "files = [\"list.txt\"]\\n' >list.toml && $MXW check --rules list.toml",
       0, "3 protected names"},
  }));
  check(script, status, part);
}

TEST_CASE("editing: exit status and output of init", "[editing]") {
  const auto [script, status, part] = GENERATE(table<std::string, int, std::string>({
      {"$MXW init -d new --protect example.mil m\u00fcnchen.de && $MXW check -c new/mxwarden.toml",
       0, "2 files, 1 rule, 2 protected names, 2 tests: 0 errors, 0 warnings"},
      {"$MXW init -d new -p example.mil && cat new/rules.d/10-local.toml", 0,
       "[[test]]\nquery = \"xeample.mil\"\n"
       "expect = { reason = \"look-alike\", protected = \"example.mil\" }\n"},
      {"$MXW init -d new -p af.mil && cat new/rules.d/10-local.toml", 0, // shorter than min_label
       "query = \"af.mil\"\nexpect = { reason = \"protected\" }\n"},
      {"$MXW init -d new -p example.mil --contact 'a \"b\"' --mode enforce && cat "
       "new/mxwarden.toml",
       0, "mode = \"enforce\"\ncontact = \"a \\\"b\\\"\"\n"},
      {"$MXW init -d new -p example.mil --mode enforce --warning-mx w1.example.mil=192.0.2.1 "
       "w2.example.mil && "
       "$MXW explain exampel.mil -c new/mxwarden.toml",
       0, "answer   MX 10 w1.example.mil, 20 w2.example.mil"},
      {"$MXW init -d new/deeper -p example.mil && ls new/deeper/rules.d", 0, "10-local.toml"},
      {"$MXW init -d . -p example.mil && cat mxwarden.toml", 0, "schema = 1"},
      {"mkdir new; ln -s gone new/mxwarden.toml; $MXW init -d new -p example.mil", 2,
       "'new/mxwarden.toml' is there already; nothing was written"},
      {"mkdir new; printf 'schema = 1\\nrules = [\"rules.d/*.toml\"]\\n' >new/mxwarden.toml; $MXW "
       "init -d new -p example.mil --contact x && $MXW check -c new/mxwarden.toml; cat new/*.toml "
       "new/rules.d/*",
       0,
       "schema = 1\nrules = [\"rules.d/*.toml\"]\n# What is protected here, each name with "
       "everything below it.\nschema = 1\n\n[[protect]]\nid = \"local\"\ndomains = "
       "[\"example.mil\"]\nmode = \"observe\"\ncontact = \"x\"\n\n#"},
      {"mkdir new; echo 'schema = 1' >new/mxwarden.toml; $MXW init -d new -p example.mil; echo $?; "
       "ls new",
       0, "2\nmxwarden.toml\n"},
      {"mkdir new; echo 'schema = ' >new/mxwarden.toml; $MXW init -d new -p example.mil; ls new", 0,
       "new/mxwarden.toml:1:"},
      {"mkdir new; echo 'schema = 1' >new/mxwarden.toml; $MXW init -d new -p example.mil "
       "--warning-mx w1.example.mil",
       2, "write [warning_mx] into it"},
      {"$MXW init -d new -p example.mil && $MXW init -d new -p example.org; echo $?; "
       "grep -c example.org new/rules.d/10-local.toml",
       1, "2\n0\n"},
      {"$MXW init -d new -p mil; ls new", 2, "'mil' is no domain to protect: name the domains"},
      {"$MXW init -d new -p x..y; ls new", 2, "'x..y' is no domain to protect: it has two dots"},
      {"$MXW init -d new -p example.mil --warning-mx exampel.mil; ls new", 2,
       "is itself a near-miss of 'example.mil'"},
      {"$MXW init -d new -p example.mil --warning-mx w.example.mil=nowhere; ls new", 2,
       "'nowhere' is not an address"},
      {"$MXW init -d new -p example.mil --mode block", 2, "block"},
      {"$MXW init -d new </dev/null", 2, "nothing is to be protected; write --protect"},
      {"$MXW init -d /dev/null/new -p example.mil", 2, "Not a directory"},
      {"printf 'example.mil\\n\\nw1.example.mil\\n\\n' >answers; "
       "script -qec '$MXW init -d new' /dev/null <answers; cat new/mxwarden.toml",
       0, "hosts = [\"w1.example.mil\"]"},
  }));
  check(script, status, part);
}
