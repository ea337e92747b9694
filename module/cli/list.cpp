// `mxwarden list`: which names would be taken for look-alikes of a protected one.
#include <algorithm>
#include <array>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <optional>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "core/fold.h"
#include "loader/dns_text.h"
#include "loader/source.h"

namespace mxw::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
/// Under which what has no suffix of its own is tried: any other would be caught as well.
constexpr std::string_view kSuffixes[] = {"com", "net", "org", "info", "biz", "io", "co"};

/// Names that may look like another one: more than do. Each is asked about afterwards.
class Guesses {
public:
  explicit Guesses(const Name &meant) : meant_(meant) {}

  std::set<std::string> all() {
    for (const std::string &text : std::set<std::string>{to_string(meant_), seen()}) {
      text_ = text;
      put(text_);
      edits(text_);
      slips();
      dots();
      pairs();
      words();
      unicode();
    }
    return std::move(names_);
  }

private:
  /// What a reader sees: A-labels in ASCII.
  [[nodiscard]] std::string seen() const {
    std::string text;
    for (std::size_t i = 0; i < meant_.labels(); ++i) {
      std::array<char, Name::kMaxLabelBytes> label; // NOLINT(*-member-init): filled below
      const auto size = fold_idn(meant_.label(i), label);
      if (i > 0)
        text += '.';
      text += size ? std::string_view(label.data(), *size) : meant_.label(i);
    }
    return text;
  }
  void put(std::string name) { names_.insert(std::move(name)); }

  /// Every text one edit from `text`, its dots included.
  void edits(const std::string &text) {
    for (std::size_t at = 0; at <= text.size(); ++at) {
      for (const char c : std::string(kLetters) + '.') {
        put(std::string(text).insert(at, 1, c));
        if (at < text.size())
          put(std::string(text).replace(at, 1, 1, c));
      }
      if (at < text.size())
        put(std::string(text).erase(at, 1));
      if (at + 1 < text.size()) {
        std::string swapped = text;
        std::swap(swapped[at], swapped[at + 1]);
        put(swapped);
      }
    }
  }
  /// Every suffix of one or two letters, and the usual ones.
  void slips() {
    for (std::size_t dot = text_.find('.'); dot != std::string::npos;
         dot = text_.find('.', dot + 1)) {
      const std::string body = text_.substr(0, dot + 1);
      for (const char a : kLetters)
        for (const char b : kLetters) {
          put(body + a + b);
          for (const char c : kLetters)
            put(body + a + b + c);
        }
      for (const std::string_view suffix : kSuffixes)
        put(body + std::string(suffix));
      std::string own = text_.substr(dot + 1);
      put(joined({text_, ".", own}));
      if (const std::size_t inner = own.find('.'); inner != std::string::npos)
        edits(body + own.erase(inner, 1));
      for (const std::string_view suffix : {"next", "co.uk", "org.uk", "com.au", "com.br"})
        put(body + std::string(suffix));
    }
    for (const std::string_view suffix : kSuffixes)
      put(text_ + '.' + std::string(suffix));
    put(text_ + ".br");
  }
  void dots() {
    put("www" + text_);
    for (const std::string_view between : {"", "-"}) {
      std::string glued = text_;
      for (std::size_t dot = glued.find('.'); dot != std::string::npos; dot = glued.find('.', dot))
        glued.replace(dot, 1, between);
      put(glued);
      for (const std::string_view suffix : kSuffixes)
        put(glued + '.' + std::string(suffix));
      put(glued + text_.substr(text_.rfind('.')));
    }
  }
  /// What is read as another letter, and what stands twice.
  void pairs() {
    for (std::size_t at = 0; at < text_.size(); ++at) {
      for (const auto &[letter, looks] :
           std::initializer_list<std::pair<std::string_view, std::string_view>>{{"m", "rn"},
                                                                                {"m", "nn"},
                                                                                {"m", "rr"},
                                                                                {"w", "vv"},
                                                                                {"d", "cl"},
                                                                                {"rn", "m"},
                                                                                {"vv", "w"},
                                                                                {"cl", "d"}})
        if (text_.compare(at, letter.size(), letter) == 0)
          put(std::string(text_).replace(at, letter.size(), looks));
      if (at + 1 < text_.size() && text_[at] == text_[at + 1])
        for (const char c : kLetters)
          put(std::string(text_).replace(at, 2, 2, c));
      if (std::string_view("sxz").find(text_[at]) != std::string_view::npos)
        put(std::string(text_).insert(at + 1, "es"));
    }
  }
  void words() {
    const std::string label = text_.substr(0, text_.find('.'));
    const std::string rest = text_.substr(label.size());
    for (const std::string_view word :
         {"login", "mail", "secure", "online", "support", "account"}) {
      put(joined({label, "-", word, rest}));
      put(joined({word, "-", label, rest}));
    }
    for (const std::string_view digits : {"12", "123", "1234"}) {
      put(joined({digits, label, rest}));
      put(joined({label, digits, rest}));
    }
  }
  /// Each letter as each code point that looks like it.
  void unicode() {
    constexpr char32_t kLast = 0x1ffff;
    for (char32_t point = 0x80; point <= kLast; ++point) {
      const std::string_view look = look_of(point);
      if (look.empty())
        continue;
      for (std::size_t at = text_.find(look); at != std::string::npos;
           at = text_.find(look, at + 1)) {
        const std::string u_label = std::string(text_).replace(at, look.size(), utf8(point));
        if (const auto name = parse_asked_name(u_label))
          put(to_string(*name));
      }
    }
  }
  static std::string joined(std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const std::string_view part : parts)
      text += part;
    return text;
  }
  static std::string utf8(char32_t point) {
    std::string octets;
    const auto put = [&](char32_t octet) { octets += static_cast<char>(octet); };
    if (point < 0x800) {
      put(0xc0 | point >> 6U);
    } else if (point < 0x10000) {
      put(0xe0 | point >> 12U);
      put(0x80 | (point >> 6U & 0x3fU));
    } else {
      put(0xf0 | point >> 18U);
      put(0x80 | (point >> 12U & 0x3fU));
      put(0x80 | (point >> 6U & 0x3fU));
    }
    put(0x80 | (point & 0x3fU));
    return octets;
  }

  Name meant_;
  std::string text_; // what is being varied
  std::set<std::string> names_;
};

