// One line of an event log, to what a report counts of it. What comes from elsewhere is text that
// the network chose: nothing of it is trusted but that it is not long.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/verdict.h"

namespace mxw::cli {

enum class EventKind : std::uint8_t { decision, warning, dropped };
/// What a mail server said to a sender.
enum class Told : std::uint8_t { warned, refused, passed };
constexpr std::size_t kTold = 3;

/// An event as its line has it; members that are not its kind's are empty.
struct LoggedEvent {
  EventKind kind = EventKind::decision;
  std::int64_t time_s = 0; ///< seconds since 1970, of the years 0000 to 9999
  // of a decision
  Action action = Action::pass;
  Mode mode = Mode::enforce;
  bool is_mail_question = false; ///< MX or ANY
  std::string look_alike;        ///< the name that was asked for, or that it is an alias of
  std::string client;
  // of a decision and a warning
  Technique technique = Technique::none;
  std::string rule;
  std::string protected_name;
  // of a warning
  Told told = Told::refused;
  std::string sender_domain;
  // of dropped ones
  std::uint64_t dropped = 0;

  /// True of a decision that changed the answer.
  [[nodiscard]] bool is_stopped() const noexcept {
    return mode == Mode::enforce && action != Action::pass;
  }
};

/// Returns the event that `line` is, or nullopt where it is none of mxwarden's, or lacks what one
/// has. Members may be nested or have names with dots. Never throws but for lack of memory.
std::optional<LoggedEvent> parse_event(std::string_view line);

/// Seconds since 1970 of "2026-11-23T23:00:05.000123Z", with or without a fraction.
std::optional<std::int64_t> parse_timestamp(std::string_view text) noexcept;

} // namespace mxw::cli
