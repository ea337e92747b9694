// How good the matching is on real names: what it catches of real mistakes, and what it takes for
// mistakes among real names. For people; and for ctest, which fails where a figure gets worse.
//
//   build/dev/tests/quality/mxwarden_quality [DIRECTORY]
//
// The directory, else the one that MXW_TEST_DATA names, has lists that are not ours to ship:
// email_providers_common.txt, opendns_top10k.txt, gov.txt, mil_registered.txt, mil_hostnames.txt
// (a name a line), and typos_dev.csv (what was typed, what was meant, the kind of mistake).
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/edit.h"
#include "loader/dns_text.h"
#include "loader/loader.h"
#include "temp_dir.h"

namespace mxw::test {
namespace {

namespace fs = std::filesystem;

using Names = std::vector<std::string>;

constexpr std::int64_t kNowS = 1795435200; // no rule here depends on the time
constexpr std::array kPresets = {Preset::cautious, Preset::standard, Preset::aggressive};
constexpr std::size_t kPlaces = 2; // of figures

// Lists

struct Typo {
  std::string typed;
  std::string meant;
  std::string kind;
};

struct Data {
  explicit Data(const fs::path &dir)
      : providers(lines(dir / "email_providers_common.txt")),
        popular(lines(dir / "opendns_top10k.txt")), gov(lines(dir / "gov.txt")),
        mil(lines(dir / "mil_registered.txt")), mil_hosts(lines(dir / "mil_hostnames.txt")) {
    const Names rows = lines(dir / "typos_dev.csv");
    for (std::size_t i = 1; i < rows.size(); ++i) { // the first one names the columns
      std::istringstream row(rows[i]);
      Typo typo;
      std::getline(row, typo.typed, ',');
      std::getline(row, typo.meant, ',');
      std::getline(row, typo.kind);
      typos.push_back(typo);
    }
  }

  static Names lines(const fs::path &file) {
    std::ifstream in(file);
    Names all;
    for (std::string line; std::getline(in, line);)
      if (!line.empty() && line.front() != '#')
        all.push_back(line);
    if (all.empty())
      throw std::runtime_error("cannot read '" + file.string() + "'");
    return all;
  }

  Names providers;
  Names popular;
  Names gov;
  Names mil;
  Names mil_hosts;
  std::vector<Typo> typos;
};

// Policies

using PolicyPtr = std::shared_ptr<const Policy>;

PolicyPtr policy_of(Preset preset, const std::vector<const Names *> &lists,
                    const Names &exempt = {}) {
  const TempDir dir;
  const auto text_of = [](const Names &names) {
    std::string text;
    for (const std::string &name : names)
      text += name + '\n';
    return text;
  };
  std::string files;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const std::string file = std::to_string(i) + ".txt";
    dir.write(file, text_of(*lists[i]));
    files += '"' + file + "\", ";
  }
  std::string rules = "schema = 1\n[[protect]]\nid = \"all\"\nsensitivity = \"" +
                      std::string(to_string(preset)) + "\"\nfiles = [" + files + "]\n";
  if (!exempt.empty()) {
    dir.write("exempt.txt", text_of(exempt));
    rules += "[[exempt]]\nfiles = [\"exempt.txt\"]\n";
  }
  const Loaded loaded = load_rules({dir.write("rules.toml", rules)}, kNowS);
  for (const Diagnostic &finding : loaded.findings)
    if (loaded.has_errors())
      std::cerr << render(finding);
  if (!loaded.policy)
    throw std::runtime_error("the rules have errors");
  return loaded.policy;
}

Verdict decide(const Policy &policy, const std::string &text) {
  const auto name = parse_name(text);
  if (!name)
    throw std::runtime_error('\'' + text + "' is no name");
  return policy.decide({*name, qtype::kMx, std::nullopt, kNowS});
}

bool is_caught(const Verdict &verdict) {
  return verdict.reason == Reason::look_alike && verdict.enforced();
}
bool is_observed(const Verdict &verdict) {
  return verdict.reason == Reason::look_alike && !verdict.enforced();
}

// Output

std::string percent(std::size_t part, std::size_t whole) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(kPlaces)
      << (whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole))
      << " %";
  return out.str();
}

