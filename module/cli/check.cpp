// `mxwarden check`: are the rules sound, and do their [[test]] cases hold?
#include <algorithm>
#include <charconv>
#include <ctime>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <tl/expected.hpp>

#include "cli/commands.h"
#include "loader/dns_text.h"
#include "loader/lint.h"
#include "loader/list_file.h"
#include "loader/source.h"

#include <ldns/ldns.h> // last: it makes words of the language macros

namespace mxw::cli {
namespace {

constexpr std::size_t kMaxListBytes = std::size_t{64} << 20U;

template <auto Free> struct Freed {
  template <class T> void operator()(T *object) const noexcept { Free(object); }
};
using Resolver = std::unique_ptr<ldns_resolver, Freed<ldns_resolver_deep_free>>;

/// What asks `server`, or without one the name servers of this machine (resolv.conf(5)); else why
/// there is none.
tl::expected<Resolver, std::string> make_resolver(const std::string &server) {
  ldns_resolver *made = nullptr;
  if (server.empty() && ldns_resolver_new_frm_file(&made, nullptr) != LDNS_STATUS_OK)
    return tl::unexpected(std::string("cannot read /etc/resolv.conf, which --online needs"));
  Resolver resolver(server.empty() ? made : ldns_resolver_new());
  if (!server.empty()) {
    const std::size_t at = server.find('@');
    const std::string address = server.substr(0, at);
    const std::string port = at == std::string::npos ? "53" : server.substr(at + 1);
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    const std::unique_ptr<ldns_rdf, Freed<ldns_rdf_deep_free>> rdf(ldns_rdf_new_frm_str(
        address.find(':') == std::string::npos ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA,
        address.c_str()));
    if (rdf == nullptr || error != std::errc() || end != port.data() + port.size() || number == 0)
      return tl::unexpected(quote(server) + " is no server; write ADDRESS or ADDRESS@PORT");
    ldns_resolver_push_nameserver(resolver.get(), rdf.get());
    ldns_resolver_set_port(resolver.get(), number);
  }
  constexpr timeval kTimeout = {3, 0};
  ldns_resolver_set_timeout(resolver.get(), kTimeout);
  ldns_resolver_set_retry(resolver.get(), 2);
  ldns_resolver_set_recursive(resolver.get(), true);
  return resolver;
}

/// True if `host` has an address record.
bool has_address(ldns_resolver &resolver, const Name &host) {
  const std::unique_ptr<ldns_rdf, Freed<ldns_rdf_deep_free>> name(
      ldns_dname_new_frm_str(to_string(host).c_str()));
  for (const ldns_rr_type type : {LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA}) {
    const std::unique_ptr<ldns_pkt, Freed<ldns_pkt_free>> answer(
        ldns_resolver_query(&resolver, name.get(), type, LDNS_RR_CLASS_IN, LDNS_RD));
    const std::unique_ptr<ldns_rr_list, Freed<ldns_rr_list_deep_free>> records(
        answer ? ldns_pkt_rr_list_by_type(answer.get(), type, LDNS_SECTION_ANSWER) : nullptr);
    if (records != nullptr)
      return true;
  }
  return false;
}

/// Adds the names of a list; what is none is told of, and left out. False if it cannot be read.
bool read_popular(const std::filesystem::path &file, NameList &names) {
  const auto list = Source::read(file, kMaxListBytes);
  if (!list) {
    std::cerr << "mxwarden: " << printable(list.error().message) << '\n';
    return false;
  }
  std::size_t bad = 0;
  for_each_list_entry(*list, [&](const Text &text) {
    const auto name = parse_rule_name(text.value);
    if (name && name->labels() > 0 && name->labels() <= kMaxRuleLabels)
      names.push_back(*name);
    else
      ++bad;
    return true;
  });
  if (bad > 0)
    std::cerr << "mxwarden: " << printable(quote(file.native())) << ": " << count(bad, "line")
              << " without a name left out\n";
  return true;
}

} // namespace

Exit check(const CheckOptions &options) {
  LintOptions lint_options;
  for (const std::filesystem::path &file : options.popular)
    if (!read_popular(file, lint_options.popular))
      return Exit::cannot_run;
  Resolver resolver;
  if (options.online) {
    auto made = make_resolver(options.server);
    if (!made) {
      std::cerr << "mxwarden: " << printable(made.error()) << '\n';
      return Exit::cannot_run;
    }
    resolver = std::move(*made);
    lint_options.resolves = [&](const Name &host) { return has_address(*resolver, host); };
  }
  const Loaded loaded = load(options.rules);
  std::vector<Diagnostic> findings = loaded.findings;
  const auto add = [&](std::vector<Diagnostic> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  if (!loaded.has_errors()) {
    const std::time_t now_s = std::time(nullptr);
    add(run_tests(loaded, now_s));
    add(lint(loaded, lint_options, now_s));
  }
  sort_by_place(findings);
  const auto how_many = [&](Severity severity) {
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(),
                      [&](const Diagnostic &d) { return d.severity == severity; }));
  };
  const std::size_t errors = how_many(Severity::error);
  const std::size_t warnings = how_many(Severity::warning);
  const std::size_t notes = how_many(Severity::note);
  if (!options.notes)
    std::erase_if(findings, [](const Diagnostic &d) { return d.severity == Severity::note; });
  print(findings, options.format);
  // A file that was named and cannot be read is no finding about rules.
  if (loaded.files.empty() && loaded.has_errors())
    return Exit::cannot_run;
  if (options.format == Format::text) {
    std::cout << count(loaded.files.size(), "file");
    if (loaded.policy)
      std::cout << ", " << count(loaded.policy->rules().size(), "rule") << ", "
                << count(loaded.policy->index().names().size(), "protected name") << ", "
                << count(loaded.tests.size(), "test");
    std::cout << ": " << count(errors, "error") << ", " << count(warnings, "warning");
    if (notes > 0)
      std::cout << ", " << count(notes, "note") << (options.notes ? "" : " (--notes shows them)");
    std::cout << '\n';
  }
  return errors + warnings == 0 ? Exit::clean : Exit::findings;
}

} // namespace mxw::cli
