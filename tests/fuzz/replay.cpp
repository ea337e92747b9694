// usage: mxwarden_fuzz_*_replay [--into DIRECTORY] CORPUS…
//
// Calls what the fuzzer calls with each input of the corpora: each file below a directory, or each
// line of a file, in hexadecimal digits. The latter are also written into DIRECTORY, each as a file
// of its own, for the fuzzer to begin with.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/target.h"

namespace fs = std::filesystem;

namespace {

/// `place` is that of the input; the last that is printed is the culprit.
void try_input(const std::string &input, const std::string &place) {
  std::fprintf(stderr, "%s\n", place.c_str());
  const std::vector<std::uint8_t> octets(input.begin(), input.end()); // no octet is behind its end
  LLVMFuzzerTestOneInput(octets.data(), octets.size());
}

std::size_t try_lines(const fs::path &file, const fs::path &into) {
  std::ifstream lines(file);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    std::string input;
    for (std::size_t at = 0; at + 1 < line.size(); at += 2)
      input += static_cast<char>(std::stoul(line.substr(at, 2), nullptr, 16));
    if (!into.empty())
      std::ofstream(into / std::to_string(count), std::ios::binary) << input;
    try_input(input, file.string() + ':' + std::to_string(count + 1));
  }
  return count;
}

std::size_t try_files(const fs::path &directory) {
  std::vector<fs::path> files;
  for (const auto &entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file())
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path &file : files) {
    std::ifstream in(file, std::ios::binary);
    try_input({std::istreambuf_iterator<char>(in), {}}, file.string());
  }
  return files.size();
}

} // namespace

int main(int argc, char **argv) {
  std::vector<fs::path> corpora(argv + 1, argv + argc);
  fs::path into;
  if (corpora.size() > 1 && corpora[0] == "--into") {
    into = corpora[1];
    corpora.erase(corpora.begin(), corpora.begin() + 2);
  }
  for (const fs::path &corpus : corpora) {
    const std::size_t inputs =
        fs::is_directory(corpus) ? try_files(corpus) : try_lines(corpus, into);
    std::printf("%s: %zu inputs\n", corpus.c_str(), inputs);
    if (inputs == 0)
      return 1;
  }
  return corpora.empty() ? 1 : 0;
}
