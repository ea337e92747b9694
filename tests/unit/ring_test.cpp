#include "runtime/ring.h"

#include <thread>

#include <catch2/catch.hpp>

using namespace mxw;

TEST_CASE("ring: keeps the order, and drops and counts what does not fit", "[ring]") {
  Ring<int, 4> ring;
  for (int i = 0; i < 6; ++i)
    CHECK(ring.push(i) == (i < 4));
  CHECK(ring.dropped() == 2);
  std::vector<int> taken;
  ring.drain([&](int i) { taken.push_back(i); });
  CHECK(taken == std::vector<int>{0, 1, 2, 3});
  CHECK(ring.push(7));
  taken.clear();
  ring.drain([&](int i) { taken.push_back(i); });
  CHECK(taken == std::vector<int>{7});
}

TEST_CASE("ring: two threads lose nothing but what is counted", "[ring]") {
  Ring<std::uint64_t, 64> ring;
  constexpr std::uint64_t kItems = 200000;
  std::atomic<bool> done = false;
  std::uint64_t sum = 0;
  std::uint64_t taken = 0;
  std::uint64_t last = 0;
  bool ordered = true;
  std::thread reader([&] {
    const auto take = [&](std::uint64_t item) {
      ordered = ordered && item > last;
      last = item;
      sum += item;
      ++taken;
    };
    while (!done)
      ring.drain(take);
    ring.drain(take);
  });
  std::uint64_t pushed_sum = 0;
  for (std::uint64_t i = 1; i <= kItems; ++i)
    if (ring.push(i))
      pushed_sum += i;
  done = true;
  reader.join();
  CHECK(ordered);
  CHECK(sum == pushed_sum);
  CHECK(taken + ring.dropped() == kItems);
}
