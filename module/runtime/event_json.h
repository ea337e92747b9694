// Events as text: one JSON object a line, with the field names of the Elastic Common Schema 8.
#pragma once

#include <cstdint>
#include <string>

#include "core/event.h"

namespace mxw {

/// Returns the event as one line without its end. Names are in presentation form, so that the text
/// is ASCII whatever was asked.
std::string to_json(const Event &event);

/// Returns the line that says that `dropped` events were lost since the last such line.
std::string dropped_to_json(std::uint64_t dropped, std::int64_t time_us);

} // namespace mxw
