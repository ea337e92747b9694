/// The zones and rules that most tests share. Each action has a protected domain of its name
/// (redirect.mil, drop.mil) and a look-alike that somebody registered (redirect.ml, drop.ml), so
/// that one resolver serves a whole table.
#pragma once

#include "harness.h"

namespace mxw::test {

/// The actions, by their names in rule files.
[[nodiscard]] const std::vector<std::string> &actions();

/// A client that rules with kForRelays are for, and one that they are not for.
constexpr auto kBlocked = "127.0.0.2";
constexpr auto kFree = "127.0.0.3";
/// The client set of kBlocked, a table of a rule file; and the key of a rule for it.
constexpr auto kRelays = "[[clients]]\nid = \"relays\"\nsubnets = [\"127.0.0.2/32\"]\n";
constexpr auto kForRelays = "clients = [\"relays\"]\n";

/// Returns the zones: mil, ml and the look-alikes, some unrelated domains.
[[nodiscard]] Files zones();

/// Returns a main file that reads rules.d/*.toml, writes @DIR@/events.json and has two warning
/// hosts, warn1 with an address that the module serves.
[[nodiscard]] std::string main_file();

/// Returns the text of a rule file: "schema = 1" and the tables.
[[nodiscard]] std::string rule_file(const std::string &tables);

/// Returns a `[[protect]]` table for <id>.mil against slips to .ml, with more lines.
[[nodiscard]] std::string protect(const std::string &id, const std::string &more);

/// Returns options with main_file() and one rule file of these tables.
[[nodiscard]] ResolverOptions with_rules(const std::string &tables);

/// Returns options with a rule for each action.
[[nodiscard]] ResolverOptions with_every_action();

/// Returns options for a resolver that does not know the module.
[[nodiscard]] ResolverOptions without_module();

/// Returns the whole answer that a rule of protect() with this action gives to a question about
/// <id>.ml or a name below. nullopt: the question is left alone, or dropped.
[[nodiscard]] std::optional<Reply> policy_answer(const Question &question,
                                                 const std::string &action);

/// Signs a zone: SOA and NS of its own and these records, some of them NSEC. Adds its key to the
/// file `anchors` in `dir`. Returns the text for Nsd.
[[nodiscard]] std::string signed_zone(const TempDir &dir, const std::string &name,
                                      const std::string &records);

/// Returns true if an MX record of the look-alikes' owner came through.
[[nodiscard]] bool is_squatters(const std::optional<Reply> &reply);

} // namespace mxw::test
