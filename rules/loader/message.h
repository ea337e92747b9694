// What a sender is told about a look-alike, in the words of the rule.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/name.h"
#include "core/policy.h"

namespace mxw {

/// The words of a rule that has none of its own, and what follows where somebody can be asked.
constexpr std::string_view kUsualMessage =
    "{query} looks like {suggestion}; nothing was sent. Did you mean {address}?";
constexpr std::string_view kUsualContact = " Ask {contact}.";

/// The placeholders of a message.
constexpr std::string_view kPlaceholders[] = {"query", "suggestion", "address", "rule", "contact"};

/// The first thing in braces in `text` that is no placeholder, with its braces; a brace alone where
/// none closes it. nullopt where there is none.
std::optional<std::string_view> find_bad_placeholder(std::string_view text) noexcept;

/// For whom a message is.
struct Reader {
  std::string_view language; ///< as the rule files name it; empty, or one without words: the usual
  std::string_view local_part; ///< of the address that was typed, as it stands in one; empty: none
};

/// Returns the message for `typed`, which `verdict` says is a look-alike: {query} is `typed`,
/// {suggestion} what was meant, {address} that with the local part if there is one, {rule} the
/// rule's id, {contact} whom to ask, empty where nobody is named. One line of UTF-8 if the rule's
/// message and the local part are; names are in presentation form.
std::string message_of(const Policy &policy, const Name &typed, const Verdict &verdict,
                       const Reader &reader = {});

/// What was meant by `typed`, which `verdict` says is a look-alike, in presentation form.
std::string suggestion_of(const Name &typed, const Verdict &verdict);

} // namespace mxw
