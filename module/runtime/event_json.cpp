#include "runtime/event_json.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string_view>

#include <nlohmann/json.hpp>

#include "loader/dns_text.h"

namespace mxw {
namespace {

using Json = nlohmann::ordered_json;

std::string timestamp(std::int64_t time_us) {
  constexpr std::int64_t kUsPerS = 1'000'000;
  const std::time_t seconds = time_us / kUsPerS;
  std::tm utc = {};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text = {};
  const std::size_t used = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + used, text.size() - used, ".%06dZ",
                static_cast<int>(time_us % kUsPerS));
  return text.data();
}

Json base(std::int64_t time_us, std::string_view action, std::string_view type,
          std::string_view category = "network", std::string_view dataset = "mxwarden.decision") {
  return {{"@timestamp", timestamp(time_us)},
          {"ecs", {{"version", "8.11.0"}}},
          {"event",
           {{"kind", "event"},
            {"category", {category}},
            {"type", {type}},
            {"action", action},
            {"module", "mxwarden"},
            {"dataset", dataset}}}};
}

Json names_of(Techniques techniques) {
  Json names = Json::array();
  techniques.for_each([&](Technique technique) { names.push_back(to_string(technique)); });
  return names;
}

std::string_view action_of(const Warning &warning) noexcept {
  if (warning.rule.empty())
    return "refused";
  return warning.is_refused ? "warned" : "passed";
}

} // namespace

std::int64_t now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

std::string to_json(const Event &event) {
  const bool changed = event.mode == Mode::enforce && event.decision != Action::pass;
  Json json = base(event.time_us, to_string(event.decision), changed ? "denied" : "allowed");
  if (event.client)
    json["client"] = {{"ip", to_string(*event.client)}};
  json["dns"] = {
      {"question",
       {{"name", to_string(event.qname)}, {"type", qtype_name(event.qtype)}, {"class", "IN"}}}};
  json["rule"] = {{"id", event.rule.data()}};
  json["mxwarden"] = {
      {"protected", to_string(event.protected_name)}, {"technique", to_string(event.technique)},
      {"techniques", names_of(event.techniques)},     {"edits", event.edits},
      {"confidence", event.confidence / 100.0},       {"mode", to_string(event.mode)}};
  if (event.verified != Verified::no)
    json["mxwarden"]["verified"] = event.verified == Verified::confirmed ? "confirmed" : "unknown";
  if (event.alias_of.labels() > 0)
    json["mxwarden"]["alias_of"] = to_string(event.alias_of);
  return json.dump();
}

std::string to_json(const Warning &warning) {
  Json json = base(warning.time_us, action_of(warning), warning.is_refused ? "denied" : "allowed",
                   "email", "mxwarden.warning");
  if (warning.client)
    json["client"] = {{"ip", to_string(*warning.client)}};
  if (!warning.sender_domain.empty())
    json["source"] = {{"domain", warning.sender_domain}};
  if (!warning.recipient_domain.empty())
    json["destination"] = {{"domain", warning.recipient_domain}};
  if (!warning.sender.empty())
    json["email"]["from"] = {{"address", Json::array({warning.sender})}};
  if (!warning.recipient.empty())
    json["email"]["to"] = {{"address", Json::array({warning.recipient})}};
  if (!warning.rule.empty()) {
    json["rule"] = {{"id", warning.rule}};
    json["mxwarden"] = {{"suggestion", warning.suggestion},
                        {"protected", warning.protected_name},
                        {"technique", to_string(warning.technique)},
                        {"confidence", warning.confidence / 100.0}};
  }
  return json.dump(-1, ' ', true, Json::error_handler_t::replace); // addresses need not be UTF-8
}

std::string dropped_to_json(std::uint64_t dropped, std::int64_t time_us) {
  Json json = base(time_us, "events-dropped", "error");
  json["mxwarden"] = {{"dropped", dropped}};
  return json.dump();
}

} // namespace mxw
