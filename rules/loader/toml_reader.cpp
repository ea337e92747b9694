#include "loader/toml_reader.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "core/edit.h"

namespace mxw {

Position position_of(const toml::source_region &region) noexcept {
  return {region.begin.line, region.begin.column};
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view> &known) {
  std::size_t best = word.size() / 2 + 1; // farther than that it is another word
  std::string_view nearest;
  for (const std::string_view candidate : known)
    if (const std::size_t distance = edit_distance(word, candidate); distance < best) {
      best = distance;
      nearest = candidate;
    }
  return nearest.empty() ? std::string() : ", did you mean '" + std::string(nearest) + "'?";
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
  findings_.push_back(
      source_.finding(Severity::error, code, at, std::move(message), std::move(help)));
}

void TableReader::warning(std::string_view code, Position at, std::string message,
                          std::string help) {
  findings_.push_back(
      source_.finding(Severity::warning, code, at, std::move(message), std::move(help)));
}

void TableReader::wrong_type(std::string_view key, const toml::node &node,
                             std::string_view expected, std::string_view example) {
  std::ostringstream type;
  type << node.type();
  error("MXW004", position_of(node.source()),
        "'" + std::string(key) + "' is of type " + type.str() + "; it must be " +
            std::string(expected),
        "write it as " + std::string(example));
}

std::optional<Text> TableReader::string(std::string_view key) {
  const toml::node *node = take(key);
  if (node == nullptr)
    return std::nullopt;
  const auto *value = node->as_string();
  if (value == nullptr) {
    wrong_type(key, *node, "a string", std::string(key) + " = \"…\"");
    return std::nullopt;
  }
  return Text{value->get(), position_of(node->source())};
}

std::optional<std::int64_t> TableReader::integer(std::string_view key, std::int64_t min,
                                                 std::int64_t max) {
  const toml::node *node = take(key);
  if (node == nullptr)
    return std::nullopt;
  const auto *value = node->as_integer();
  if (value == nullptr) {
    wrong_type(key, *node, "a whole number", std::string(key) + " = " + std::to_string(min));
    return std::nullopt;
  }
  if (value->get() < min || value->get() > max) {
    error("MXW014", position_of(node->source()),
          "'" + std::string(key) + "' is " + std::to_string(value->get()) + "; it must be " +
              std::to_string(min) + " to " + std::to_string(max),
          "choose a number in between");
    return std::nullopt;
  }
  return value->get();
}

std::optional<toml::date> TableReader::date(std::string_view key) {
  const toml::node *node = take(key);
  if (node == nullptr)
    return std::nullopt;
  const auto *value = node->as_date();
  if (value == nullptr) {
    wrong_type(key, *node, "a date", std::string(key) + " = 2027-03-31, without quotes");
    return std::nullopt;
  }
  return value->get();
}

std::vector<Text> TableReader::strings_of(const toml::node &node, std::string_view key) {
  const std::string example = std::string(key) + " = [\"…\", \"…\"]";
  std::vector<Text> texts;
  const toml::array *array = node.as_array();
  if (array == nullptr) {
    wrong_type(key, node, "an array of strings", example);
    return texts;
  }
  for (const toml::node &element : *array) {
    if (const auto *value = element.as_string())
      texts.push_back({value->get(), position_of(element.source())});
    else
      wrong_type(key, element, "an array of strings", example);
  }
  return texts;
}

std::vector<Text> TableReader::strings(std::string_view key) {
  const toml::node *node = take(key);
  return node == nullptr ? std::vector<Text>() : strings_of(*node, key);
}

std::vector<const toml::table *> TableReader::tables(std::string_view key) {
  std::vector<const toml::table *> tables;
  const toml::node *node = take(key);
  if (node == nullptr)
    return tables;
  const std::string example = "[[" + std::string(key) + "]]";
  const toml::array *array = node->as_array();
  if (array == nullptr) {
    wrong_type(key, *node, "an array of tables", example);
    return tables;
  }
  for (const toml::node &element : *array) {
    if (const toml::table *table = element.as_table())
      tables.push_back(table);
    else
      wrong_type(key, element, "an array of tables", example);
  }
  return tables;
}

const toml::table *TableReader::table(std::string_view key) {
  const toml::node *node = take(key);
  if (node == nullptr)
    return nullptr;
  const toml::table *table = node->as_table();
  if (table == nullptr)
    wrong_type(key, *node, "a table", "[" + std::string(key) + "]");
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
          "unknown key '" + std::string(key.str()) + "' in " + std::string(title_) +
              did_you_mean(key.str(), known_),
          "the keys are " + keys);
  }
}

} // namespace mxw
