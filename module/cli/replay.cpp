// `mxwarden replay`: what rules would have done to what was asked.
//
// One pass over the files in memory that does not grow with them: verdicts of repeated names come
// from a table of fixed size, and of the names that rules concern a bounded number is kept.
#include <algorithm>
#include <array>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <tuple>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/replay_input.h"
#include "core/hash.h"
#include "core/policy.h"
#include "loader/dns_text.h"
#include "loader/source.h"

namespace mxw::cli {
namespace {

using Json = nlohmann::ordered_json;

/// How many names that rules concern are kept. When there are more, the half that was asked for
/// least is forgotten.
constexpr std::size_t kMaxNames = 50'000;
/// Clients are counted exactly up to these; "100+" is printed for more.
constexpr std::size_t kMaxClientsOfName = 100;
constexpr std::size_t kMaxClientsOfRule = 10'000;
/// How many line numbers are told of lines that are not understood.
constexpr std::size_t kMaxPlaces = 5;

/// A name looks like somebody's real correspondent, rather than a slip, from here on: different
/// people do not make the same mistake, nor one the same mistake so often.
constexpr std::size_t kManyClients = 3;
constexpr std::uint64_t kManyQuestions = 20;
constexpr int kAllowedDays = 90;

/// What of a verdict is counted.
struct Outcome {
  Action action = Action::pass;
  Reason reason = Reason::no_match;
  Technique technique = Technique::none;
  Mode mode = Mode::enforce;
  std::uint8_t confidence = 0;
  bool verify = false; ///< the resolver would look up before it acts
  std::uint32_t rule = Verdict::kNone;

  [[nodiscard]] bool is_caught() const noexcept { return reason == Reason::look_alike; }
  [[nodiscard]] bool is_stopped() const noexcept {
    return is_caught() && action != Action::pass && mode == Mode::enforce;
  }
  friend bool operator==(const Outcome &, const Outcome &) noexcept = default;
};

/// Different clients, up to a bound.
class Clients {
public:
  void add(const std::optional<ClientAddress> &client, std::uint64_t seed, std::size_t max) {
    if (!client || hashes_.size() >= max)
      return;
    const auto &octets = client->bytes();
    const void *data = octets.data();
    const std::uint64_t hash = hash_of({static_cast<const char *>(data), octets.size()}, seed);
    const auto at = std::lower_bound(hashes_.begin(), hashes_.end(), hash);
    if (at == hashes_.end() || *at != hash)
      hashes_.insert(at, hash);
  }
  [[nodiscard]] std::size_t size() const noexcept { return hashes_.size(); }
  /// "7", "100+", or "-" where nobody is known.
  [[nodiscard]] std::string text(std::size_t max) const {
    return size() == 0 ? "-" : std::to_string(size()) + (size() >= max ? "+" : "");
  }

private:
  std::vector<std::uint64_t> hashes_; // sorted
};

/// A name that the rules, or those before, concern.
struct Row {
  Name name;
  std::string meant; ///< the protected name; by the rules before where only these concern it
  Outcome now;
  Outcome before;
  std::uint64_t questions = 0;
  Clients clients;
};

struct Group {
  std::uint64_t questions = 0;
  std::size_t names = 0; ///< of those that were kept
  Clients clients;
};

/// What is told apart in the report's second table: rule, technique, action, mode.
using GroupKey = std::tuple<std::uint32_t, Technique, Action, Mode>;
GroupKey key_of(const Outcome &outcome) {
  return {outcome.rule, outcome.technique, outcome.action, outcome.mode};
}

/// Counts. One thread.
class Tally {
public:
  Tally(const Policy &policy, const Policy *before)
      : policy_(policy), before_(before),
        by_client_(policy.tells_clients_apart() ||
                   (before != nullptr && before->tells_clients_apart())),
        cache_(kCacheSlots) {}

