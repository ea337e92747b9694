// The command and the resolver decide with the same code; here is what would show that they do not.
#include "world.h"

#include <catch2/catch.hpp>
#include <sstream>

using namespace mxw::test;
using namespace std::chrono_literals;

TEST_CASE("command: what explain says is what the resolver does", "[command]") {
  const Nsd world(zones());
  ResolverOptions options = with_every_action();
  options.files["rules.d/20-more.toml"] =
      rule_file(protect("watched", "mode = \"observe\"") + protect("embassy", "") +
                "[[allow]]\ndomains = [\"embassy.ml\"]\nreason = \"ticket 1\"\n");
  const Resolver module(world.endpoint(), options);
  const Resolver plain(world.endpoint(), without_module());

  std::vector<std::string> names = {"watched.ml", "embassy.ml", "plain.com", "ml", "gouv.ml"};
  for (const std::string &action : actions())
    for (const std::string name : {".ml", ".mil"})
      for (const std::string prefix : {"", "mail.", "mta-sts.", "_mta-sts."})
        names.push_back(prefix + action + name);
  for (const ldns_rr_type type : {LDNS_RR_TYPE_MX, LDNS_RR_TYPE_A, LDNS_RR_TYPE_TXT}) {
    std::vector<std::string> command = {setting("MXW_TEST_COMMAND"),
                                        "explain",
                                        "--json",
                                        "--config",
                                        (module.dir() / "mxwarden.toml").string(),
                                        "--qtype",
                                        type_name(type)};
    command.insert(command.end(), names.begin(), names.end());
    std::istringstream output(output_of(command));
    for (const std::string &name : names) {
      std::string line;
      std::getline(output, line);
      CAPTURE(name, type_name(type), line);
      const auto explained = nlohmann::json::parse(line);
      const std::string decision = explained.at("decision");
      Question question{.name = name, .type = type};
      if (decision == "pass" || explained.at("mode") == "observe") {
        CHECK(text(module.ask(question)) == text(plain.ask(question)));
      } else if (decision == "drop") {
        question.timeout = 200ms;
        CHECK(text(module.ask(question)) == "");
      } else {
        CHECK(text(module.ask(question)) == text(policy_answer(question, decision)));
      }
    }
  }
}
