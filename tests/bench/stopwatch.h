// Times that are too short for a loop to tell: one look-up, less what reading the clock costs.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#ifdef __x86_64__
#include <x86intrin.h>
#endif

namespace mxw::bench {

/// Returns the time in ticks, once all that stands before is done and before what follows begins.
inline std::uint64_t ticks() noexcept {
#ifdef __x86_64__
  _mm_lfence();
  const std::uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

/// Samples in ticks.
class Samples {
public:
  void add(std::uint64_t taken) { taken_.push_back(taken); }
  [[nodiscard]] std::size_t size() const noexcept { return taken_.size(); }
  /// The sample that the share `q` of them is less than. Puts them into another order.
  std::uint64_t quantile(double q) {
    if (taken_.empty())
      return 0;
    const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(taken_.size() - 1));
    std::nth_element(taken_.begin(), taken_.begin() + at, taken_.end());
    return taken_[static_cast<std::size_t>(at)];
  }

private:
  std::vector<std::uint64_t> taken_;
};

/// What a tick is, measured once.
struct Clock {
  Clock() {
    using std::chrono::steady_clock;
    const auto begin = steady_clock::now();
    const std::uint64_t first = ticks();
    while (steady_clock::now() - begin < std::chrono::milliseconds(20)) {
    }
    const std::chrono::duration<double, std::nano> taken = steady_clock::now() - begin;
    ns_per_tick = taken.count() / static_cast<double>(ticks() - first);
    Samples empty;
    for (int i = 0; i < 1001; ++i) {
      const std::uint64_t now = ticks();
      empty.add(ticks() - now);
    }
    cost = empty.quantile(0.5);
  }
  /// A sample in nanoseconds, less what taking it costs.
  [[nodiscard]] double ns(std::uint64_t sample) const noexcept {
    return static_cast<double>(sample - std::min(sample, cost)) * ns_per_tick;
  }
  static const Clock &get() {
    static const Clock clock;
    return clock;
  }

  double ns_per_tick = 1;
  std::uint64_t cost = 0; ///< of two readings in a row
};

} // namespace mxw::bench