  void add(const Question &question) {
    ++questions_;
    const auto wire = std::span(question.wire).first(question.wire_bytes);
    if (!policy_.concerns(question.type, wire) &&
        (before_ == nullptr || !before_->concerns(question.type, wire)))
      return;
    ++judged_;
    const Cached &cached = judge(question);
    ++decisions_[{cached.now.reason, cached.now.action, cached.now.mode}];
    if (cached.now.is_caught()) {
      Group &group = groups_[key_of(cached.now)];
      ++group.questions;
      group.clients.add(question.client, seed_, kMaxClientsOfRule);
      stopped_ += cached.now.is_stopped() ? 1 : 0;
      unverified_ += cached.now.verify ? 1 : 0;
    }
    if (cached.now.is_caught() || cached.before.is_caught())
      count(question, cached);
  }

  /// The names that were kept, the most asked for first.
  std::vector<const Row *> rows() {
    std::vector<const Row *> all;
    for (const auto &[key, row] : rows_)
      all.push_back(&row);
    std::sort(all.begin(), all.end(), [](const Row *a, const Row *b) {
      return std::tuple(b->questions, b->clients.size(), a->name.tail(a->name.labels())) <
             std::tuple(a->questions, a->clients.size(), b->name.tail(b->name.labels()));
    });
    for (auto &[key, group] : groups_)
      group.names = 0;
    for (const Row *row : all)
      if (row->now.is_caught())
        ++groups_[key_of(row->now)].names;
    return all;
  }

  using Decision = std::tuple<Reason, Action, Mode>;
  [[nodiscard]] const std::map<Decision, std::uint64_t> &decisions() const { return decisions_; }
  [[nodiscard]] const std::map<GroupKey, Group> &groups() const { return groups_; }
  [[nodiscard]] std::uint64_t questions() const { return questions_; }
  [[nodiscard]] std::uint64_t judged() const { return judged_; }
  [[nodiscard]] std::uint64_t stopped() const { return stopped_; }
  [[nodiscard]] std::uint64_t unverified() const { return unverified_; }
  /// How many questions a name's count may lack because it was forgotten in between; 0 where no
  /// name was.
  [[nodiscard]] std::uint64_t error() const { return error_; }

private:
  static constexpr std::size_t kCacheSlots = std::size_t{1} << 16U;
  /// A question's hash of 64 bits stands for it: the seed is random, so that nobody can make two
  /// with the same.
  struct Cached {
    std::uint64_t key = 0;
    Outcome now;
    Outcome before;
  };

  [[nodiscard]] Verdict decide(const Policy &policy, const Question &question,
                               const Name &name) const {
    return policy.decide({name, question.type, question.client, now_s_});
  }

  /// The verdict, but that of a look-alike whose type is answered as always.
  static Outcome outcome_of(const Policy &policy, const Verdict &verdict, std::uint16_t type) {
    if (verdict.reason == Reason::look_alike && verdict.decision == Action::pass &&
        !is_mail_question(type))
      return {};
    Outcome outcome{verdict.decision,   verdict.reason, verdict.technique, verdict.mode,
                    verdict.confidence, false,          verdict.rule};
    outcome.verify = outcome.is_caught() && bool(policy.rules()[verdict.rule].verify);
    return outcome;
  }

  const Cached &judge(const Question &question) {
    std::uint64_t key = hash_of(question.name(), seed_ + question.type);
    if (by_client_ && question.client) {
      const void *octets = question.client->bytes().data();
      key = hash_of({static_cast<const char *>(octets), ClientAddress::kBytes}, key);
    }
    Cached &cached = cache_[key % kCacheSlots];
    if (cached.key == key)
      return cached;
    Name name;
    name.assign(question.name());
    cached.key = key;
    cached.now = outcome_of(policy_, decide(policy_, question, name), question.type);
    if (before_ != nullptr)
      cached.before = outcome_of(*before_, decide(*before_, question, name), question.type);
    return cached;
  }

