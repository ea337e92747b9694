// A file descriptor that is closed when its owner goes.
#pragma once

#include <unistd.h>

namespace mxw {

class Descriptor {
public:
  /// Takes `fd`; -1 is none.
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() {
    if (fd_ >= 0)
      close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

private:
  int fd_;
};

} // namespace mxw