/// Prints what `policy` catches for `meant`; false if it protects no such name.
bool list_one(const ListOptions &options, const Policy &policy, const Name &meant) {
  const Verdict own = policy.decide_by_rules({meant, qtype::kMx, std::nullopt, std::time(nullptr)});
  if (own.reason != Reason::is_protected || own.protected_name != meant) {
    std::cerr << "mxwarden: the rules do not protect " << printable(quote(to_string(meant)))
              << "; leave --config and --rules out to see what a rule of its own would catch\n";
    return false;
  }
  std::set<std::string> guesses = Guesses(meant).all();
  for (const LookAlike &known : policy.look_alikes(own.rule))
    guesses.insert(to_string(known.typed));
  for (const std::string &guess : guesses) {
    const auto name = parse_name(guess);
    if (!name)
      continue;
    const Verdict verdict =
        policy.decide_by_rules({*name, qtype::kMx, std::nullopt, std::time(nullptr)});
    const std::string_view technique = to_string(verdict.technique);
    if (verdict.reason != Reason::look_alike || verdict.protected_name != meant ||
        name->labels() != verdict.apex_labels ||
        (!options.technique.empty() && options.technique != technique))
      continue;
    if (options.json)
      std::cout << Json({{"name", guess},
                         {"protected", to_string(meant)},
                         {"technique", technique},
                         {"edits", verdict.edits},
                         {"confidence", verdict.confidence / 100.0},
                         {"mode", to_string(verdict.mode)}})
                       .dump()
                << '\n';
    else
      std::cout << guess << ' ' << technique << ' ' << std::fixed << std::setprecision(2)
                << verdict.confidence / 100.0 << ' ' << to_string(verdict.mode) << '\n';
  }
  return true;
}

} // namespace

Exit list(const ListOptions &options) {
  const auto refuse = [](const std::string &message) {
    std::cerr << "mxwarden: " << printable(message) << '\n';
    return Exit::cannot_run;
  };
  Loaded loaded;
  if (options.has_rules) {
    loaded = load(options.rules);
    if (loaded.has_errors()) {
      print(loaded.findings);
      return refuse("the rules have errors, so nothing can be listed");
    }
  }
  auto preset = Preset::standard;
  for (const Preset known : {Preset::cautious, Preset::aggressive})
    if (options.sensitivity == to_string(known))
      preset = known;
  bool all_good = true;
  for (const std::string &text : options.names) {
    const auto name = parse_rule_name(text);
    if (!name || name->labels() < 2 || name->labels() > kMaxRuleLabels) {
      std::cerr << "mxwarden: " << printable(quote(text))
                << (name ? " is no domain to protect: it must have 2 to 16 labels"
                         : " is not a domain name: " + std::string(name.error()))
                << '\n';
      all_good = false;
      continue;
    }
    const auto policy = options.has_rules ? loaded.policy : policy_for(*name, preset);
    all_good = list_one(options, *policy, *name) && all_good;
  }
  return all_good ? Exit::clean : Exit::findings;
}

} // namespace mxw::cli
