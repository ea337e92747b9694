#include "unbound/module.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <exception>
#include <span>
#include <sstream>
#include <system_error>
#include <utility>

#include <sys/stat.h>

#include "core/hash.h"

namespace mxw {
namespace {

/// How often rules are read in a row. What changes later is told by the watch.
constexpr int kMaxAttempts = 3;

/// "2026-11-26 12:00:00 UTC".
std::string utc(std::int64_t time_s) {
  const std::time_t time = time_s;
  std::tm parts = {};
  std::array<char, 32> text = {};
  if (gmtime_r(&time, &parts) == nullptr ||
      std::strftime(text.data(), text.size(), "%F %T UTC", &parts) == 0)
    return "an unknown time";
  return text.data();
}

/// For mxw_purge(): `policy` may have another answer than the cached one for somebody. What an
/// alias leads to cannot be seen there, so that each one goes.
int is_concerned(const void *policy, const mxw_cached *cached) noexcept {
  const auto &rules = *static_cast<const Policy *>(policy);
  Query query;
  query.type = cached->qtype;
  const std::span name(cached->name.octets, cached->name.bytes);
  if (!rules.concerns(query.type, name))
    return 0;
  if (cached->may_be_alias != 0 && is_about_mail(query.type))
    return 1;
  return query.name.assign(name) && rules.decide(query).contested ? 1 : 0;
}

} // namespace

void log_lines(const std::string &text, void (*log)(const char *)) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    log(("mxwarden: " + line).c_str());
}

Module::Module(const std::filesystem::path &config, struct module_env *env)
    : Module(config, env, read_at_start(config)) {}

Module::Module(const std::filesystem::path &config, struct module_env *env, const Read &read)
    : config_(config), last_good_(state_directory()), env_(env),
      rules_(read.loaded.policy, mxw_worker_count(env)), decision_times_(rules_.workers()),
      control_(control_socket(), [this](std::string_view request) { return answer(request); }),
      housekeeper_(read.settings().events_file, rules_.workers(), mxw_log_error) {
  for (std::size_t i = 0; i < rules_.workers(); ++i)
    mail_facts_.emplace_back(random_seed());
  told_.version = MXW_VERSION;
  told_.host_version = mxw_host_version;
  told_.config = config_;
  told_.started_s = std::time(nullptr);
  remember(read.loaded);
  if (read.loaded.policy != nullptr) {
    keep(read.files);
    put_in_force("");
  } else if (read.last_good) {
    log_lines("THE LAST GOOD RULES ARE ENFORCED, of " + utc(read.last_good->time_s) +
              ": the rules of '" + config_.string() +
              "' have errors. Mend them, and run 'mxwarden check'");
    rules_.replace(read.last_good->loaded.policy);
    put_in_force("");
    told_.source = Status::Source::last_good;
  } else {
    log_lines("NOTHING IS ENFORCED: the rules of '" + config_.string() +
              "' have errors, and there are no last good ones (" + read.last_good.error() +
              "); every query is passed on. Mend them, and run 'mxwarden check'");
  }
  if (!control_.error().empty())
    log_lines("cannot listen at '" + control_socket().string() + "': " + control_.error() +
              "; 'mxwarden status' and its like do not work");
  if (watch(read))
    reload();
  housekeeper_.start({{watch_.fd(),
                       [this] {
                         if (watch_.changed())
                           reload();
                       }},
                      {control_.fd(), [this] {
                         control_.work();
                         housekeeper_.listen(
                             control_.has_listeners()
                                 ? [this](const std::string &line) { control_.publish(line); }
                                 : Housekeeper::Listener());
                       }}});
}

std::size_t Module::memory_bytes() const noexcept {
  return sizeof(*this) + policy_bytes_.load(std::memory_order_relaxed) +
         housekeeper_.memory_bytes();
}

Module::Read Module::read(const std::filesystem::path &config) {
  // Files have the time of the last tick of the system's clock.
  constexpr std::chrono::milliseconds kTick(10);
  Read result;
  result.began_ns =
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch() - kTick).count();
  try {
    result.loaded = load_config(config, std::time(nullptr), RuleFiles(&result.files));
  } catch (const std::exception &e) {
    log_lines("cannot load '" + config.string() + "': " + e.what());
    result.loaded.inputs = {config};
  }
  return result;
}

