// How the names of one group (a rule) are matched, and what one match is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/name.h"
#include "core/technique.h"

namespace mxw {

/// Keyboards whose neighbouring keys make a replacement likely. Bits.
enum class Keyboard : std::uint8_t { qwerty = 1, qwertz = 2, azerty = 4, dvorak = 8 };
using Keyboards = std::uint8_t;

struct TechniqueOptions {
  Level level = Level::off;
  std::uint8_t min_label = 1; ///< shorter labels (as they are meant) are not matched

  [[nodiscard]] bool wants(std::size_t label_bytes) const noexcept {
    return level != Level::off && label_bytes >= min_label;
  }
};

/// Presets of what is done about each technique; docs/matching.md has them as a table.
enum class Preset : std::uint8_t { cautious, standard, aggressive };

/// The name used in rule files. Static storage.
constexpr std::string_view to_string(Preset preset) noexcept {
  constexpr std::array<std::string_view, 3> names = {"cautious", "default", "aggressive"};
  const auto at = static_cast<std::size_t>(preset);
  return names[at < names.size() ? at : 0];
}

/// `typed` in the place of the suffix `intended`.
struct Slip {
  Name typed;
  Name intended;
};

/// What a preset does about each technique. `min_label` is that of single edits; a technique that
/// needs more keeps its own.
std::array<TechniqueOptions, kTechniques> techniques_of(Preset preset,
                                                        std::uint8_t min_label = 4) noexcept;

struct IndexOptions {
  std::array<TechniqueOptions, kTechniques> techniques = techniques_of(Preset::standard);
  Keyboards keyboards = static_cast<Keyboards>(Keyboard::qwerty);
  /// In percent; what would be blocked with less confidence is observed.
  std::uint8_t min_confidence = 0;
  /// Suffixes that do not exist are slips for those they are one edit from.
  bool unreal_slips = true;
  std::vector<Slip> slips; ///< others

  [[nodiscard]] const TechniqueOptions &of(Technique technique) const noexcept {
    return techniques[static_cast<std::size_t>(technique)];
  }
};

/// Tells whether a name in presentation form, in lower case and without a last dot, is a public
/// suffix (ICANN part). Must be thread-safe and not allocate.
using IsPublicSuffix = bool (*)(std::string_view name) noexcept;

/// Returns how sure it is that a name which `technique` explains is a mistake, in percent, for what
/// is meant being `label_bytes` long: the technique's share of real typos among what it finds, less
/// for short labels, which many names are near. `near_keys`: the letter typed is next to the one
/// meant, or to a letter beside it. docs/matching.md has the counts behind it.
std::uint8_t confidence_of(Technique technique, std::size_t label_bytes, bool near_keys) noexcept;

/// True if `a` and `b` are neighbours on one of `keyboards`.
bool are_near_keys(char a, char b, Keyboards keyboards) noexcept;

/// One protected name that explains a query, and how.
/// No field is set on its own: many are made where few are needed.
struct Match {
  std::uint32_t entry;   ///< position in the names that the index was built from
  Technique technique;   ///< the likeliest
  Techniques techniques; ///< all that explain it
  Level level;
  std::uint8_t edits;       ///< optimal string alignment distance of what was mistyped
  std::uint8_t apex_labels; ///< how many labels of the query make the look-alike
  std::uint8_t confidence;  ///< in percent, as if no other name competed
  std::uint8_t label_bytes; ///< of the label that is meant, which min_label is compared with
};

/// Takes the matches of one look-up as they are found.
class MatchSink {
public:
  virtual void add(const Match &match) noexcept = 0;
  /// There were more candidates than are verified: what was found may not be the best.
  virtual void candidates_left() noexcept {}

protected:
  ~MatchSink() = default;
};

} // namespace mxw