/// Columns as wide as what is in them.
class Table {
public:
  Table(std::string title, std::vector<std::string> head) : title_(std::move(title)) {
    add(std::move(head));
  }
  void add(std::vector<std::string> row) {
    widths_.resize(std::max(widths_.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths_[i] = std::max(widths_[i], row[i].size());
    rows_.push_back(std::move(row));
  }
  ~Table() {
    std::cout << '\n' << title_ << '\n';
    for (const auto &row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i) {
        line += "  " + row[i];
        if (i + 1 < row.size())
          line.append(widths_[i] - row[i].size(), ' ');
      }
      std::cout << line << '\n';
    }
  }
  Table(const Table &) = delete;
  Table &operator=(const Table &) = delete;

private:
  std::string title_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

/// Figures, what they should be, and what they must not be worse than.
class Goals {
public:
  enum class Better : std::uint8_t { more, less };

  /// `goal` and `kept` in percent; `kept` is the goal where that is met, else what is reached.
  void add(const std::string &what, std::size_t part, std::size_t whole, Better better, double goal,
           double kept) {
    const double got =
        whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    const auto is_met = [&](double than) {
      return better == Better::more ? got >= than : got <= than;
    };
    std::ostringstream wanted;
    wanted << (better == Better::more ? ">= " : "<= ") << goal << " %";
    const bool is_worse = !is_met(kept);
    got_worse_ = got_worse_ || is_worse;
    table_.add({what, std::to_string(part) + " of " + std::to_string(whole), percent(part, whole),
                wanted.str(),
                std::string(is_met(goal) ? "met" : "missed") + (is_worse ? ", and WORSE" : "")});
  }
  [[nodiscard]] bool got_worse() const { return got_worse_; }

private:
  Table table_{"Goals", {"what", "number", "share", "goal", ""}};
  bool got_worse_ = false;
};

// Recall

struct Recall {
  std::size_t asked = 0;
  std::size_t caught = 0;
  std::size_t observed = 0;
  std::size_t right = 0; ///< of those caught

  void add(const Verdict &verdict, const std::string &meant) {
    ++asked;
    observed += is_observed(verdict) ? 1U : 0U;
    if (!is_caught(verdict))
      return;
    ++caught;
    right += to_string(verdict.protected_name) == meant ? 1U : 0U;
  }
};

/// Recall with `lists` protected, of the typos that `wanted` is true of.
template <class Wanted>
std::array<Recall, kPresets.size()> measure_recall(const Data &data, const std::string &title,
                                                   const std::vector<const Names *> &lists,
                                                   Wanted &&wanted) {
  std::array<Recall, kPresets.size()> of_preset;
  std::map<std::string, std::array<Recall, kPresets.size()>> of_kind;
  std::vector<std::vector<std::string>> missed;
  for (std::size_t p = 0; p < kPresets.size(); ++p) {
    const PolicyPtr policy = policy_of(kPresets[p], lists);
    for (const Typo &typo : data.typos) {
      if (!wanted(typo))
        continue;
      const Verdict verdict = decide(*policy, typo.typed);
      of_preset[p].add(verdict, typo.meant);
      of_kind[typo.kind][p].add(verdict, typo.meant);
      const std::string target =
          verdict.rule == Verdict::kNone ? "" : to_string(verdict.protected_name);
      if (is_caught(verdict) ? target != typo.meant : true)
        missed.push_back(
            {std::string(to_string(kPresets[p])), typo.typed, typo.meant, typo.kind,
             std::string(is_caught(verdict)     ? "caught"
                         : is_observed(verdict) ? "observed"
                                                : to_string(verdict.reason)),
             verdict.technique == Technique::none ? "" : std::string(to_string(verdict.technique)),
             target});
    }
  }
  {
    Table table(title, {"sensitivity", "typos", "caught", "", "observed", "right target", ""});
    for (std::size_t p = 0; p < kPresets.size(); ++p) {
      const Recall &recall = of_preset[p];
      table.add({std::string(to_string(kPresets[p])), std::to_string(recall.asked),
                 std::to_string(recall.caught), percent(recall.caught, recall.asked),
                 std::to_string(recall.observed), std::to_string(recall.right),
                 percent(recall.right, recall.caught)});
    }
  }
  {
    Table table("  by kind: caught (and observed)",
                {"kind", "typos", "cautious", "default", "aggressive"});
    for (const auto &[kind, recalls] : of_kind) {
      std::vector<std::string> row = {kind, std::to_string(recalls[0].asked)};
      for (const Recall &recall : recalls)
        row.push_back(std::to_string(recall.caught) +
                      (recall.observed == 0 ? "" : " (" + std::to_string(recall.observed) + ')'));
      table.add(row);
    }
  }
  Table table("  not caught, or taken for another name",
              {"sensitivity", "typed", "meant", "kind", "verdict", "technique", "taken for"});
  for (auto &row : missed)
    table.add(std::move(row));
  return of_preset;
}

// False positives

/// What was taken for a look-alike, by technique.
struct Taken {
  std::size_t asked = 0;
  std::size_t caught = 0;
  std::array<std::size_t, kTechniques> caught_by = {};
  std::array<std::size_t, kTechniques> observed_by = {};
  std::vector<std::vector<std::string>> names; ///< that were caught

  void add(const std::string &name, const Verdict &verdict) {
    ++asked;
    const auto at = static_cast<std::size_t>(verdict.technique);
    if (is_observed(verdict))
      ++observed_by[at];
    if (!is_caught(verdict))
      return;
    ++caught;
    ++caught_by[at];
    names.push_back({name, to_string(verdict.protected_name),
                     std::string(to_string(verdict.technique)),
                     std::to_string(verdict.confidence) + " %"});
  }
};
using TakenByPreset = std::array<Taken, kPresets.size()>;

void print(const std::string &title, const TakenByPreset &all) {
  const auto cell = [](std::size_t caught, std::size_t observed) {
    return caught + observed == 0 ? std::string("-")
                                  : std::to_string(caught) + " (" + std::to_string(observed) + ')';
  };
  Table table(title + ": " + std::to_string(all[0].asked) + " names, enforced (and observed)",
              {"technique", "cautious", "default", "aggressive"});
  std::vector<std::string> sum = {"all"};
  std::vector<std::string> share = {"share"};
  for (const Taken &taken : all) {
    std::size_t observed = 0;
    for (const std::size_t count : taken.observed_by)
      observed += count;
    sum.push_back(cell(taken.caught, observed));
    share.push_back(percent(taken.caught, taken.asked) + " (" + percent(observed, taken.asked) +
                    ')');
  }
  for (std::size_t i = 0; i < kTechniques; ++i) {
    std::vector<std::string> row = {std::string(to_string(static_cast<Technique>(i)))};
    for (const Taken &taken : all)
      row.push_back(cell(taken.caught_by[i], taken.observed_by[i]));
    if (std::any_of(row.begin() + 1, row.end(), [](const auto &text) { return text != "-"; }))
      table.add(row);
  }
  table.add(sum);
  table.add(share);
}

void print_names(const std::string &title, const TakenByPreset &all) {
  Table table(title, {"name", "taken for", "technique", "confidence", "from this sensitivity on"});
  std::set<std::string> told;
  for (std::size_t p = 0; p < kPresets.size(); ++p)
    for (std::vector<std::string> row : all[p].names)
      if (told.insert(row.front()).second) {
        row.emplace_back(to_string(kPresets[p]));
        table.add(row);
      }
}

TakenByPreset measure_popular(const Data &data) {
  TakenByPreset all;
  for (std::size_t p = 0; p < kPresets.size(); ++p) {
    const PolicyPtr policy = policy_of(kPresets[p], {&data.providers});
    for (const std::string &name : data.popular)
      all[p].add(name, decide(*policy, name));
  }
  return all;
}

/// The same with the first of the popular names exempt. An exempt list does nothing for names that
/// are not on it, so what counts is how much of what is asked for it holds.
TakenByPreset measure_exempt(const Data &data, std::size_t exempt) {
  TakenByPreset all;
  const Names first(data.popular.begin(),
                    data.popular.begin() + static_cast<std::ptrdiff_t>(exempt));
  for (std::size_t p = 0; p < kPresets.size(); ++p) {
    const PolicyPtr policy = policy_of(kPresets[p], {&data.providers}, first);
    for (const std::string &name : data.popular)
      all[p].add(name, decide(*policy, name));
  }
  return all;
}

TakenByPreset measure_government(const Data &data) {
  TakenByPreset all;
  for (std::size_t p = 0; p < kPresets.size(); ++p) {
    const PolicyPtr policy = policy_of(kPresets[p], {&data.mil, &data.gov});
    for (const Names *names : {&data.popular, &data.gov, &data.mil_hosts})
      for (const std::string &name : *names)
        all[p].add(name, decide(*policy, name));
  }
  return all;
}

// Confidence

/// True if the letter typed is next to the one meant, or to one beside it, as confidence_of() has
/// it.
bool is_near_keys(const Name &typed, const Name &meant) {
  if (typed.labels() != meant.labels())
    return false;
  for (std::size_t i = 0; i < typed.labels(); ++i) {
    const std::string_view a = typed.label(i);
    const std::string_view b = meant.label(i);
    const std::size_t at = first_difference(a, b);
    const auto is_near = [&](std::string_view other, std::size_t where) {
      return where < other.size() &&
             are_near_keys(a[at], other[where], static_cast<Keyboards>(Keyboard::qwerty));
    };
    if (a == b || a.size() < b.size())
      continue;
    return a.size() == b.size() ? is_near(b, at) : is_near(a, at - 1) || is_near(a, at + 1);
  }
  return false;
}

struct Counts {
  std::size_t typos = 0;
  std::size_t popular = 0;
  double lengths = 0; ///< the sum of what confidence_of() makes of the lengths
};

void print(const std::string &title, const std::map<std::string, Counts> &counts) {
  Table table(title, {"", "typos", "popular", "(typos + 1) of (both + 2)", "mean of lengths"});
  for (const auto &[row, here] : counts) {
    const std::size_t both = here.typos + here.popular;
    table.add({row, std::to_string(here.typos), std::to_string(here.popular),
               percent(here.typos + 1, both + 2),
               std::to_string(std::lround(here.lengths / static_cast<double>(both))) + " %"});
  }
}

/// What the shares in confidence_of() are made from, and whether they are right: how many typos,
/// and how many popular names, each technique explains best, whatever is done about it; and how
/// many have each confidence.
void print_confidence(const Data &data, const Names &meant) {
  constexpr std::size_t band_percent = 20;
  std::map<std::string, Counts> of_technique;
  std::map<std::string, Counts> of_band;
  const auto count = [&](const Policy &policy, const std::string &text, std::size_t Counts::*of) {
    const Verdict verdict = decide(policy, text);
    if (verdict.reason != Reason::look_alike)
      return;
    const Name typed = parse_name(text).value();
    const Technique technique = verdict.technique;
    std::string row(to_string(technique));
    if (technique == Technique::replacement || technique == Technique::insertion ||
        technique == Technique::addition)
      row += is_near_keys(typed, verdict.protected_name) ? ", near keys" : ", other keys";
    // A share is the confidence for a label that is long enough.
    const auto matches = policy.matches(typed);
    const double share = confidence_of(Technique::tld_slip, Name::kMaxLabelBytes, false);
    const double length =
        100 * confidence_of(Technique::tld_slip, matches.front().label_bytes, false) / share;
    const std::size_t band = verdict.confidence / band_percent * band_percent;
    std::string of_percent = std::to_string(band) + " % on";
    if (band < 10)
      of_percent.insert(0, 1, ' ');
    for (Counts *counts : {&of_technique[row], &of_band[of_percent]}) {
      ++(counts->*of);
      counts->lengths += length;
    }
  };
  const PolicyPtr of_typos = policy_of(Preset::aggressive, {&data.providers, &meant});
  for (const Typo &typo : data.typos)
    count(*of_typos, typo.typed, &Counts::typos);
  const PolicyPtr of_popular = policy_of(Preset::aggressive, {&data.providers});
  for (const std::string &name : data.popular)
    count(*of_popular, name, &Counts::popular);
  print("What each technique explains best, of " + std::to_string(data.typos.size()) +
            " typos and of " + std::to_string(data.popular.size()) +
            " popular names (aggressive, enforced or not)",
        of_technique);
  print("The same by confidence", of_band);
}

bool run(const fs::path &dir) {
  using Better = Goals::Better;
  const Data data(dir);
  Names meant;
  for (const Typo &typo : data.typos)
    meant.push_back(typo.meant);
  std::sort(meant.begin(), meant.end());
  meant.erase(std::unique(meant.begin(), meant.end()), meant.end());
  const std::set<std::string> providers(data.providers.begin(), data.providers.end());

  const auto of_providers =
      measure_recall(data, "Typos of protected providers", {&data.providers},
                     [&](const Typo &typo) { return providers.contains(typo.meant); });
  const auto of_all =
      measure_recall(data, "All typos, with everything that was meant protected too",
                     {&data.providers, &meant}, [](const Typo & /*typo*/) { return true; });
  const TakenByPreset popular = measure_popular(data);
  print("Popular names, with providers protected", popular);
  print_names("  taken for look-alikes", popular);
  const std::size_t half = data.popular.size() / 2;
  const TakenByPreset half_exempt = measure_exempt(data, half);
  {
    Table table("The same with the first of them exempt: false positives of all",
                {"exempt", "cautious", "default", "aggressive"});
    for (const std::size_t exempt : {half / 5, half, half / 5 * 8}) {
      std::vector<std::string> row = {std::to_string(exempt)};
      for (const Taken &taken : exempt == half ? half_exempt : measure_exempt(data, exempt))
        row.push_back(std::to_string(taken.caught) + ", " + percent(taken.caught, taken.asked));
      table.add(row);
    }
  }
  const TakenByPreset government = measure_government(data);
  print("Popular, .gov and .mil names, with .gov and .mil protected", government);
  print_names("  taken for look-alikes", government);
  print_confidence(data, meant);

  Goals goals;
  const auto recall = [&](const std::string &what, const auto &recalls, double of_default,
                          double of_aggressive) {
    const Recall &standard = recalls[1];
    const Recall &aggressive = recalls[2];
    goals.add("recall, " + what + ", default", standard.caught, standard.asked, Better::more, 88,
              of_default);
    goals.add("recall, " + what + ", aggressive", aggressive.caught, aggressive.asked, Better::more,
              93, of_aggressive);
    for (std::size_t p = 0; p < kPresets.size(); ++p)
      goals.add("right target, " + what + ", " + std::string(to_string(kPresets[p])),
                recalls[p].right, recalls[p].caught, Better::more, 99, 99);
  };
  recall("providers", of_providers, 85, 91);
  recall("all typos", of_all, 88, 93);
  const auto positives = [&](const std::string &what, const TakenByPreset &all, double goal,
                             std::array<double, kPresets.size()> kept) {
    for (std::size_t p = 0; p < kPresets.size(); ++p)
      goals.add("false positives, " + what + ", " + std::string(to_string(kPresets[p])),
                all[p].caught, all[p].asked, Better::less, goal, kept[p]);
  };
  // Half of what is missed are labels of four letters, and every edit of those has to be stopped.
  positives("popular", popular, 0.14, {0.20, 0.20, 1.12});
  positives("half exempt", half_exempt, 0.05, {0.10, 0.10, 0.52});
  positives(".mil and .gov", government, 0, {0, 0, 0});
  return !goals.got_worse();
}

} // namespace
} // namespace mxw::test

int main(int argc, char **argv) {
  const char *dir = argc > 1 ? argv[1] : std::getenv("MXW_TEST_DATA");
  if (dir == nullptr) {
    std::cout << "skipped: neither an argument nor MXW_TEST_DATA names a directory with lists\n";
    return 0;
  }
  try {
    return mxw::test::run(dir) ? 0 : 1;
  } catch (const std::exception &e) {
    std::cerr << "mxwarden_quality: " << e.what() << '\n';
    return 2;
  }
}
