#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>

#include "harness.h"

#include <iostream>

namespace {

/// Shows what the servers said in a test case that failed: on a machine of which only the output is
/// kept, nothing else would tell.
struct LogReporter : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo & /*test*/) override {
    mxw::test::collected_logs().clear();
  }
  void testCaseEnded(const Catch::TestCaseStats &stats) override {
    if (stats.totals.assertions.failed > 0)
      std::cout << mxw::test::collected_logs() << std::flush;
  }
};
CATCH_REGISTER_LISTENER(LogReporter)

} // namespace
