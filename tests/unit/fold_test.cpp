#include "core/fold.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/unistr.h>

using namespace mxw;

namespace {

/// Room for a label between octets that must stay as they are.
template <class T> class Guarded {
public:
  Guarded() { all_.fill(kCanary); }
  std::span<T, 63> room() { return std::span(all_).template subspan<kBorder, 63>(); }
  [[nodiscard]] bool is_intact() const {
    const auto untouched = [](T value) { return value == kCanary; };
    return std::all_of(all_.begin(), all_.begin() + kBorder, untouched) &&
           std::all_of(all_.end() - kBorder, all_.end(), untouched);
  }

private:
  static constexpr std::size_t kBorder = 64;
  static constexpr T kCanary = 0x55;
  std::array<T, 63 + 2 * kBorder> all_;
};

std::string ascii(std::string_view label) {
  Guarded<char> out;
  const std::size_t size = fold_ascii(label, out.room());
  REQUIRE(size <= 63);
  REQUIRE(out.is_intact());
  return {out.room().data(), size};
}

/// "-" for nullopt, which is what no label is folded to.
std::string idn(std::string_view label) {
  Guarded<char> out;
  const auto size = fold_idn(label, out.room());
  REQUIRE(size.value_or(1) <= 63);
  REQUIRE(size.value_or(1) > 0);
  REQUIRE(out.is_intact());
  return size ? std::string(out.room().data(), *size) : "-";
}

/// nullopt as well if the decoder wrote where it must not.
std::optional<std::u32string> decode(std::string_view punycode) {
  Guarded<char32_t> out;
  const auto size = decode_punycode(punycode, out.room());
  if (!size || *size > 63 || !out.is_intact())
    return std::nullopt;
  return std::u32string(out.room().data(), *size);
}

/// ICU as the other opinion.
class Idna {
public:
  Idna() {
    UErrorCode status = U_ZERO_ERROR;
    idna_.reset(uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII, &status));
    REQUIRE(U_SUCCESS(status));
  }
  /// The A-label of `u_label`; empty if IDNA does not allow it, would change it, or needs none.
  [[nodiscard]] std::string a_label(const std::u32string &u_label) const {
    std::u16string source;
    for (const char32_t c : u_label) {
      std::array<char16_t, 2> units = {};
      std::size_t size = 0;
      U16_APPEND_UNSAFE(units.data(), size, c);
      source.append(units.data(), size);
    }
    if (convert(uidna_labelToUnicode, source) != source)
      return {};
    const std::u16string label = convert(uidna_labelToASCII, source);
    return label.starts_with(u"xn--") ? std::string(label.begin(), label.end()) : std::string();
  }

private:
  struct Close {
    void operator()(UIDNA *idna) const { uidna_close(idna); }
  };
  template <class Function>
  [[nodiscard]] std::u16string convert(Function function, const std::u16string &label) const {
    std::array<char16_t, 256> buffer = {};
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    UErrorCode status = U_ZERO_ERROR;
    const std::int32_t size =
        function(idna_.get(), label.data(), static_cast<std::int32_t>(label.size()), buffer.data(),
                 static_cast<std::int32_t>(buffer.size()), &info, &status);
    if (U_FAILURE(status) || info.errors != 0)
      return {};
    return {buffer.data(), static_cast<std::size_t>(size)};
  }

  std::unique_ptr<UIDNA, Close> idna_;
};

/// What the A-label of one code point looks like; empty if IDNA does not allow it.
std::string look_of(const Idna &idna, char32_t c) {
  const std::string label = idna.a_label({c});
  return label.empty() ? label : idn(label);
}

} // namespace

TEST_CASE("fold: ASCII pairs and digits are read as the letters they resemble", "[fold]") {
  const auto [label, folded] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"army", "army"},
      {"arrny", "army"},
      {"gmai1", "gmail"},
      {"g00gle", "google"},
      {"lockheeclmartin", "lockheedmartin"},
      {"vvells", "wells"},
      {"rn", "m"},
      {"rnrn", "mm"},
      {"vvv", "wv"},
      {"vvvv", "ww"},
      {"clrnvv01", "dmwol"},
      {"r", "r"},
      {"v", "v"},
      {"c", "c"},
      {"nr", "nr"},
      {"lc", "lc"},
      {"r-n", "r-n"},
      {"0", "o"},
      {"01", "ol"},
      {"xn--0rn", "xn--om"},
      {"rnr", "mr"},
      {"crn", "cm"},
  }));
  CAPTURE(label);
  CHECK(ascii(label) == folded);
  CHECK(has_ascii_folds(label) == (label != folded));
}

