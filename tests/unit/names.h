// Names for tests.
#pragma once

#include <string>
#include <string_view>

#include "core/name.h"
#include "loader/dns_text.h"

namespace mxw::test {

/// The name; throws where the test itself is wrong.
inline Name name(std::string_view text) { return parse_name(text).value(); }

} // namespace mxw::test
