#include "loader/message.h"

#include <string>

#include <catch2/catch.hpp>

#include "names.h"

using namespace mxw;
using test::name;

TEST_CASE("message: placeholders are known, braces stand for nothing else", "[message]") {
  const auto [text, bad] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"plain", ""},
      {"{query}{suggestion} {address} {rule} {contact}", ""},
      {std::string(kUsualMessage), ""},
      {"{name}", "{name}"},
      {"{Query}", "{Query}"},
      {"{query} and { query }", "{ query }"},
      {"{}", "{}"},
      {"{query", "{"},
      {"query}", "}"},
      {"{{query}}", "{"},
      {"{query}}", "}"},
  }));
  CAPTURE(text);
  const auto found = find_bad_placeholder(text);
  CHECK(found.has_value() == !bad.empty());
  CHECK(std::string(found.value_or("")) == bad);
}

TEST_CASE("message: senders get the name that they meant, with what stood before it", "[message]") {
  const auto [words, contact, typed,
              expected] = GENERATE(table<std::string, std::string, std::string, std::string>({
      {"", "", "army.ml", "army.ml looks like army.mil; nothing was sent. Did you mean army.mil?"},
      {"", "", "us.army.ml",
       "us.army.ml looks like us.army.mil; nothing was sent. Did you mean us.army.mil?"},
      {"", "help@example.mil", "army.ml",
       "army.ml looks like army.mil; nothing was sent. Did you mean army.mil? Ask "
       "help@example.mil."},
      {"{rule}: ask {contact}", "help@example.mil", "army.ml", "dod: ask help@example.mil"},
      {"{contact}|{query}|{query}|", "", "a\\000b.army.ml", "|a\\000b.army.ml|a\\000b.army.ml|"},
      {"no names", "", "army.ml", "no names"},
  }));
  PolicySpec spec;
  spec.rules.resize(1);
  spec.rules[0].id = "dod";
  spec.rules[0].message = words;
  spec.rules[0].contact = contact;
  spec.rules[0].domains.push_back(name("army.mil"));
  spec.rules[0].matching.slips = {{name("ml"), name("mil")}};
  const Policy policy(std::move(spec), 1);
  const Query query{name(typed), qtype::kMx, std::nullopt, 0};
  const Verdict verdict = policy.decide(query);
  REQUIRE(verdict.reason == Reason::look_alike);
  CHECK(message_of(policy, query.name, verdict) == expected);
}

TEST_CASE("message: senders get their address, in their language", "[message]") {
  const auto [language, local_part, expected] =
      GENERATE(table<std::string, std::string, std::string>({
          {"", "", "usual army.mil"},
          {"", "bob", "usual bob@army.mil"},
          {"de", "bob", "bob@army.mil war gemeint"},
          {"fr", "\"{rule}\"", "usual \"{rule}\"@army.mil"}, // what is put in stays as it is
      }));
  PolicySpec spec;
  spec.rules.resize(1);
  spec.rules[0].message = "usual {address}";
  spec.rules[0].messages = {{"de", "{address} war gemeint"}};
  spec.rules[0].domains.push_back(name("army.mil"));
  spec.rules[0].matching.slips = {{name("ml"), name("mil")}};
  const Policy policy(std::move(spec), 1);
  const Query query{name("army.ml"), qtype::kMx, std::nullopt, 0};
  CHECK(message_of(policy, query.name, policy.decide(query), {language, local_part}) == expected);
}
