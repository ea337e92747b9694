// What was decided about one query, and the evidence for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/name.h"
#include "core/technique.h"

namespace mxw {

/// What is done about a look-alike. `local_data` is never a rule's: the module's own answer for a
/// warning host's address.
enum class Action : std::uint8_t {
  pass,
  redirect,
  null_mx,
  nxdomain,
  nodata,
  refused,
  servfail,
  drop,
  local_data,
};
constexpr std::size_t kActions = static_cast<std::size_t>(Action::local_data) + 1;

enum class Reason : std::uint8_t {
  no_match,
  is_protected, ///< a protected name, one below it, or one under a legitimate suffix
  allowed,
  exempt,
  look_alike,
  warning_mx, ///< a warning host whose addresses the module serves
};

/// Whether a rule's decision is carried out or only logged.
enum class Mode : std::uint8_t { enforce, observe };
constexpr std::size_t kModes = 2;

/// The names used in rule files, events and on the command line. Static storage.
constexpr std::string_view to_string(Action action) noexcept {
  switch (action) {
  case Action::pass:
    return "pass";
  case Action::redirect:
    return "redirect";
  case Action::null_mx:
    return "null-mx";
  case Action::nxdomain:
    return "nxdomain";
  case Action::nodata:
    return "nodata";
  case Action::refused:
    return "refused";
  case Action::servfail:
    return "servfail";
  case Action::drop:
    return "drop";
  case Action::local_data:
    return "local-data";
  }
  return "pass";
}

constexpr std::string_view to_string(Reason reason) noexcept {
  switch (reason) {
  case Reason::no_match:
    return "no-match";
  case Reason::is_protected:
    return "protected";
  case Reason::allowed:
    return "allowed";
  case Reason::exempt:
    return "exempt";
  case Reason::look_alike:
    return "look-alike";
  case Reason::warning_mx:
    return "warning-mx";
  }
  return "no-match";
}

constexpr std::string_view to_string(Mode mode) noexcept {
  return mode == Mode::observe ? "observe" : "enforce";
}

/// A value.
struct Verdict {
  static constexpr std::uint32_t kNone = UINT32_MAX;

  Action decision = Action::pass; ///< for this type of question; in observe mode what would be done
  Reason reason = Reason::no_match;
  Technique technique = Technique::none; ///< the likeliest
  Techniques techniques = {};            ///< all that explain the name
  Mode mode = Mode::enforce; ///< the rule's, or observe where the technique is only told of
  std::uint8_t edits = 0;
  std::uint8_t confidence = 0;  ///< that it is a mistake, in percent
  std::uint8_t apex_labels = 0; ///< how many labels of the name make the look-alike
  bool alias = false;           ///< it is the name that the query's is an alias of that looks alike
  /// Some rule concerns this question, so that another client or other rules may get another
  /// answer: what the resolver finds must not be cached.
  bool contested = false;
  std::uint32_t rule = kNone;  ///< position in Policy::rules(), where a rule decided or protects
  std::uint32_t allow = kNone; ///< position in Policy::allows(), where an entry allowed
  std::uint32_t host = kNone;  ///< position in the warning hosts, where an address was asked for
  Name protected_name;         ///< set where `rule` is: what was meant, or the suffix it is under

  /// True if the query gets another answer than it would get without the module.
  [[nodiscard]] bool enforced() const noexcept {
    return decision != Action::pass && mode == Mode::enforce;
  }
};

/// True if what the query's name is an alias of cannot change `verdict`: the name is known to the
/// rules as legitimate, or is stopped as it is.
inline bool settles(const Verdict &verdict) noexcept {
  return verdict.enforced() ||
         (verdict.reason != Reason::no_match && verdict.reason != Reason::look_alike);
}

} // namespace mxw
