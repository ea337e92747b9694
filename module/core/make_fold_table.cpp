// Writes fold_table.h: what every code point looks like in ASCII. Run when building.
//
// Asked in this order, the first answer counts: the list below; the code point's decomposition
// (é, ｍ, 𝐦); the letter in its name (LATIN SMALL LETTER O WITH STROKE); its skeleton as UTS #39
// has it; the same without a turn or the like (TURNED A); its other case. Marks and what is not
// displayed look like nothing.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>
#include <unicode/uvernum.h>

namespace {

/// What Unicode's data does not tell, or tells otherwise than a reader of host names sees it. In
/// small print, and between Latin letters: п is an n there, whatever it is to who knows Cyrillic.
struct Extra {
  const char *look;
  const char32_t *code_points;
};

constexpr std::array kExtras = {
    Extra{"a", U"ʌᴧⲁ"},
    Extra{"b", U"ƅβꞵбъьⲃᏸ"},
    Extra{"c", U"ςϛͻҁʗↄ匚"},
    Extra{"d", U"ðẟժ"},
    Extra{"db", U"ȸ"},
    Extra{"e", U"əɛεєэԑⲉꮛ"},
    Extra{"f", U"ғϝʃ"},
    Extra{"g", U"ꮆ"},
    Extra{"h", U"ђћƕꜧիհ"},
    Extra{"i", U"工エ"},
    Extra{"j", U"յ"},
    Extra{"k", U"ĸҡԟ"},
    Extra{"l", U"ӏլ丨ㅣ"},
    Extra{"ll", U"ỻ"},
    Extra{"m", U"мϻʍꟽꟿ"},
    Extra{"n", U"ŋηиплπᴨᴫղռրחת"},
    Extra{"o", U"ѻᲂꙩʘꟁ〇ㅇ"},
    Extra{"p", U"þƿק"},
    Extra{"q", U"ϙ"},
    Extra{"qp", U"ȹ"},
    Extra{"r", U"яꝛ"},
    Extra{"s", U"ƨꙅ"},
    Extra{"ss", U"ßẞ"},
    Extra{"t", U"եϯ丁丅"},
    Extra{"th", U"ᵺ"},
    Extra{"tz", U"ꜩ"},
    Extra{"u", U"μʉʊцџ凵"},
    Extra{"w", U"шщωѿꟃשพฟພຟ"},
    Extra{"x", U"χж乂"},
    Extra{"y", U"ɥעч丫"},
    Extra{"z", U"ʒζⲍꙁꝣ乙"},
    Extra{"3", U"зӡȝ"},
    Extra{"-", U"ー一ㅡꟷ"},
};

/// What can become of a letter that is still read as the same.
constexpr std::array<std::string_view, 11> kShapes = {
    "TURNED ", "REVERSED ", "INVERTED ", "SIDEWAYS ", "BARRED ", "INSULAR ",
    "SCRIPT ", "DOTLESS ",  "BROKEN ",   "OPEN ",     "CLOSED "};

constexpr std::size_t kMaxLook = 4; ///< longer ones resemble no letter
constexpr int kMaxSteps = 6;        ///< from a code point to others like it

class Looks {
public:
  Looks() {
    UErrorCode status = U_ZERO_ERROR;
    spoof_.reset(uspoof_open(&status));
    nfkd_ = icu::Normalizer2::getNFKDInstance(status);
    if (U_FAILURE(status) != 0)
      throw std::runtime_error(u_errorName(status));
    for (const auto &[look, code_points] : kExtras)
      for (const char32_t c : std::u32string_view(code_points))
        if (!extras_.emplace(static_cast<UChar32>(c), look).second)
          throw std::runtime_error("listed twice: " + std::to_string(std::uint32_t{c}));
  }

