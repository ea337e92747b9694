#include "loader/toml_reader.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "core/edit.h"

namespace mxw {
namespace {

/// toml++ 3.3 makes a table for each part of a dotted key and destroys them recursively: some ten
/// thousand overflow the stack. Values it nests 256 deep at most, each under a key of its own.
constexpr std::size_t kMaxKeyParts = 16;

/// The place of the first key with more than kMaxKeyParts parts, or npos.
std::size_t find_deep_key(std::string_view text) noexcept {
  std::size_t dots = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = end_of_string(text, at);
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (c == '.' && ++dots == kMaxKeyParts)
      return at;
    if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos)
      dots = 0;
    ++at;
  }
  return std::string_view::npos;
}

} // namespace

std::size_t end_of_string(std::string_view text, std::size_t at) noexcept {
  const char quote = text[at];
  const auto quotes = [&](std::size_t from) { // how many from there on, up to 5
    const std::string_view run = text.substr(from, 5);
    return std::min(run.find_first_not_of(quote), run.size());
  };
  const std::size_t opening = quotes(at);
  if (opening == 2) // an empty one
    return at + 2;
  const std::size_t needed = opening == 1 ? 1 : 3;
  for (at += needed; at < text.size(); ++at) {
    if (text[at] == '\\' && quote == '"')
      ++at;
    else if (text[at] == '\n' && needed == 1)
      return at;
    else if (text[at] == quote && quotes(at) >= needed) // two more may stand before the last three
      return at + (needed == 1 ? 1 : quotes(at));
  }
  return text.size();
}

std::optional<toml::table> parse_toml(const Source &source, Findings &findings) {
  const std::string_view text = source.text();
  if (const std::size_t at = find_deep_key(text); at != std::string_view::npos) {
    const std::string_view before = text.substr(0, at);
    const auto ends = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
    findings.error(source, "MXW002", {ends + 1, 1},
                   "a key of more than " + std::to_string(kMaxKeyParts) + " parts",
                   "no rule needs one; names with dots stand in quotes");
    return std::nullopt;
  }
  if (text.starts_with(kByteOrderMark)) { // toml++ would leave it out, as Source did with the first
    findings.error(source, "MXW002", {1, 1}, "a second byte order mark", "take it out");
    return std::nullopt;
  }
  try {
    return toml::parse(text, std::string_view(source.file().native()));
  } catch (const toml::parse_error &e) {
    constexpr std::size_t kMaxMessageBytes = 200; // it quotes from the file
    std::string message(e.description().substr(0, kMaxMessageBytes));
    message = message.substr(0, message.find('\n'));
    if (!message.empty() && message[0] >= 'A' && message[0] <= 'Z')
      message[0] = static_cast<char>(message[0] - 'A' + 'a');
    findings.error(
        source, "MXW002", position_of(e.source()), std::move(message),
        "texts stand in quotes, a table in braces on one line; nothing else of this file "
        "was judged");
    return std::nullopt;
  }
}

