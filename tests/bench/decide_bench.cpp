// What one decision costs by the number of protected names, for names of each kind.
//
//   build/bench/tests/bench/mxwarden_bench
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/policy.h"
#include "loader/dns_text.h"

namespace mxw {
namespace {

constexpr std::uint64_t kSeed = 4711;

/// A label of letters that differs for each `i`, as long as those of real names.
std::string label(std::uint64_t i) {
  std::string text;
  for (std::uint64_t bits = (i + 1) * 0x9e3779b97f4a7c15U; text.size() < 6 + i % 7; bits >>= 5U)
    text += static_cast<char>('a' + bits % 26);
  return text;
}

Policy policy_of(std::int64_t names) {
  Rule rule;
  rule.id = "bench";
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(names); ++i)
    rule.domains.push_back(parse_name(label(i) + ".com").value());
  rule.matching.slips = {{parse_name("co").value(), parse_name("com").value()}};
  PolicySpec spec;
  spec.rules.push_back(std::move(rule));
  return {std::move(spec), kSeed};
}

/// Takes the questions from wire form on, as the module does.
void decide(benchmark::State &state, std::string (*name_of)(std::uint64_t)) {
  const Policy policy = policy_of(state.range(0));
  constexpr std::size_t kQuestions = 4096; // more than a predictor learns by heart
  std::vector<Name> questions;
  for (std::uint64_t i = 0; i < kQuestions; ++i)
    questions.push_back(parse_name(name_of(i * 7919)).value());
  std::size_t at = 0;
  for (auto _ : state) {
    Query query;
    query.name.assign(questions[at++ % kQuestions].wire());
    benchmark::DoNotOptimize(policy.decide(query));
  }
  state.counters["bytes_per_name"] =
      static_cast<double>(policy.memory_bytes()) / static_cast<double>(state.range(0));
}

void unrelated(benchmark::State &state) {
  decide(state, [](std::uint64_t i) { return "mail.shop-" + std::to_string(i) + ".com"; });
}
void elsewhere(benchmark::State &state) {
  decide(state, [](std::uint64_t i) { return "mail.shop-" + std::to_string(i) + ".example.net"; });
}
void protected_name(benchmark::State &state) {
  decide(state, [](std::uint64_t i) { return label(i % 10) + ".com"; });
}
void look_alike(benchmark::State &state) {
  decide(state, [](std::uint64_t i) { return "x" + label(i % 10) + ".com"; });
}

BENCHMARK(unrelated)->RangeMultiplier(100)->Range(10, 100'000);
BENCHMARK(elsewhere)->RangeMultiplier(100)->Range(10, 100'000);
BENCHMARK(protected_name)->RangeMultiplier(100)->Range(10, 100'000);
BENCHMARK(look_alike)->RangeMultiplier(100)->Range(10, 100'000);

} // namespace
} // namespace mxw
