// Completion scripts for shells, made from what the command line is.
#pragma once

#include <string>
#include <vector>

namespace mxw::cli {

struct CompletedOption {
  std::vector<std::string> names; ///< "-c", "--config"; none: what stands without one
  std::string help;
  std::string value;                ///< "FILE..."; empty: it has none
  std::vector<std::string> choices; ///< what the value must be one of, if there is such
};

struct CompletedCommand {
  std::string name;
  std::string help;
  std::vector<CompletedOption> options;
};

/// Returns a script that bash sources (bash-completion finds it by the command's name).
std::string bash_completion(const std::vector<CompletedCommand> &commands);

/// Returns a function that zsh finds in its fpath as _mxwarden.
std::string zsh_completion(const std::vector<CompletedCommand> &commands);

} // namespace mxw::cli
