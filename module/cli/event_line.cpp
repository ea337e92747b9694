#include "cli/event_line.h"

#include <array>
#include <chrono>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/date.h"
#include "core/name.h"

namespace mxw::cli {
namespace {

using Json = nlohmann::json;

/// No name, address or rule id that mxwarden writes is longer.
constexpr std::size_t kMaxTextBytes = Name::kMaxTextBytes;

enum Field : std::size_t {
  kTimestamp,
  kDataset,
  kEventAction,
  kClient,
  kQuestion,
  kType,
  kRule,
  kProtected,
  kTechnique,
  kMode,
  kAliasOf,
  kSenderDomain,
  kFields
};
constexpr std::array<std::string_view, kFields> kPaths = {
    "@timestamp",         "event.dataset",     "event.action",      "client.ip",
    "dns.question.name",  "dns.question.type", "rule.id",           "mxwarden.protected",
    "mxwarden.technique", "mxwarden.mode",     "mxwarden.alias_of", "source.domain"};
constexpr std::string_view kDropped = "mxwarden.dropped";

/// Takes what is wanted of a document as it is read, so that nothing of it is kept.
class Picker : public nlohmann::json_sax<Json> {
public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t value) override {
    if (arrays_ == 0 && path_ == kDropped)
      dropped = value;
    return true;
  }
  bool number_float(number_float_t, const string_t &) override { return true; }
  bool binary(binary_t &) override { return true; }
  bool string(string_t &value) override {
    if (arrays_ > 0)
      return true;
    for (std::size_t i = 0; i < kFields; ++i)
      if (path_ == kPaths[i]) {
        if (value.size() > kMaxTextBytes)
          return false;
        text[i].swap(value);
      }
    return true;
  }
  bool key(string_t &name) override {
    path_.resize(starts_.empty() ? 0 : starts_.back());
    if (!path_.empty())
      path_ += '.';
    path_ += name;
    return true;
  }
  bool start_object(std::size_t) override {
    starts_.push_back(path_.size());
    return true;
  }
  bool end_object() override {
    path_.resize(starts_.back());
    starts_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override {
    ++arrays_;
    return true;
  }
  bool end_array() override {
    --arrays_;
    return true;
  }
  bool parse_error(std::size_t, const std::string &, const Json::exception &) override {
    return false;
  }

  std::array<std::string, kFields> text;
  std::optional<std::uint64_t> dropped;

private:
  std::string path_;                // of the value that comes, with dots
  std::vector<std::size_t> starts_; // how much of it is that of the objects around
  std::size_t arrays_ = 0;
};

/// The one of `Enum`'s first `n` values that is called `text`.
template <class Enum> std::optional<Enum> named(std::string_view text, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i)
    if (to_string(static_cast<Enum>(i)) == text)
      return static_cast<Enum>(i);
  return std::nullopt;
}

bool pick_decision(Picker &picked, LoggedEvent &event) {
  auto &text = picked.text;
  if (text[kEventAction] == "events-dropped") {
    event.kind = EventKind::dropped;
    event.dropped = picked.dropped.value_or(0);
    return picked.dropped.has_value();
  }
  const auto action = named<Action>(text[kEventAction], kActions);
  const auto mode = named<Mode>(text[kMode], kModes);
  if (!action || !mode || text[kQuestion].empty() || text[kProtected].empty())
    return false;
  event.action = *action;
  event.mode = *mode;
  event.is_mail_question = text[kType] == "MX" || text[kType] == "ANY";
  event.look_alike.swap(text[kAliasOf].empty() ? text[kQuestion] : text[kAliasOf]);
  return true;
}

bool pick_warning(Picker &picked, LoggedEvent &event) {
  constexpr std::array<std::string_view, kTold> words = {"warned", "refused", "passed"};
  for (std::size_t i = 0; i < kTold; ++i)
    if (picked.text[kEventAction] == words[i]) {
      event.kind = EventKind::warning;
      event.told = static_cast<Told>(i);
      event.sender_domain.swap(picked.text[kSenderDomain]);
      return true;
    }
  return false;
}

} // namespace

std::optional<std::int64_t> parse_timestamp(std::string_view text) noexcept {
  constexpr std::size_t kBytes = std::string_view("2026-11-23T23:00:05").size();
  if (text.size() <= kBytes || text.back() != 'Z' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':')
    return std::nullopt;
  const auto date = parse_date(text.substr(0, 10));
  const auto hour = to_number(text.substr(11, 2));
  const auto minute = to_number(text.substr(14, 2));
  const auto second = to_number(text.substr(17, 2));
  const std::string_view fraction = text.substr(kBytes, text.size() - kBytes - 1);
  const bool is_whole = fraction.empty() || (fraction.front() == '.' && fraction.size() < 11 &&
                                             to_number(fraction.substr(1)).has_value());
  if (!date || !hour || !minute || !second || !is_whole || *hour > 23 || *minute > 59 ||
      *second > 60) // a leap second
    return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(*date).time_since_epoch().count();
  return days * 86'400 + std::int64_t{*hour} * 3'600 + std::int64_t{*minute} * 60 + *second;
}

std::optional<LoggedEvent> parse_event(std::string_view line) {
  Picker picked;
  if (!line.starts_with('{') || !Json::sax_parse(line.begin(), line.end(), &picked))
    return std::nullopt;
  LoggedEvent event;
  const auto time = parse_timestamp(picked.text[kTimestamp]);
  const std::string &dataset = picked.text[kDataset];
  const bool is_ours = (dataset == "mxwarden.decision" && pick_decision(picked, event)) ||
                       (dataset == "mxwarden.warning" && pick_warning(picked, event));
  if (!time || !is_ours)
    return std::nullopt;
  event.time_s = *time;
  event.technique =
      named<Technique>(picked.text[kTechnique], kTechniques).value_or(Technique::none);
  event.client.swap(picked.text[kClient]);
  event.rule.swap(picked.text[kRule]);
  event.protected_name.swap(picked.text[kProtected]);
  return event;
}

} // namespace mxw::cli
