// One decision that was not a plain pass, as a worker hands it to the housekeeping thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/client.h"
#include "core/name.h"
#include "core/verdict.h"

namespace mxw {

/// Whether what a rule wants to be verified was.
enum class Verified : std::uint8_t {
  no,        ///< the rule wants nothing
  confirmed, ///< the look-alike is one that matters
  unknown,   ///< that could not be found out
};

/// A value that points nowhere: it outlives the query and the policy that it tells of.
struct Event {
  static constexpr std::size_t kMaxRuleBytes = 63;

  std::int64_t time_us = 0; ///< microseconds since 1970
  std::optional<ClientAddress> client;
  std::uint16_t qtype = 0;
  Action decision = Action::pass;
  Technique technique = Technique::none;
  Techniques techniques = {};
  Mode mode = Mode::enforce;
  std::uint8_t edits = 0;
  std::uint8_t confidence = 0; ///< in percent
  Verified verified = Verified::no;
  std::array<char, kMaxRuleBytes + 1> rule = {}; ///< ends with a NUL
  Name qname;
  Name alias_of; ///< what looks alike where qname leads there by an alias; else the root
  Name protected_name;
};

} // namespace mxw
