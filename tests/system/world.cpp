#include "world.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace mxw::test {

const std::vector<std::string> &actions() {
  static const std::vector<std::string> names = {"redirect", "null-mx",  "nxdomain", "nodata",
                                                 "refused",  "servfail", "drop",     "pass"};
  return names;
}

Files zones() {
  // a wildcard, so that a test can ask for names below that nobody asked for before
  const std::string squatter =
      R"(@ SOA ns.squatter.example. hostmaster.squatter.example. 7 3600 600 86400 900
@ NS ns.squatter.example.
@ MX 10 mx.squatter.example.
@ A 203.0.113.9
@ AAAA 2001:db8:bad::9
@ TXT "v=spf1 -all"
* MX 10 mx.squatter.example.
* A 203.0.113.10
* TXT "below"
_mta-sts TXT "v=STSv1; id=20260101"
mta-sts A 203.0.113.11
)";
  const std::string owner = R"(@ MX 10 mx
@ A 192.0.2.10
mx A 192.0.2.25
* MX 10 mx
)";
  Files result = {{".", "localhost A 127.0.0.1\n"},
                  {"mil", R"(warn1.example A 192.0.2.251
warn1.example AAAA 2001:db8::251
_25._tcp.warn1.example TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
warn2.example A 192.0.2.252
warn2.example AAAA 2001:db8::252
)"},
                  {"ml", R"(@ MX 5 mx.nic
@ TXT "the registry"
mx.nic A 192.0.2.5
gouv MX 10 mx.gouv
mx.gouv A 192.0.2.6
)"},
                  {"com", R"(plain MX 10 mx1.plain
plain MX 20 mx2.plain
plain A 192.0.2.20
plain AAAA 2001:db8::20
plain TXT "one" "two"
plain CAA 0 issue "ca.example"
mx1.plain A 192.0.2.21
mx2.plain A 192.0.2.22
www.plain CNAME plain
alias CNAME mx1.plain
deep DNAME plain
nomail MX 0 .
*.wild MX 10 mx1.plain
_sip._tcp.plain SRV 0 5 5060 sip.plain
)"}};
  std::vector<std::string> ids = actions();
  ids.insert(ids.end(), {"watched", "embassy", "lapsed", "popular"});
  for (const std::string &id : ids) {
    result[id + ".mil"] = owner;
    result[id + ".ml"] = squatter;
  }
  return result;
}

std::string main_file() {
  return R"(schema = 1
rules = ["rules.d/*.toml"]

[events]
file = "@DIR@/events.json"

[warning_mx]
hosts = ["warn1.example.mil", "warn2.example.mil"]
addresses = { "warn1.example.mil" = ["198.51.100.25"] }
)";
}

std::string rule_file(const std::string &tables) { return "schema = 1\n" + tables; }

std::string protect(const std::string &id, const std::string &more) {
  return "\n[[protect]]\nid = \"" + id + "\"\ndomains = [\"" + id + ".mil\"]\nslips = [\"ml\"]\n" +
         more + '\n';
}

ResolverOptions with_rules(const std::string &tables) {
  return {.main = main_file(), .files = {{"rules.d/10-test.toml", rule_file(tables)}}};
}

ResolverOptions with_every_action() {
  std::string tables;
  for (const std::string &action : actions())
    tables += protect(action, "action = \"" + action + '"');
  return with_rules(tables);
}

ResolverOptions without_module() { return {.module = false}; }

std::optional<Reply> policy_answer(const Question &question, const std::string &action) {
  const bool negative = action == "nxdomain" || action == "nodata";
  const bool mail = question.type == LDNS_RR_TYPE_MX || question.type == LDNS_RR_TYPE_ANY;
  if (action == "pass" || action == "drop" || (!negative && !mail))
    return std::nullopt;
  const std::string owner = question.name + '.';
  const auto last_dot = question.name.rfind('.');
  const auto dot = question.name.rfind('.', last_dot - 1);
  const std::string apex = question.name.substr(dot == std::string::npos ? 0 : dot + 1) + '.';
  std::string id = apex.substr(0, apex.find('.'));
  std::transform(id.begin(), id.end(), id.begin(), [](unsigned char c) { return std::tolower(c); });

  const bool positive = action == "redirect" || action == "null-mx";
  Reply reply{.rcode = action == "nxdomain"   ? "NXDOMAIN"
                       : action == "refused"  ? "REFUSED"
                       : action == "servfail" ? "SERVFAIL"
                                              : "NOERROR",
              .cd = question.checking_disabled,
              .ra = true,
              .rd = true,
              .question = owner,
              .edns = question.edns || question.dnssec_ok};
  if (action == "redirect")
    reply.answer = {{owner, "MX", "10 warn1.example.mil."}, {owner, "MX", "20 warn2.example.mil."}};
  if (action == "null-mx")
    reply.answer = {{owner, "MX", "0 ."}};
  if (negative)
    reply.authority = {{apex, "SOA", "localhost. nobody.invalid. 1 3600 1200 604800 60"}};
  if (reply.edns)
    reply.ede = {.code = static_cast<std::uint16_t>(positive ? 4 : 15),
                 .text = "near-miss of " + id + ".mil (tld-slip), rule " + id};
  return reply;
}

std::string signed_zone(const TempDir &dir, const std::string &name, const std::string &records) {
  dir.write(name, "$ORIGIN " + name + ".\n$TTL 3600\n" +
                      "@ SOA ns.nic.example. hostmaster.nic.example. 1 3600 600 86400 900\n"
                      "@ NS ns.nic.example.\n" +
                      records);
  const std::string script =
      "cd " + dir.path().string() + " && key=$(ldns-keygen -a ECDSAP256SHA256 " + name +
      ") && ldns-signzone -f signed " + name + " $key && cat $key.key >>anchors";
  if (Process({"/bin/sh", "-c", script}, {}, dir.path() / "log").wait() != 0)
    throw std::runtime_error("cannot sign " + name + ": " + read_text(dir.path() / "log"));
  return read_text(dir.path() / "signed");
}

bool is_squatters(const std::optional<Reply> &reply) {
  return text(reply).find("mx.squatter.example") != std::string::npos;
}

} // namespace mxw::test
