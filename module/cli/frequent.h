// What comes most often of very many different texts, in bounded memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/hash.h"

namespace mxw::cli {

/// Counts texts exactly while there are at most `capacity` different ones. When there are more, the
/// one with the lowest count gives its place to the new one, which takes over the count as what it
/// may have missed ("Space-Saving", Metwally, Agrawal, El Abbadi 2005). What was counted of a text
/// since it was last taken in is thus never too high, and too low by its error() at most, which is
/// at most the number of calls divided by `capacity`; who has more than that share is never
/// missing. `Kept` is made anew whenever a text is taken in. A text's hash of 64 bits stands for
/// it: the seed is random, so that nobody can make two with the same. One thread.
template <class Kept> class Frequent {
public:
  explicit Frequent(std::size_t capacity) : capacity_(capacity) {}

  /// Counts `text` once and returns what is kept of it; `make()` makes that. Valid until the next
  /// call.
  template <class Make> Kept &add(std::string_view text, Make &&make) {
    const std::uint64_t key = hash_of(text, seed_);
    const auto [found, is_new] = at_.try_emplace(key, heap_.size());
    std::size_t at = found->second;
    if (is_new && heap_.size() < capacity_) {
      heap_.push_back({key, 1, 0, make()});
      return heap_[rise(at)].kept;
    }
    if (is_new) {
      Slot &least = heap_.front();
      at_.erase(least.key);
      at = at_[key] = 0;
      least = {key, least.count, least.count, make()};
      error_ = least.count;
    }
    ++heap_[at].count;
    return heap_[sink(at)].kept;
  }

  /// Calls `visit(kept, error)` for each text that is kept, in no order.
  template <class Visit> void for_each(Visit &&visit) const {
    for (const Slot &slot : heap_)
      visit(slot.kept, slot.error);
  }
  /// How much a count may be too low at most, also that of a text that is not kept; 0: all are
  /// exact.
  [[nodiscard]] std::uint64_t error() const noexcept { return error_; }

private:
  struct Slot {
    std::uint64_t key;
    std::uint64_t count; // with what may have been missed
    std::uint64_t error;
    Kept kept;
  };

  void swap(std::size_t a, std::size_t b) {
    std::swap(heap_[a], heap_[b]);
    at_[heap_[a].key] = a;
    at_[heap_[b].key] = b;
  }
  std::size_t rise(std::size_t at) {
    for (; at > 0 && heap_[at].count < heap_[(at - 1) / 2].count; at = (at - 1) / 2)
      swap(at, (at - 1) / 2);
    return at;
  }
  std::size_t sink(std::size_t at) {
    for (;;) {
      std::size_t least = at;
      for (const std::size_t below : {2 * at + 1, 2 * at + 2})
        if (below < heap_.size() && heap_[below].count < heap_[least].count)
          least = below;
      if (least == at)
        return at;
      swap(at, least);
      at = least;
    }
  }

  std::size_t capacity_;
  std::uint64_t seed_ = random_seed();
  std::vector<Slot> heap_; // the lowest count first
  std::unordered_map<std::uint64_t, std::size_t> at_;
  std::uint64_t error_ = 0;
};

/// How many different texts there were: exact below kExact, else an estimate by the lowest of their
/// hashes ("k minimum values", Bar-Yossef et al. 2002), wrong by 1.6 % typically and hardly ever by
/// more than 5 %. One thread.
class Distinct {
public:
  static constexpr std::size_t kExact = 4'096;

  void add(std::string_view text) {
    const std::uint64_t hash = hash_of(text, seed_);
    if (lowest_.size() == kExact && hash >= *lowest_.rbegin())
      return;
    if (lowest_.insert(hash).second && lowest_.size() > kExact)
      lowest_.erase(std::prev(lowest_.end()));
  }
  [[nodiscard]] bool is_exact() const noexcept { return lowest_.size() < kExact; }
  [[nodiscard]] std::uint64_t count() const noexcept {
    if (is_exact())
      return lowest_.size();
    const double share = static_cast<double>(*lowest_.rbegin()) / 0x1p64;
    return static_cast<std::uint64_t>(static_cast<double>(kExact - 1) / share);
  }

private:
  std::uint64_t seed_ = random_seed();
  std::set<std::uint64_t> lowest_;
};

} // namespace mxw::cli