  void count(const Question &question, const Cached &cached) {
    // What differs by type or client is told of in rows of its own.
    const auto bits = [](const Outcome &outcome) {
      return (std::uint64_t{outcome.rule} << 24U) | (std::uint64_t(outcome.reason) << 16U) |
             (std::uint64_t(outcome.action) << 8U) | std::uint64_t(outcome.mode);
    };
    const std::uint64_t key = hash_of(question.name(), seed_ + bits(cached.now) * kGolden +
                                                           bits(cached.before) * kSecond);
    auto found = rows_.find(key);
    if (found == rows_.end()) {
      if (rows_.size() == kMaxNames)
        forget_half();
      Row row;
      row.name.assign(question.name());
      const Policy &by = cached.now.is_caught() ? policy_ : *before_;
      row.meant = to_string(decide(by, question, row.name).protected_name);
      row.now = cached.now;
      row.before = cached.before;
      found = rows_.emplace(key, std::move(row)).first;
    }
    ++found->second.questions;
    found->second.clients.add(question.client, seed_, kMaxClientsOfName);
  }

  void forget_half() {
    std::vector<std::uint64_t> counts;
    counts.reserve(rows_.size());
    for (const auto &[key, row] : rows_)
      counts.push_back(row.questions);
    const auto middle = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
    std::nth_element(counts.begin(), middle, counts.end());
    const std::uint64_t most = *middle;
    std::size_t left = counts.size() / 2; // many may have been asked for as often as the middle one
    error_ += most;
    std::erase_if(rows_, [&](const auto &entry) {
      const bool goes = left > 0 && entry.second.questions <= most;
      left -= goes ? 1 : 0;
      return goes;
    });
  }

  const Policy &policy_;
  const Policy *before_;
  bool by_client_;
  std::uint64_t seed_ = random_seed();
  std::int64_t now_s_ = std::time(nullptr);
  std::vector<Cached> cache_;
  std::unordered_map<std::uint64_t, Row> rows_;
  std::map<Decision, std::uint64_t> decisions_;
  std::map<GroupKey, Group> groups_;
  std::uint64_t questions_ = 0;
  std::uint64_t judged_ = 0;
  std::uint64_t stopped_ = 0;
  std::uint64_t unverified_ = 0;
  std::uint64_t error_ = 0;
};

/// What was read, besides the questions.
struct Reading {
  std::uint64_t lines = 0; ///< and packets
  std::uint64_t others = 0;
  std::uint64_t unknown = 0;
  std::vector<std::string> places; ///< of the first that were not understood
  std::size_t files = 0;
  std::vector<std::string> failures;
};

void read_file(const std::filesystem::path &file, InputFormat format, Tally &tally,
               Reading &reading, Progress &progress) {
  const auto fail = [&](const std::string &why) {
    reading.failures.push_back("cannot read " + quote(file.string()) + ": " + why);
  };
  const auto input = Input::open(file);
  if (!input)
    return fail(input.error());
  std::uint64_t line = 0;
  Question question;
  const auto take = [&](LineKind kind) {
    ++line;
    switch (kind) {
    case LineKind::question:
      tally.add(question);
      break;
    case LineKind::other:
      ++reading.others;
      break;
    case LineKind::unknown:
      if (++reading.unknown <= kMaxPlaces)
        reading.places.push_back(file.string() + ':' + std::to_string(line));
      break;
    }
    progress.show(**input, ++reading.lines);
  };
  if (const bool is_capture = (*input)->is_capture();
      format == InputFormat::pcap || (format == InputFormat::automatic && is_capture)) {
    const auto capture = Capture::open(**input);
    if (!capture)
      return fail(capture.error());
    while (const auto kind = (*capture)->next(question))
      take(*kind);
    if ((*input)->error().empty() && !(*capture)->error().empty())
      fail((*capture)->error());
  } else {
    LineParser parser(format);
    bool too_long = false;
    while (const auto text = (*input)->next_line(too_long))
      take(too_long ? LineKind::unknown : parser.parse(*text, question));
  }
  if (!(*input)->error().empty())
    fail((*input)->error());
  ++reading.files;
  progress.finish(**input);
}

// --- the report ---

/// "0.85", from percent.
std::string confidence_text(std::uint8_t percent) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << percent / 100.0;
  return out.str();
}

/// What the rules do: "redirect", "redirect (observed)", "allowed".
std::string done_text(Reason reason, Action action, Mode mode) {
  if (reason != Reason::look_alike)
    return std::string(to_string(reason));
  return std::string(to_string(action)) +
         (mode == Mode::observe && action != Action::pass ? " (observed)" : "");
}

std::string done_text(const Outcome &outcome) {
  return done_text(outcome.reason, outcome.action, outcome.mode);
}

const std::string &rule_of(const Policy &policy, const Outcome &outcome) {
  return policy.rules()[outcome.rule].id;
}

/// Rows of cells in columns; the first `numbers` to the right.
void print_table(const std::string &title, const std::vector<std::vector<std::string>> &rows,
                 std::size_t numbers) {
  if (rows.size() < 2)
    return;
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto &row : rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  std::cout << '\n' << title << '\n';
  for (const auto &row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - row[i].size(), ' ');
      line += "  " + (i < numbers ? blanks + row[i] : row[i] + blanks);
    }
    std::cout << printable(line.substr(0, line.find_last_not_of(' ') + 1)) << '\n';
  }
}

