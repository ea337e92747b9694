#include "cli/policy_protocol.h"

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "names.h"

using namespace mxw;
using test::name;

namespace {

Rule army(std::string id, std::string domain) {
  Rule rule;
  rule.id = std::move(id);
  rule.action = Action::redirect;
  rule.messages = {{"de", "Meinten Sie {address}?"}};
  rule.domains.push_back(name(domain));
  rule.matching.techniques = techniques_of(Preset::standard);
  rule.matching.slips = {{name("ml"), name("mil")}};
  return rule;
}

Loaded rules() {
  PolicySpec spec;
  spec.rules = {army("army", "army.mil"), army("watched", "navy.mil"), army("checked", "uscg.mil"),
                army("told", "usmc.mil"), army("outbound", "spaceforce.mil")};
  spec.rules[1].mode = Mode::observe;
  spec.rules[2].verify.counterpart = true;
  spec.rules[3].action = Action::pass;
  spec.rules[4].clients = {0};
  const auto subnet = *parse_subnet("192.0.2.0/24");
  spec.clients.emplace_back(std::vector{subnet});
  Allow allow;
  allow.domains.push_back(name("embassy.army.ml"));
  spec.allows.push_back(std::move(allow));
  Loaded loaded;
  loaded.policy = std::make_shared<const Policy>(std::move(spec), 1);
  loaded.languages = {{name("de"), "de"}, {name("en.example.de"), "en"}};
  return loaded;
}

PolicyRequest to(std::string recipient, std::string sender = "alice@sender.example") {
  PolicyRequest request;
  request.recipient = std::move(recipient);
  request.sender = std::move(sender);
  return request;
}

std::string at_warning_mx(const PolicyRequest &request) {
  return answer_to(request, rules(), {}, 0).action;
}

std::string at_submission(const PolicyRequest &request, const std::string &client = "") {
  PolicyOptions options;
  options.role = PolicyRole::submission;
  if (!client.empty())
    options.client = parse_address(client);
  return answer_to(request, rules(), options, 0).action;
}

std::vector<PolicyRequest> requests_of(const std::string &octets, std::size_t piece) {
  std::vector<PolicyRequest> all;
  PolicyParser parser;
  for (std::size_t at = 0; at < octets.size(); at += piece)
    parser.take(std::string_view(octets).substr(at, piece),
                [&](const PolicyRequest &request) { all.push_back(request); });
  return all;
}

const std::string kWords = "550 5.7.1 army.ml looks like army.mil; nothing was sent. Did you mean ";
const std::string kPlain = "550 5.7.1 nothing was sent: mail for ";

} // namespace

TEST_CASE("policy protocol: requests are the same however their octets come", "[policy-protocol]") {
  const std::size_t piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{1000});
  const auto all = requests_of("request=smtpd_access_policy\nsender=\nrecipient=bob@army.ml\n"
                               "client_address=192.0.2.1\nunknown=a=b\nno attribute\n\n"
                               "recipient=x=y@army.ml\r\n\r\n\nrecipient=unfinished",
                               piece);
  REQUIRE(all.size() == 3);
  CHECK(all[0].recipient == "bob@army.ml");
  CHECK(all[0].client_address == "192.0.2.1");
  CHECK_FALSE(all[0].is_odd);
  CHECK(all[1].recipient == "x=y@army.ml");
  CHECK(all[2].recipient.empty());
}