TEST_CASE("fold: what comes out of a fold is not read again", "[fold]") {
  CHECK(ascii("c1") == "cl");
  CHECK(ascii("c1l") == "cll");
  CHECK(ascii("rrnn") == "rmn");
}

TEST_CASE("fold: all short ASCII labels are folded like by a search for each pair", "[fold]") {
  std::vector<std::string> labels = {""};
  for (std::size_t begin = 0, length = 0; length < 5; ++length) {
    const std::size_t end = labels.size();
    for (; begin < end; ++begin)
      for (const char c : {'r', 'n', 'v', 'c', 'l', '0', '1', '\xff'})
        labels.push_back(labels[begin] + c);
  }
  std::size_t differences = 0;
  for (const auto &label : labels) {
    std::string folded;
    for (std::size_t i = 0; i < label.size(); ++i) {
      const std::string pair = label.substr(i, 2);
      const bool is_pair = pair == "rn" || pair == "vv" || pair == "cl";
      folded += pair == "rn"      ? 'm'
                : pair == "vv"    ? 'w'
                : pair == "cl"    ? 'd'
                : label[i] == '0' ? 'o'
                : label[i] == '1' ? 'l'
                                  : label[i];
      i += is_pair ? 1U : 0U;
    }
    Guarded<char> out;
    const std::size_t size = fold_ascii(label, out.room());
    differences +=
        static_cast<std::size_t>(std::string_view(out.room().data(), size) != folded ||
                                 !out.is_intact() || has_ascii_folds(label) != (label != folded));
  }
  CHECK(differences == 0);
}

TEST_CASE("fold: an ASCII label of 63 octets is folded whole, a longer one is cut off", "[fold]") {
  CHECK(ascii(std::string(63, 'a')) == std::string(63, 'a'));
  CHECK(ascii(std::string(63, '0')) == std::string(63, 'o'));
  CHECK(ascii(std::string(62, 'v') + 'r') == std::string(31, 'w') + 'r');
  CHECK(ascii(std::string(62, 'a') + "rn") == std::string(62, 'a') + 'r');
  CHECK(ascii(std::string(1000, 'a')) == std::string(63, 'a'));
}

TEST_CASE("fold: an A-label is read as what it looks like", "[fold]") {
  const auto [label, folded] = GENERATE(table<std::string, std::string>({
      {"xn--gmal-nza", "gmail"},     // gmaıl
      {"xn--bcher-kva", "bucher"},   // bücher
      {"xn--80ak6aa92e", "apple"},   // аррӏе, Cyrillic
      {"xn--rmy-n76s", "army"},      // ａrmy, fullwidth
      {"xn--fa-hia", "fass"},        // faß
      {"xn--mil-yla", "maeil"},      // mæil
      {"xn--rnail-", "rnail"},       // ASCII only; fold_ascii() is not applied
      {"xn--rnal-xpa", "rnail"},     // rnaíl
      {"xn--gmal-nza0", "-"},        // cut off
      {"xn--fiqs8s", "\x7f\x7f"},    // 中国
      {"xn--army-3f5f", "army\x7f"}, // army中
      {"gmail", "-"},
      {"xn-gmal-nza", "-"},
      {"XN--gmal-nza", "-"},
      {"xn--", "-"},
      {"xn--g", "-"},
      {"xn--0", "-"},
      {"", "-"},
  }));
  CAPTURE(label);
  CHECK(idn(label) == folded);
}

TEST_CASE("fold: a letter is read as the ASCII it resembles", "[fold]") {
  const auto [look, letters] = GENERATE(table<std::string, std::u32string>({
      {"a", U"áàâäãåăąạảậǎαаᴀɑ"},
      {"b", U"ḃɓьвʙβ"},
      {"c", U"çćčсᴄ"},
      {"d", U"ďđḍɗԁðᴅ"},
      {"e", U"éèêëēęěẹеєəɛ"},
      {"f", U"ḟƒꜰ"},
      {"g", U"ğģġɡɢԍց"},
      {"h", U"ħĥһհнʜ"},
      {"i", U"íìîïıīįіɩɪιꙇ"},
      {"j", U"ĵјϳȷ"},
      {"k", U"ķқкκĸᴋ"},
      {"l", U"łĺľļӏɫʟا"},
      {"m", U"ḿṁṃɱмᴍ"},
      {"n", U"ñńňŋոɴη"},
      {"o", U"øöóòôõőơοоօσɵᴏס०௦"},
      {"p", U"ṕрρþᴘ"},
      {"q", U"ԛգʠ"},
      {"r", U"řŕɾʀг"},
      {"s", U"šśşșѕꜱʂ"},
      {"t", U"ţťŧтτᴛ"},
      {"u", U"üúùûūůűųսυᴜʉ"},
      {"v", U"νѵᴠʋ"},
      {"w", U"ŵẃẅԝաᴡωɯ"},
      {"x", U"ẋхχ"},
      {"y", U"ýÿŷуγүʏ"},
      {"z", U"żźžƶᴢʐ"},
      {"ae", U"æӕ"},
      {"oe", U"œ"},
      {"-", U"一ー"},
      {"\x7f", U"中国日本語한글アあกकא"},
  }));
  const Idna idna;
  for (const char32_t c : letters) {
    CAPTURE(look, std::uint32_t{c});
    CHECK(look_of(idna, c) == look);
  }
}

