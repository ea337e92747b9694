// A bounded queue from one worker to the housekeeping thread, without locks and without waiting.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace mxw {

/// One thread pushes, one thread pops. T is copied.
template <class T, std::size_t Capacity> class Ring {
  static_assert((Capacity & (Capacity - 1)) == 0, "the position is taken by a mask");

public:
  Ring() : items_(std::make_unique<T[]>(Capacity)) {}

  /// Returns false, counts, and changes nothing else if the ring is full. Never waits, never
  /// allocates. For the pushing thread alone.
  bool push(const T &item) noexcept {
    const std::size_t end = end_.load(std::memory_order_relaxed);
    if (end - begin_.load(std::memory_order_acquire) == Capacity) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    items_[end & (Capacity - 1)] = item;
    end_.store(end + 1, std::memory_order_release);
    return true;
  }

  /// Calls `take(item)` for each item that is there, oldest first. For the popping thread alone.
  template <class Take> void drain(Take &&take) {
    std::size_t begin = begin_.load(std::memory_order_relaxed);
    while (begin != end_.load(std::memory_order_acquire)) {
      take(items_[begin & (Capacity - 1)]);
      begin_.store(++begin, std::memory_order_release);
    }
  }

  /// For the popping thread alone.
  [[nodiscard]] bool empty() const noexcept {
    return begin_.load(std::memory_order_relaxed) == end_.load(std::memory_order_acquire);
  }

  /// How many items found the ring full so far. Any thread.
  [[nodiscard]] std::uint64_t dropped() const noexcept {
    return dropped_.load(std::memory_order_relaxed);
  }

private:
  std::unique_ptr<T[]> items_;
  // Apart, so that the two threads do not take the line from each other.
  alignas(64) std::atomic<std::size_t> begin_ = 0;
  alignas(64) std::atomic<std::size_t> end_ = 0;
  std::atomic<std::uint64_t> dropped_ = 0;
};

} // namespace mxw
