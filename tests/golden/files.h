// Files for tests: read whole, and the working directory changed for a while.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "temp_dir.h"

namespace mxw::test {

/// 2026-11-23 12:00:00 UTC: the day on which every golden case is checked.
constexpr std::int64_t kNowS = 1795435200;

inline std::string read_text(const std::filesystem::path &file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Makes `directory` the working directory while it lives, so that findings have short paths.
class Inside {
public:
  explicit Inside(const std::filesystem::path &directory)
      : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(directory);
  }
  Inside(const Inside &) = delete;
  Inside &operator=(const Inside &) = delete;
  ~Inside() { std::filesystem::current_path(before_); }

private:
  std::filesystem::path before_;
};

/// An empty working directory, while it lives.
class Scratch {
  TempDir dir_;
  Inside inside_{dir_.path()};
};

} // namespace mxw::test
