// Events as text: one JSON object a line, with the field names of the Elastic Common Schema 8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/event.h"

namespace mxw {

/// What events say of the time at which they are made, in microseconds since 1970.
std::int64_t now_us();

/// Returns the event as one line without its end. Names are in presentation form, so that the text
/// is ASCII whatever was asked.
std::string to_json(const Event &event);

/// What a sender was told, or would have been, by a mail server that asked. Names are in
/// presentation form, empty where there is none.
struct Warning {
  std::int64_t time_us = 0;            ///< microseconds since 1970
  std::optional<ClientAddress> client; ///< the mail server that came to the warning MX
  std::string sender_domain;
  std::string recipient_domain;
  std::string sender;    ///< addresses, only where somebody asked for them: they name people
  std::string recipient; ///< the same
  bool is_refused = true;
  std::string rule; ///< empty: the rules have nothing to say, and the refusal was a plain one
  std::string protected_name;
  std::string suggestion;
  Technique technique = Technique::none;
  std::uint8_t confidence = 0; ///< in percent
};

/// Returns the warning as one line without its end, in ASCII.
std::string to_json(const Warning &warning);

/// Returns the line that says that `dropped` events were lost since the last such line.
std::string dropped_to_json(std::uint64_t dropped, std::int64_t time_us);

} // namespace mxw
