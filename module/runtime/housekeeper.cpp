#include "runtime/housekeeper.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "runtime/event_json.h"

namespace mxw {
namespace {

/// Events that come close together are written together, and wake the thread once.
constexpr std::chrono::milliseconds kGather(100);
/// How long the thread sleeps where nothing happens; a file that cannot be opened is tried again.
constexpr std::chrono::seconds kSleep(10);

std::int64_t now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

/// Returns when `semaphore` was posted or `limit` is over.
void wait_for(sem_t &semaphore, std::chrono::nanoseconds limit) {
  using namespace std::chrono;
  const nanoseconds until = steady_clock::now().time_since_epoch() + limit;
  const timespec deadline = {duration_cast<seconds>(until).count(), (until % seconds(1)).count()};
  sem_clockwait(&semaphore, CLOCK_MONOTONIC, &deadline);
}

/// Blocks every signal while it lives; threads started meanwhile keep them blocked.
class SignalsBlocked {
public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked &) = delete;
  SignalsBlocked &operator=(const SignalsBlocked &) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_ = {};
};

} // namespace

Housekeeper::Housekeeper(std::filesystem::path events_file, std::size_t workers, HostLog host_log)
    : log_(std::move(events_file)), host_log_(std::move(host_log)) {
  for (std::size_t i = 0; i < workers; ++i)
    rings_.push_back(std::make_unique<EventRing>());
  sem_init(&wake_, 0, 0);
  open_log();
}

Housekeeper::~Housekeeper() {
  if (thread_.joinable()) {
    stop_ = true;
    sem_post(&wake_);
    thread_.join();
  }
  write();
  sem_destroy(&wake_);
}

void Housekeeper::push(std::size_t worker, const Event &event) noexcept {
  if (log_.discards())
    return; // and no thread is needed
  if (worker < rings_.size())
    rings_[worker]->push(event);
  else
    dropped_.fetch_add(1, std::memory_order_relaxed);
  if (auto none = ThreadState::none;
      thread_state_.load(std::memory_order_relaxed) == ThreadState::none)
    thread_state_.compare_exchange_strong(none, ThreadState::needed);
  // Exchanged on both sides, so that either this sees the thread asleep, or it sees the event.
  if (asleep_.exchange(false, std::memory_order_acq_rel))
    sem_post(&wake_);
}

void Housekeeper::start() noexcept {
  auto needed = ThreadState::needed;
  if (!thread_state_.compare_exchange_strong(needed, ThreadState::started))
    return; // another worker was faster
  try {
    const SignalsBlocked blocked;
    thread_ = std::thread([this] { run(); });
  } catch (const std::exception &) { // no thread to be had, or no memory: none is asked for here
    if (!thread_failed_.exchange(true))
      host_log_("mxwarden: cannot start a thread; decisions are made all the same, their events "
                "wait until it can be started");
    thread_state_ = ThreadState::none; // the next event tries again
  }
}

std::uint64_t Housekeeper::dropped() const noexcept {
  std::uint64_t sum = dropped_.load(std::memory_order_relaxed);
  for (const auto &ring : rings_)
    sum += ring->dropped();
  return sum;
}

std::size_t Housekeeper::memory_bytes() const noexcept {
  return rings_.size() * (sizeof(EventRing) + kEventsAWorker * sizeof(Event));
}

void Housekeeper::run() {
  pthread_setname_np(pthread_self(), "mxwarden");
  while (!stop_) {
    write();
    sleep();
  }
}

void Housekeeper::open_log() {
  if (!log_.open() && !std::exchange(complained_, true))
    host_log_(("mxwarden: cannot open the event log: " + log_.error() +
               "; decisions are made all the same, their events are lost until it can be opened")
                  .c_str());
}

void Housekeeper::write() noexcept {
  try {
    open_log();
    write_events();
  } catch (const std::exception &e) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Housekeeper::sleep() {
  wait_for(wake_, kGather);
  asleep_.exchange(true, std::memory_order_acq_rel);
  const bool nothing_to_do = !stop_ && std::all_of(rings_.begin(), rings_.end(),
                                                   [](const auto &ring) { return ring->empty(); });
  if (nothing_to_do)
    wait_for(wake_, kSleep);
  asleep_.exchange(false, std::memory_order_acq_rel);
}

void Housekeeper::write_events() {
  bool wrote = false;
  bool failed = false;
  for (const auto &ring : rings_)
    ring->drain([&](const Event &event) {
      wrote = true;
      if (!log_.write(to_json(event))) {
        failed = true;
        dropped_.fetch_add(1, std::memory_order_relaxed);
      }
    });
  if (const std::uint64_t lost = dropped();
      lost != reported_drops_ && log_.write(dropped_to_json(lost - reported_drops_, now_us()))) {
    reported_drops_ = lost;
    wrote = true;
  }
  if (!wrote)
    return;
  failed = !log_.flush() || failed;
  if (failed && !log_.error().empty() && !std::exchange(complained_, true))
    host_log_(("mxwarden: cannot write the event log: " + log_.error()).c_str());
  if (!failed)
    complained_ = false;
}

} // namespace mxw