Position position_of(const toml::source_region &region) noexcept {
  return {region.begin.line, region.begin.column};
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view> &known) {
  std::size_t best = word.size() / 3 + 1; // farther than that it is another word
  std::string_view nearest;
  for (const std::string_view candidate : known) {
    if (word.size() >= candidate.size() + best) // as far as that at least, and costly to find out
      continue;
    if (const std::size_t distance = edit_distance(word, candidate); distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest.empty() ? std::string() : ", did you mean " + quote(nearest) + "?";
}

const toml::node *TableReader::take(std::string_view key) {
  known_.push_back(key);
  return table_.get(key);
}

Position TableReader::at(std::string_view key) const {
  const toml::node *node = table_.get(key);
  return node == nullptr ? at() : position_of(node->source());
}

void TableReader::error(std::string_view code, Position at, std::string message, std::string help) {
  findings_.error(source_, code, at, std::move(message), std::move(help));
}

void TableReader::warning(std::string_view code, Position at, std::string message,
                          std::string help) {
  findings_.warning(source_, code, at, std::move(message), std::move(help));
}

void TableReader::wrong_type(std::string_view what, const toml::node &node,
                             std::string_view expected, std::string_view example) {
  std::ostringstream type;
  type << node.type();
  error("MXW004", position_of(node.source()),
        std::string(what) + " is of type " + type.str() + "; it must be " + std::string(expected),
        "write it as " + std::string(example));
}

std::optional<Text> TableReader::string(std::string_view key) {
  const toml::node *node = take(key);
  if (node == nullptr)
    return std::nullopt;
  return string_of(*node, key, std::string(key) + " = \"…\"");
}

std::optional<Text> TableReader::string_of(const toml::node &node, std::string_view key,
                                           std::string_view example) {
  const auto *value = node.as_string();
  if (value == nullptr) {
    wrong_type(quote(key), node, "a string", example);
    return std::nullopt;
  }
  return Text{value->get(), position_of(node.source())};
}

std::optional<std::int64_t> TableReader::integer(std::string_view key, std::int64_t min,
                                                 std::int64_t max) {
  const toml::node *node = take(key);
  if (node == nullptr)
    return std::nullopt;
  const auto *value = node->as_integer();
  if (value == nullptr) {
    wrong_type(quote(key), *node, "a whole number", std::string(key) + " = 1");
    return std::nullopt;
  }
  if (value->get() < min || value->get() > max) {
    error("MXW014", position_of(node->source()),
          quote(key) + " is " + std::to_string(value->get()) + "; it must be " +
              std::to_string(min) + " to " + std::to_string(max),
          "choose a number in between");
    return std::nullopt;
  }
  return value->get();
}

std::optional<double> TableReader::share(std::string_view key) {
  const toml::node *node = take(key);
  if (node == nullptr)
    return std::nullopt;
  const auto value = node->value_exact<double>();
  const auto whole = node->value_exact<std::int64_t>();
  if (!value && !whole) {
    wrong_type(quote(key), *node, "a number", std::string(key) + " = 0.5");
    return std::nullopt;
  }
  const double share = value ? *value : static_cast<double>(*whole);
  if (!(share >= 0 && share <= 1)) { // NaN is neither
    error("MXW014", position_of(node->source()), quote(key) + " must be from 0 to 1",
          "choose a number in between");
    return std::nullopt;
  }
  return share;
}

std::string TableReader::text(std::string_view key) {
  const auto text = string(key);
  if (!text)
    return {};
  if (text->value.find_first_not_of(" \t\r\n") == std::string::npos)
    error("MXW025", text->at, quote(key) + " is empty", "put something in, or leave it out");
  return text->value;
}

std::string TableReader::word(std::string_view key, const std::vector<std::string_view> &known) {
  const auto word = string(key);
  return word ? known_word(key, *word, known) : std::string();
}

std::string TableReader::known_word(std::string_view what, const Text &word,
                                    const std::vector<std::string_view> &known) {
  if (std::find(known.begin(), known.end(), word.value) != known.end())
    return word.value;
  std::string words;
  for (const std::string_view one : known)
    words += (words.empty() ? "" : ", ") + std::string(one);
  error("MXW013", word.at,
        "unknown " + std::string(what) + " " + quote(word.value) + did_you_mean(word.value, known),
        "choose one of: " + words);
  return {};
}

std::optional<toml::date> TableReader::date(std::string_view key) {
  const toml::node *node = take(key);
  if (node == nullptr)
    return std::nullopt;
  const auto *value = node->as_date();
  if (value == nullptr) {
    wrong_type(quote(key), *node, "a date", std::string(key) + " = 2027-03-31, without quotes");
    return std::nullopt;
  }
  return value->get();
}

std::vector<Text> TableReader::strings_of(const toml::node &node, std::string_view key,
                                          std::size_t at_least) {
  const std::string example =
      (key.find('.') == std::string_view::npos ? std::string(key) : '"' + std::string(key) + '"') +
      " = [\"…\", \"…\"]";
  std::vector<Text> texts;
  const toml::array *array = node.as_array();
  if (array == nullptr) {
    wrong_type(quote(key), node, "an array of strings", example);
    return texts;
  }
  for (const toml::node &element : *array) {
    if (const auto *value = element.as_string())
      texts.push_back({value->get(), position_of(element.source())});
    else
      wrong_type("an entry of " + quote(key), element, "a string", example);
  }
  if (array->size() < at_least)
    error("MXW025", position_of(node.source()), quote(key) + " is empty",
          "put something in, or leave it out");
  return texts;
}

std::vector<Text> TableReader::strings(std::string_view key, std::size_t at_least) {
  const toml::node *node = take(key);
  return node == nullptr ? std::vector<Text>() : strings_of(*node, key, at_least);
}

std::vector<Text> TableReader::string_or_strings(std::string_view key) {
  const toml::node_view<const toml::node> node = table_[key];
  if (!node.is_string())
    return strings(key);
  return {*string(key)};
}

std::vector<const toml::table *> TableReader::tables(std::string_view key) {
  std::vector<const toml::table *> tables;
  const toml::node *node = take(key);
  if (node == nullptr)
    return tables;
  const std::string example = "[[" + std::string(key) + "]]";
  const toml::array *array = node->as_array();
  if (array == nullptr) {
    wrong_type(quote(key), *node, "an array of tables", example);
    return tables;
  }
  for (const toml::node &element : *array) {
    if (const toml::table *table = element.as_table())
      tables.push_back(table);
    else
      wrong_type("an entry of " + quote(key), element, "a table", example);
  }
  return tables;
}

const toml::table *TableReader::table(std::string_view key) {
  const toml::node *node = take(key);
  if (node == nullptr)
    return nullptr;
  const toml::table *table = node->as_table();
  if (table == nullptr)
    wrong_type(quote(key), *node, "a table",
               title_.starts_with('[') ? std::string(key) + " = { … }"
                                       : '[' + std::string(key) + ']');
  return table;
}

std::vector<std::pair<Text, const toml::node *>> TableReader::entries() {
  std::vector<std::pair<Text, const toml::node *>> entries;
  for (const auto &[key, node] : table_)
    entries.push_back({{std::string(key.str()), position_of(key.source())}, &node});
  return entries;
}

void TableReader::finish() {
  for (const auto &[key, node] : table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end())
      continue;
    std::string keys;
    for (const std::string_view known : known_)
      keys += (keys.empty() ? "" : ", ") + std::string(known);
    error("MXW003", position_of(key.source()),
          "unknown key " + quote(key.str()) + " in " + std::string(title_) +
              did_you_mean(key.str(), known_),
          "the keys are " + keys);
  }
}

} // namespace mxw
