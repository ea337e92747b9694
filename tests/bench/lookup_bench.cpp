// What one look-up costs, by the number of protected names and the kind of the question.
//
//   build/bench/tests/bench/mxwarden_bench --benchmark_filter='miss.*/100000$'
//
// scan, deletes: the plain ways, for comparison · decide: Policy::decide() from wire form on, as
// the module does · find: Index::find() alone, the hashes of the labels included · two_from_7: the
// same with labels from 7 octets on matched at a distance of 2 as well.
//
// Time is the mean of a loop. p50_ns and p99_ns are of look-ups timed one by one, which nothing
// overlaps with; every question is another one, so that at a million names most of what is touched
// is not in a near cache. vs_scan and vs_deletes: how many times as long the plain ways take.
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include <benchmark/benchmark.h>

#include "bench/baselines.h"
#include "bench/names.h"
#include "bench/stopwatch.h"

namespace mxw::bench {
namespace {

// Made once each: a benchmark function is called several times.

const Policy &policy(std::size_t n, Edits edits) {
  static std::map<std::tuple<std::size_t, Edits>, std::unique_ptr<const Policy>> policies;
  auto &made = policies[{n, edits}];
  if (!made)
    made = std::make_unique<const Policy>(spec_of(n, edits), kSeed);
  return *made;
}

const Questions &questions(Kind kind, std::size_t n, Edits edits) {
  constexpr std::size_t kFewest = 1U << 14U; // more than a predictor learns by heart
  constexpr std::size_t kMost = 1U << 17U;   // touch more than caches hold
  static std::map<std::tuple<Kind, std::size_t, Edits>, Questions> all;
  const auto [at, is_new] = all.try_emplace({kind, n, edits});
  if (is_new)
    at->second = questions_of(kind, policy(n, edits), n, std::clamp(n, kFewest, kMost));
  return at->second;
}

/// Medians of the baselines in nanoseconds, by their name and the number of names.
std::map<std::tuple<std::string, std::size_t>, double> baselines;

/// What is asked of one question, after its name is made from wire form or with that.
enum class Begin : std::uint8_t { with_name, with_wire };

/// Runs the loop of `state` and then single look-ups, each of them `look(query)`. Returns the
/// median in nanoseconds.
template <class Look>
double measure(benchmark::State &state, const Questions &questions, Begin begin, Look &&look) {
  using std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kMostTime(200);
  constexpr std::size_t kFewest = 32;
  std::size_t at = 0;
  const auto next = [&] {
    at = at + 1 == questions.size() ? 0 : at + 1;
    return questions.wire(at);
  };
  Query query;
  for (auto _ : state) {
    query.name.assign(next());
    look(query);
  }
  Samples samples;
  const auto last = steady_clock::now() + kMostTime;
  while (samples.size() < kFewest ||
         (samples.size() < questions.size() && steady_clock::now() < last)) {
    const auto wire = next();
    if (begin == Begin::with_name)
      query.name.assign(wire);
    const std::uint64_t now = ticks();
    if (begin == Begin::with_wire)
      query.name.assign(wire);
    look(query);
    samples.add(ticks() - now);
  }
  const Clock &clock = Clock::get();
  const double median = clock.ns(samples.quantile(0.5));
  state.counters["p50_ns"] = median;
  state.counters["p99_ns"] = clock.ns(samples.quantile(0.99));
  return median;
}

/// One of the plain ways. It is gone when it has been measured: at a million names it is large.
template <class Baseline> void baseline(benchmark::State &state, const std::string &name) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const NameList names = protected_names(n);
  const Baseline all(names);
  std::size_t found = 0;
  baselines[{name, n}] =
      measure(state, questions(Kind::miss_two_labels, n, Edits::one), Begin::with_name,
              [&](const Query &query) { found += all.find(query.name); });
  if (found != 0)
    state.SkipWithError("a miss was found");
  const Questions &hits = questions(Kind::one_edit, n, Edits::one);
  for (std::size_t i = 0; i < 16; ++i) {
    Name name_of_hit;
    name_of_hit.assign(hits.wire(i));
    if (all.find(name_of_hit) == 0)
      state.SkipWithError("a hit was not found");
  }
}

void tell_ratios(benchmark::State &state, double median) {
  const auto n = static_cast<std::size_t>(state.range(0));
  for (const char *name : {"scan", "deletes"})
    if (const auto at = baselines.find({name, n}); at != baselines.end())
      state.counters[std::string("vs_") + name] = at->second / median;
}

void decide(benchmark::State &state, Kind kind, Edits edits) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const Policy &rules = policy(n, edits);
  const double median =
      measure(state, questions(kind, n, edits), Begin::with_wire,
              [&](const Query &query) { benchmark::DoNotOptimize(rules.decide(query)); });
  state.counters["bytes_per_name"] =
      static_cast<double>(rules.memory_bytes()) / static_cast<double>(n);
  tell_ratios(state, median);
}

void find(benchmark::State &state, Kind kind, Edits edits) {
  struct Counter final : MatchSink {
    void add(const Match & /*match*/) noexcept override { ++found; }
    std::size_t found = 0;
  } counter;
  const auto n = static_cast<std::size_t>(state.range(0));
  const Index &index = policy(n, edits).index();
  const double median =
      measure(state, questions(kind, n, edits), Begin::with_name,
              [&](const Query &query) { index.find(Tails(query.name, kSeed), counter); });
  benchmark::DoNotOptimize(counter.found);
  tell_ratios(state, median);
}

/// The baselines first: the others tell how they compare with them.
bool register_all() {
  const auto with = [](const std::string &name, std::int64_t most, auto function, auto... args) {
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State &state) { function(state, args...); })
        ->RangeMultiplier(10)
        ->Range(10, most)
        ->Unit(benchmark::kNanosecond);
  };
  constexpr std::int64_t kMillion = 1'000'000;
  with("scan/miss", kMillion, baseline<Scan>, std::string("scan"));
  with("deletes/miss", kMillion, baseline<DeletesTable>, std::string("deletes"));
  for (const Kind kind : kKinds) {
    const std::string name(to_string(kind));
    with("decide/" + name, kMillion, decide, kind, Edits::one);
    with("find/" + name, kMillion, find, kind, Edits::one);
  }
  for (const Kind kind : kKinds) {
    const std::string name = "two_from_7/" + std::string(to_string(kind));
    with("decide/" + name, 100'000, decide, kind, Edits::two_from_7);
    with("find/" + name, 100'000, find, kind, Edits::two_from_7);
  }
  return true;
}

[[maybe_unused]] const bool registered = register_all();

} // namespace
} // namespace mxw::bench
