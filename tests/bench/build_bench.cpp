// How long an index takes to build, and what it takes to hold: by the number of protected names.
// The names are there already, as the loader hands them over.
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/names.h"
#include "core/index.h"
#include "loader/public_suffix.h"

namespace mxw::bench {
namespace {

void build(benchmark::State &state, Edits edits) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const NameList names = protected_names(n);
  const IndexOptions options = options_of(edits);
  for (auto _ : state) {
    std::vector<NameList> lists = {names};
    std::vector<IndexOptions> groups = {options};
    const auto begin = std::chrono::steady_clock::now();
    const Index index(std::move(lists), std::move(groups), is_public_suffix, kSeed);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(taken.count());
    state.counters["bytes_per_name"] =
        static_cast<double>(index.memory_bytes()) / static_cast<double>(n);
  }
}

BENCHMARK_CAPTURE(build, one_edit, Edits::one)
    ->RangeMultiplier(10)
    ->Range(10, 1'000'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build, two_from_7, Edits::two_from_7)
    ->RangeMultiplier(10)
    ->Range(10, 100'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

} // namespace
} // namespace mxw::bench