TEST_CASE("fold: what IDNA forbids is read as well", "[fold]") {
  const auto [label, folded] = GENERATE(table<std::string, std::string>({
      {"xn--3ba", "a"},          // À
      {"xn--nfo-eua", "info"},   // İnfo
      {"xn--rmy-z36s", "army"},  // Ａrmy, fullwidth
      {"xn--rmy-y440b", "army"}, // 𝐚rmy, mathematical
      {"xn--rmy-om4a", "army"},  // ⓐrmy
      {"xn--rmy-qg4a", "army"},  // ⒜rmy
      {"xn--yi7c", "m"},         // ｍ, which UTS #39 reads as rn
      {"xn--sz1h", "m"},         // 𝐦
      {"xn--m5g", "m"},          // ⅿ
      {"xn--uxk", "\x7f"},       // ㎓: a sign, no letters
      {"xn--7g7c", "0"},         // ０
      {"xn--g-3o0i", "g\x7f"},   // g＠: no host name has an @
      {"xn--dn32g", "\x7f"},     // U+10FFFF
      {"xn--a-so7g", "a\x7f"},   // U+E000
  }));
  CAPTURE(label);
  CHECK(idn(label) == folded);
}

TEST_CASE("fold: marks and what is not displayed vanish, but not a whole label", "[fold]") {
  CHECK(idn("xn--army-wvc") == "army");  // a combining acute
  CHECK(idn("xn--army-876a") == "army"); // a zero width joiner
  CHECK(idn("xn--army-rga") == "army");  // a soft hyphen
  CHECK(idn("xn--rmy-c3901a") == "rmy"); // a tag
  CHECK(idn("xn--lsa") == "-");          // an acute alone
  CHECK(idn("xn--1uga4") == "-");        // two joiners
  CHECK(idn("xn--aaaaaaaaaaaaaa-03hbbbbbbbbbbbbb") == std::string(14, 'a'));
}

TEST_CASE("fold: Punycode is decoded as in RFC 3492, section 7.1", "[fold]") {
  const auto [punycode, text] = GENERATE(table<std::string, std::u32string>({
      {"egbpdaj6bu4bxfgehfvwxn", U"ليهمابتكلموشعربي؟"},
      {"ihqwcrb4cv8a8dqg056pqjye", U"他们为什么不说中文"},
      {"ihqwctvzc91f659drss3x8bo0yb", U"他們爲什麽不說中文"},
      {"4dbcagdahymbxekheh6e0a7fei0b", U"למההםפשוטלאמדבריםעברית"},
      {"i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd", U"यहलोगहिन्दीक्योंनहींबोलसकतेहैं"},
      {"n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa", U"なぜみんな日本語を話してくれないのか"},
      {"b1abfaaepdrnnbgefbadotcwatmq2g4l", U"почемужеонинеговорятпорусски"},
      {"de-jg4avhby1noc0d", U"パフィーdeルンバ"},
      {"d9juau41awczczp", U"そのスピードで"},
  }));
  CAPTURE(punycode);
  const auto decoded = decode(punycode);
  REQUIRE(decoded);
  CHECK(*decoded == text);
}

