// The same fake host with another build-id: the module must refuse it without a look at it.
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

#include "fake_host.h"

TEST_CASE("wrong host: is refused before any of its structures is read", "[host]") {
  fake_host *host = fake_load(MXW_TEST_MODULE);
  REQUIRE(host != nullptr);
  CHECK(fake_init_unreadable(host) == 0);
  const std::string log = fake_log();
  CAPTURE(log);
  CHECK(std::count(log.begin(), log.end(), '\n') == 1);
  CHECK(log.find("refused to load: compiled for unbound " MXW_TEST_HOST_VERSION) !=
        std::string::npos);
  CHECK(log.find("build-id " MXW_TEST_BUILD_ID) != std::string::npos);
  CHECK(log.find("build-id 00112233445566778899aabbccddeeff00112233") != std::string::npos);
  CHECK(log.find("build it again") != std::string::npos);
  fake_deinit_unreadable(host); // as the host does after a failed init()
  CHECK(fake_unload(host) == 0);
}
