#include "bench/names.h"

#include <stdexcept>
#include <utility>

#include "core/hash.h"
#include "loader/dns_text.h"
#include "loader/public_suffix.h"

namespace mxw::bench {
namespace {

constexpr std::array<std::string_view, 40> kOnsets = {
    "b",  "c",  "d",  "f",  "g",  "h",  "j",  "k",  "l",  "m",  "n",  "p",  "r",  "s",
    "t",  "v",  "w",  "z",  "bl", "br", "ch", "cl", "cr", "dr", "fl", "fr", "gl", "gr",
    "pl", "pr", "ph", "qu", "sc", "sh", "sl", "sp", "st", "th", "tr", "wh"};
constexpr std::array<char, 5> kVowels = {'a', 'e', 'i', 'o', 'u'};
constexpr std::array<std::string_view, 24> kMiddles = {
    "b",  "c",  "d",  "g",  "k",  "l",  "m",  "n",  "p",  "r",  "s",  "t",
    "ck", "ll", "nd", "ng", "nt", "rd", "rn", "rt", "ss", "st", "tt", "v"};
constexpr std::array<std::string_view, 20> kEndings = {"a",  "e",  "i",  "o",  "y",  "al", "an",
                                                       "ar", "ed", "el", "en", "er", "es", "et",
                                                       "ia", "ic", "in", "is", "on", "or"};

/// A number that looks random, for each `i` another (Steele and others 2014, SplitMix64).
std::uint64_t scrambled(std::uint64_t i) noexcept {
  i = (i + 1) * kGolden;
  i = (i ^ i >> 30U) * 0xbf58476d1ce4e5b9U;
  i = (i ^ i >> 27U) * 0x94d049bb133111ebU;
  return i ^ i >> 31U;
}

/// Two words of 4 to 7 letters.
std::string label(std::uint64_t i) {
  std::string text;
  std::uint64_t rest = scrambled(i);
  const auto one_of = [&](const auto &parts) {
    const auto &part = parts[rest % parts.size()];
    rest /= parts.size();
    return part;
  };
  for (int word = 0; word < 2; ++word) {
    text += one_of(kOnsets);
    text += one_of(kVowels);
    text += one_of(kMiddles);
    text += one_of(kEndings);
  }
  return text;
}

std::string_view suffix(std::uint64_t i) noexcept {
  constexpr std::array<std::string_view, 10> kSuffixes = {".com", ".com", ".com", ".com", ".com",
                                                          ".net", ".net", ".org", ".org", ".gov"};
  return kSuffixes[scrambled(~i) % kSuffixes.size()];
}

/// Where labels of no protected name begin.
constexpr std::uint64_t kOthers = std::uint64_t{1} << 40U;

std::string edited(std::string text, std::uint64_t i) {
  const std::size_t at = 1 + scrambled(i) % (text.size() - 2);
  switch (i % 4) {
  case 0:
    return text.erase(at, 1);
  case 1:
    std::swap(text[at], text[at + 1]);
    return text;
  case 2:
    text[at] = text[at] == 'x' ? 'q' : 'x';
    return text;
  default:
    return text.insert(at, 1, 'x');
  }
}

/// With another letter for one of its vowels.
std::string imitated(std::string text, std::uint64_t i) {
  constexpr std::array<std::array<std::string_view, 2>, 5> kLooks = {{
      {"\u00e0", "\u0430"}, // the second is another script's
      {"\u00e9", "\u0435"},
      {"\u00ed", "\u0456"},
      {"\u00f6", "\u043e"},
      {"\u00fc", "\u1ef1"},
  }};
  const std::size_t last = text.find_last_of("aeiou");
  const std::size_t at = i % 2 == 0 ? last : text.find_first_of("aeiou");
  for (std::size_t v = 0; v < kVowels.size(); ++v)
    if (text[at] == kVowels[v])
      return text.replace(at, 1, kLooks[v][i / 2 % 2]);
  return text;
}

std::string question(Kind kind, std::size_t n, std::uint64_t i) {
  constexpr std::array<std::string_view, 4> kHosts = {"mail.", "www.", "mx1.", "smtp."};
  const std::string host(kHosts[i % kHosts.size()]);
  const std::uint64_t one = scrambled(i) % n; // of the protected names
  const std::string meant = label(one);
  const std::string other = label(kOthers + i);
  const std::string behind(suffix(one));
  switch (kind) {
  case Kind::miss_two_labels:
    return other + std::string(suffix(i));
  case Kind::miss_three_labels:
    return host + other + std::string(suffix(i));
  case Kind::miss_elsewhere:
    return host + other + (i % 3 == 0 ? ".co.uk" : ".de");
  case Kind::protected_name:
    return (i % 2 == 0 ? host : "") + meant + behind;
  case Kind::one_edit:
    return edited(meant, i) + behind;
  case Kind::slip:
    return meant + behind.substr(0, i % 2 == 0 ? 3 : 2) + (i % 2 == 0 ? "x" : "");
  case Kind::dots:
    return i % 2 == 0 ? "www" + meant + behind : meant + "-" + behind.substr(1) + ".com";
  case Kind::other_suffix:
    return meant + (i % 2 == 0 ? ".biz" : behind + ".br");
  case Kind::idn_miss:
    return imitated(other, i) + std::string(suffix(i));
  case Kind::idn_hit:
    return imitated(meant, i) + behind;
  }
  return {};
}

Reason reason_of(Kind kind) noexcept {
  switch (kind) {
  case Kind::miss_two_labels:
  case Kind::miss_three_labels:
  case Kind::miss_elsewhere:
  case Kind::idn_miss:
    return Reason::no_match;
  case Kind::protected_name:
    return Reason::is_protected;
  case Kind::one_edit:
  case Kind::slip:
  case Kind::dots:
  case Kind::other_suffix:
  case Kind::idn_hit:
    break;
  }
  return Reason::look_alike;
}

} // namespace

std::string_view to_string(Kind kind) noexcept {
  constexpr std::array<std::string_view, kKinds.size()> names = {"miss_two_labels",
                                                                 "miss_three_labels",
                                                                 "miss_elsewhere",
                                                                 "protected_name",
                                                                 "one_edit",
                                                                 "slip",
                                                                 "dots",
                                                                 "other_suffix",
                                                                 "idn_miss",
                                                                 "idn_hit"};
  return names[static_cast<std::size_t>(kind)];
}

NameList protected_names(std::size_t n) {
  NameList names;
  names.reserve(n, n * 18);
  for (std::uint64_t i = 0; i < n; ++i)
    names.push_back(parse_name(label(i) + std::string(suffix(i))).value());
  return names;
}

IndexOptions options_of(Edits edits) {
  IndexOptions options;
  for (const std::string_view typed : {"co", "cm", "om"})
    options.slips.push_back({parse_name(typed).value(), parse_name("com").value()});
  if (edits == Edits::two_from_7)
    options.techniques[static_cast<std::size_t>(Technique::two_edits)] = {Level::block, 7};
  return options;
}

PolicySpec spec_of(std::size_t n, Edits edits) {
  Rule rule;
  rule.id = "bench";
  rule.domains = protected_names(n);
  rule.matching = options_of(edits);
  PolicySpec spec;
  spec.rules.push_back(std::move(rule));
  spec.is_public_suffix = is_public_suffix;
  return spec;
}

Questions questions_of(Kind kind, const Policy &policy, std::size_t n, std::size_t count) {
  Questions questions;
  for (std::uint64_t i = 0; questions.size() < count; ++i) {
    if (i >= 8 * count + 1000)
      throw std::runtime_error("too few names are " + std::string(to_string(kind)));
    Query query;
    query.name = parse_asked_name(question(kind, n, i)).value();
    if (policy.decide(query).reason == reason_of(kind))
      questions.add(query.name.wire());
  }
  return questions;
}

} // namespace mxw::bench
