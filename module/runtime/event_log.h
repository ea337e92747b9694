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
/// else: the reason is kept, and opening is tried again. Others may append to the same file.
class EventLog {
public:
  /// Does not open the file yet. An empty path: no log, everything written is discarded.
  explicit EventLog(std::filesystem::path file);
  EventLog(const EventLog &) = delete;
  EventLog &operator=(const EventLog &) = delete;
  ~EventLog();

  /// Opens the file, and its directory, if it is not open or was moved or removed since: what
  /// rotates logs need not tell us. Returns false if it cannot be opened; then error() says why,
  /// and what was moved stays open. Blocks on the disk.
  bool open();
  /// True if lines can be written, maybe to a file that was moved.
  [[nodiscard]] bool is_open() const noexcept { return logger_ != nullptr; }
  /// Hands `line` and a newline to the system, in one piece. A line that the disk has no room for
  /// may be there in part; the next one does not stand behind it. Returns false if the file is not
  /// open or could not be written; then error() says why.
  bool write(const std::string &line);
  [[nodiscard]] const std::string &error() const noexcept { return error_; }
  /// True if there is no log. Any thread.
  [[nodiscard]] bool discards() const noexcept { return file_.empty(); }

private:
  /// Makes the file if it is missing, for nobody but its owner and group to read. False if nothing
  /// can be written there.
  bool make();
  /// True if what is open still has the path.
  [[nodiscard]] bool has_path() const;

  std::filesystem::path file_;
  std::string error_;
  std::unique_ptr<spdlog::logger> logger_; // of our own: neither registry nor threads
  int fd_ = -1;                            // the logger's
  bool is_torn_ = false;                   // the last line there has no end
};

} // namespace mxw
