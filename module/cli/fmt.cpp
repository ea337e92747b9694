// `mxwarden fmt`: rule files in one layout.
#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "loader/atomic_file.h"
#include "loader/dns_text.h"
#include "loader/source.h"
#include "loader/toml_format.h"

namespace mxw::cli {
namespace {

namespace fs = std::filesystem;

/// The files of `paths`, of directories every *.toml; without any those of the main file that are
/// no package's. What cannot be found stays in, for whoever reads it to tell.
std::vector<fs::path> files_of(const FmtOptions &options) {
  std::vector<fs::path> files;
  if (options.paths.empty()) {
    files = load({options.config, {}}).files;
    std::erase_if(files, is_shipped);
    if (files.empty())
      files.push_back(options.config);
  }
  for (const fs::path &path : options.paths) {
    std::error_code none;
    const auto found = fs::is_directory(path, none) ? RuleFiles().match(path, "*.toml")
                                                    : std::vector<fs::path>{path};
    if (found)
      files.insert(files.end(), found->begin(), found->end());
    else
      files.push_back(path);
  }
  return files;
}

/// Lays out one file, or only tells whether that would change it.
Exit format(const fs::path &file, bool is_check) {
  const auto source = read_input(file, kMaxRuleFileBytes);
  if (!source) {
    print({source.error()});
    return Exit::cannot_run;
  }
  Findings findings;
  const auto text = format_toml(*source, findings);
  if (!text) {
    print(std::move(findings).sorted());
    return Exit::cannot_run;
  }
  if (file == "-" && !is_check) {
    std::cout << *text;
    return Exit::clean;
  }
  const std::string before = source->octets();
  if (*text == before)
    return Exit::clean;
  std::cout << printable(file.native()) << '\n';
  if (is_check)
    return Exit::findings;
  if (const Written written = replace_file(file, *text, before); !written) {
    std::cerr << "mxwarden: " << printable(written.error()) << '\n';
    return Exit::cannot_run;
  }
  return Exit::clean;
}

} // namespace

Exit fmt(const FmtOptions &options) {
  Exit exit = Exit::clean;
  for (const fs::path &file : files_of(options))
    exit = std::max(exit, format(file, options.check));
  return exit;
}

} // namespace mxw::cli