enum class Change : std::uint8_t { none, newly_stopped, no_longer_stopped, other };

std::string_view to_string(Change change) noexcept {
  switch (change) {
  case Change::none:
    return "none";
  case Change::newly_stopped:
    return "newly-stopped";
  case Change::no_longer_stopped:
    return "no-longer-stopped";
  case Change::other:
    return "other";
  }
  return "none";
}

struct Report {
  const Policy &policy;
  const Policy *before;
  const Tally &tally;
  const Reading &reading;
  std::vector<const Row *> rows;
  std::size_t top;

  /// The rows that `wanted` is true of, as many as are printed.
  template <class Wanted> [[nodiscard]] std::vector<const Row *> first(Wanted &&wanted) const {
    std::vector<const Row *> some;
    for (const Row *row : rows)
      if (some.size() < top && wanted(*row))
        some.push_back(row);
    return some;
  }
  [[nodiscard]] std::vector<const Row *> caught() const {
    return first([](const Row &row) { return row.now.is_caught(); });
  }
  [[nodiscard]] std::vector<const Row *> suggested() const {
    return first([](const Row &row) {
      return row.now.is_caught() && row.now.action != Action::pass &&
             (row.clients.size() >= kManyClients || row.questions >= kManyQuestions) &&
             parse_rule_name(mxw::to_string(row.name)) && row.name.labels() <= kMaxRuleLabels;
    });
  }
  [[nodiscard]] std::vector<const Row *> changed(Change change) const {
    return first([&](const Row &row) { return change_of(row) == change; });
  }
  [[nodiscard]] Change change_of(const Row &row) const {
    if (before == nullptr)
      return Change::none;
    if (row.now.is_stopped() != row.before.is_stopped())
      return row.now.is_stopped() ? Change::newly_stopped : Change::no_longer_stopped;
    const auto what = [](const Policy &by, const Outcome &outcome) {
      return std::tuple(outcome.reason, outcome.action, outcome.mode,
                        outcome.is_caught() ? rule_of(by, outcome) : std::string());
    };
    return what(policy, row.now) == what(*before, row.before) ? Change::none : Change::other;
  }
};

constexpr std::array kChanges = {Change::newly_stopped, Change::no_longer_stopped, Change::other};

/// The date on which a suggested entry is to be looked at again: "2027-02-24".
std::string expiry() {
  const std::time_t then = std::time(nullptr) + std::time_t{kAllowedDays} * 24 * 60 * 60;
  std::tm date = {};
  gmtime_r(&then, &date);
  std::ostringstream out;
  out << std::put_time(&date, "%Y-%m-%d");
  return out.str();
}

std::string allow_entry(const Row &row) {
  const std::string clients = row.clients.size() == 0
                                  ? ""
                                  : " by " + row.clients.text(kMaxClientsOfName) + " client" +
                                        (row.clients.size() == 1 ? "" : "s");
  return "# It looks like " + row.meant + " (" + std::string(to_string(row.now.technique)) + ", " +
         confidence_text(row.now.confidence) + "). Who owns it, and who of yours writes to it?\n" +
         "[[allow]]\ndomains = [" + toml_string(to_string(row.name)) + "]\nreason = \"asked " +
         count(row.questions, "time") + clients + "; not checked yet\"\nexpires = " + expiry() +
         "\n";
}

