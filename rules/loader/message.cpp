#include "loader/message.h"

#include <algorithm>
#include <iterator>

#include "loader/dns_text.h"

namespace mxw {
namespace {

/// What stands in the first braces of `text`: where they begin, and how many octets they have.
struct Braces {
  std::size_t at;
  std::size_t octets; ///< 1 for a brace alone
};
std::optional<Braces> find_braces(std::string_view text) noexcept {
  const std::size_t at = text.find_first_of("{}");
  if (at == std::string_view::npos)
    return std::nullopt;
  const std::size_t end = text.find_first_of("{}", at + 1);
  const bool is_pair = text[at] == '{' && end != std::string_view::npos && text[end] == '}';
  return Braces{at, is_pair ? end + 1 - at : 1};
}

bool is_placeholder(std::string_view braces) noexcept {
  return braces.size() > 2 &&
         std::find(std::begin(kPlaceholders), std::end(kPlaceholders),
                   braces.substr(1, braces.size() - 2)) != std::end(kPlaceholders);
}

} // namespace

std::optional<std::string_view> find_bad_placeholder(std::string_view text) noexcept {
  while (const auto braces = find_braces(text)) {
    const std::string_view found = text.substr(braces->at, braces->octets);
    if (!is_placeholder(found))
      return found;
    text.remove_prefix(braces->at + braces->octets);
  }
  return std::nullopt;
}

std::string suggestion_of(const Name &typed, const Verdict &verdict) {
  return to_string(Policy::counterpart(typed, verdict).value_or(verdict.protected_name));
}

std::string message_of(const Policy &policy, const Name &typed, const Verdict &verdict,
                       const Reader &reader) {
  const Rule &rule = policy.rules()[verdict.rule];
  const auto value_of = [&](std::string_view placeholder) {
    if (placeholder == "{query}")
      return to_string(typed);
    if (placeholder == "{suggestion}")
      return suggestion_of(typed, verdict);
    if (placeholder == "{address}")
      return std::string(reader.local_part) + (reader.local_part.empty() ? "" : "@") +
             suggestion_of(typed, verdict);
    return placeholder == "{rule}" ? rule.id : rule.contact;
  };
  const auto translated = rule.messages.find(reader.language);
  std::string words = translated == rule.messages.end() ? rule.message : translated->second;
  if (words.empty()) {
    words = kUsualMessage;
    if (!rule.contact.empty())
      words += kUsualContact;
  }
  std::string_view rest = words;
  std::string text;
  while (const auto braces = find_braces(rest)) {
    text += rest.substr(0, braces->at);
    text += value_of(rest.substr(braces->at, braces->octets));
    rest.remove_prefix(braces->at + braces->octets);
  }
  return text + std::string(rest);
}

} // namespace mxw
