#include "runtime/decision_times.h"

#include <algorithm>
#include <numeric>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

using namespace mxw;
using namespace std::chrono_literals;

namespace {

DecisionTimes::Sum sum_of(const DecisionTimes &times) {
  DecisionTimes::Sum sum;
  times.add_to(sum);
  return sum;
}

std::uint64_t timed(const DecisionTimes::Sum &sum) {
  return std::accumulate(sum.buckets.begin(), sum.buckets.end(), std::uint64_t{0});
}

} // namespace

TEST_CASE("decision times: a time is in the first bucket whose bound it does not exceed",
          "[decision_times]") {
  const auto [time, bucket] = GENERATE(
      table<std::chrono::nanoseconds, std::size_t>({{0ns, 0},
                                                    {250ns, 0},
                                                    {251ns, 1},
                                                    {1us, 2},
                                                    {1001ns, 3},
                                                    {1ms, 11},
                                                    {1ms + 1ns, 12},
                                                    {1h, 12},
                                                    {-1ns, 0}})); // no steady clock does that
  CAPTURE(time.count());
  DecisionTimes times;
  times.add(time);
  const auto sum = sum_of(times);
  CHECK(sum.buckets.at(bucket) == 1);
  CHECK(timed(sum) == 1);
  CHECK(sum.timed_ns == static_cast<std::uint64_t>(std::max(time, 0ns).count()));
}

TEST_CASE("decision times: all decisions are counted, the first of each sixteen is timed",
          "[decision_times]") {
  DecisionTimes times;
  for (std::uint64_t i = 0; i < 3 * DecisionTimes::kOneIn + 1; ++i) {
    CHECK(timed(sum_of(times)) == (i + DecisionTimes::kOneIn - 1) / DecisionTimes::kOneIn);
    const DecisionTimes::Timer timer(times);
    CHECK(sum_of(times).decisions == i + 1);
  }
  CHECK(timed(sum_of(times)) == 4);
}

TEST_CASE("decision times: what several workers measured is summed up while they go on",
          "[decision_times]") {
  std::vector<DecisionTimes> workers(3);
  constexpr std::uint64_t kDecisions = 10'000;
  std::vector<std::thread> threads;
  for (DecisionTimes &worker : workers)
    threads.emplace_back([&worker] {
      for (std::uint64_t i = 0; i < kDecisions; ++i)
        const DecisionTimes::Timer timer(worker);
    });
  std::uint64_t before = 0;
  for (int i = 0; i < 1000; ++i) {
    DecisionTimes::Sum sum;
    for (const DecisionTimes &worker : workers)
      worker.add_to(sum);
    CHECK(sum.decisions >= before);
    before = sum.decisions;
  }
  for (std::thread &thread : threads)
    thread.join();
  DecisionTimes::Sum sum;
  for (const DecisionTimes &worker : workers)
    worker.add_to(sum);
  CHECK(sum.decisions == workers.size() * kDecisions);
  CHECK(timed(sum) == workers.size() * kDecisions / DecisionTimes::kOneIn);
  CHECK(sum.timed_ns > 0);
}
