#include "cli/ask.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <utility>

#include "cli/commands.h"
#include "loader/dns_text.h"

#include <ldns/ldns.h> // last: it makes words of the language macros

namespace mxw::cli {
namespace {

template <auto Free> struct Freed {
  template <class T> void operator()(T *object) const noexcept { Free(object); }
};
using Rdf = std::unique_ptr<ldns_rdf, Freed<ldns_rdf_deep_free>>;

/// Rules and names of each that are looked at before there is no sample.
constexpr std::uint32_t kMaxRules = 200;
constexpr std::size_t kMaxNames = 20;

Rdf address_rdf(const std::string &address) {
  return Rdf(ldns_rdf_new_frm_str(address.find(':') == std::string::npos ? LDNS_RDF_TYPE_A
                                                                         : LDNS_RDF_TYPE_AAAA,
                                  address.c_str()));
}

std::string text_of(const ldns_rr &record, std::size_t rdf) {
  const std::unique_ptr<char, Freed<std::free>> text(ldns_rdf2str(ldns_rr_rdf(&record, rdf)));
  std::string host = text ? text.get() : "";
  if (host.size() > 1 && host.ends_with('.'))
    host.pop_back();
  std::transform(host.begin(), host.end(), host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return host;
}

/// Names that may be taken for `meant`; most of them are.
std::vector<Name> near(const Name &meant) {
  const std::string text = to_string(meant);
  std::vector<std::string> typed;
  for (std::size_t at = 0; at + 1 < text.find('.'); ++at) {
    std::string swapped = text;
    std::swap(swapped[at], swapped[at + 1]);
    typed.push_back(swapped);
  }
  for (std::size_t at = 1; at + 1 < text.find('.'); ++at)
    typed.push_back(std::string(text).erase(at, 1));
  const std::string body = text.substr(0, text.rfind('.') + 1);
  for (const char *slip : {"ml", "co", "cm", "om", "ne", "con", "comm", "gob"})
    typed.push_back(body + slip);
  std::vector<Name> names;
  for (const std::string &one : typed)
    if (const auto name = parse_name(one))
      names.push_back(*name);
  return names;
}

/// An IPv4 address that `rule` is for; nullopt where it is for everybody, or for none.
std::optional<ClientAddress> client_of(const Rule &rule, const Policy &policy) {
  const ClientSet::Subnet all_v4 = {*parse_address("0.0.0.0"), 96};
  const ClientSet any(std::span(&all_v4, 1));
  for (const std::uint32_t set : rule.clients)
    if (const auto address = policy.clients()[set].common(any))
      return address;
  return std::nullopt;
}

/// How good a sample is.
int worth(const Sample &sample, const Policy &policy) {
  const Rule &rule = policy.rules()[sample.verdict.rule];
  return (sample.verdict.enforced() ? 8 : 0) + (rule.verify ? 0 : 4) +
         (rule.clients.empty() ? 2 : 0) + (sample.verdict.decision == Action::drop ? 0 : 1);
}
constexpr int kBestWorth = 15;

} // namespace

std::optional<Answer> ask(const Server &server, const Name &name, std::uint16_t type,
                          std::chrono::milliseconds limit) {
  const std::unique_ptr<ldns_resolver, Freed<ldns_resolver_deep_free>> resolver(
      ldns_resolver_new());
  const Rdf address = address_rdf(server.address);
  if (address == nullptr)
    return std::nullopt;
  ldns_resolver_push_nameserver(resolver.get(), address.get());
  ldns_resolver_set_port(resolver.get(), server.port);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  ldns_resolver_set_timeout(
      resolver.get(), {seconds.count(), static_cast<suseconds_t>(
                                            std::chrono::microseconds(limit - seconds).count())});
  ldns_resolver_set_retry(resolver.get(), 1);
  ldns_resolver_set_fail(resolver.get(), false);
  ldns_resolver_set_recursive(resolver.get(), true);
  if (!server.from.empty())
    ldns_resolver_set_source(resolver.get(), address_rdf(server.from).release());
  const Rdf qname(ldns_dname_new_frm_str(to_string(name).c_str()));
  ldns_pkt *received = nullptr;
  const auto status =
      ldns_resolver_send(&received, resolver.get(), qname.get(), static_cast<ldns_rr_type>(type),
                         LDNS_RR_CLASS_IN, LDNS_RD | LDNS_AD);
  const std::unique_ptr<ldns_pkt, Freed<ldns_pkt_free>> packet(received);
  if (status != LDNS_STATUS_OK || packet == nullptr)
    return std::nullopt;
  Answer answer;
  answer.rcode = ldns_pkt_get_rcode(packet.get());
  answer.authentic = ldns_pkt_ad(packet.get());
  const ldns_rr_list &records = *ldns_pkt_answer(packet.get());
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(&records); ++i) {
    const ldns_rr &record = *ldns_rr_list_rr(&records, i);
    if (ldns_rr_get_type(&record) != static_cast<ldns_rr_type>(type))
      continue;
    answer.has_records = true;
    if (type == qtype::kMx && ldns_rr_rd_count(&record) == 2)
      answer.hosts.push_back(text_of(record, 1));
    if ((type == qtype::kA || type == qtype::kAaaa) && ldns_rr_rd_count(&record) == 1)
      answer.addresses.push_back(text_of(record, 0));
  }
  return answer;
}

std::optional<Sample> sample_look_alike(const Policy &policy) {
  std::optional<Sample> best;
  const auto try_name = [&](const Name &typed, std::uint32_t rule) -> bool {
    Sample sample;
    sample.query = {typed, qtype::kMx, client_of(policy.rules()[rule], policy), std::time(nullptr)};
    sample.verdict = policy.decide(sample.query);
    if (sample.verdict.reason != Reason::look_alike || sample.verdict.rule == Verdict::kNone)
      return false;
    if (!best || worth(sample, policy) > worth(*best, policy))
      best = sample;
    return worth(sample, policy) == kBestWorth;
  };
  const NameList &names = policy.index().names();
  std::vector<std::size_t> seen(std::min<std::size_t>(policy.rules().size(), kMaxRules));
  for (std::uint32_t entry = 0; entry < names.size(); ++entry) {
    const std::uint32_t rule = policy.index().group_of(entry);
    if (rule >= seen.size() || seen[rule]++ >= kMaxNames)
      continue;
    for (const Name &typed : near(names[entry]))
      if (try_name(typed, rule))
        return best;
  }
  for (std::uint32_t rule = 0; rule < seen.size(); ++rule) {
    for (const LookAlike &known : policy.look_alikes(rule))
      if (try_name(known.typed, rule))
        return best;
    for (const Name &suffix : policy.rules()[rule].mirror)
      if (const auto typed = parse_name("mxwarden-trial." + to_string(suffix)))
        if (try_name(*typed, rule))
          return best;
  }
  return best;
}

bool is_as_decided(const std::optional<Answer> &answer, const Sample &sample,
                   const Policy &policy) {
  const Action action = sample.verdict.decision;
  if (!answer)
    return action == Action::drop;
  switch (action) {
  case Action::redirect:
    return answer->rcode == LDNS_RCODE_NOERROR && !answer->hosts.empty() &&
           std::all_of(answer->hosts.begin(), answer->hosts.end(), [&](const std::string &host) {
             return std::any_of(
                 policy.warning_hosts().begin(), policy.warning_hosts().end(),
                 [&](const WarningHost &warning) { return to_string(warning.name) == host; });
           });
  case Action::null_mx:
    return answer->rcode == LDNS_RCODE_NOERROR && answer->hosts == std::vector<std::string>{"."};
  case Action::nxdomain:
    return answer->rcode == LDNS_RCODE_NXDOMAIN;
  case Action::nodata:
    return answer->rcode == LDNS_RCODE_NOERROR && !answer->has_records;
  case Action::refused:
    return answer->rcode == LDNS_RCODE_REFUSED;
  case Action::servfail:
    return answer->rcode == LDNS_RCODE_SERVFAIL;
  case Action::drop:
    return false;
  case Action::pass:
  case Action::local_data:
    return true;
  }
  return true;
}

} // namespace mxw::cli
