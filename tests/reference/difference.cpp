#include "reference/difference.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <stdexcept>

namespace mxw::test {

namespace {

constexpr std::array<std::string_view, 13> kSuffixes = {
    "com", "net", "org", "mil", "uk", "co.uk", "org.uk", "br", "com.br", "ml", "co", "jp", "co.jp"};

constexpr std::array<std::string_view, 4> kAlphabets = {"ab-c", "aeos", "01lorncdvwmi",
                                                        "abcdefghijklmnopqrstuvwxyz0123456789-"};

Labels split(std::string_view text) {
  Labels labels(1);
  for (const char c : text)
    if (c == '.')
      labels.emplace_back();
    else
      labels.back() += c;
  return labels;
}

std::string text_of(const Labels &labels) {
  std::string text;
  for (std::size_t i = 0; i < labels.size(); ++i)
    (text += i == 0 ? "" : ".") += labels[i];
  return text;
}

/// The name, if it is one.
std::optional<Name> made_of(const Labels &labels) {
  try {
    return name_of(labels);
  } catch (const std::invalid_argument &) {
    return std::nullopt;
  }
}

/// Less than `end`. Not std::uniform_int_distribution, which differs between libraries.
std::size_t below(Random &random, std::size_t end) { return random() % end; }

bool one_in(Random &random, std::size_t n) { return below(random, n) == 0; }

template <class Values> const auto &any_of(Random &random, const Values &values) {
  return values[below(random, values.size())];
}

std::string word(Random &random, std::string_view alphabet, std::size_t least, std::size_t most) {
  std::string text(least + below(random, most - least + 1), ' ');
  std::generate(text.begin(), text.end(), [&] { return any_of(random, alphabet); });
  return text;
}

std::string any_octets(Random &random, std::size_t size) {
  std::string text(size, ' ');
  std::generate(text.begin(), text.end(), [&] { return static_cast<char>(random() & 0xff); });
  return text;
}

// How names are mistyped -------------------------------------------------------------------------

struct Mistyped {
  Labels labels;
  std::size_t body; ///< how many labels; what is behind them is the suffix
};

std::string &body_label(Random &random, Mistyped &name) {
  return name.labels[below(random, std::min(name.body, name.labels.size()))];
}

/// One edit anywhere in `text`.
void edit(Random &random, std::string &text, std::string_view alphabet) {
  if (text.empty())
    return;
  const std::size_t at = below(random, text.size());
  switch (below(random, 7)) {
  case 0:
    text.erase(at, 1);
    break;
  case 1:
    text.insert(at, 1, text[at]);
    break;
  case 2:
    text.insert(below(random, text.size() + 1), 1, any_of(random, alphabet));
    break;
  case 3:
    text += any_of(random, alphabet);
    break;
  case 4:
    if (at + 1 < text.size())
      std::swap(text[at], text[at + 1]);
    break;
  case 5:
    text[at] = static_cast<char>(text[at] ^ (1 << below(random, 8)));
    break;
  default:
    text[at] = any_of(random, alphabet);
  }
}

void replace_vowel(Random &random, std::string &text) {
  const std::size_t at = text.find_first_of("aeiou", below(random, text.size()));
  if (at != std::string::npos)
    text[at] = any_of(random, std::string_view("aeiou"));
}

/// One octet or two for what looks like them, if they are there.
void replace_alike(Random &random, std::string &text) {
  constexpr std::array<std::array<std::string_view, 2>, 10> alike = {{{"rn", "m"},
                                                                      {"nn", "m"},
                                                                      {"rr", "m"},
                                                                      {"vv", "w"},
                                                                      {"cl", "d"},
                                                                      {"0", "o"},
                                                                      {"1", "l"},
                                                                      {"1", "i"},
                                                                      {"i", "l"},
                                                                      {"c1", "d"}}};
  const std::size_t first = below(random, alike.size());
  const std::size_t from = below(random, 2);
  for (std::size_t i = 0; i < 2 * alike.size(); ++i) {
    const auto &pair = alike[(first + i) % alike.size()];
    const std::size_t side = (from + i / alike.size()) % 2;
    const std::size_t at = text.find(pair[side]);
    if (at == std::string::npos)
      continue;
    text.replace(at, pair[side].size(), pair[1 - side]);
    return;
  }
}

void replace_double(Random &random, std::string &text) {
  const auto at = std::adjacent_find(text.begin(), text.end());
  if (at == text.end())
    return edit(random, text, "ab");
  *at = any_of(random, kAlphabets[3]);
  *(at + 1) = *at;
}

void add_plural(Random &random, std::string &text) {
  const std::size_t at = text.find_last_of("sxz");
  if (at == std::string::npos || one_in(random, 3))
    text += 's';
  else
    text.insert(at + 1, "es");
}

/// An A-label for what `text` is, with one or two letters that are not ASCII.
void make_idn(Random &random, std::string &text) {
  constexpr std::array<std::u32string_view, 26> alike = {U"\u00e0\u00e4\u0430\u0251",
                                                         U"\u1e03\u044c",
                                                         U"\u00e7\u0441",
                                                         U"\u010f\u0501",
                                                         U"\u00e9\u0435\u0117",
                                                         U"\u1e1f",
                                                         U"\u0121\u0261",
                                                         U"\u0125\u04bb",
                                                         U"\u0131\u00ed\u0456",
                                                         U"\u0458",
                                                         U"\u0137\u043a",
                                                         U"\u013a\u04cf",
                                                         U"\u1e41\u043c",
                                                         U"\u00f1\u0578",
                                                         U"\u00f6\u043e\u03bf",
                                                         U"\u0440\u03c1",
                                                         U"\u051b",
                                                         U"\u0155\u0433",
                                                         U"\u0161\u0455",
                                                         U"\u0163\u0442",
                                                         U"\u00fc\u03c5",
                                                         U"\u03bd\u0475",
                                                         U"\u0175\u0461",
                                                         U"\u0445\u03c7",
                                                         U"\u00fd\u0443",
                                                         U"\u017e"};
  std::u32string label;
  for (const char c : text)
    label += static_cast<char32_t>(static_cast<unsigned char>(c));
  for (std::size_t more = 1 + below(random, 2); more > 0; --more) {
    const std::size_t at = below(random, label.size());
    if (label[at] >= 'a' && label[at] <= 'z')
      label[at] = any_of(random, alike[label[at] - 'a']);
    else
      label.insert(at, 1, U'\u00e9');
  }
  if (std::any_of(label.begin(), label.end(), [](char32_t c) { return c >= 0x80; }))
    text = a_label(label);
}

/// One of the ways in which one label is mistyped.
void mistype_label(Random &random, std::string &text) {
  if (text.empty())
    return;
  switch (below(random, 8)) {
  case 0:
    return replace_vowel(random, text);
  case 1:
    return replace_alike(random, text);
  case 2:
    return replace_double(random, text);
  case 3:
    return add_plural(random, text);
  case 4:
    return make_idn(random, text);
  case 5:
    if (const std::size_t at = text.find('-'); at != std::string::npos)
      text.erase(at, 1);
    else
      text.insert(below(random, text.size() + 1), 1, '-');
    return;
  default:
    return edit(random, text, any_of(random, kAlphabets));
  }
}

void set_suffix(Mistyped &name, const Labels &suffix) {
  name.labels.resize(std::min(name.body, name.labels.size()));
  name.labels.insert(name.labels.end(), suffix.begin(), suffix.end());
}

/// The suffix is another, or is edited as text.
void mistype_suffix(Random &random, Mistyped &name) {
  Labels suffix(name.labels.begin() +
                    static_cast<std::ptrdiff_t>(std::min(name.body, name.labels.size())),
                name.labels.end());
  if (suffix.empty())
    return;
  std::string text = text_of(suffix);
  switch (below(random, 8)) {
  case 0: { // rather one with the same last label
    Labels other = split(any_of(random, kSuffixes));
    for (int i = 0; i < 32 && (other.size() != suffix.size() || other == suffix ||
                               other.back() != suffix.back());
         ++i)
      other = split(any_of(random, kSuffixes));
    return set_suffix(name, other);
  }
  case 1:
    return set_suffix(name, split(text + word(random, kAlphabets[3], 1, 4)));
  case 2: {
    suffix.push_back(one_in(random, 2) ? word(random, "abc", 1, 3)
                                       : std::string(any_of(random, kSuffixes)));
    return set_suffix(name, suffix);
  }
  case 3:
    for (const auto &[typed, intended] : fake_slips())
      if (intended.size() <= name.labels.size() &&
          std::equal(intended.rbegin(), intended.rend(), name.labels.rbegin()) &&
          one_in(random, 2)) {
        name.labels.resize(name.labels.size() - intended.size());
        name.labels.insert(name.labels.end(), typed.begin(), typed.end());
        return;
      }
    [[fallthrough]];
  case 4:
    return set_suffix(name, split(text + '.' + text));
  case 5:
    std::erase(text, '.');
    [[fallthrough]];
  default:
    edit(random, text, "abcmilouk.-");
    return set_suffix(name, split(text));
  }
}

/// A dot is left out, put in, turned to a hyphen, made of one, or swapped with what is beside it.
void mistype_dots(Random &random, Mistyped &name) {
  std::string text = text_of(name.labels);
  if (text.empty())
    return;
  const std::size_t start = below(random, text.size());
  const std::size_t dot = std::min(text.find('.', start), text.rfind('.', start));
  const std::size_t hyphen = text.find('-');
  switch (below(random, 5)) {
  case 0:
    if (dot != std::string::npos)
      text.erase(dot, 1);
    break;
  case 1:
    text.insert(below(random, text.size() + 1), 1, '.');
    break;
  case 2:
    if (dot != std::string::npos)
      text[dot] = '-';
    break;
  case 3:
    if (hyphen != std::string::npos)
      text[hyphen] = '.';
    break;
  default:
    if (dot != std::string::npos && dot > 0 && dot + 1 < text.size())
      std::swap(text[dot], text[one_in(random, 2) ? dot - 1 : dot + 1]);
  }
  name.labels = split(text);
}

/// All labels as one, alone or under a top-level domain.
void glue(Random &random, Mistyped &name) {
  std::string text;
  const bool hyphens = one_in(random, 2);
  for (const std::string &label : name.labels)
    (text += text.empty() || !hyphens ? "" : "-") += label;
  name.labels = {text};
  if (!one_in(random, 3))
    name.labels.push_back(one_in(random, 2) ? word(random, "abcx", 1, 3)
                                            : std::string(any_of(random, kSuffixes)));
  name.body = 1;
}

/// Something before or behind a label: `www`, words with hyphens, digits.
void add_words(Random &random, Mistyped &name) {
  std::string &label = one_in(random, 2) ? name.labels[0] : body_label(random, name);
  const std::string digits = word(random, "0123456789", 1, 3);
  const std::string other = word(random, "ab-c", 1, 5);
  switch (below(random, 6)) {
  case 0:
    label.insert(0, "www");
    break;
  case 1:
    label.insert(0, digits);
    break;
  case 2:
    label += digits;
    break;
  case 3:
    label.insert(0, other + '-');
    break;
  case 4:
    label += '-' + other;
    break;
  default:
    label = other + '-' + label + '-' + other;
  }
  if (one_in(random, 3))
    set_suffix(name, split(any_of(random, kSuffixes)));
}

void mistype(Random &random, Mistyped &name) {
  switch (below(random, 10)) {
  case 0:
  case 1:
    return mistype_suffix(random, name);
  case 2:
  case 3:
    return mistype_dots(random, name);
  case 4:
    return glue(random, name);
  case 5:
    return add_words(random, name);
  default:
    return mistype_label(random, body_label(random, name));
  }
}

std::size_t body_of(const Labels &labels) {
  for (std::size_t body = 1; body + 1 < labels.size(); ++body)
    if (is_fake_public_suffix(
            text_of(Labels(labels.begin() + static_cast<std::ptrdiff_t>(body), labels.end()))))
      return body;
  return labels.size() - 1;
}

Mistyped one_mistyped(Random &random, std::span<const Name> protected_names) {
  const Labels labels = labels_of(any_of(random, protected_names));
  Mistyped name = {labels, body_of(labels)};
  mistype(random, name);
  if (one_in(random, 3))
    mistype(random, name);
  return name;
}

// Hostile names --------------------------------------------------------------------------------

std::string hostile_label(Random &random) {
  const std::size_t sizes[] = {1, 2, 3, 5, 8, 61, 62, 63};
  const std::size_t size = any_of(random, std::span(sizes));
  switch (below(random, 9)) {
  case 0:
    return std::string(size, 'a');
  case 1:
    return word(random, "ab", size, size);
  case 2:
    return any_octets(random, size);
  case 3:
    return word(random, std::string_view("\0\xff.\\", 4), size, size);
  case 4:
    return std::string("xn--") + word(random, kAlphabets[3], 0, 12);
  case 5:
    return std::string("xn--") + any_octets(random, below(random, 60));
  case 6:
    return word(random, "rnvvcl01", size, size);
  case 7:
    return std::string(size, '-');
  default:
    return word(random, "sxz", size, size);
  }
}

/// As many labels before `labels` as fit into 255 octets, of `each` octets.
void prepend_all(Labels &labels, std::size_t each) {
  std::size_t wire_bytes = 1;
  for (const std::string &label : labels)
    wire_bytes += label.size() + 1;
  while (wire_bytes + 2 <= Name::kMaxWireBytes) {
    const std::size_t size = std::min(each, Name::kMaxWireBytes - wire_bytes - 1);
    labels.insert(labels.begin(), std::string(size, 'a'));
    wire_bytes += size + 1;
  }
}

} // namespace

std::optional<std::vector<ReferenceMatch>> index_matches(const Index &index, const Name &query,
                                                         std::uint64_t seed) {
  struct Merger final : MatchSink {
    void add(const Match &match) noexcept override {
      found[{match.entry, match.apex_labels}].add(match.techniques);
    }
    void candidates_left() noexcept override { cut_short = true; }
    std::map<std::pair<std::uint32_t, std::uint8_t>, Techniques> found;
    bool cut_short = false;
  } merger;
  index.find(Tails(query, seed), merger);
  if (merger.cut_short)
    return std::nullopt;
  std::vector<ReferenceMatch> found;
  for (const auto &[where, techniques] : merger.found)
    found.push_back({where.first, techniques, where.second});
  return found;
}

std::vector<ReferenceMatch> expected_matches(const Reference &reference, const Name &query) {
  std::vector<ReferenceMatch> expected = reference.matches(query);
  std::erase_if(expected,
                [](const ReferenceMatch &match) { return match.apex_labels > kMaxRuleLabels; });
  return expected;
}

std::span<const std::string_view> fake_public_suffixes() noexcept { return kSuffixes; }

bool is_fake_public_suffix(std::string_view name) noexcept {
  return std::find(kSuffixes.begin(), kSuffixes.end(), name) != kSuffixes.end();
}

std::vector<std::pair<Labels, Labels>> fake_slips() {
  return {{{"ml"}, {"mil"}},
          {{"co"}, {"com"}},
          {{"uk"}, {"co", "uk"}},
          {{"couk"}, {"co", "uk"}},
          {{"cmo"}, {"com"}},
          {{"org"}, {"net"}},
          {{"combr"}, {"com", "br"}},
          {{"br"}, {"uk"}},
          {{"aa", "ml"}, {"aa", "mil"}},
          {{"ac", "uk"}, {"uk"}},
          {{"b", "com"}, {"b", "org"}},
          {{"lcom"}, {"com"}}};
}

std::vector<Name> random_names(std::uint64_t seed, std::size_t count) {
  Random random(seed);
  std::vector<Name> names;
  while (names.size() < count) {
    const std::string_view alphabet = any_of(random, kAlphabets);
    Labels labels;
    for (std::size_t more = 1 + below(random, 3); more > 0; --more) {
      labels.push_back(word(random, alphabet, 1, 7));
      if (one_in(random, 24))
        make_idn(random, labels.back());
    }
    for (std::string &label : split(any_of(random, kSuffixes)))
      labels.push_back(std::move(label));
    names.push_back(name_of(labels));
  }
  return names;
}

std::vector<Name> mistyped_names(std::uint64_t seed, std::span<const Name> protected_names,
                                 std::size_t count) {
  Random random(seed);
  std::vector<Name> names;
  while (names.size() < count) {
    Labels labels = one_mistyped(random, protected_names).labels;
    for (std::size_t more = below(random, 3); more > 0; --more)
      labels.insert(labels.begin(), word(random, any_of(random, kAlphabets), 1, 6));
    if (const auto name = made_of(labels))
      names.push_back(*name);
  }
  return names;
}

std::vector<Name> hostile_protected_names() {
  const std::string l63(63, 'a');
  Labels many(15, "a");
  many.emplace_back("com");
  Labels many_long;
  for (char c = 'a'; c < 'a' + 15; ++c)
    many_long.emplace_back(13, c);
  many_long.emplace_back("com");
  const std::string octets("\0\xff.\\", 4);
  const std::vector<Labels> all = {
      {"aaaa", "com"},
      {"aaaaaaaaaaaaaaaa", "com"},
      {l63, "com"},
      {l63.substr(1), "com"},
      {l63, l63, l63, std::string(57, 'b'), "com"},
      {l63, l63, l63, std::string(55, 'a'), "co", "uk"},
      {"a", "a", "a", "com"},
      {"a", "com"},
      {"aa", "aa", "com"},
      many,
      many_long,
      {octets, "com"},
      {std::string("aaa\0", 4), "com"},
      {"\xff\xff\xff\xff", "mil"},
      {"a.b", "com"},
      {"-", "com"},
      {"----", "com"},
      {"a-a-a-a-a-a", "com"},
      {"xn--", "com"},
      {"xn--a", "com"},
      {"xn--mnchen-3ya", "com"},
      {"xn--99999999999", "com"},
      {"xn--" + std::string(59, 'a'), "com"},
      {std::string("xn--\0\xff", 6), "com"},
      {"sxzsxz", "com"},
      {"rnrnvvcl0011", "com"},
      {"www", "com"},
      {"wwwa", "com"},
      {"com", "com"},
      {"co", "uk"},
      {"uk", "co", "uk"},
      {"1234", "com"},
      {"army", "madeup"},
      {"army", "x"},
  };
  std::vector<Name> names;
  std::transform(all.begin(), all.end(), std::back_inserter(names), name_of);
  return names;
}

std::vector<Name> hostile_names(std::uint64_t seed, std::span<const Name> protected_names,
                                std::size_t count) {
  Random random(seed);
  std::vector<Name> names = {Name(), name_of(Labels(127, "a")), name_of(Labels(127, "\xff"))};
  while (names.size() < count) {
    Labels labels;
    switch (below(random, 4)) {
    case 0:
      for (std::size_t more = 1 + below(random, 5); more > 0; --more)
        labels.push_back(hostile_label(random));
      if (one_in(random, 2))
        labels.emplace_back("com");
      break;
    case 1: {
      const Name &meant = any_of(random, protected_names);
      labels = labels_of(meant);
      const std::size_t at = below(random, labels.size());
      for (std::size_t more = 1 + below(random, 2); more > 0; --more)
        edit(random, labels[at], std::string_view("a\0\xff.", 4));
      break;
    }
    default:
      labels = one_mistyped(random, protected_names).labels;
    }
    if (one_in(random, 3))
      prepend_all(labels, one_in(random, 2) ? 1 : 63);
    else if (one_in(random, 3))
      labels.insert(labels.begin(), hostile_label(random));
    if (const auto name = made_of(labels))
      names.push_back(*name);
  }
  return names;
}

std::vector<Name> short_names(std::string_view alphabet, std::size_t longest,
                              std::string_view suffix) {
  std::vector<Name> names;
  std::vector<std::string> words = {""};
  for (std::size_t size = 1; size <= longest; ++size) {
    std::vector<std::string> longer;
    for (const std::string &text : words)
      for (const char c : alphabet)
        longer.push_back(text + c);
    words = std::move(longer);
    for (const std::string &text : words) {
      Labels labels = split(suffix);
      labels.insert(labels.begin(), text);
      names.push_back(name_of(labels));
    }
  }
  return names;
}

std::string a_label(std::u32string_view label) {
  // RFC 3492 section 6.3, with the parameters of section 5.
  constexpr std::size_t base = 36, t_min = 1, t_max = 26, skew = 38, damp = 700;
  std::string out = "xn--";
  for (const char32_t c : label)
    if (c < 0x80)
      out += static_cast<char>(c);
  const std::size_t basic = out.size() - 4;
  if (basic > 0)
    out += '-';
  std::size_t n = 0x80, delta = 0, bias = 72;
  for (std::size_t handled = basic; handled < label.size(); ++n, ++delta) {
    std::size_t next = 0x110000;
    for (const char32_t c : label)
      if (c >= n)
        next = std::min<std::size_t>(next, c);
    delta += (next - n) * (handled + 1);
    n = next;
    for (const char32_t c : label) {
      if (c < n)
        ++delta;
      if (c != n)
        continue;
      std::size_t q = delta;
      for (std::size_t k = base;; k += base) {
        const std::size_t t = k <= bias ? t_min : std::min(t_max, k - bias);
        const std::size_t digit = q < t ? q : t + (q - t) % (base - t);
        out += static_cast<char>(digit < 26 ? 'a' + digit : '0' + (digit - 26));
        if (q < t)
          break;
        q = (q - t) / (base - t);
      }
      delta = handled == basic ? delta / damp : delta / 2;
      delta += delta / (handled + 1);
      std::size_t k = 0;
      for (; delta > (base - t_min) * t_max / 2; k += base)
        delta /= base - t_min;
      bias = k + (base - t_min + 1) * delta / (delta + skew);
      delta = 0;
      ++handled;
    }
  }
  return out;
}

} // namespace mxw::test
