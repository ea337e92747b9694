// The index finds exactly what the reference finds: the same names, by the same techniques.
//
// A fixed part runs always; MXW_DIFFERENCE_ROUNDS=N runs N times as much from other seeds.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "core/index.h"
#include "reference/difference.h"
#include "reference/reference.h"

namespace mxw::test {
namespace {

/// One index and the reference that it is to agree with.
class Comparison {
public:
  Comparison(const std::vector<Name> &names, IndexOptions options, std::uint64_t seed)
      : seed_(seed) {
    for (const auto &[typed, intended] : fake_slips())
      options.slips.push_back({name_of(typed), name_of(intended)});
    // Two groups, so that it matters which one a name is of.
    IndexOptions other = options;
    other.slips.resize(other.slips.size() / 2);
    other.unreal_slips = false;
    std::vector<NameList> lists(2);
    std::vector<ReferenceEntry> entries;
    for (std::uint32_t group = 0; group < 2; ++group)
      for (std::size_t i = 0; i < names.size(); ++i)
        if ((i % 8 == 7) == (group == 1)) {
          lists[group].push_back(names[i]);
          entries.push_back({names[i], group});
        }
    reference_ = std::make_unique<Reference>(
        entries, std::vector<ReferenceGroup>{ReferenceGroup(options), ReferenceGroup(other)},
        is_fake_public_suffix);
    index_ = Index(std::move(lists), {options, other}, is_fake_public_suffix, seed);
    size_ = names.size();
  }

  void compare(const std::vector<Name> &queries) {
    for (const Name &query : queries) {
      const auto found = index_matches(index_, query, seed_);
      const std::vector<ReferenceMatch> expected = expected_matches(*reference_, query);
      pairs += size_;
      matches += expected.size();
      if (!found || *found == expected)
        continue;
      if (++differences > 10)
        continue;
      std::array<char, Name::kMaxTextBytes> text;
      std::string told(query.to_text(text));
      const auto tell = [&](const char *who, const std::vector<ReferenceMatch> &list,
                            const std::vector<ReferenceMatch> &without) {
        for (const ReferenceMatch &match : list)
          if (std::find(without.begin(), without.end(), match) == without.end())
            told += std::string("\n  ") + who + ' ' + to_string(match) + ' ' +
                    std::string(index_.names()[match.entry].to_text(text));
      };
      tell("index", *found, expected);
      tell("reference", expected, *found);
      UNSCOPED_INFO(told);
      CHECK(found->size() == expected.size() + 1000000); // shows what differs
    }
  }

  std::size_t pairs = 0;
  std::size_t matches = 0;
  std::size_t differences = 0;

private:
  std::uint64_t seed_;
  std::unique_ptr<Reference> reference_;
  Index index_;
  std::size_t size_ = 0;
};

std::uint64_t rounds() {
  const char *wanted = std::getenv("MXW_DIFFERENCE_ROUNDS");
  return wanted == nullptr ? 1 : std::strtoull(wanted, nullptr, 10);
}

IndexOptions everything(std::uint8_t min_label) {
  IndexOptions options;
  options.techniques.fill({Level::block, min_label});
  return options;
}

IndexOptions options_of(const std::string &kind) {
  IndexOptions options;
  if (kind == "everything")
    return everything(1);
  if (kind == "everything from 3")
    return everything(3);
  if (kind == "aggressive")
    options.techniques = techniques_of(Preset::aggressive);
  if (kind == "one at a time")
    for (std::size_t i = 0; i < kTechniques; i += 2)
      options.techniques.at(i).level = Level::off;
  return options;
}

} // namespace

TEST_CASE("difference: the index and the reference agree on random and on mistyped names",
          "[difference]") {
  const std::string kind = GENERATE(as<std::string>(), "default", "aggressive", "everything",
                                    "everything from 3", "one at a time");
  CAPTURE(kind);
  std::size_t pairs = 0;
  std::size_t matches = 0;
  for (std::uint64_t seed = 1; seed <= rounds(); ++seed) {
    const std::vector<Name> names = random_names(seed, 200);
    Comparison comparison(names, options_of(kind), seed);
    comparison.compare(random_names(seed + 1'000'000, 500));
    comparison.compare(mistyped_names(seed, names, 1500));
    pairs += comparison.pairs;
    matches += comparison.matches;
    CHECK(comparison.differences == 0);
  }
  CHECK(matches > 400 * rounds());
  CHECK(pairs >= 400'000 * rounds());
}

TEST_CASE("difference: the index and the reference agree on hostile names", "[difference]") {
  const std::string kind = GENERATE(as<std::string>(), "default", "everything");
  CAPTURE(kind);
  for (std::uint64_t seed = 1; seed <= rounds(); ++seed) {
    const std::vector<Name> names = hostile_protected_names();
    Comparison comparison(names, options_of(kind), seed);
    comparison.compare(hostile_names(seed, names, 500));
    comparison.compare(mistyped_names(seed, names, 500));
    CHECK(comparison.differences == 0);
    CHECK(comparison.matches > 100);
  }
}

TEST_CASE("difference: the index and the reference agree on all short labels", "[difference]") {
  const std::vector<Name> names = short_names("ab-", 4, "co.uk");
  Comparison comparison(names, everything(1), 1);
  comparison.compare(short_names("ab-", 5, "co.uk"));
  CHECK(comparison.differences == 0);
  CHECK(comparison.matches > 1000);
}

} // namespace mxw::test
