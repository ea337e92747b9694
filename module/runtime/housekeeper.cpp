#include "runtime/housekeeper.h"

#include <chrono>
#include <csignal>
#include <utility>

#include "runtime/event_json.h"

namespace mxw {
namespace {

constexpr auto kPause = std::chrono::milliseconds(100);
/// After how many pauses a file that cannot be opened is tried again.
constexpr unsigned kPausesToReopen = 100;

std::int64_t now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
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
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

Housekeeper::~Housekeeper() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Housekeeper::push(std::size_t worker, const Event &event) noexcept {
  if (worker < rings_.size())
    rings_[worker]->push(event);
  else
    dropped_.fetch_add(1, std::memory_order_relaxed);
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
  bool stop = false;
  for (unsigned pause = 0; !stop; ++pause) {
    // Nothing that happens here may end the resolver.
    try {
      if (pause % kPausesToReopen == 0 && !log_.open() && !std::exchange(complained_, true))
        host_log_(
            "mxwarden: cannot open the event log: " + log_.error() +
            "; decisions are made all the same, their events are lost until it can be opened");
      write_events();
    } catch (const std::exception &e) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
    }
    std::unique_lock lock(mutex_);
    stop = wake_.wait_for(lock, kPause, [this] { return stop_; });
  }
  // Once more for what came while it was told to stop; the workers are gone by now.
  try {
    write_events();
  } catch (const std::exception &e) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
  }
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
    host_log_("mxwarden: cannot write the event log: " + log_.error());
  if (!failed)
    complained_ = false;
}

} // namespace mxw
