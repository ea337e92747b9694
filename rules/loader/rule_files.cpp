#include "loader/rule_files.h"

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include <glob.h>

namespace mxw {
namespace {

namespace fs = std::filesystem;

/// `path` as a pattern that matches nothing else.
std::string escaped(const fs::path &path) {
  std::string text;
  for (const char c : path.native()) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos)
      text += '\\';
    text += c;
  }
  return text;
}

std::optional<std::vector<fs::path>> expand(const std::string &pattern) {
  glob_t found = {};
  std::vector<fs::path> files;
  if (pattern.find('\0') != std::string::npos) // glob() would take what stands before it
    return files;
  const auto is_fatal = [](const char *, int error) { return error == ENOENT ? 0 : 1; };
  const int status = glob(pattern.c_str(), 0, is_fatal, &found);
  for (std::size_t i = 0; status == 0 && i < found.gl_pathc; ++i)
    files.emplace_back(found.gl_pathv[i]);
  globfree(&found);
  if (status != 0 && status != GLOB_NOMATCH)
    return std::nullopt;
  return files;
}

/// `pattern` as one that matches the same from everywhere.
std::string whole_pattern(const fs::path &directory, const std::string &pattern) {
  return (escaped(directory) / fs::path(pattern)).native();
}

} // namespace

void SavedFiles::set_matches(const fs::path &directory, const std::string &pattern,
                             std::vector<fs::path> files) {
  matches[whole_pattern(directory, pattern)] = std::move(files);
}

Result<Source> RuleFiles::read(const fs::path &file, std::size_t max_bytes) {
  if (saved_ != nullptr) {
    const auto found = saved_->texts.find(file);
    if (found != saved_->texts.end())
      return Source(file, found->second);
    Diagnostic d;
    d.code = "MXW001";
    d.file = file;
    d.message = "cannot read " + quote(file.native()) + ": it was not saved";
    d.help = "mend the rule files";
    return tl::unexpected(std::move(d));
  }
  if (!overlay_.empty())
    if (const auto found = overlay_.find(identity(file)); found != overlay_.end())
      return Source(file, found->second);
  auto read = Source::read(file, max_bytes);
  if (read && kept_ != nullptr)
    kept_->texts[file] = read->text();
  return read;
}

std::optional<std::vector<fs::path>> RuleFiles::match(const fs::path &directory,
                                                      const std::string &pattern) {
  const std::string whole = whole_pattern(directory, pattern);
  if (saved_ != nullptr) {
    const auto found = saved_->matches.find(whole);
    return found == saved_->matches.end() ? std::vector<fs::path>() : found->second;
  }
  auto files = expand(whole);
  if (files && kept_ != nullptr)
    kept_->matches[whole] = *files;
  return files;
}

fs::path RuleFiles::identity(const fs::path &file) {
  if (saved_ != nullptr) {
    const auto found = saved_->identities.find(file);
    return found == saved_->identities.end() ? file : found->second;
  }
  std::error_code error;
  fs::path canonical = fs::canonical(file, error);
  if (error)
    canonical = file.lexically_normal();
  if (kept_ != nullptr)
    kept_->identities[file] = canonical;
  return canonical;
}

} // namespace mxw
