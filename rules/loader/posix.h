// What whoever calls the system needs: its descriptors, and its words for what failed.
#pragma once

#include <cstring>
#include <string>
#include <utility>

#include <unistd.h>

namespace mxw {

/// What the system calls `error`, a value of errno. Any thread.
inline std::string error_text(int error) {
  return std::strerror(error); // NOLINT(concurrency-mt-unsafe): glibc's is safe
}

/// A file descriptor that is closed when its owner goes.
class Descriptor {
public:
  /// Takes `fd`; -1 is none.
  explicit Descriptor(int fd = -1) noexcept : fd_(fd) {}
  Descriptor(Descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor &operator=(Descriptor &&other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0)
      close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

private:
  int fd_;
};

} // namespace mxw
