// The one thread that does what is slow: takes the workers' events and writes them.
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

#include <semaphore.h>

#include "core/event.h"
#include "runtime/event_log.h"
#include "runtime/ring.h"

namespace mxw {

class Housekeeper {
public:
  /// Takes lines for the resolver's own log. Any thread.
  using HostLog = std::function<void(const char *)>;

  /// Opens the event log (blocks on the disk), with a ring for each of `workers`. The thread comes
  /// with the first event: a process that has a second thread pays for it at each system call, and
  /// a resolver with one worker has no other. Throws std::bad_alloc only.
  Housekeeper(std::filesystem::path events_file, std::size_t workers, HostLog host_log);
  Housekeeper(const Housekeeper &) = delete;
  Housekeeper &operator=(const Housekeeper &) = delete;
  /// Joins the thread and writes what is left. The workers must be gone.
  ~Housekeeper();

  /// Hands over `event` of `worker`, which must be called by that worker alone. Drops and counts it
  /// if the ring is full or there is no such worker. Never waits, never allocates; if the thread
  /// sleeps it is woken, which is at most ten times a second a call to the system.
  void push(std::size_t worker, const Event &event) noexcept;

  /// Starts the thread if there is none and an event waits for it: once in a lifetime. For workers,
  /// when their client has its answer. The thread takes no signals: they belong to the host.
  void start_if_needed() noexcept {
    if (thread_state_.load(std::memory_order_relaxed) == ThreadState::needed)
      start();
  }

  /// How many events were lost so far: full rings, and lines that could not be written.
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  /// Bytes on the heap.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
  static constexpr std::size_t kEventsAWorker = 1024;
  using EventRing = Ring<Event, kEventsAWorker>;

  enum class ThreadState : std::uint8_t { none, needed, started };

  void start() noexcept;
  void run();
  /// Writes what there is; nothing that happens there may end the resolver.
  void write() noexcept;
  void open_log();
  /// Returns when there is something to do, or now and then.
  void sleep();
  void write_events();

  EventLog log_;
  HostLog host_log_;
  std::vector<std::unique_ptr<EventRing>> rings_;
  std::atomic<std::uint64_t> dropped_ = 0; // beside those that the rings count
  std::uint64_t reported_drops_ = 0;
  bool complained_ = false; // about the file; once, until it works again

  std::atomic<ThreadState> thread_state_ = ThreadState::none;
  std::atomic<bool> thread_failed_ = false; // and was complained of
  std::atomic<bool> asleep_ = false;        // whoever takes it away posts wake_
  std::atomic<bool> stop_ = false;
  sem_t wake_ = {};
  std::thread thread_;
};

} // namespace mxw
