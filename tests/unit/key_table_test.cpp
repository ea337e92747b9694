#include "core/key_table.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

using namespace mxw;

namespace {

using Values = std::vector<std::uint32_t>;

/// What is found under `hash`, in ascending order.
Values found(const KeyTable &table, std::uint64_t hash) {
  Values values;
  table.find(hash, [&](std::uint32_t value) { values.push_back(value); });
  std::sort(values.begin(), values.end());
  return values;
}

/// 0 to `count`, itself not among them.
Values up_to(std::uint32_t count) {
  Values values(count);
  for (std::uint32_t i = 0; i < count; ++i)
    values[i] = i;
  return values;
}

bool has_all(const Values &values, const Values &wanted) {
  return std::includes(values.begin(), values.end(), wanted.begin(), wanted.end());
}

/// A hash whose high bits say which group, and whose low ones a slot has, but for the lowest where
/// it has the value.
constexpr std::uint64_t hash_of(std::uint64_t high, std::uint64_t middle, std::uint64_t low) {
  return high << 32U | middle << 8U | low;
}
constexpr std::uint64_t kFirst = 0;
constexpr std::uint64_t kLast = 0xffffffff; // of the groups, however many there are

} // namespace

TEST_CASE("key table: many values stand under one hash, also where its group is full",
          "[key_table]") {
  const std::uint64_t hash = GENERATE(hash_of(kFirst, 7, 5), hash_of(1U << 31U, 7, 5),
                                      hash_of(kLast, 7, 5), std::uint64_t{0}, ~std::uint64_t{0});
  const std::uint32_t count = GENERATE(1, 15, 16, 17, 33, 1000);
  CAPTURE(hash, count);
  KeyTable table(count, count);
  for (std::uint32_t value = 0; value < count; ++value)
    table.add(hash, value);
  CHECK(found(table, hash) == up_to(count));
}

TEST_CASE("key table: the last group runs over into the first", "[key_table]") {
  KeyTable table(40, 100);
  const std::uint64_t last = hash_of(kLast, 1, 9);
  for (std::uint32_t value = 0; value < 20; ++value)
    table.add(last, value);
  // What belongs to the first group finds it full, or nearly, and goes on behind.
  const std::uint64_t first = hash_of(kFirst, 2, 10);
  for (std::uint32_t value = 20; value < 40; ++value)
    table.add(first, value);
  CHECK(found(table, last) == up_to(20));
  CHECK(found(table, first).size() == 20);
  CHECK(found(table, hash_of(kLast, 3, 9)).empty());
}

TEST_CASE("key table: hashes of one group are told apart by the bits that no value needs",
          "[key_table]") {
  const std::uint64_t bit = GENERATE(5U, 6U, 8U, 15U, 16U, 23U, 27U, 31U);
  CAPTURE(bit);
  KeyTable table(16, 16); // up to 16 in a slot, and 0 where there is none: five bits
  const std::uint64_t hash = hash_of(1, 0, 5);
  const std::uint64_t other = hash ^ std::uint64_t{1} << bit;
  for (std::uint32_t value = 0; value < 8; ++value) {
    table.add(hash, value);
    table.add(other, value + 8);
  }
  CHECK(found(table, hash) == up_to(8));
  CHECK(found(table, other).size() == 8);
  CHECK(found(table, other).front() == 8);
}

TEST_CASE("key table: a free slot is nobody's", "[key_table]") {
  // All bits of the hash that a slot could have are as in one that is free.
  KeyTable table(1, 1);
  CHECK(found(table, 0).empty());
  table.add(0, 0);
  CHECK(found(table, 0) == Values{0});
}

TEST_CASE("key table: values of every width come out as they went in", "[key_table]") {
  const std::uint64_t values =
      GENERATE(as<std::uint64_t>(), 1U, 2U, 3U, 255U, 256U, 257U, (1U << 24U) - 1, 1U << 24U,
               (1U << 24U) + 1, 1U << 31U, (std::uint64_t{1} << 32U) - 1);
  CAPTURE(values);
  KeyTable table(64, values);
  std::map<std::uint64_t, Values> stored;
  std::mt19937_64 random(values);
  for (std::uint32_t i = 0; i < 64; ++i) {
    const std::uint64_t hash = i % 2 == 0 ? random() : hash_of(i, ~std::uint64_t{i} & 0xffffff, i);
    const auto value = static_cast<std::uint32_t>(i == 0 ? values - 1 : random() % values);
    table.add(hash, value);
    stored[hash].push_back(value);
  }
  for (auto &[hash, wanted] : stored) {
    std::sort(wanted.begin(), wanted.end());
    CHECK(has_all(found(table, hash), wanted)); // whoever looks up verifies
  }
}

TEST_CASE("key table: it holds as many keys as it was told, and what is absent is not looked for "
          "for ever",
          "[key_table]") {
  for (std::uint32_t keys = 0; keys <= 200; ++keys) {
    KeyTable table(keys, std::size_t{keys} + 1);
    // All into one group at the end: the worst that there is.
    for (std::uint32_t value = 0; value < keys; ++value)
      table.add(hash_of(kLast, 3, 3), value);
    if (found(table, hash_of(kLast, 3, 3)) != up_to(keys))
      FAIL(keys);
    for (const std::uint64_t high : {kFirst, std::uint64_t{1} << 31U, kLast})
      if (!found(table, hash_of(high, 4, 3)).empty())
        FAIL(keys);
  }
}

TEST_CASE("key table: of many random hashes all are found, and next to nothing else",
          "[key_table]") {
  constexpr std::uint32_t kKeys = 100'000;
  std::mt19937_64 random(4711);
  std::vector<std::uint64_t> hashes(kKeys);
  std::generate(hashes.begin(), hashes.end(), std::ref(random));
  KeyTable table(kKeys, kKeys);
  for (std::uint32_t value = 0; value < kKeys; ++value) {
    table.prefetch(hashes[value]);
    table.add(hashes[value], value);
  }
  std::size_t others = 0;
  for (std::uint32_t value = 0; value < kKeys; ++value) {
    const Values values = found(table, hashes[value]);
    if (!has_all(values, {value}))
      FAIL(value);
    others += values.size() - 1;
    others += found(table, random()).size();
  }
  // 15 bits are compared with those of some twelve slots, 200,000 times: 73 are equal by chance.
  CHECK(others < 150);
  CHECK(table.memory_bytes() < kKeys * 6);
}