TEST_CASE("policy protocol: what is said twice or is too long is not believed",
          "[policy-protocol]") {
  const auto octets =
      GENERATE(std::string("recipient=bob@navy.mil\nrecipient=bob@army.ml\n\n"),
               "recipient=" + std::string(std::size_t{1} << 20U, 'x') + "@army.ml\n\n");
  const auto all = requests_of(octets, 4096);
  REQUIRE(all.size() == 1);
  CHECK(all[0].is_odd);
  CHECK(all[0].recipient.size() <= PolicyParser::kMaxLine);
  CHECK(at_warning_mx(all[0]).starts_with("550 5.7.1 nothing was sent"));
  const auto other = requests_of(std::string(100'000, 'x') + "\nrecipient=bob@army.ml\n\n", 4096);
  REQUIRE(other.size() == 1);
  CHECK_FALSE(other[0].is_odd); // nobody needs that line
}

TEST_CASE("policy protocol: a warning MX refuses all, in the words of the rules",
          "[policy-protocol]") {
  const auto [recipient, expected] = GENERATE(table<std::string, std::string>({
      {"bob@army.ml", kWords + "bob@army.mil?"},
      {"BOB@ARMY.ML", kWords + "BOB@army.mil?"},
      {"bob@army.ml.", kWords + "bob@army.mil?"},
      {"bob smith@army.ml", kWords + "\"bob smith\"@army.mil?"},
      {"bob\"\\x@army.ml", kWords + "\"bob\\\"\\\\x\"@army.mil?"},
      {"\"bob smith\"@army.ml", kWords + "\"bob smith\"@army.mil?"},
      {"a..b@army.ml", kWords + "\"a..b\"@army.mil?"},
      {"{query}@army.ml", kWords + "{query}@army.mil?"},
      {"a@b@army.ml", kWords + "\"a@b\"@army.mil?"},
      {"@army.ml", kWords + "army.mil?"},
      {"a\rb@army.ml", kWords + "army.mil?"},
      {std::string("a\0b@army.ml", 11), kWords + "army.mil?"},
      {"\xff@army.ml", kWords + "army.mil?"},
      {"\xe2\x80\xae@army.ml", kWords + "army.mil?"}, // turns the rest of the line round
      {"b\xc3\xb6"
       "b@army.ml",
       kWords + "b\xc3\xb6"
                "b@army.mil?"},
      {"bob@navy.ml",
       "550 5.7.1 navy.ml looks like navy.mil; nothing was sent. Did you mean bob@navy.mil?"},
      {"bob@embassy.army.ml", kPlain + "embassy.army.ml was led to a server that takes none. Try "
                                       "again later, or ask your postmaster."},
      {"bob@army.mil", kPlain + "army.mil was led to a server that takes none. Try again later, or "
                                "ask your postmaster."},
      {"bob@", kPlain + "this address was led to a server that takes none. Try again later, or ask "
                        "your postmaster."},
  }));
  CAPTURE(recipient);
  CHECK(at_warning_mx(to(recipient)) == expected);
}

TEST_CASE("policy protocol: what has no domain gets a plain refusal", "[policy-protocol]") {
  const std::string recipient =
      GENERATE("", "bob", "bob@[198.51.100.10]", "bob@[IPv6:2001:db8::1]", "bob@a b", "bob@..",
               "bob@army\r.ml", "bob@ar\\109y.ml", "bob@.", "bob@\xff.ml");
  CAPTURE(recipient);
  CHECK(at_warning_mx(to(recipient)).starts_with(kPlain + "this address"));
  CHECK(at_submission(to(recipient)) == "DUNNO");
  CHECK(answer_to(to(recipient), Loaded(), {}, 0).action.starts_with(kPlain));
}

TEST_CASE("policy protocol: a reply is a line of at most 512 octets", "[policy-protocol]") {
  const std::size_t octets = GENERATE(std::size_t{64}, std::size_t{200}, std::size_t{255},
                                      std::size_t{380}, std::size_t{2000});
  const std::string recipient = std::string(octets, 'x') + "@army.ml";
  const std::string action = at_warning_mx(to(recipient));
  CAPTURE(octets, action);
  CHECK(action.find('\n') == std::string::npos);
  const std::string before = "550 5.7.1 <" + recipient + ">: Recipient address rejected: ";
  CHECK((octets > 400 || before.size() + action.size() - std::string("550 5.7.1 ").size() <= 510));
  CHECK(action.find("army.ml looks like") != std::string::npos);
  CHECK((action.find(recipient.substr(0, octets) + "@army.mil") != std::string::npos) ==
        (octets < 200));
}

TEST_CASE("policy protocol: at submission only what is enforced is refused", "[policy-protocol]") {
  const auto [recipient, client, is_refused] = GENERATE(table<std::string, std::string, bool>({
      {"bob@army.ml", "", true},
      {"bob@navy.ml", "", false},         // observed
      {"bob@uscg.ml", "", false},         // the resolver verifies
      {"bob@usmc.ml", "", false},         // its action is to pass
      {"bob@embassy.army.ml", "", false}, // allowed
      {"bob@army.mil", "", false},        // protected
      {"bob@example.org", "", false},     // nothing to us
      {"bob@spaceforce.ml", "", true},    // whoever asks
      {"bob@spaceforce.ml", "192.0.2.9", true},
      {"bob@spaceforce.ml", "198.51.100.9", false},
  }));
  CAPTURE(recipient, client);
  const std::string action = at_submission(to(recipient), client);
  CHECK((action == "DUNNO") != is_refused);
  CHECK((action.find("Did you mean") != std::string::npos) == is_refused);
}

TEST_CASE("policy protocol: senders are told in their language", "[policy-protocol]") {
  const auto [sender, language, is_german] = GENERATE(table<std::string, std::string, bool>({
      {"alice@post.de", "", true},
      {"alice@de", "", true},
      {"alice@en.example.de", "", false}, // the longer suffix; there are no words in English
      {"alice@sender.example", "", false},
      {"alice@sender.example", "de", true},
      {"", "", false}, // a bounce
      {"\xff", "", false},
  }));
  CAPTURE(sender, language);
  PolicyOptions options;
  options.language = language;
  const std::string action = answer_to(to("bob@army.ml", sender), rules(), options, 0).action;
  CHECK((action == "550 5.7.1 Meinten Sie bob@army.mil?") == is_german);
}

TEST_CASE("policy protocol: letters that the session cannot have become question marks",
          "[policy-protocol]") {
  PolicySpec spec;
  spec.rules = {army("army", "army.mil")};
  spec.rules[0].message = "f\xc3\xbcr {address}";
  Loaded loaded;
  loaded.policy = std::make_shared<const Policy>(std::move(spec), 1);
  CHECK(answer_to(to("bob@army.ml"), loaded, {}, 0).action == "550 5.7.1 f?r bob@army.mil");
  CHECK(answer_to(to("b\xc3\xb6"
                     "b@army.ml"),
                  loaded, {}, 0)
            .action == "550 5.7.1 f\xc3\xbcr b\xc3\xb6"
                       "b@army.mil");
}

TEST_CASE("policy protocol: events name domains, and people only where that is asked for",
          "[policy-protocol]") {
  using nlohmann::json;
  PolicyOptions options;
  PolicyRequest request = to("bob@us.army.ml");
  request.client_address = "192.0.2.25";
  const auto told = answer_to(request, rules(), options, 0).warning;
  REQUIRE(told);
  const std::string line = to_json(*told);
  CHECK(line.find("bob") == std::string::npos);
  CHECK(line.find("alice") == std::string::npos);
  const json event = json::parse(line);
  CHECK(event["event"]["action"] == "warned");
  CHECK(event["event"]["category"] == json::array({"email"}));
  CHECK(event["event"]["dataset"] == "mxwarden.warning");
  CHECK(event["source"]["domain"] == "sender.example");
  CHECK(event["destination"]["domain"] == "us.army.ml");
  CHECK(event["client"]["ip"] == "192.0.2.25");
  CHECK(event["rule"]["id"] == "army");
  CHECK(event["mxwarden"]["suggestion"] == "us.army.mil");
  options.local_parts = true;
  const json named = json::parse(to_json(*answer_to(request, rules(), options, 0).warning));
  CHECK(named["email"]["to"]["address"] == json::array({"bob@us.army.ml"}));
  CHECK(named["email"]["from"]["address"] == json::array({"alice@sender.example"}));
  options.role = PolicyRole::submission;
  CHECK_FALSE(answer_to(to("bob@example.org"), rules(), options, 0).warning);
  const json passed =
      json::parse(to_json(*answer_to(to("b@navy.ml"), rules(), options, 0).warning));
  CHECK(passed["event"]["action"] == "passed");
  CHECK_FALSE(passed.contains("client")); // at submission it would be a person's
  const json plain = json::parse(to_json(*answer_to(to("b@example.org"), rules(), {}, 0).warning));
  CHECK(plain["event"]["action"] == "refused");
  CHECK_FALSE(plain.contains("rule"));
}