void print_text(const Report &report) {
  const Reading &reading = report.reading;
  const Tally &tally = report.tally;
  std::cout << count(reading.lines, "line") << " in " << count(reading.files, "file") << ": "
            << count(tally.questions(), "question") << ", " << tally.judged()
            << " of them of a type that rules answer; " << reading.others << " without a question, "
            << reading.unknown << " not understood\n";
  if (!reading.places.empty()) {
    std::string places;
    for (const std::string &place : reading.places)
      places += (places.empty() ? "" : ", ") + place;
    std::cout << "not understood: " << printable(places)
              << (reading.unknown > reading.places.size() ? ", ..." : "") << '\n';
  }
  std::vector<std::vector<std::string>> table = {{"questions", "decision"}};
  for (const auto &[decision, questions] : tally.decisions())
    table.push_back({std::to_string(questions),
                     std::apply([](auto... parts) { return done_text(parts...); }, decision)});
  print_table("Decisions", table, 1);

  const std::string at_least = tally.error() > 0 ? "+" : "";
  table = {{"questions", "names", "clients", "rule", "technique", "done"}};
  for (const auto &[key, group] : tally.groups()) {
    const auto &[rule, technique, action, mode] = key;
    table.push_back({std::to_string(group.questions), std::to_string(group.names) + at_least,
                     group.clients.text(kMaxClientsOfRule), report.policy.rules()[rule].id,
                     std::string(to_string(technique)),
                     done_text(Reason::look_alike, action, mode)});
  }
  print_table("Rules", table, 3);
  if (tally.unverified() > 0)
    std::cout << "\n"
              << count(tally.unverified(), "question")
              << " of these by rules that verify: the resolver looks up first whether to act,\n"
                 "this command does not.\n";

  table = {
      {"questions", "clients", "name", "looks like", "technique", "confidence", "rule", "done"}};
  for (const Row *row : report.caught())
    table.push_back({std::to_string(row->questions), row->clients.text(kMaxClientsOfName),
                     to_string(row->name), row->meant, std::string(to_string(row->now.technique)),
                     confidence_text(row->now.confidence), rule_of(report.policy, row->now),
                     done_text(row->now) + (row->now.verify ? ", if verified" : "")});
  print_table("Names", table, 2);
  if (tally.error() > 0)
    std::cout << "\nMore than " << kMaxNames
              << " names: those asked for least were forgotten, and a name's count may lack up to "
              << tally.error() << ".\n";

  if (report.before != nullptr) {
    table = {{"questions", "clients", "name", "change", "before", "now"}};
    const auto describe = [](const Policy &policy, const Outcome &outcome) {
      return done_text(outcome) + (outcome.is_caught() ? " by " + rule_of(policy, outcome) : "");
    };
    for (const Change change : kChanges)
      for (const Row *row : report.changed(change))
        table.push_back({std::to_string(row->questions), row->clients.text(kMaxClientsOfName),
                         to_string(row->name), std::string(to_string(change)),
                         describe(*report.before, row->before), describe(report.policy, row->now)});
    print_table("Changes", table, 2);
    if (table.size() == 1)
      std::cout << "\nNothing changes for these questions.\n";
  }
  if (const auto suggested = report.suggested(); !suggested.empty()) {
    std::cout << "\nAllow entries for names that may be real correspondents, to be checked:\n";
    for (const Row *row : suggested)
      std::cout << '\n' << allow_entry(*row);
  }
}

