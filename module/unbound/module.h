// The object that owns all that lives between the host's init() and deinit(): the rules in force,
// the housekeeping thread, the watch on the rule files.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail_facts.h"
#include "loader/loader.h"
#include "runtime/control_server.h"
#include "runtime/decision_times.h"
#include "runtime/file_watch.h"
#include "runtime/housekeeper.h"
#include "runtime/last_good.h"
#include "runtime/policy_slot.h"
#include "runtime/status.h"
#include "unbound/shim.h"

namespace mxw {

/// Writes `text` to the resolver's log, a line each. Any thread.
void log_lines(const std::string &text, void (*log)(const char *) = mxw_log_error);

class Module {
public:
  /// Reads the rules that `config` names, takes out of the host's cache what they concern, and
  /// starts the housekeeping thread. Rules that cannot be loaded do not fail it: the resolver has
  /// to go on without. `env` is the host's and must outlive it. Blocks on the disk.
  Module(const std::filesystem::path &config, struct module_env *env);
  Module(const Module &) = delete;
  Module &operator=(const Module &) = delete;

  /// For workers to read.
  [[nodiscard]] PolicySlot &rules() noexcept { return rules_; }
  [[nodiscard]] Housekeeper &housekeeper() noexcept { return housekeeper_; }
  /// For the worker alone.
  [[nodiscard]] MailFacts &mail_facts(std::size_t worker) noexcept { return mail_facts_[worker]; }
  /// The same for how long the decisions take that queries begin with.
  [[nodiscard]] DecisionTimes &decision_times(std::size_t worker) noexcept {
    return decision_times_[worker];
  }
  /// Bytes on the heap. Any thread.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
  /// Rules that were in force before.
  struct Kept {
    Loaded loaded;
    std::int64_t time_s = 0;
  };
  struct Read {
    Loaded loaded;
    SavedFiles files;          ///< what it was loaded from
    std::int64_t began_ns = 0; ///< since 1970; what changed later may not have been seen
    /// At start, when these have errors: those that were in force last, or why there are none.
    tl::expected<Kept, std::string> last_good = tl::unexpected(std::string());

    [[nodiscard]] const Settings &settings() const noexcept {
      return loaded.policy == nullptr && last_good ? last_good->loaded.settings : loaded.settings;
    }
  };

  Module(const std::filesystem::path &config, struct module_env *env, const Read &read);

  static Read read(const std::filesystem::path &config);
  static Read read_at_start(const std::filesystem::path &config);
  static tl::expected<Kept, std::string> last_good(const std::filesystem::path &config);
  /// Keeps what is in force now for a start with broken files.
  void keep(const SavedFiles &files);
  /// In the housekeeping thread: reads the rules again, until their files stand still.
  void reload();
  /// In the housekeeping thread: answers a request that came over the control socket.
  std::string answer(std::string_view request);
  [[nodiscard]] Status status() const;
  /// Logs what was found in rules that were read, and keeps it for status().
  void remember(const Loaded &loaded);
  /// What follows when the rules of `rules_` are new.
  void put_in_force(const std::string &again);
  /// Watches what was read. Returns true if some of it may have changed before it was watched.
  bool watch(const Read &read);

  std::filesystem::path config_;
  LastGood last_good_;
  bool cannot_keep_ = false;
  struct module_env *env_;
  PolicySlot rules_;
  std::vector<MailFacts> mail_facts_;         // one a worker
  std::vector<DecisionTimes> decision_times_; // the same
  std::atomic<std::size_t> policy_bytes_ = 0;
  FileWatch watch_; // of the housekeeping thread, once that has begun
  bool cannot_watch_ = false;
  Status told_; // what status() tells, but for what it finds out then
  ControlServer control_;
  Housekeeper housekeeper_; // last: its thread uses what stands before
};

} // namespace mxw
