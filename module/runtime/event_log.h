// The file that events are written to.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace mxw {

/// For one thread. Appends lines; a file that cannot be opened or written costs events, nothing
/// else: the reason is kept, and opening is tried again.
class EventLog {
public:
  /// Does not open the file yet. An empty path: no log, everything written is discarded.
  explicit EventLog(std::filesystem::path file);
  EventLog(const EventLog &) = delete;
  EventLog &operator=(const EventLog &) = delete;
  ~EventLog();

  /// Appends `line` and a newline. Returns false if the file is not open or could not be written;
  /// then error() says why.
  bool write(const std::string &line);
  /// Hands what was written to the system. Returns false as write() does.
  bool flush();
  /// Opens the file and its directory if it is not open. Blocks on the disk.
  bool open();
  [[nodiscard]] const std::string &error() const noexcept { return error_; }
  /// True if there is no log. Any thread.
  [[nodiscard]] bool discards() const noexcept { return file_.empty(); }

private:
  std::filesystem::path file_;
  std::string error_;
  std::unique_ptr<spdlog::logger> logger_; // of our own: neither registry nor threads
};

} // namespace mxw
