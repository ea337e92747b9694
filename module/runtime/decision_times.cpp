#include "runtime/decision_times.h"

#include <algorithm>

namespace mxw {
namespace {

/// For the one thread that writes `counter`.
void increase(std::atomic<std::uint64_t> &counter, std::uint64_t by) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

} // namespace

void DecisionTimes::add(std::chrono::nanoseconds time) noexcept {
  const auto ns =
      static_cast<std::uint64_t>(std::max(time, std::chrono::nanoseconds::zero()).count());
  std::size_t bucket = 0;
  while (bucket < kBoundsNs.size() && ns > kBoundsNs[bucket])
    ++bucket;
  increase(buckets_[bucket], 1);
  increase(timed_ns_, ns);
}

void DecisionTimes::add_to(Sum &sum) const noexcept {
  sum.decisions += decisions_.load(std::memory_order_relaxed);
  sum.timed_ns += timed_ns_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < kBuckets; ++i)
    sum.buckets[i] += buckets_[i].load(std::memory_order_relaxed);
}

} // namespace mxw
