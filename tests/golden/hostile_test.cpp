// Files that no repository can hold: pipes, devices, loops, too large ones, and a million names.
//
// Nothing here may crash, hang or throw; what is wrong gives a finding.
#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "loader/loader.h"

namespace mxw::test {
namespace {

namespace fs = std::filesystem;

void write(const fs::path &file, const std::string &text) {
  std::ofstream(file, std::ios::binary) << text;
}

/// The most memory that this process has had.
long peak_kib() {
  rusage used = {};
  getrusage(RUSAGE_SELF, &used);
  return used.ru_maxrss;
}

/// A rule about the names of list.txt.
const std::string kListRule = "schema = 1\n[[protect]]\nid = \"dod\"\nfiles = [\"list.txt\"]\n";

/// "MXW001 rules.toml:4" for each finding, the second part without ":0".
std::vector<std::string> summary(const Loaded &loaded) {
  std::vector<std::string> lines;
  for (const Diagnostic &d : loaded.findings)
    lines.push_back(std::string(d.code) + ' ' + d.file +
                    (d.line == 0 ? "" : ':' + std::to_string(d.line)));
  return lines;
}

std::string repeated(const std::string &text, std::size_t n) {
  std::string all;
  all.reserve(n * text.size());
  for (std::size_t i = 0; i < n; ++i)
    all += text;
  return all;
}

/// `text` for each number below `n`, which stands for its # signs.
std::string numbered(const std::string &text, std::size_t n) {
  std::string all;
  for (std::size_t i = 0; i < n; ++i)
    for (const char c : text)
      all += c == '#' ? std::to_string(i) : std::string(1, c);
  return all;
}

using Lines = std::vector<std::string>;

/// A rule that lacks what it protects.
const std::string kRule = "[[protect]]\nid = \"dod\"\n";

} // namespace

TEST_CASE("hostile: what is no regular file is not read, whatever names it", "[golden][hostile]") {
  const Scratch scratch;
  const auto [what, make] = GENERATE(table<std::string, std::function<void(const char *)>>({
      {"a pipe", [](const char *file) { REQUIRE(mkfifo(file, 0600) == 0); }},
      {"a directory", [](const char *file) { fs::create_directory(file); }},
      {"endless zeros", [](const char *file) { fs::create_symlink("/dev/zero", file); }},
      {"a terminal", [](const char *file) { fs::create_symlink("/dev/tty", file); }},
      {"a loop", [](const char *file) { fs::create_symlink(file, file); }},
      {"a dangling link", [](const char *file) { fs::create_symlink("gone", file); }},
  }));
  CAPTURE(what);
  make("list.txt");
  write("rules.toml", kListRule);
  CHECK(summary(load_config("list.txt", kNowS)) == Lines{"MXW001 list.txt"});
  CHECK(summary(load_config("rules.toml", kNowS)) == Lines{"MXW001 rules.toml:4"});
  write("main.toml", "schema = 1\nrules = [\"*.txt\"]\n");
  CHECK(summary(load_config("main.toml", kNowS)) == Lines{"MXW001 list.txt"});
}

TEST_CASE("hostile: what may not be read is an error, not an empty directory",
          "[golden][hostile]") {
  const Scratch scratch;
  write("list.txt", "army.mil\n");
  write("rules.toml", kListRule);
  fs::create_directory("rules.d");
  write("rules.d/10-dod.toml", "schema = 1\n");
  write("main.toml", "schema = 1\nrules = [\"rules.d/*.toml\"]\n");
  fs::permissions(".", fs::perms(0755));
  fs::permissions("list.txt", fs::perms::none);
  fs::permissions("rules.d", fs::perms::none);
  const bool root = geteuid() == 0;
  REQUIRE((!root || seteuid(65534) == 0));
  const auto list = summary(load_config("rules.toml", kNowS));
  const auto pattern = summary(load_config("main.toml", kNowS));
  const auto directory = summary(load_rules({"rules.d"}, kNowS));
  REQUIRE((!root || seteuid(0) == 0));
  fs::permissions("rules.d", fs::perms::owner_all);
  CHECK(list == Lines{"MXW001 rules.toml:4"});
  CHECK(pattern == Lines{"MXW001 main.toml:2"});
  CHECK(directory == Lines{"MXW001 rules.d"});
}

TEST_CASE("hostile: files over the limit are refused unread", "[golden][hostile]") {
  const Scratch scratch;
  write("rules.toml", kListRule);
  write("list.txt", "army.mil\n");
  const long before = peak_kib();
  for (const std::uintmax_t bytes : {std::uintmax_t{1} << 30U, (std::uintmax_t{64} << 20U) + 1}) {
    fs::resize_file("list.txt", bytes); // sparse
    CHECK(summary(load_config("rules.toml", kNowS)) == Lines{"MXW001 rules.toml:4"});
    CHECK(summary(load_config("list.txt", kNowS)) == Lines{"MXW001 list.txt"});
  }
  fs::resize_file("list.txt", (std::uintmax_t{16} << 20U) + 1);
  CHECK(summary(load_config("list.txt", kNowS)) == Lines{"MXW001 list.txt"});
  CHECK(peak_kib() - before < 16 * 1024);
}

TEST_CASE("hostile: a file that is written to while it is read is refused, and read when it rests",
          "[golden][hostile]") {
  const Scratch scratch;
  constexpr std::size_t kBytes = std::size_t{32} << 20U; // takes longer than a tick of the clock
  write("list.txt", std::string(kBytes, '#'));
  std::size_t refused = 0;
  {
    const std::jthread writer([](const std::stop_token &stop) {
      const int fd = open("list.txt", O_WRONLY | O_CLOEXEC);
      while (!stop.stop_requested())
        (void)!pwrite(fd, "#", 1, kBytes - 1);
      close(fd);
    });
    for (int i = 0; i < 1000 && refused == 0; ++i)
      if (const auto list = Source::read("list.txt", kBytes); !list) {
        ++refused;
        CHECK(list.error().code == "MXW001");
        CHECK(list.error().message.find("it changed while it was read") != std::string::npos);
      }
  }
  CHECK(refused == 1);
  CHECK(Source::read("list.txt", kBytes));
}

TEST_CASE("hostile: a list that is no text of names gives findings at its lines",
          "[golden][hostile]") {
  const Scratch scratch;
  write("rules.toml", kListRule);
  const auto [what, text, found] = GENERATE(table<std::string, std::string, Lines>({
      {"NUL octets", std::string("army.mil\nnavy\0.mil\n", 19), {"MXW010 list.txt:2"}},
      {"nothing but NUL octets", std::string(1000, '\0'), {"MXW010 list.txt:1"}},
      {"Latin-1", "army.mil\nm\xfcnchen.de\n", {"MXW010 list.txt:2"}},
      {"an overlong form", "army.mil\nn\xc1\xa1vy.mil\n", {"MXW010 list.txt:2"}},
      {"UTF-16",
       std::string("\xff\xfe"
                   "a\0.\0b\0\n\0",
                   10),
       {"MXW010 list.txt:1", "MXW010 list.txt:2"}},
  }));
  CAPTURE(what);
  write("list.txt", text);
  CHECK(summary(load_config("rules.toml", kNowS)) == found);
}

TEST_CASE("hostile: a file is read once, however often and by whatever path it is named",
          "[golden][hostile]") {
  const Scratch scratch;
  fs::create_directory("real");
  fs::create_directory_symlink("real", "link");
  write("real/10-dod.toml", "schema = 1\n[[protect]]\nid = \"dod\"\ndomains = [\"army.mil\"]\n");
  fs::create_symlink("10-dod.toml", "real/20-dod.toml");
  write("main.toml", "schema = 1\nrules = [\"real/*.toml\", \"link/*.toml\", \"" +
                         fs::current_path().string() + "/real/10-dod.toml\", \"*.toml\"]\n");
  const Loaded loaded = load_config(fs::current_path() / "main.toml", kNowS);
  CHECK(summary(loaded).empty());
  CHECK(loaded.files.size() == 2);
  CHECK(load_rules({"real", "link", "./real/10-dod.toml"}, kNowS).files.size() == 1);
}

TEST_CASE("hostile: a directory's name is no pattern, only what 'rules' says is one",
          "[golden][hostile]") {
  const Scratch scratch;
  const fs::path odd = "mx[w]*?\\arden";
  fs::create_directories(odd / "rules.d");
  write(odd / "rules.d/10-dod.toml", "schema = 1\n");
  write(odd / "main.toml", "schema = 1\nrules = [\"rules.d/*.toml\"]\n");
  CHECK(load_config(odd / "main.toml", kNowS).files.size() == 2);
  CHECK(load_rules({odd / "rules.d"}, kNowS).files.size() == 1);
}

TEST_CASE("hostile: a list of a million lines is read, and names that come again count once",
          "[golden][hostile]") {
  const Scratch scratch;
  write("rules.toml", kListRule);
  std::string list;
  SECTION("a name for each line") {
    for (int i = 0; i < 1'000'000; ++i)
      list += "name" + std::to_string(i) + ".mil,comment\n";
    write("list.txt", list);
    const Loaded loaded = load_config("rules.toml", kNowS);
    REQUIRE(loaded.policy);
    CHECK(loaded.policy->index().names().size() == 1'000'000);
  }
  SECTION("more names than a resolver should be asked to keep") {
    write("list.txt", repeated("army.mil\n", 1'000'000) + "navy.mil\n");
    CHECK(summary(load_config("rules.toml", kNowS)) == Lines{"MXW014 rules.toml:4"});
  }
  SECTION("the same name in each line") {
    write("list.txt", repeated("army.mil,bob\nArmy.MIL.,alice\n", 500'000));
    const Loaded loaded = load_config("rules.toml", kNowS);
    REQUIRE(loaded.policy);
    CHECK(loaded.policy->index().names().size() == 1);
  }
  SECTION("no name in any") {
    write("list.txt", repeated("1,google.com\n", 1'000'000));
    CHECK(load_config("rules.toml", kNowS).findings.size() == 21);
  }
  SECTION("one line") {
    write("list.txt", repeated("army.mil ", 1'000'000));
    CHECK(summary(load_config("rules.toml", kNowS)) == Lines{"MXW010 list.txt:1"});
  }
}

TEST_CASE("hostile: a list of ten million lines costs no more than its text and a million names",
          "[golden][hostile]") {
  const Scratch scratch;
  write("rules.toml", kListRule);
  write("list.txt", repeated("a.mil\n", 10'000'000));
  const long before = peak_kib();
  CHECK(summary(load_config("rules.toml", kNowS)) == Lines{"MXW014 rules.toml:4"});
  CHECK(peak_kib() - before < 256 * 1024);
}

TEST_CASE("hostile: rule files made to exhaust the stack, the memory or the reader end in findings",
          "[golden][hostile]") {
  const Scratch scratch;
  constexpr std::size_t kMany = 1'000'000;
  const auto [what, text, code] = GENERATE(table<std::string, std::string, std::string>({
      {"a deep key", repeated("a.", kMany) + "a = 1\n", "MXW002"},
      {"a deep header", "[" + repeated("a.", kMany) + "a]\n", "MXW002"},
      {"a deep key with blanks", repeated("a . ", kMany) + "a = 1\n", "MXW002"},
      {"a deep quoted key", repeated("'='.\"\\\"\".", kMany) + "a = 1\n", "MXW002"},
      {"a deep key behind strings",
       "x = [\"\"\"\n\"\\\"\"\"\"\", '''\n'\"''', '', \"\", {" + repeated("a.", kMany) +
           "a = 1}]\n",
       "MXW002"},
      {"a deep key behind a comment", "x = 1 # \"\n" + repeated("a.", kMany) + "a = 1\n", "MXW002"},
      {"as deep as may be",
       repeated("x" + repeated(".a", 15) + " = {", 250) + repeated("}", 250) + "\n", "MXW003"},
      {"deep arrays", "x = " + repeated("[", kMany) + "\n", "MXW002"},
      {"nothing but quotes", repeated("\"", 15 * kMany), "MXW002"},
      {"nothing but quoted quotes", "x = \"\"\"" + repeated("\\\"\"", 5 * kMany), "MXW002"},
      {"a long key", repeated("k", 15 * kMany) + " = 1\n", "MXW003"},
      {"many keys", [] {
         std::string keys;
         for (int i = 0; i < 100'000; ++i)
           keys += "key" + std::to_string(i) + " = 1\n";
         return keys;
       }(), "MXW003"},
      {"many wrong types in a line", kRule + "domains = [" + repeated("1,", kMany) + "]\n",
       "MXW004"},
      {"many wrong types", "protect = [" + repeated("1,\n", kMany) + "]\n", "MXW004"},
      {"many bad names", kRule + "domains = [" + repeated("'a b',", kMany) + "]\n",
       "MXW010"},
      {"a long name", kRule + "domains = [\"" + repeated("a", 15 * kMany) + "\"]\n",
       "MXW010"},
      {"a long word", kRule + "suffix = \"mil\"\naction = \"" + repeated("a", 15 * kMany) + "\"\n",
       "MXW013"},
      {"many bad rules", repeated("[[protect]]\n", kMany / 10), "MXW005"},
      {"many tests in a line",
       "test = [" + repeated("{query='a',expect={action='pass'}},", kMany / 10) + "]\nx = 1\n",
       "MXW003"},
  }));
  CAPTURE(what);
  write("rules.toml", "schema = 1\n" + text);
  const Loaded loaded = load_config("rules.toml", kNowS);
  REQUIRE(loaded.has_errors());
  REQUIRE_FALSE(loaded.findings.empty());
  CHECK(loaded.findings[0].code == code);
  CHECK(loaded.findings.size() <= 201);
  CHECK((loaded.findings.size() < 201 || loaded.findings.back().code == "MXW009"));
  for (const Diagnostic &finding : loaded.findings)
    CHECK(render(finding).size() < 4000);
}

TEST_CASE("hostile: what costs more the more there is has a limit, which is told in good time",
          "[golden][hostile]") {
  const Scratch scratch;
  constexpr std::size_t kMany = 200'000;
  const std::string rule = "[[protect]]\nid = \"r#\"\ndomains = [\"army.mil\"]\n";
  const std::string set = "[[clients]]\nid = \"c#\"\nsubnets = [\"192.0.2.1\"]\n";
  const auto [what, text, list] = GENERATE_COPY(table<std::string, std::string, std::string>({
      {"rules", numbered(rule, kMany), ""},
      {"allow entries", numbered("[[allow]]\nreason = \"x\"\ndomains = [\"army.ml\"]\n", kMany),
       ""},
      {"client sets", numbered(set, kMany), ""},
      {"ids of client sets for all rules",
       "[defaults]\nclients = [" + repeated("'c0',", kMany) + "]\n" + numbered(set, 1) +
           numbered(rule, 10'000),
       ""},
      {"octets of a contact for all rules",
       "[defaults]\ncontact = \"" + repeated("c", 10 * kMany) + "\"\n" + numbered(rule, 10'000),
       ""},
      {"octets of a message for all rules",
       "[defaults]\nmessage = \"" + repeated("c", 10 * kMany) + "\"\n" + numbered(rule, 10'000),
       ""},
      {"languages for all rules",
       "[defaults.messages]\n" + numbered("l# = 'no'\n", kMany / 2) + numbered(rule, 10'000), ""},
      {"slips", kRule + "files = [\"list.txt\"]\nslips = [" + numbered("'s#',", 1000) + "]\n",
       numbered("army.b#\n", 1000)},
      {"suffixes", kRule + "files = [\"list.txt\"]\n", numbered("army.b#\n", kMany)},
      {"look-alikes to be found by two edits",
       kRule + "files = [\"list.txt\"]\nsensitivity = \"aggressive\"\n",
       numbered(repeated("a", 55) + "#.mil\n", kMany)},
      {"warning hosts", "[warning_mx]\nhosts = [" + numbered("'h#.mil',", kMany) + "]\n", ""},
      {"addresses",
       "[warning_mx]\nhosts = ['h.mil']\naddresses = { \"h.mil\" = [" +
           numbered("'2001:db8::#',", 10'000) + "] }\n",
       ""},
  }));
  CAPTURE(what);
  write("rules.toml", "schema = 1\n" + text);
  write("list.txt", list);
  const Loaded loaded = load_config("rules.toml", kNowS);
  REQUIRE(loaded.findings.size() == 1);
  CHECK(loaded.findings[0].code == "MXW014");
  CHECK(loaded.has_errors());
}

TEST_CASE("hostile: many of what has no limit are read in good time", "[golden][hostile]") {
  const Scratch scratch;
  constexpr std::size_t kMany = 200'000; // their square would take longer than the test may
  write("list.txt", numbered("name#.mil\n", kMany));
  SECTION("look-alikes of many names") {
    write("rules.toml", kListRule + "look_alikes = {" +
                            numbered("\"x#.com\" = \"mail.name#.mil\",", kMany - 1) +
                            "\"x.com\" = \"name0.mil\"}\n");
    CHECK(load_config("rules.toml", kNowS).policy);
  }
  SECTION("unknown client sets") {
    write("rules.toml", "schema = 1\n" +
                            numbered("[[clients]]\nid = \"c#\"\nsubnets = [\"192.0.2.#\"]\n", 200) +
                            numbered("[[protect]]\nid = \"r#\"\ndomains = [\"name#.mil\"]\n"
                                     "clients = [" +
                                         repeated("'unknown-client-set',", 100) + "]\n",
                                     5000));
    CHECK(load_config("rules.toml", kNowS).findings.size() == 201);
  }
}

TEST_CASE("hostile: damaged rule files never do more than give findings", "[golden][hostile]") {
  const Scratch scratch;
  std::vector<std::string> originals;
  for (const auto &entry :
       fs::recursive_directory_iterator(fs::path(MXW_SOURCE_DIR) / "tests/golden/cases"))
    if (entry.path().extension() == ".toml" && entry.file_size() < 20'000)
      originals.push_back(read_text(entry.path()));
  std::sort(originals.begin(), originals.end()); // the same on every file system
  write("list.txt", "army.mil\n");
  std::mt19937 random(4711);
  const auto below = [&](std::size_t n) { return random() % n; };
  const std::string odd("\0\n\r\t\"'\\#=.,[]{}-_a1\x7f\x80\xc3\xff", 23);
  for (int round = 0; round < 4000; ++round) {
    std::string text = originals[below(originals.size())];
    for (std::size_t n = below(4) + 1; n != 0 && !text.empty(); --n) {
      const std::size_t at = below(text.size());
      const std::string &other = originals[below(originals.size())];
      switch (below(4)) {
      case 0:
        text[at] = odd[below(odd.size())];
        break;
      case 1:
        text.insert(at, 1, odd[below(odd.size())]);
        break;
      case 2:
        text.erase(at, below(20));
        break;
      case 3: // a piece of another file
        if (!other.empty())
          text.insert(at, other, below(other.size()), below(80));
        break;
      }
    }
    write("rules.toml", text);
    const Loaded loaded = load_config("rules.toml", kNowS);
    bool error = false;
    for (const Diagnostic &finding : loaded.findings) {
      error = error || finding.severity == Severity::error;
      if (finding.help.empty() || finding.message.empty() || render(finding).size() > 4000)
        FAIL(render(finding));
    }
    if (error != loaded.has_errors())
      FAIL(text);
    if (loaded.policy)
      run_tests(loaded, kNowS);
  }
}

} // namespace mxw::test
