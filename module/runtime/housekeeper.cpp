#include "runtime/housekeeper.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/event_json.h"

namespace mxw {
namespace {

/// Events that come close together are written together, and wake the thread once.
constexpr std::chrono::milliseconds kGather(100);
/// How long the thread sleeps where nothing happens; a file that cannot be opened is tried again.
constexpr std::chrono::seconds kSleep(10);

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
    : log_(std::move(events_file)), host_log_(std::move(host_log)),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  for (std::size_t i = 0; i < workers; ++i)
    rings_.push_back(std::make_unique<EventRing>());
  open_log();
}

Housekeeper::~Housekeeper() {
  if (thread_.joinable()) {
    stop_ = true;
    wake();
    thread_.join();
  }
  write();
  if (wake_fd_ >= 0)
    close(wake_fd_);
}

void Housekeeper::push(std::size_t worker, const Event &event) noexcept {
  if (log_.discards() && !listened_.load(std::memory_order_relaxed))
    return;
  if (worker < rings_.size())
    rings_[worker]->push(event);
  else
    dropped_.fetch_add(1, std::memory_order_relaxed);
  // Exchanged on both sides, so that either this sees the thread asleep, or it sees the event.
  if (asleep_.exchange(false, std::memory_order_acq_rel))
    wake();
}

void Housekeeper::wake() const noexcept {
  const std::uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof(one)); // fails only where it is awake already
}

void Housekeeper::listen(Listener listener) {
  listener_ = std::move(listener);
  listened_ = static_cast<bool>(listener_);
}

void Housekeeper::start(std::vector<Chore> chores) noexcept {
  try {
    chores_ = std::move(chores);
    const SignalsBlocked blocked;
    thread_ = std::thread([this] { run(); });
  } catch (const std::exception &) { // no thread to be had, or no memory: none is asked for here
    host_log_("mxwarden: cannot start a thread; decisions are made all the same, their events are "
              "written at the end, and changed rules are not read");
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
    const std::vector<bool> has_work = sleep();
    write(); // before the chores, so that who asks what was decided finds it in the log
    for (std::size_t i = 0; i < chores_.size() && !stop_; ++i)
      if (has_work[i])
        work(chores_[i]);
  }
}

bool Housekeeper::open_log() {
  const bool opened = log_.open();
  if (!opened && !std::exchange(complained_, true))
    host_log_(("mxwarden: cannot open the event log: " + log_.error() +
               "; decisions are made all the same, their events are " +
               (log_.is_open() ? "still written to the file that was moved away"
                               : "lost until it can be opened"))
                  .c_str());
  return opened;
}

void Housekeeper::write() noexcept {
  try {
    const bool opened = open_log();
    const bool wrote = write_events();
    complained_ = complained_ && !(opened && wrote);
  } catch (const std::exception &e) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
  }
}

std::vector<bool> Housekeeper::sleep() {
  std::vector<pollfd> waiting = {{wake_fd_, POLLIN, 0}};
  for (const Chore &chore : chores_)
    waiting.push_back({chore.fd, POLLIN, 0});
  const auto wait = [&](std::chrono::milliseconds limit) {
    poll(waiting.data(), waiting.size(), static_cast<int>(limit.count()));
  };
  const auto has_none = [&] {
    return std::none_of(waiting.begin(), waiting.end(),
                        [](const pollfd &one) { return one.revents != 0; });
  };
  wait(kGather);
  asleep_.exchange(true, std::memory_order_acq_rel);
  if (has_none() && !stop_ &&
      std::all_of(rings_.begin(), rings_.end(), [](const auto &ring) { return ring->empty(); }))
    wait(kSleep);
  asleep_.exchange(false, std::memory_order_acq_rel);
  std::uint64_t count = 0;
  (void)!read(wake_fd_, &count, sizeof(count)); // whatever woke us is done now
  std::vector<bool> has_work;
  for (std::size_t i = 0; i < chores_.size(); ++i)
    has_work.push_back((waiting[i + 1].revents & POLLIN) != 0);
  return has_work;
}

void Housekeeper::work(const Chore &chore) noexcept {
  try {
    chore.work();
  } catch (const std::exception &e) {
    host_log_("mxwarden: out of memory while reading the rules; those in force stay");
  }
}

bool Housekeeper::write_events() {
  bool failed = false;
  for (const auto &ring : rings_)
    ring->drain([&](const Event &event) {
      const std::string line = to_json(event);
      if (listener_)
        listener_(line);
      if (!log_.write(line)) {
        failed = true;
        dropped_.fetch_add(1, std::memory_order_relaxed);
      }
    });
  if (const std::uint64_t lost = dropped(); lost != reported_drops_) {
    if (log_.write(dropped_to_json(lost - reported_drops_, now_us())))
      reported_drops_ = lost;
    else
      failed = true;
  }
  if (failed && log_.is_open() && !std::exchange(complained_, true))
    host_log_(("mxwarden: cannot write the event log: " + log_.error() +
               "; events are lost until it can be written")
                  .c_str());
  return !failed;
}

} // namespace mxw