TEST_CASE("fold: every letter of the BMP is decoded from what ICU makes of it", "[fold]") {
  const Idna idna;
  std::size_t letters = 0;
  std::size_t differences = 0;
  for (char32_t c = 0x80; c < 0x10000; ++c) {
    if (u_isalpha(static_cast<UChar32>(c)) == 0)
      continue;
    for (const std::u32string &text : {std::u32string{c}, std::u32string{U'a', c, U'b', c}}) {
      const std::string label = idna.a_label(text);
      if (label.empty())
        continue;
      ++letters;
      differences += static_cast<std::size_t>(decode(label.substr(4)) != text);
    }
  }
  CHECK(letters > 80'000);
  CHECK(differences == 0);
}

TEST_CASE("fold: random labels are decoded from what ICU makes of them", "[fold]") {
  const Idna idna;
  std::mt19937 random(1);
  std::size_t labels = 0;
  std::size_t differences = 0;
  while (labels < 20'000) {
    // Near neighbours and far ones, in several planes.
    constexpr std::array<char32_t, 6> ranges = {0x20, 0x200, 0x800, 0x4e00, 0xac00, 0x20000};
    const char32_t begin = ranges[random() % ranges.size()];
    std::u32string text;
    for (std::size_t left = 1 + random() % 20; left > 0; --left)
      text += random() % 4 == 0 ? static_cast<char32_t>('a' + random() % 26)
                                : static_cast<char32_t>(begin + random() % (begin / 4 + 1));
    const std::string label = idna.a_label(text);
    if (label.empty())
      continue;
    ++labels;
    differences += static_cast<std::size_t>(decode(label.substr(4)) != text);
  }
  CHECK(differences == 0);
}

TEST_CASE("fold: what is no Punycode is refused", "[fold]") {
  const auto punycode = GENERATE(std::string("ihqwcrb4cv8a8dqg056pqjy"), // cut off
                                 std::string("gmal-nza0"), std::string("z"),
                                 std::string("gmal-nz_"), // no digit
                                 std::string("gmal-nzA"), // not in lower case
                                 std::string("gmal-n\xfcz"),
                                 std::string("g\xfcmal-nza"), // not ASCII before the hyphen
                                 std::string("gmal-nz\0", 8),
                                 std::string("-"), // a hyphen is no digit
                                 std::string("-nza"),
                                 std::string("ib9b"),       // U+D800
                                 std::string("a-qo7g"),     // U+DFFF
                                 std::string("ib9br3476e"), // U+D800 before U+10FFFF
                                 std::string("en32g"),      // U+110000
                                 std::string("a-j023p"),
                                 std::string("dn32gca"),  // the same behind U+10FFFF
                                 std::string("8016146o"), // U+7FFFFFFF
                                 std::string("99999999"), std::string(59, '9'), // far too large
                                 std::string("a-") + std::string(57, '9'),
                                 std::string(64, 'a')); // longer than a label
  CAPTURE(punycode);
  CHECK_FALSE(decode(punycode));
  CHECK(idn("xn--" + punycode) == "-");
}

TEST_CASE("fold: the code points at the edges of what there is are decoded", "[fold]") {
  const auto [punycode, text] = GENERATE(table<std::string, std::u32string>({
      {"", U""},
      {"gmail-", U"gmail"},
      {"--", U"-"},
      {"hb9b", U"\ud7ff"},
      {"0y0c", U"\ue000"},
      {"dn32g", U"\U0010ffff"},
      {"dn32ga", U"\U0010ffff\U0010ffff"},
      {"0y0cn4993e", U"\U0010ffff\ue000"},
  }));
  CAPTURE(punycode);
  CHECK(decode(punycode) == text);
}

TEST_CASE("fold: 63 octets are the limit, on either side", "[fold]") {
  CHECK(idn("xn--" + std::string(58, 'a') + '-') == std::string(58, 'a'));
  CHECK(idn("xn--" + std::string(59, 'a') + '-') == "-");
  CHECK(idn("xn--" + std::string(55, 'a') + "-usf") == std::string(55, 'a') + 'o');
  CHECK(idn("xn--" + std::string(56, 'a') + "-usf") == "-");
  // Each ﬃ is three octets.
  CHECK(idn("xn--lm6c" + std::string(20, 'a')).size() == 63);
  CHECK(idn("xn--lm6c" + std::string(21, 'a')) == "-");
}

TEST_CASE("fold: random octets do no harm", "[fold]") {
  std::mt19937 random(2);
  constexpr std::string_view ldh = "abcdefghijklmnopqrstuvwxyz0123456789-";
  std::size_t taken = 0;
  std::size_t harmed = 0;
  for (int round = 0; round < 300'000; ++round) {
    const bool is_label = round % 2 == 0;
    std::string label = round % 3 == 0 ? "" : "xn--";
    for (std::size_t left = random() % 64; left > 0; --left)
      label += is_label ? ldh[random() % ldh.size()] : static_cast<char>(random() % 256);
    Guarded<char> folded;
    Guarded<char> read;
    const auto size = fold_idn(label, folded.room());
    taken += static_cast<std::size_t>(size.has_value());
    harmed += static_cast<std::size_t>(fold_ascii(label, read.room()) > 63 || !read.is_intact() ||
                                       size.value_or(1) > 63 || size.value_or(1) == 0 ||
                                       !folded.is_intact());
  }
  CHECK(taken > 1'000);
  CHECK(harmed == 0);
}