  /// What `c` looks like, or nullopt.
  [[nodiscard]] std::optional<std::string> of(UChar32 c, int steps = kMaxSteps) const {
    if (vanishes(c))
      return "";
    if (const auto extra = extras_.find(c); extra != extras_.end())
      return extra->second;
    if (c < 0x80)
      return std::string(1, static_cast<char>(u_tolower(c)));
    if (!U_IS_UNICODE_CHAR(c) || u_isdefined(c) == 0 || steps == 0)
      return std::nullopt;
    if (auto look = of_all(decomposition(c), c, steps))
      return look;
    if (auto look = of_other(letter_named(c, {}), c, steps))
      return look;
    if (auto look = of_all(skeleton(c), c, steps))
      return look;
    if (auto look = of_other(letter_named(c, kShapes), c, steps))
      return look;
    if (auto look = of_other(u_tolower(c), c, steps))
      return look;
    if (has_small_capitals(c))
      return of_other(u_toupper(c), c, steps);
    return std::nullopt;
  }

private:
  struct Close {
    void operator()(USpoofChecker *checker) const { uspoof_close(checker); }
  };

  /// True for what a reader does not see, or sees as an ornament.
  static bool vanishes(UChar32 c) {
    return (U_GET_GC_MASK(c) & (U_GC_MN_MASK | U_GC_ME_MASK | U_GC_CF_MASK)) != 0 ||
           u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) != 0;
  }

  /// What `text`, which `c` stands for, looks like, or nullopt if a part of it resembles nothing.
  /// What no host name has is left out (⒜ is an a), and only letters are read as several (㎓ is
  /// not).
  [[nodiscard]] std::optional<std::string> of_all(const icu::UnicodeString &text, UChar32 c,
                                                  int steps) const {
    std::string all;
    for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
      const auto look = of(text.char32At(i), steps - 1);
      if (!look)
        return std::nullopt;
      all += *look;
    }
    std::erase_if(all, [](char octet) {
      return std::string_view("abcdefghijklmnopqrstuvwxyz0123456789-").find(octet) ==
             std::string_view::npos;
    });
    const bool is_letter = u_hasBinaryProperty(c, UCHAR_ALPHABETIC) != 0;
    if (all.empty() || all.size() > (is_letter ? kMaxLook : 1))
      return std::nullopt;
    return all;
  }

  /// Empty where it is `c` itself, or Hangul: its parts are not side by side.
  [[nodiscard]] icu::UnicodeString decomposition(UChar32 c) const {
    UErrorCode status = U_ZERO_ERROR;
    auto text = nfkd_->normalize(icu::UnicodeString(c), status);
    if (U_FAILURE(status) != 0)
      throw std::runtime_error(u_errorName(status));
    if (text == icu::UnicodeString(c) || u_getIntPropertyValue(c, UCHAR_SCRIPT) == USCRIPT_HANGUL)
      return {};
    return text;
  }

  /// What `other` looks like, unless it is `c` itself.
  [[nodiscard]] std::optional<std::string> of_other(UChar32 other, UChar32 c, int steps) const {
    return other == c ? std::nullopt : of(other, steps - 1);
  }

  /// True if most letters of the script look the same in both cases but for their size.
  static bool has_small_capitals(UChar32 c) {
    const auto script = u_getIntPropertyValue(c, UCHAR_SCRIPT);
    return script == USCRIPT_CHEROKEE || script == USCRIPT_COPTIC || script == USCRIPT_CYRILLIC;
  }

  /// The letter that `c` is, but for a stroke, hook or tail, or one of `shapes`; `c` if it is none.
  static UChar32 letter_named(UChar32 c, std::span<const std::string_view> shapes) {
    if (u_isalpha(c) == 0)
      return c;
    std::array<char, 128> buffer = {};
    UErrorCode status = U_ZERO_ERROR;
    u_charName(c, U_UNICODE_CHAR_NAME, buffer.data(), static_cast<std::int32_t>(buffer.size()),
               &status);
    std::string name = buffer.data();
    name = name.substr(0, name.find(" WITH "));
    for (const std::string_view shape : shapes)
      if (const auto at = name.find(shape); at != std::string::npos)
        name.erase(at, shape.size());
    constexpr std::string_view small_capital = "LATIN LETTER SMALL CAPITAL ";
    if (name.starts_with(small_capital))
      name = "LATIN SMALL LETTER " + name.substr(small_capital.size());
    const UChar32 letter = u_charFromName(U_UNICODE_CHAR_NAME, name.c_str(), &status);
    return U_FAILURE(status) != 0 ? c : letter;
  }

  /// The skeleton, where it differs from `c`. A skeleton has `rn` for what looks like m.
  [[nodiscard]] icu::UnicodeString skeleton(UChar32 c) const {
    UErrorCode status = U_ZERO_ERROR;
    std::array<char16_t, 64> buffer = {};
    const icu::UnicodeString source(c);
    const std::int32_t size =
        uspoof_getSkeleton(spoof_.get(), 0, source.getBuffer(), source.length(), buffer.data(),
                           static_cast<std::int32_t>(buffer.size()), &status);
    if (U_FAILURE(status) != 0)
      throw std::runtime_error(u_errorName(status));
    icu::UnicodeString text(buffer.data(), size);
    text.findAndReplace(u"rn", u"m");
    return text == source ? icu::UnicodeString() : text;
  }

  std::unique_ptr<USpoofChecker, Close> spoof_;
  const icu::Normalizer2 *nfkd_ = nullptr;
  std::map<UChar32, std::string> extras_;
};

