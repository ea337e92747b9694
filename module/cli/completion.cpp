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
  if (option.value.empty())
    return "";
  // With an action that does nothing zsh would offer no option where a name may stand.
  return ":" + option.value + (option.names.empty() ? ":_guard \"^-*\" " + option.value : ": ");
}

} // namespace

std::string bash_completion(const std::vector<CompletedCommand> &commands) {
  std::vector<std::string> names;
  std::string values; // by command and option, what follows
  std::string others; // by command, what stands without an option, and all options
  for (const CompletedCommand &command : commands) {
    names.push_back(command.name);
    std::vector<std::string> words;
    std::string first = "''";
    for (const CompletedOption &option : command.options) {
      const std::string what = !option.choices.empty() ? '\'' + joined(option.choices, " ") + '\''
                               : is_file(option)       ? "files"
                                                       : "''";
      std::vector<std::string> patterns;
      for (const std::string &name : option.names) {
        words.push_back(name);
        patterns.push_back(command.name + ':' + name);
      }
      if (patterns.empty())
        first = what;
      else if (!option.value.empty())
        values += "  " + joined(patterns, " | ") + ") words=" + what +
                  " many=" + (is_many(option) ? "1" : "") + " ;;\n";
    }
    others +=
        "    " + command.name + ") words=" + first + " options='" + joined(words, " ") + "' ;;\n";
  }
  return R"(# shellcheck shell=bash
# Completion of mxwarden for bash, as `mxwarden completion bash` prints it.
_mxwarden() {
  local cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words='' options='' many='' at
  COMPREPLY=()
  [[ $cur != = ]] || cur=
  # The option that stands last, and whether the word is its value.
  for ((at = COMP_CWORD - 1; at > 1; at--)); do [[ ${COMP_WORDS[at]} != -* ]] || break; done
  case $command:${COMP_WORDS[at]} in
)" + values +
         R"(  *) at=0 ;;
  esac
  [[ $many || ${COMP_WORDS[at + 1]} != = ]] || ((at++))
  if ((COMP_CWORD == 1)); then
    words=')" +
         joined(names, " ") + R"( --help --version'
  elif [[ $cur == -* ]] || ((at == 0)) || [[ -z $many && $at -ne $((COMP_CWORD - 1)) && $at -ne $COMP_CWORD ]]; then
    case $command in
)" + others +
         R"(    *) words='' ;;
    esac
    [[ $cur != -* ]] || words=$options
  fi
  if [[ $words == files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  fi
}
complete -F _mxwarden mxwarden
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
      std::vector<std::string> names = option.names;
      for (std::string &name : names)
        name += name.starts_with("--") && !option.value.empty() ? "=" : ""; // or the next word
      cases += " \\\n      " +
               (is_many(option) ? std::string("'*'") : "'(" + joined(option.names, " ") + ")'") +
               (names.size() == 1 ? names[0] : '{' + joined(names, ",") + '}') + "'[" +
               escaped(option.help, ":[]") + ']' + zsh_action(option) + '\'';
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
if [[ $funcstack[1] == _mxwarden ]]; then
  _mxwarden "$@"
else # read by source
  compdef _mxwarden mxwarden
fi
)";
}

} // namespace mxw::cli
