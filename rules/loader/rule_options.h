// What a rule file can say about how names are matched and what is done: in a rule, and in
// [defaults] for the rules that do not say it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/policy.h"
#include "loader/toml_reader.h"

namespace mxw {

/// The names of all values of an enum of core, whose to_string() gives everything past the last the
/// name of a value before it.
template <class Enum> std::vector<std::string_view> all_names() {
  std::vector<std::string_view> names;
  for (std::uint8_t i = 0;; ++i) {
    const std::string_view name = to_string(static_cast<Enum>(i));
    for (const std::string_view known : names)
      if (name == known)
        return names;
    names.push_back(name);
  }
}

/// Something that was said, and where. The source must outlive it.
template <class Value> struct Said {
  Value value;
  const Source *source = nullptr;
  Position at;
};

/// Takes 'clients' out of a table: ids of client sets, which may be defined later.
std::optional<Said<std::vector<Text>>> read_client_ids(TableReader &reader);

/// True for what names a language: letters, digits and hyphens, such as "de" or "pt-br" (RFC 5646).
/// Case does not matter there; here it is lower.
bool is_language(std::string_view tag) noexcept;
/// Says so where `tag` names none.
void look_at_language(TableReader &reader, const Text &tag);

/// The keys that [[protect]] and [defaults] have in common. What was not said is not set.
struct RuleOptions {
  struct OfTechnique {
    Technique technique = Technique::none;
    std::optional<Level> level;
    std::optional<std::uint8_t> min_label;
  };
  struct VerifyWhat {
    bool counterpart = false;
    bool same_owner = false;
  };

  std::optional<Preset> sensitivity;
  std::optional<std::uint8_t> min_label;
  std::vector<OfTechnique> techniques; ///< the later counts
  std::optional<std::uint8_t> min_confidence;
  std::optional<Keyboards> keyboards;
  std::optional<Said<Action>> action;
  std::optional<Mode> mode;
  std::optional<VerifyWhat> verify;
  std::optional<bool> block_unknown;
  std::optional<std::uint32_t> verify_timeout_ms;
  std::optional<Said<std::vector<Text>>> clients;
  std::string contact;
  std::string message;
  std::map<std::string, std::string, std::less<>> messages; ///< by language

  /// Takes the keys out of a table; what is wrong with them becomes a finding.
  static RuleOptions read(TableReader &reader);
  /// Takes from `others` what is not said here.
  void inherit(const RuleOptions &others);
  /// Sets what `rule` has of it, but for its clients. Without an action it is a redirect.
  void apply_to(Rule &rule) const;
};

} // namespace mxw
