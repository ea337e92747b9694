// The one thread that does what is slow: takes the workers' events and writes them, and reads the
// rules again when their files have changed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/event.h"
#include "runtime/event_log.h"
#include "runtime/ring.h"

namespace mxw {

class Housekeeper {
public:
  /// Takes lines for the resolver's own log. Any thread.
  using HostLog = std::function<void(const char *)>;

  /// What else the thread does: `work` whenever `fd` is readable (-1: never).
  struct Chore {
    int fd;
    std::function<void()> work;
  };

  /// Opens the event log (blocks on the disk), with a ring for each of `workers`. There is no
  /// thread yet. Throws std::bad_alloc only.
  Housekeeper(std::filesystem::path events_file, std::size_t workers, HostLog host_log);
  Housekeeper(const Housekeeper &) = delete;
  Housekeeper &operator=(const Housekeeper &) = delete;
  /// Joins the thread and writes what is left. The workers must be gone.
  ~Housekeeper();

  /// Hands over `event` of `worker`, which must be called by that worker alone. Drops and counts it
  /// if the ring is full or there is no such worker. Never waits, never allocates; if the thread
  /// sleeps it is woken, which is at most ten times a second a call to the system.
  void push(std::size_t worker, const Event &event) noexcept;

  /// Takes events as JSON lines.
  using Listener = std::function<void(const std::string &)>;

  /// Starts the thread, once. It takes no signals: they belong to the host. Where none can be had
  /// the resolver's log says so; events are then written at the end.
  void start(std::vector<Chore> chores = {}) noexcept;

  /// Gives `listener` the events as well, though there may be no log; none if it is empty. For a
  /// chore to call.
  void listen(Listener listener);

  /// How many events were lost so far: full rings, and lines that could not be written.
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  /// Bytes on the heap.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
  static constexpr std::size_t kEventsAWorker = 1024;
  using EventRing = Ring<Event, kEventsAWorker>;

  void run();
  void wake() const noexcept;
  /// Writes what there is; nothing that happens there may end the resolver.
  void write() noexcept;
  /// Opens the log, anew where somebody has rotated it, once a round; complains.
  bool open_log();
  /// Returns when there is something to do, or now and then: which of the chores have work.
  std::vector<bool> sleep();
  /// False if some could not be written.
  bool write_events();
  /// Does a chore; what fails there ends there.
  void work(const Chore &chore) noexcept;

  EventLog log_;
  HostLog host_log_;
  std::vector<std::unique_ptr<EventRing>> rings_;
  std::atomic<std::uint64_t> dropped_ = 0; // beside those that the rings count
  std::uint64_t reported_drops_ = 0;
  bool complained_ = false; // about the file; once, until it works again

  std::vector<Chore> chores_;
  Listener listener_;
  std::atomic<bool> listened_ = false;
  std::atomic<bool> asleep_ = false; // whoever takes it away wakes the thread
  std::atomic<bool> stop_ = false;
  int wake_fd_;
  std::thread thread_;
};

} // namespace mxw
