// Typed access to one TOML table: what is missing, of the wrong type or unknown becomes a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "loader/source.h"

namespace mxw {

Position position_of(const toml::source_region &region) noexcept;

/// Where the string of TOML that begins at `at` ends: behind its quotes, or at the end of an
/// unclosed one.
std::size_t end_of_string(std::string_view text, std::size_t at) noexcept;

/// Returns the tables of `source`, or nullopt and a finding (MXW002) where it is no TOML.
std::optional<toml::table> parse_toml(const Source &source, Findings &findings);

/// One table. Each accessor returns nullopt (or nothing) where the key is not there or its value is
/// of another type; the second is a finding. finish() reports the keys that nobody asked for.
class TableReader {
public:
  /// `title` names the table in messages: "[[protect]]". All must outlive the reader.
  TableReader(const Source &source, const toml::table &table, std::string_view title,
              Findings &findings)
      : source_(source), table_(table), title_(title), findings_(findings) {}

  std::optional<Text> string(std::string_view key);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);
  /// A number with or without a fraction, from 0 to 1.
  std::optional<double> share(std::string_view key);
  /// A string that is more than blanks; an empty one where it is not there or blank.
  std::string text(std::string_view key);
  /// One of the words of `known`; an empty one where it is not there or another, which is a
  /// finding.
  std::string word(std::string_view key, const std::vector<std::string_view> &known);
  /// The same for a word that was read, which is a `what`.
  std::string known_word(std::string_view what, const Text &word,
                         const std::vector<std::string_view> &known);
  std::optional<toml::date> date(std::string_view key);
  /// An array of strings; one of fewer than `at_least` is a finding.
  std::vector<Text> strings(std::string_view key, std::size_t at_least = 1);
  /// A string, or an array of one or more.
  std::vector<Text> string_or_strings(std::string_view key);
  /// The tables of an array of tables.
  std::vector<const toml::table *> tables(std::string_view key);
  const toml::table *table(std::string_view key);
  /// The values of a table whose keys are free: name and node.
  std::vector<std::pair<Text, const toml::node *>> entries();
  /// The string that a node is, which stands under `key`; else a finding.
  std::optional<Text> string_of(const toml::node &node, std::string_view key,
                                std::string_view example);
  /// The strings of an array node, which stands under `key`.
  std::vector<Text> strings_of(const toml::node &node, std::string_view key,
                               std::size_t at_least = 1);

  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }
  /// Where the table begins, or a key's value.
  [[nodiscard]] Position at() const noexcept { return position_of(table_.source()); }
  [[nodiscard]] Position at(std::string_view key) const;
  [[nodiscard]] const Source &source() const noexcept { return source_; }
  [[nodiscard]] std::string_view title() const noexcept { return title_; }
  [[nodiscard]] Findings &findings() noexcept { return findings_; }

  void error(std::string_view code, Position at, std::string message, std::string help);
  void warning(std::string_view code, Position at, std::string message, std::string help);

  /// Reports every key that no accessor was asked for, with the nearest one that there is.
  void finish();

private:
  const toml::node *take(std::string_view key);
  /// `what` is what has the wrong type, in quotes: "'domains'".
  void wrong_type(std::string_view what, const toml::node &node, std::string_view expected,
                  std::string_view example);

  const Source &source_;
  const toml::table &table_;
  std::string_view title_;
  Findings &findings_;
  std::vector<std::string_view> known_;
};

/// Returns `", did you mean 'x'?"` for the nearest of `known` to `word`, or nothing if none is
/// near.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view> &known);

} // namespace mxw
