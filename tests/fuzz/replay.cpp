// usage: mxwarden_fuzz_replay FILE [DIRECTORY]
//
// Calls what the fuzzer calls with each input in FILE: a line each, in hexadecimal digits. With a
// DIRECTORY also writes each there as a file of its own, for the fuzzer to begin with.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "fuzz/target.h"

int main(int argc, char **argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  std::ifstream lines(arguments.empty() ? std::string() : arguments[0]);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    std::vector<std::uint8_t> input;
    for (std::size_t at = 0; at + 1 < line.size(); at += 2)
      input.push_back(static_cast<std::uint8_t>(std::stoul(line.substr(at, 2), nullptr, 16)));
    if (arguments.size() > 1) {
      const std::filesystem::path file =
          std::filesystem::path(arguments[1]) / std::to_string(count);
      std::ofstream(file, std::ios::binary) << std::string(input.begin(), input.end());
    }
    std::fprintf(stderr, "%s:%zu\n", arguments[0].c_str(), count + 1); // the last is the culprit
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu inputs\n", count);
  return count == 0 ? 1 : 0;
}
