// What mail servers ask, whatever octets they send: the stream in two pieces, by the first octet.
// Every request must get a well-formed refusal, or where the server sends mail "DUNNO" at most.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/policy_protocol.h"
#include "core/ascii.h"
#include "core/diagnostic.h"
#include "fuzz/target.h"
#include "loader/dns_text.h"

using namespace mxw;

namespace {

constexpr std::size_t kMaxReply = 510; // RFC 5321 §4.5.3.1.5, without the end of the line

void require(bool holds) {
  if (!holds)
    std::abort();
}

Loaded make_rules() {
  PolicySpec spec;
  for (const auto &[id, domain] : {std::pair("dod", "army.mil"), std::pair("mail", "gmail.com")}) {
    Rule rule;
    rule.id = id;
    rule.action = Action::redirect;
    rule.contact = "postmaster@example.mil";
    rule.messages["de"] = "{query} sieht aus wie {suggestion}; meinten Sie {address}?";
    rule.domains.push_back(*parse_name(domain));
    rule.matching.techniques = techniques_of(Preset::standard);
    rule.matching.slips = {{*parse_name("ml"), *parse_name("mil")}};
    spec.rules.push_back(std::move(rule));
  }
  Loaded rules;
  rules.policy = std::make_shared<const Policy>(std::move(spec), 1);
  rules.languages.push_back({*parse_name("de"), "de"});
  return rules;
}

bool is_plain(std::string_view text) {
  return is_ascii(text) && std::none_of(text.begin(), text.end(), is_control);
}

void look_at(const PolicyRequest &request, const Loaded &rules, const PolicyOptions &options) {
  const PolicyAnswer answer = answer_to(request, rules, options, 0);
  if (answer.warning)
    require(is_plain(to_json(*answer.warning)));
  if (answer.action == "DUNNO") {
    require(options.role == PolicyRole::submission);
    return;
  }
  const std::string_view action = answer.action;
  require(action.starts_with("550 5.7.1 ") && action.size() > 20 && action.size() <= kMaxReply);
  require(printable(action) == action && action.find('\t') == std::string_view::npos);
  require(is_plain(action) || !is_plain(request.sender) || !is_plain(request.recipient));
  constexpr std::size_t kFrame = 42; // what Postfix says around the address, and the code
  require(request.recipient.size() > 400 ||
          action.size() + kFrame - 10 + request.recipient.size() <= kMaxReply);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static const Loaded rules = make_rules();
  static const Loaded none;
  if (size == 0)
    return 0;
  const std::string octets(data + 1, data + size);
  const std::size_t cut = octets.empty() ? 0 : data[0] % octets.size();
  PolicyParser parser;
  std::size_t requests = 0;
  const auto answer = [&](const PolicyRequest &request) {
    ++requests;
    require(request.recipient.size() <= PolicyParser::kMaxLine);
    for (const PolicyRole role : {PolicyRole::warning_mx, PolicyRole::submission}) {
      PolicyOptions options;
      options.role = role;
      options.local_parts = size % 2 == 0;
      look_at(request, rules, options);
      look_at(request, none, options);
    }
  };
  parser.take(std::string_view(octets).substr(0, cut), answer);
  parser.take(std::string_view(octets).substr(cut), answer);
  std::size_t again = 0; // it does not matter where the pieces end
  PolicyParser whole;
  whole.take(octets, [&](const PolicyRequest &) { ++again; });
  require(again == requests);
  return 0;
}