constexpr std::size_t kPageSize = 128;

/// Writes `values` as the elements of an array called `name`.
template <class T>
void write(std::ostream &out, const char *type, const char *name, const std::vector<T> &values) {
  out << "constexpr std::array<" << type << ", " << values.size() << "> " << name << " = {";
  for (std::size_t i = 0; i < values.size(); ++i)
    out << (i % 24 == 0 ? "\n    " : " ") << values[i] << ',';
  out << "\n};\n";
}

} // namespace

int main(int argc, char **argv) try {
  if (argc != 2) {
    std::cerr << "usage: make_fold_table HEADER\n";
    return 2;
  }
  const Looks looks;
  std::vector<std::string> texts = {"\x7f"}; // resembles nothing
  std::map<std::string, std::size_t> numbers;
  std::vector<std::size_t> pages;
  std::vector<std::size_t> cells;
  std::map<std::vector<std::size_t>, std::size_t> known;
  std::size_t used = 0; // pages up to the last that tells something
  for (UChar32 begin = 0; begin <= UCHAR_MAX_VALUE; begin += kPageSize) {
    std::vector<std::size_t> page;
    for (UChar32 c = begin; c < begin + static_cast<UChar32>(kPageSize); ++c) {
      const auto look = c < 0x80 ? std::nullopt : looks.of(c);
      const auto number = look ? numbers.emplace(*look, texts.size()).first->second : 0;
      if (number == texts.size())
        texts.push_back(*look);
      page.push_back(number);
    }
    const auto [at, is_new] = known.emplace(page, known.size());
    if (is_new)
      cells.insert(cells.end(), page.begin(), page.end());
    pages.push_back(at->second);
    if (std::any_of(page.begin(), page.end(), [](std::size_t number) { return number != 0; }))
      used = pages.size();
  }
  pages.resize(used);
  if (texts.size() > 256 || known.size() > 256)
    throw std::runtime_error("more looks or different pages than an octet can number");

  std::vector<std::string> elements;
  for (const std::string &text : texts) {
    elements.push_back("Look{" + std::to_string(text.size()) + ", {");
    for (const char c : text)
      elements.back() += std::to_string(int{c}) + ',';
    elements.back() += "}}";
  }
  std::ofstream out(argv[1]);
  out << "// What code points look like. Written by make_fold_table.cpp from ICU " U_ICU_VERSION
         ".\n#pragma once\n\n#include <array>\n#include <cstddef>\n#include <cstdint>\n\n"
         "namespace mxw::fold_table {\n\n"
         "struct Look {\n  std::uint8_t size;\n  std::array<char, "
      << kMaxLook << "> text;\n};\n\nconstexpr std::size_t kPageSize = " << kPageSize << ";\n";
  write(out, "Look", "kLooks", elements);
  write(out, "std::uint8_t", "kPages", pages);
  write(out, "std::uint8_t", "kCells", cells);
  out << "\n} // namespace mxw::fold_table\n";
  out.close();
  if (!out)
    throw std::runtime_error(std::string("cannot write '") + argv[1] + '\'');
  return 0;
} catch (const std::exception &error) {
  std::cerr << "make_fold_table: " << error.what() << '\n';
  return 1;
}
