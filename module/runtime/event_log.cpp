#include "runtime/event_log.h"

#include <cerrno>
#include <cstdio>
#include <exception>
#include <fstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mxw {
namespace {

/// The process that wrote the last line may have ended, or the disk have been full, in its midst.
/// Where that cannot be told it is assumed: an empty line spoils nothing.
bool ends_mid_line(const std::filesystem::path &file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in)
    return true;
  if (in.tellg() <= 0)
    return false;
  in.seekg(-1, std::ios::end);
  return in.get() != '\n';
}

} // namespace

EventLog::EventLog(std::filesystem::path file) : file_(std::move(file)) {}
EventLog::~EventLog() = default;

bool EventLog::make() {
  std::error_code why;
  if (file_.has_parent_path())
    std::filesystem::create_directories(file_.parent_path(), why);
  // Without waiting: a FIFO has no reader, and the resolver would wait with us.
  const int fd = ::open(file_.c_str(),
                        O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
  struct stat found = {};
  const bool is_open = fd >= 0 && fstat(fd, &found) == 0;
  if (!why)
    why = {errno, std::generic_category()};
  if (fd >= 0)
    ::close(fd);
  const bool is_file =
      is_open ? S_ISREG(found.st_mode) || S_ISCHR(found.st_mode) : why.value() != ENXIO;
  if (is_open && is_file)
    return true;
  error_ = "'" + file_.string() + "': " + (is_file ? why.message() : "it is no file");
  return false;
}

bool EventLog::has_path() const {
  struct stat opened = {};
  struct stat named = {};
  return fstat(fd_, &opened) == 0 && stat(file_.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

bool EventLog::open() {
  if (file_.empty() || (logger_ != nullptr && has_path()))
    return true;
  struct stat opened = {};
  if (logger_ != nullptr && (fstat(fd_, &opened) != 0 || opened.st_nlink == 0))
    logger_.reset(); // nobody would ever read it
  if (!make())
    return false;
  try {
    int fd = -1;
    spdlog::file_event_handlers handlers;
    handlers.after_open = [&fd](const spdlog::filename_t & /*name*/, std::FILE *stream) {
      std::setvbuf(stream, nullptr, _IONBF, 0); // a line is one call to the system, or has failed
      fd = fileno(stream);
    };
    auto sink =
        std::make_shared<spdlog::sinks::basic_file_sink_st>(file_.string(), false, handlers);
    auto logger = std::make_unique<spdlog::logger>("mxwarden", std::move(sink));
    logger->set_pattern("%v");
    logger->set_error_handler([this](const std::string &what) { error_ = what; });
    logger_ = std::move(logger);
    fd_ = fd;
    is_torn_ = ends_mid_line(file_);
    return true;
  } catch (const std::exception &e) {
    error_ = e.what();
    return false;
  }
}

bool EventLog::write(const std::string &line) {
  if (file_.empty())
    return true;
  if (logger_ == nullptr)
    return false;
  error_.clear();
  logger_->info(is_torn_ ? '\n' + line : line);
  is_torn_ = !error_.empty() && ends_mid_line(file_);
  return error_.empty();
}

} // namespace mxw