Module::Read Module::read_at_start(const std::filesystem::path &config) {
  Read result = read(config);
  if (result.loaded.policy == nullptr)
    result.last_good = last_good(config);
  return result;
}

tl::expected<Module::Kept, std::string> Module::last_good(const std::filesystem::path &config) {
  LastGood file(state_directory());
  try {
    const auto kept = file.load(config);
    if (!kept)
      return tl::unexpected(kept.error());
    Kept rules = {load_config(config, std::time(nullptr), RuleFiles(kept->files)), kept->time_s};
    if (rules.loaded.policy == nullptr)
      return tl::unexpected("those in '" + file.file().string() + "' have errors too");
    return rules;
  } catch (const std::exception &e) {
    return tl::unexpected(std::string(e.what()));
  }
}

void Module::keep(const SavedFiles &files) {
  const auto failed = last_good_.keep(config_, files, std::time(nullptr));
  if (failed && !cannot_keep_)
    log_lines(*failed + "; should the rules be broken when the resolver starts, nothing will be "
                        "enforced");
  cannot_keep_ = failed.has_value();
}

void Module::reload() {
  // Files may change while they are read, or seem to: the clock may have gone back.
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const Read now = read(config_);
    remember(now.loaded);
    if (now.loaded.policy != nullptr) {
      const std::shared_ptr<const Policy> old = rules_.rules().policy;
      rules_.replace(now.loaded.policy);
      if (old != nullptr)
        told_.decisions.add(*old); // nobody counts with it any more
      put_in_force("again ");
      keep(now.files);
    } else {
      log_lines(rules_.rules().policy == nullptr
                    ? "NOTHING IS ENFORCED: the changed rules have errors too; every query is "
                      "passed on"
                    : "the changed rules have errors: those that were in force before stay in "
                      "force. Mend them, and run 'mxwarden check'");
    }
    if (!watch(now))
      return;
  }
}

void Module::remember(const Loaded &loaded) {
  for (const Diagnostic &finding : loaded.findings)
    log_lines(render(finding),
              finding.severity == Severity::error ? mxw_log_error : mxw_log_warning);
  told_.findings = loaded.findings;
  told_.failed_s = loaded.policy == nullptr ? std::time(nullptr) : 0;
}

Status Module::status() const {
  Status status = told_;
  const PolicySlot::Rules &rules = rules_.rules();
  status.generation = rules.generation;
  status.policy = rules.policy.get();
  status.memory_bytes = memory_bytes();
  status.events_dropped = housekeeper_.dropped();
  status.decisions = told_.decisions.with(rules.policy.get());
  for (const DecisionTimes &worker : decision_times_)
    worker.add_to(status.times);
  return status;
}

std::string Module::answer(std::string_view request) {
  if (request == "reload")
    reload();
  else if (request != "status")
    return "{\"error\":\"unknown request\"}\n";
  return to_json(status(), std::time(nullptr));
}

void Module::put_in_force(const std::string &again) {
  told_.source = Status::Source::files;
  told_.loaded_s = std::time(nullptr);
  const Policy &policy = *rules_.rules().policy;
  policy_bytes_ = policy.memory_bytes();
  // Answers from before they came must not outlive it.
  const std::size_t purged = mxw_purge(env_, is_concerned, &policy);
  mxw_log_info(("mxwarden: " + again + std::to_string(policy.rules().size()) + " rules, " +
                std::to_string(policy.index().names().size()) + " protected names, " +
                std::to_string(policy.warning_hosts().size()) + " warning hosts from '" +
                config_.string() + "'; " + std::to_string(purged) + " cached answers removed")
                   .c_str());
}

bool Module::watch(const Read &read) {
  if (!watch_.watch(read.loaded.inputs) && !std::exchange(cannot_watch_, true))
    log_lines("cannot watch the rule files: a change is read at the next reload of the resolver");
  return std::any_of(
      read.loaded.inputs.begin(), read.loaded.inputs.end(), [&](const std::filesystem::path &file) {
        struct stat status = {};
        return stat(file.c_str(), &status) == 0 &&
               status.st_ctim.tv_sec * std::int64_t{1'000'000'000} + status.st_ctim.tv_nsec >=
                   read.began_ns;
      });
}

} // namespace mxw
