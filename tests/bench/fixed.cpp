// usage: mxwarden_bench_fixed NAMES LOOK_UPS
//
// The same look-ups in each run, to be counted by callgrind: builds the rules for so many protected
// names, then decides about so many questions of each kind. One profile is written for each kind,
// named after it, of the look-ups alone. The script `instructions` makes a table of them.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <valgrind/callgrind.h>

#include "bench/names.h"

namespace mxw::bench {
namespace {

void run(Kind kind, const Policy &policy, std::size_t n, std::size_t look_ups) {
  const Questions questions = questions_of(kind, policy, n, look_ups);
  const std::string name(to_string(kind));
  std::size_t decided = 0;
  CALLGRIND_START_INSTRUMENTATION;
  for (std::size_t i = 0; i < look_ups; ++i) {
    Query query;
    query.name.assign(questions.wire(i));
    decided += policy.decide(query).reason != Reason::no_match ? 1U : 0U;
  }
  CALLGRIND_DUMP_STATS_AT(name.c_str());
  CALLGRIND_STOP_INSTRUMENTATION;
  std::printf("%s: decided %zu of %zu\n", name.c_str(), decided, look_ups);
}

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

} // namespace
} // namespace mxw::bench

int main(int argc, char **argv) {
  using namespace mxw::bench;
  const std::size_t n = argc == 3 ? number(argv[1]) : 0;
  const std::size_t look_ups = argc == 3 ? number(argv[2]) : 0;
  if (n == 0 || look_ups == 0) {
    std::fprintf(stderr, "usage: %s NAMES LOOK_UPS\n", argv[0]);
    return EXIT_FAILURE;
  }
  const mxw::Policy policy(spec_of(n, Edits::one), kSeed);
  for (const Kind kind : kKinds)
    run(kind, policy, n, look_ups);
  return EXIT_SUCCESS;
}
