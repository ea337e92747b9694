// A directory for one test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

#include <stdlib.h>

namespace mxw::test {

/// A directory that goes with the object; it stays if the environment says MXW_TEST_KEEP=1.
class TempDir {
public:
  TempDir() : path_(make()) {}
  TempDir(const TempDir &) = delete;
  TempDir &operator=(const TempDir &) = delete;
  ~TempDir() {
    std::error_code ignored;
    if (std::getenv("MXW_TEST_KEEP") == nullptr)
      std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path &path() const { return path_; }

  /// Writes a file, and the directories on the way to it; returns its path. "@DIR@" in the text
  /// stands for this directory.
  std::filesystem::path write(const std::string &name, std::string text) const {
    const std::string place = "@DIR@";
    for (auto at = text.find(place); at != std::string::npos;
         at = text.find(place, at + path_.string().size()))
      text.replace(at, place.size(), path_.string());
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    if (!(std::ofstream(file, std::ios::binary) << text))
      throw std::runtime_error("cannot write " + file.string());
    return file;
  }

private:
  static std::filesystem::path make() {
    std::string pattern = std::filesystem::temp_directory_path() / "mxwarden-test-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error("cannot make a directory like '" + pattern + "'");
    return pattern;
  }

  std::filesystem::path path_;
};

} // namespace mxw::test
