// How long decisions take. Each worker times one in kOneIn of its own, since reading a clock costs
// about as much as deciding; whoever wants to know sums them up.
//
// A worker alone writes what is its own, so that relaxed loads and stores will do: no lock, and no
// locked instruction.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace mxw {

/// One worker's. Cache lines of its own, apart from the others'.
class alignas(64) DecisionTimes {
public:
  /// One decision in so many is timed, beginning with the first.
  static constexpr std::uint64_t kOneIn = 16;
  /// The upper bounds of the buckets; a last bucket has what takes longer.
  static constexpr std::array<std::uint64_t, 12> kBoundsNs = {
      250, 500, 1'000, 2'000, 5'000, 10'000, 20'000, 50'000, 100'000, 200'000, 500'000, 1'000'000};
  static constexpr std::size_t kBuckets = kBoundsNs.size() + 1;

  /// What several workers have measured. A value.
  struct Sum {
    std::uint64_t decisions = 0; ///< all of them
    std::uint64_t timed_ns = 0;  ///< of those that were timed
    std::array<std::uint64_t, kBuckets> buckets = {};
  };

  /// Lives as long as a decision is made. For the worker alone; never waits, never allocates.
  class Timer {
  public:
    explicit Timer(DecisionTimes &times) noexcept
        : times_(times), number_(times.decisions_.load(std::memory_order_relaxed)) {
      times_.decisions_.store(number_ + 1, std::memory_order_relaxed);
      if (is_timed())
        began_ = Clock::now();
    }
    Timer(const Timer &) = delete;
    Timer &operator=(const Timer &) = delete;
    ~Timer() {
      if (is_timed())
        times_.add(Clock::now() - began_);
    }

  private:
    using Clock = std::chrono::steady_clock;
    [[nodiscard]] bool is_timed() const noexcept { return number_ % kOneIn == 0; }

    DecisionTimes &times_;
    std::uint64_t number_;
    Clock::time_point began_;
  };

  /// Adds one that was timed. For the worker alone.
  void add(std::chrono::nanoseconds time) noexcept;
  /// Adds what there is to `sum`. Any thread; what comes meanwhile may be in it in part.
  void add_to(Sum &sum) const noexcept;

private:
  std::atomic<std::uint64_t> decisions_ = 0;
  std::atomic<std::uint64_t> timed_ns_ = 0;
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_ = {};
};

} // namespace mxw
