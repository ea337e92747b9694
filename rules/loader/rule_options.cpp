#include "loader/rule_options.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/ascii.h"
#include "loader/message.h"

namespace mxw {
namespace {

constexpr std::uint8_t kMinLabel = 4;
/// So that a reply line of SMTP (RFC 5321 §4.5.3.1.5) has room for names in it.
constexpr std::size_t kMaxMessageBytes = 300;
/// Rules without their own have a copy of those of [defaults].
constexpr std::size_t kMaxClientIds = 100;
constexpr std::size_t kMaxLanguages = 20;

constexpr std::array kRuleActions = {Action::redirect, Action::null_mx, Action::nxdomain,
                                     Action::nodata,   Action::refused, Action::servfail,
                                     Action::drop,     Action::pass};
constexpr std::array kPresets = {Preset::cautious, Preset::standard, Preset::aggressive};
constexpr std::array kLevels = {Level::off, Level::observe, Level::block};
constexpr std::array kRuleModes = {Mode::enforce, Mode::observe};

template <class Enum, std::size_t Size>
std::optional<Enum> find_by_name(const std::array<Enum, Size> &values, std::string_view text) {
  for (const Enum value : values)
    if (to_string(value) == text)
      return value;
  return std::nullopt;
}

std::optional<std::uint8_t> label_bytes(TableReader &reader) {
  const auto bytes = reader.integer("min_label", 1, Name::kMaxLabelBytes);
  return bytes ? std::optional(static_cast<std::uint8_t>(*bytes)) : std::nullopt;
}

std::vector<RuleOptions::OfTechnique> read_techniques(TableReader &reader) {
  std::vector<RuleOptions::OfTechnique> all;
  const auto *table = reader.table("techniques");
  if (table == nullptr)
    return all;
  constexpr std::string_view kExample =
      "tld-swap = \"block\", or { level = \"block\", min_label = 6 }";
  TableReader techniques(reader.source(), *table, "techniques", reader.findings());
  std::vector<std::string_view> known = all_names<Technique>();
  known.erase(known.begin()); // none
  for (const auto &[text, node] : techniques.entries()) {
    const std::string name = reader.known_word("technique", text, known);
    if (name.empty())
      continue;
    RuleOptions::OfTechnique of;
    of.technique =
        static_cast<Technique>(std::find(known.begin(), known.end(), name) - known.begin() + 1);
    std::string word;
    if (const auto *inner = node->as_table()) {
      TableReader options(reader.source(), *inner, name, reader.findings());
      word = options.word("level", all_names<Level>());
      of.min_label = label_bytes(options);
      options.finish();
    } else if (const auto level = techniques.string_of(*node, text.value, kExample)) {
      word = reader.known_word("level", *level, all_names<Level>());
    }
    of.level = find_by_name(kLevels, word);
    all.push_back(of);
  }
  return all;
}

std::optional<Keyboards> read_keyboards(TableReader &reader) {
  constexpr std::array kKeyboards = {Keyboard::qwerty, Keyboard::qwertz, Keyboard::azerty,
                                     Keyboard::dvorak};
  const std::vector<std::string_view> known = {"qwerty", "qwertz", "azerty", "dvorak"};
  if (!reader.has("keyboards")) {
    reader.strings("keyboards"); // known, though not there
    return std::nullopt;
  }
  Keyboards keyboards = 0;
  for (const Text &word : reader.strings("keyboards")) {
    const std::string keyboard = reader.known_word("keyboard", word, known);
    for (std::size_t i = 0; i < known.size(); ++i)
      if (keyboard == known[i])
        keyboards |= static_cast<Keyboards>(kKeyboards.at(i));
  }
  return keyboards;
}

std::optional<Said<Action>> read_action(TableReader &reader) {
  std::vector<std::string_view> known(kRuleActions.size());
  std::transform(kRuleActions.begin(), kRuleActions.end(), known.begin(),
                 [](Action action) { return to_string(action); });
  const auto action = find_by_name(kRuleActions, reader.word("action", known));
  if (!action)
    return std::nullopt;
  if (*action == Action::refused || *action == Action::servfail || *action == Action::drop)
    reader.warning("MXW029", reader.at("action"),
                   quote(to_string(*action)) +
                       " makes senders wait for days, and leaks past a second resolver",
                   "redirect and null-mx tell the sender at once");
  return Said<Action>{*action, &reader.source(), reader.at("action")};
}

std::optional<RuleOptions::VerifyWhat> read_verify(TableReader &reader) {
  constexpr std::string_view kCounterpart = "counterpart";
  constexpr std::string_view kSameOwner = "same-owner";
  const std::vector<Text> words = reader.string_or_strings("verify");
  if (words.empty())
    return std::nullopt;
  RuleOptions::VerifyWhat what;
  for (const Text &word : words) {
    const std::string known = reader.known_word("verify", word, {kCounterpart, kSameOwner, "none"});
    what.counterpart = what.counterpart || known == kCounterpart;
    what.same_owner = what.same_owner || known == kSameOwner;
  }
  return what;
}

/// Returns `text`, which senders get; nothing, and says so, if it is too long: each rule would keep
/// it.
std::string of_good_length(TableReader &reader, std::string_view key, const Text &text) {
  if (text.value.size() <= kMaxMessageBytes)
    return text.value;
  reader.error("MXW014", text.at,
               quote(key) + " has " + std::to_string(text.value.size()) + " octets; the limit is " +
                   std::to_string(kMaxMessageBytes),
               "senders get it in one line, with names in it: say it in fewer words");
  return {};
}

std::string read_contact(TableReader &reader) {
  return of_good_length(reader, "contact", {reader.text("contact"), reader.at("contact")});
}

std::string sound_message(TableReader &reader, std::string_view key, const Text &message) {
  if (std::any_of(message.value.begin(), message.value.end(), is_control))
    reader.error("MXW035", message.at,
                 quote(key) + " has a control character, such as the end of a line",
                 "senders get it in one line: take it out");
  if (const auto bad = find_bad_placeholder(message.value)) {
    std::string known;
    for (const std::string_view placeholder : kPlaceholders)
      known += (known.empty() ? "{" : ", {") + std::string(placeholder) + '}';
    reader.error("MXW035", message.at, quote(*bad) + " in " + quote(key) + " stands for nothing",
                 "the placeholders are " + known);
  }
  if (!is_ascii(message.value))
    reader.warning(
        "MXW046", message.at,
        quote(key) + " has letters that are not in ASCII; most senders get '?' for them",
        "replies of SMTP are in ASCII (RFC 5321 section 4.2): write without, such as 'ae'");
  return of_good_length(reader, key, message);
}

std::string read_message(TableReader &reader) {
  return sound_message(reader, "message", {reader.text("message"), reader.at("message")});
}

std::map<std::string, std::string, std::less<>> read_messages(TableReader &reader) {
  std::map<std::string, std::string, std::less<>> all;
  const auto *table = reader.table("messages");
  if (table == nullptr)
    return all;
  TableReader messages(reader.source(), *table, "messages", reader.findings());
  for (const auto &[language, node] : messages.entries()) {
    look_at_language(reader, language);
    const auto message =
        messages.string_of(*node, language.value, "de = \"{query} ...; did you mean {address}?\"");
    if (!message)
      continue;
    all.emplace(language.value, sound_message(messages, language.value, *message));
    if (message->value.find_first_not_of(" \t") == std::string::npos)
      reader.error("MXW035", message->at, "the message is empty",
                   "say what senders are told, or leave the language out");
  }
  if (all.size() > kMaxLanguages) {
    reader.error("MXW014", reader.at("messages"),
                 "'messages' has " + std::to_string(all.size()) + " languages; the limit is " +
                     std::to_string(kMaxLanguages),
                 "leave out those that no sender reads");
    all.clear();
  }
  return all;
}

template <class Value> void take(std::optional<Value> &own, const std::optional<Value> &others) {
  if (!own)
    own = others;
}

} // namespace

bool is_language(std::string_view tag) noexcept {
  constexpr std::size_t kMaxTag = 35; // RFC 5646 section 4.4.1
  return !tag.empty() && tag.size() <= kMaxTag && tag.front() != '-' && tag.back() != '-' &&
         std::all_of(tag.begin(), tag.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

void look_at_language(TableReader &reader, const Text &tag) {
  if (!is_language(tag.value))
    reader.error("MXW012", tag.at, quote(tag.value) + " is no language",
                 "name it by a tag of RFC 5646 in lower case, such as \"de\"");
}

std::optional<Said<std::vector<Text>>> read_client_ids(TableReader &reader) {
  std::vector<Text> ids = reader.strings("clients");
  if (ids.size() > kMaxClientIds)
    reader.error("MXW014", reader.at("clients"),
                 "'clients' has " + std::to_string(ids.size()) + " ids; the limit is " +
                     std::to_string(kMaxClientIds),
                 "a client set can have many subnets");
  if (ids.empty() || ids.size() > kMaxClientIds)
    return std::nullopt;
  return Said<std::vector<Text>>{std::move(ids), &reader.source(), reader.at("clients")};
}

RuleOptions RuleOptions::read(TableReader &reader) {
  RuleOptions options;
  options.sensitivity = find_by_name(kPresets, reader.word("sensitivity", all_names<Preset>()));
  options.min_label = label_bytes(reader);
  options.techniques = read_techniques(reader);
  if (const auto share = reader.share("min_confidence"))
    options.min_confidence = static_cast<std::uint8_t>(std::lround(100 * *share));
  options.keyboards = read_keyboards(reader);
  options.action = read_action(reader);
  options.mode = find_by_name(kRuleModes, reader.word("mode", all_names<Mode>()));
  options.verify = read_verify(reader);
  if (const std::string word = reader.word("on_unknown", {"block", "pass"}); !word.empty())
    options.block_unknown = word == "block";
  if (const auto limit = reader.integer("verify_timeout_ms", 100, 10'000))
    options.verify_timeout_ms = static_cast<std::uint32_t>(*limit);
  options.clients = read_client_ids(reader);
  options.contact = read_contact(reader);
  options.message = read_message(reader);
  options.messages = read_messages(reader);
  return options;
}

void RuleOptions::inherit(const RuleOptions &others) {
  take(sensitivity, others.sensitivity);
  take(min_label, others.min_label);
  techniques.insert(techniques.begin(), others.techniques.begin(), others.techniques.end());
  take(min_confidence, others.min_confidence);
  take(keyboards, others.keyboards);
  take(action, others.action);
  take(mode, others.mode);
  take(verify, others.verify);
  take(block_unknown, others.block_unknown);
  take(verify_timeout_ms, others.verify_timeout_ms);
  take(clients, others.clients);
  if (contact.empty())
    contact = others.contact;
  if (message.empty())
    message = others.message;
  messages.insert(others.messages.begin(), others.messages.end()); // own ones stay
}

void RuleOptions::apply_to(Rule &rule) const {
  IndexOptions &matching = rule.matching;
  matching.techniques =
      techniques_of(sensitivity.value_or(Preset::standard), min_label.value_or(kMinLabel));
  for (const OfTechnique &of : techniques) {
    TechniqueOptions &known = matching.techniques.at(static_cast<std::size_t>(of.technique));
    known.level = of.level.value_or(known.level);
    known.min_label = of.min_label.value_or(known.min_label);
  }
  matching.min_confidence = min_confidence.value_or(matching.min_confidence);
  matching.keyboards = keyboards.value_or(matching.keyboards);
  rule.action = action ? action->value : Action::redirect;
  rule.mode = mode.value_or(rule.mode);
  if (verify) {
    rule.verify.counterpart = verify->counterpart;
    rule.verify.same_owner = verify->same_owner;
  }
  rule.verify.block_unknown = block_unknown.value_or(rule.verify.block_unknown);
  rule.verify.timeout_ms = verify_timeout_ms.value_or(rule.verify.timeout_ms);
  rule.contact = contact;
  rule.message = message;
  rule.messages = messages;
}

} // namespace mxw
