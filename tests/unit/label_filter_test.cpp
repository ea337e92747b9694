#include "core/label_filter.h"

#include <cstdint>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "core/edit.h"

using namespace mxw;

namespace {

/// Every label of one to `most` octets out of `alphabet`.
std::vector<std::string> labels_of(const std::string &alphabet, std::size_t most) {
  std::vector<std::string> labels;
  for (const char c : alphabet)
    labels.emplace_back(1, c);
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (const std::string label = labels[i]; label.size() < most)
      for (const char c : alphabet)
        labels.push_back(label + c);
  return labels;
}

} // namespace

TEST_CASE("label filter: no label one edit away is turned away", "[label_filter]") {
  const auto [alphabet, most, prefix] = GENERATE(table<std::string, std::size_t, std::string>(
      {{"ab", 7, ""}, {"abc", 4, ""}, {"ab", 5, "abcdefg"}, {"a\xff", 5, ""}}));
  const std::vector<std::string> labels = labels_of(alphabet, most);
  std::size_t pairs = 0;
  for (const std::string &tail : labels) {
    const std::string stored = prefix + tail;
    LabelFilter filter(1);
    filter.add(stored, 42);
    for (const std::string &other : labels) {
      const std::string typed = prefix + other;
      if (edit_distance(typed, stored) > 1)
        continue;
      ++pairs;
      if (!filter.may_match(typed, 42))
        FAIL(typed + " is one edit from " + stored);
    }
  }
  CHECK(pairs > labels.size());
}

TEST_CASE("label filter: unrelated labels, lengths and surroundings are turned away",
          "[label_filter]") {
  LabelFilter filter(1000); // so that nothing is there by chance
  for (const char *label : {"army", "navy", "lockheedmartin", "a"})
    filter.add(label, 42);
  CHECK(filter.may_match("arny", 42));
  CHECK(filter.may_match("lockheedmarten", 42));
  CHECK_FALSE(filter.may_match("customer", 42));
  CHECK_FALSE(filter.may_match("lockheed", 42));
  CHECK_FALSE(filter.may_match("arny", 43));
}

TEST_CASE("label filter: of ten thousand unrelated labels most are turned away", "[label_filter]") {
  constexpr std::size_t kLabels = 10'000;
  LabelFilter filter(kLabels);
  const auto label = [](std::size_t i) { // spread over all letters
    std::string text;
    for (std::uint64_t bits = (i + 1) * 0x9e3779b97f4a7c15U; text.size() < 12; bits >>= 5U)
      text += static_cast<char>('a' + bits % 26);
    return text;
  };
  for (std::size_t i = 0; i < kLabels; ++i)
    filter.add(label(i), 42);
  std::size_t passed = 0;
  for (std::size_t i = kLabels; i < 2 * kLabels; ++i)
    passed += filter.may_match(label(i), 42) ? 1 : 0;
  CHECK(passed < kLabels / 5);
}

TEST_CASE("label filter: an empty one turns everything away", "[label_filter]") {
  CHECK_FALSE(LabelFilter().may_match("army", 42));
  CHECK_FALSE(LabelFilter().may_match(std::string(63, 'a'), 0));
}