void print_json(const Report &report) {
  const Reading &reading = report.reading;
  const Tally &tally = report.tally;
  Json object = {{"lines", reading.lines},
                 {"files", reading.files},
                 {"questions", tally.questions()},
                 {"judged", tally.judged()},
                 {"without_question", reading.others},
                 {"not_understood", reading.unknown},
                 {"not_understood_at", reading.places},
                 {"stopped", tally.stopped()},
                 {"unverified", tally.unverified()},
                 {"may_lack", tally.error()},
                 {"decisions", Json::array()},
                 {"rules", Json::array()},
                 {"names", Json::array()},
                 {"allow", Json::array()}};
  for (const auto &[decision, questions] : tally.decisions()) {
    const auto &[reason, action, mode] = decision;
    object["decisions"].push_back({{"reason", to_string(reason)},
                                   {"action", to_string(action)},
                                   {"mode", to_string(mode)},
                                   {"questions", questions}});
  }
  for (const auto &[key, group] : tally.groups()) {
    const auto &[rule, technique, action, mode] = key;
    object["rules"].push_back({{"rule", report.policy.rules()[rule].id},
                               {"technique", to_string(technique)},
                               {"action", to_string(action)},
                               {"mode", to_string(mode)},
                               {"questions", group.questions},
                               {"names", group.names},
                               {"clients", group.clients.size()}});
  }
  const auto describe = [](const Policy &policy, const Outcome &outcome) {
    Json result = {{"action", to_string(outcome.action)},
                   {"reason", to_string(outcome.reason)},
                   {"mode", to_string(outcome.mode)},
                   {"rule", nullptr}};
    if (outcome.is_caught())
      result["rule"] = rule_of(policy, outcome);
    return result;
  };
  for (const Row *row : report.caught()) {
    Json name = {{"name", to_string(row->name)},
                 {"questions", row->questions},
                 {"clients", row->clients.size()},
                 {"protected", row->meant},
                 {"technique", to_string(row->now.technique)},
                 {"confidence", row->now.confidence / 100.0}};
    name.update(describe(report.policy, row->now));
    name["verify"] = row->now.verify;
    object["names"].push_back(std::move(name));
  }
  if (report.before != nullptr) {
    object["changes"] = Json::array();
    for (const Change change : kChanges)
      for (const Row *row : report.changed(change))
        object["changes"].push_back({{"change", to_string(change)},
                                     {"name", to_string(row->name)},
                                     {"questions", row->questions},
                                     {"clients", row->clients.size()},
                                     {"before", describe(*report.before, row->before)},
                                     {"now", describe(report.policy, row->now)}});
  }
  for (const Row *row : report.suggested())
    object["allow"].push_back(allow_entry(*row));
  // File names need not be UTF-8.
  std::cout << object.dump(-1, ' ', true, Json::error_handler_t::replace) << '\n';
}

/// A main file may hold what a rule file may, so a single file is read as one.
Loaded load_before(const std::vector<std::filesystem::path> &paths) {
  std::error_code none;
  const bool is_file = paths.size() == 1 && !std::filesystem::is_directory(paths.front(), none);
  return is_file ? load_config(paths.front(), std::time(nullptr))
                 : load_rules(paths, std::time(nullptr));
}

} // namespace

Exit replay(const ReplayOptions &options) {
  const auto refuse = [](const std::string &message) {
    std::cerr << "mxwarden: " << printable(message) << '\n';
    return Exit::cannot_run;
  };
  const Loaded loaded = load(options.rules);
  if (loaded.has_errors()) {
    print(loaded.findings);
    return refuse("the rules have errors, so nothing can be replayed");
  }
  Loaded before;
  if (!options.against.empty()) {
    before = load_before(options.against);
    if (before.has_errors()) {
      print(before.findings);
      return refuse("the rules of --against have errors, so nothing can be compared");
    }
  }
  Tally tally(*loaded.policy, before.policy.get());
  Reading reading;
  {
    Progress progress(options.files);
    for (const auto &file : options.files)
      read_file(file, options.format, tally, reading, progress);
  }
  auto rows = tally.rows();
  const Report report{*loaded.policy, before.policy.get(), tally,
                      reading,        std::move(rows),     options.top};
  if (options.json)
    print_json(report);
  else
    print_text(report);
  std::cout.flush(); // what failed comes last
  for (const std::string &failure : reading.failures)
    refuse(failure);
  if (!reading.failures.empty())
    return Exit::cannot_run;
  return tally.stopped() > 0 ? Exit::findings : Exit::clean;
}

} // namespace mxw::cli
