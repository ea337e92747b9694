// A finding about a rule file: where, what, and what to do about it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mxw {

/// A note asks for nothing.
enum class Severity : std::uint8_t { note, warning, error };

/// As findings are written. Static storage.
constexpr std::string_view to_string(Severity severity) noexcept {
  return severity == Severity::note ? "note" : severity == Severity::warning ? "warning" : "error";
}

struct Diagnostic {
  Severity severity = Severity::error;
  std::string_view code; ///< MXW###, static; docs/codes/ has a page for each
  std::string message;
  std::string help;
  std::string file;
  std::size_t line = 0;    ///< from 1; 0 where the finding is about the whole file
  std::size_t column = 0;  ///< from 1, in code points
  std::string source_line; ///< the line, or what is shown of a long one; may be empty
  std::size_t caret = 0;   ///< where in source_line the caret stands, from 1; 0 for nowhere
};

/// Returns `text` on one line and harmless for a terminal: always UTF-8, a question mark for each
/// code point that a terminal would obey (controls, changes of the writing direction) but tabs.
std::string printable(std::string_view text);

/// Returns the finding as people read it: `file:line:column: error[CODE]: message`, the line with a
/// caret, and the remedy; with a newline at the end. All of it is printable(). With `colour` it has
/// the escape sequences of ECMA-48 that terminals know.
std::string render(const Diagnostic &diagnostic, bool colour = false);

} // namespace mxw
