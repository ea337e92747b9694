// The rules in force: workers read them without waiting, the housekeeping thread replaces them.
//
// Each worker has a place where it says which rules it is reading (a hazard pointer: Michael 2004).
// Whoever replaces them waits until none says so of the old ones; workers wait for nobody.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "core/policy.h"

namespace mxw {

class PolicySlot {
public:
  /// One set of rules in force, and how many there were until it: 1 for the first. `policy` is null
  /// where nothing is enforced.
  struct Rules {
    std::shared_ptr<const Policy> policy;
    std::uint64_t generation = 1;
  };

  /// Throws std::bad_alloc only.
  PolicySlot(std::shared_ptr<const Policy> policy, std::size_t workers)
      : current_(new Rules{std::move(policy)}), readers_(workers) {}
  PolicySlot(const PolicySlot &) = delete;
  PolicySlot &operator=(const PolicySlot &) = delete;
  /// No worker may be reading any more.
  ~PolicySlot() { delete current_.load(); } // NOLINT(*-owning-memory): see current_

  /// While it lives the rules do not change for its worker. One at a time for each worker.
  class Reader {
  public:
    /// `worker` must be less than the number of workers. Never waits for the housekeeping thread,
    /// never allocates.
    Reader(PolicySlot &slot, std::size_t worker) noexcept : place_(slot.readers_[worker].reading) {
      do {
        rules_ = slot.current_.load(std::memory_order_relaxed);
        place_.store(rules_);
      } while (slot.current_.load() != rules_); // replaced in between: nobody saw us
    }
    Reader(const Reader &) = delete;
    Reader &operator=(const Reader &) = delete;
    ~Reader() { place_.store(nullptr, std::memory_order_release); }

    [[nodiscard]] const Policy *policy() const noexcept { return rules_->policy.get(); }
    [[nodiscard]] std::uint64_t generation() const noexcept { return rules_->generation; }

  private:
    std::atomic<const Rules *> &place_;
    const Rules *rules_;
  };

  /// Puts `policy` in force. When it returns, no worker reads what was in force before, and that is
  /// gone. For one thread. Throws std::bad_alloc, and has changed nothing then.
  void replace(std::shared_ptr<const Policy> policy) {
    auto next = std::make_unique<Rules>();
    next->policy = std::move(policy);
    next->generation = rules().generation + 1;
    const std::unique_ptr<const Rules> old(current_.exchange(next.release()));
    for (const Place &reader : readers_)
      while (reader.reading.load() == old.get())
        std::this_thread::sleep_for(std::chrono::microseconds(50)); // a decision takes less
  }

  /// What is in force, for the thread that replaces it.
  [[nodiscard]] const Rules &rules() const noexcept { return *current_.load(); }
  [[nodiscard]] std::size_t workers() const noexcept { return readers_.size(); }

private:
  /// One worker's own, apart from the others'.
  struct alignas(64) Place {
    std::atomic<const Rules *> reading = nullptr;
  };

  std::atomic<const Rules *> current_; // owned
  std::vector<Place> readers_;
};

} // namespace mxw
