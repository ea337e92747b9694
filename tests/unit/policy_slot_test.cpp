#include "runtime/policy_slot.h"

#include <atomic>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "names.h"

using namespace mxw;

namespace {

/// Rules with as many protected names as their number says, so that a mix of two would show.
std::shared_ptr<const Policy> rules_number(std::size_t n) {
  PolicySpec spec;
  Rule rule;
  rule.id = std::to_string(n);
  for (std::size_t i = 0; i < n % 7; ++i)
    rule.domains.push_back(test::name("army" + std::to_string(i) + ".mil"));
  spec.rules = {rule};
  return std::make_shared<const Policy>(std::move(spec), n);
}

} // namespace

TEST_CASE("policy slot: readers see the rules in force and their generation", "[policy-slot]") {
  PolicySlot slot(nullptr, 2);
  {
    const PolicySlot::Reader reader(slot, 1);
    CHECK(reader.policy() == nullptr);
    CHECK(reader.generation() == 1);
  }
  const auto policy = rules_number(3);
  slot.replace(policy);
  const PolicySlot::Reader reader(slot, 0);
  CHECK(reader.policy() == policy.get());
  CHECK(reader.generation() == 2);
  CHECK(slot.rules().policy == policy);
}

TEST_CASE("policy slot: rules live as long as somebody reads them, and no longer",
          "[policy-slot]") {
  PolicySlot slot(rules_number(1), 1);
  const std::weak_ptr<const Policy> first = slot.rules().policy;
  std::atomic<bool> replaced = false;
  std::thread other;
  {
    const PolicySlot::Reader reader(slot, 0);
    other = std::thread([&] {
      slot.replace(rules_number(2));
      replaced = true;
    });
    while (slot.rules().generation == 1)
      std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK_FALSE(replaced); // it waits for us
    CHECK_FALSE(first.expired());
    CHECK(reader.policy()->rules()[0].id == "1");
  }
  other.join();
  CHECK(first.expired());
}

TEST_CASE("policy slot: 10,000 replacements under load, and no reader sees a mix",
          "[policy-slot]") {
  constexpr std::size_t kWorkers = 3;
  constexpr std::size_t kReplacements = 10000;
  PolicySlot slot(rules_number(1), kWorkers);
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> reads = 0;
  std::atomic<std::size_t> mixes = 0;
  std::atomic<std::size_t> steps_back = 0;
  std::vector<std::thread> workers;
  for (std::size_t worker = 0; worker < kWorkers; ++worker)
    workers.emplace_back([&, worker] {
      Query query;
      query.name = test::name("army1.ml");
      std::uint64_t last = 0;
      while (!stop) {
        const PolicySlot::Reader reader(slot, worker);
        (void)reader.policy()->decide(query);
        const std::size_t number = std::stoul(reader.policy()->rules()[0].id);
        mixes +=
            reader.policy()->index().names().size() != number % 7 || reader.generation() != number;
        steps_back += reader.generation() < last;
        last = reader.generation();
        ++reads;
      }
    });
  for (std::size_t n = 2; n <= kReplacements; ++n)
    slot.replace(rules_number(n));
  while (reads < kReplacements)
    std::this_thread::yield();
  stop = true;
  for (std::thread &worker : workers)
    worker.join();
  CHECK(mixes == 0);
  CHECK(steps_back == 0);
  CHECK(slot.rules().generation == kReplacements);
}
