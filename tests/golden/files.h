// Files for tests: read whole, and the working directory changed for a while.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <stdlib.h>

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
public:
  Scratch() : path_(make()), inside_(path_) {}
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;
  ~Scratch() { std::filesystem::remove_all(path_); }

private:
  static std::filesystem::path make() {
    std::string pattern = std::filesystem::temp_directory_path() / "mxwarden-golden-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error("cannot make a directory like '" + pattern + "'");
    return pattern;
  }
  std::filesystem::path path_;
  Inside inside_;
};

} // namespace mxw::test
