#include "runtime/event_log.h"

#include <exception>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>

namespace mxw {

EventLog::EventLog(std::filesystem::path file) : file_(std::move(file)) {}
EventLog::~EventLog() = default;

bool EventLog::open() {
  if (logger_ != nullptr || file_.empty())
    return true;
  // Opening one waits for a reader, and the resolver would wait with us.
  if (std::error_code ignored; std::filesystem::is_fifo(file_, ignored)) {
    error_ = "'" + file_.string() + "' is a FIFO; name a file";
    return false;
  }
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_st>(file_.string());
    auto logger = std::make_unique<spdlog::logger>("mxwarden", std::move(sink));
    logger->set_pattern("%v");
    logger->set_error_handler([this](const std::string &what) { error_ = what; });
    logger_ = std::move(logger);
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
  logger_->info(line);
  return error_.empty();
}

bool EventLog::flush() {
  if (logger_ == nullptr)
    return file_.empty();
  error_.clear();
  logger_->flush();
  return error_.empty();
}

} // namespace mxw
