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
    "{query} looks like {suggestion}; nothing was sent. Did you mean {suggestion}?";
constexpr std::string_view kUsualContact = " Ask {contact}.";

/// The placeholders of a message.
constexpr std::string_view kPlaceholders[] = {"query", "suggestion", "rule", "contact"};

/// The first thing in braces in `text` that is no placeholder, with its braces; a brace alone where
/// none closes it. nullopt where there is none.
std::optional<std::string_view> find_bad_placeholder(std::string_view text) noexcept;

/// Returns the message for `typed`, which `verdict` says is a look-alike: {query} is `typed`,
/// {suggestion} what was meant, {rule} the rule's id, {contact} whom to ask, empty where nobody is
/// named. One line of UTF-8 if the rule's message is; names are in presentation form.
std::string message_of(const Policy &policy, const Name &typed, const Verdict &verdict);

} // namespace mxw
