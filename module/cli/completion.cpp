#include "cli/completion.h"

#include <string_view>

namespace mxw::cli {
namespace {

std::string joined(const std::vector<std::string> &words, std::string_view between) {
  std::string out;
  for (const std::string &word : words)
    out += (out.empty() ? std::string() : std::string(between)) + word;
  return out;
}

bool is_file(const CompletedOption &option) {
  for (const std::string_view word : {"FILE", "PATH", "DIRECTORY"})
    if (option.value.starts_with(word))
      return true;
  return false;
}

bool is_many(const CompletedOption &option) { return option.value.ends_with("..."); }

/// `text` for single quotes, with a backslash before each of `special`.
std::string escaped(const std::string &text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos)
      out += '\\';
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out;
}

/// What _arguments does with the value of `option`.
std::string zsh_action(const CompletedOption &option) {
  if (!option.choices.empty())
    return ":word:(" + joined(option.choices, " ") + ')';
  if (is_file(option))
    return ":file:_files";
  return option.value.empty() ? "" : ":" + option.value + ": ";
}

} // namespace

std::string bash_completion(const std::vector<CompletedCommand> &commands) {
  std::vector<std::string> names;
  std::string values; // by command and option, what may follow
  std::string options;
  for (const CompletedCommand &command : commands) {
    names.push_back(command.name);
    std::vector<std::string> words;
    for (const CompletedOption &option : command.options) {
      std::vector<std::string> patterns;
      for (const std::string &name : option.names) {
        words.push_back(name);
        patterns.push_back(command.name + ':' + name);
      }
      if (patterns.empty() && !option.choices.empty())
        patterns.push_back(command.name + ':' + command.name); // the first word behind it
      if (patterns.empty() || option.value.empty())
        continue;
      values += "    " + joined(patterns, " | ") + ") ";
      values += option.choices.empty()
                    ? (is_file(option) ? "return" : "compopt +o default 2>/dev/null; return")
                    : "words='" + joined(option.choices, " ") + '\'';
      values += " ;;\n";
    }
    options += "      " + command.name + ") words='" + joined(words, " ") + "' ;;\n";
  }
  // Where nothing is said, bash completes names of files.
  return R"(# shellcheck shell=bash
# Completion of mxwarden for bash, as `mxwarden completion bash` prints it.
_mxwarden() {
  local cur=${COMP_WORDS[COMP_CWORD]} words=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words=')" +
         joined(names, " ") + R"( --help --version'
  else
    case ${COMP_WORDS[1]}:${COMP_WORDS[COMP_CWORD - 1]} in
)" + values +
         R"(    esac
    if [[ -z $words && $cur == -* ]]; then
      case ${COMP_WORDS[1]} in
)" + options +
         R"(      esac
    fi
  fi
  [[ -z $words ]] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _mxwarden mxwarden
)";
}

std::string zsh_completion(const std::vector<CompletedCommand> &commands) {
  std::string described;
  std::string cases;
  for (const CompletedCommand &command : commands) {
    described += "    '" + command.name + ':' + escaped(command.help, "") + "'\n";
    cases += "  " + command.name + ")\n    _arguments";
    bool takes_more = false; // words that belong to an option, or to none
    for (const CompletedOption &option : command.options) {
      takes_more = takes_more || is_many(option);
      if (option.names.empty()) {
        cases +=
            std::string(" \\\n      '") + (is_many(option) ? "*" : "1") + zsh_action(option) + "'";
        takes_more = false;
        continue;
      }
      cases +=
          " \\\n      " +
          (is_many(option) ? std::string("'*'") : "'(" + joined(option.names, " ") + ")'") +
          (option.names.size() == 1 ? option.names[0] : '{' + joined(option.names, ",") + '}') +
          "'[" + escaped(option.help, ":[]") + ']' + zsh_action(option) + '\'';
    }
    cases += std::string(takes_more ? " \\\n      '*:file:_files'" : "") + " ;;\n";
  }
  return R"(#compdef mxwarden
# Completion of mxwarden for zsh, as `mxwarden completion zsh` prints it.
_mxwarden() {
  local -a commands=(
)" + described +
         R"(  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
)" + cases +
         R"(  esac
}
_mxwarden "$@"
)";
}

} // namespace mxw::cli
