#include "runtime/last_good.h"

#include <array>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/hash.h"
#include "loader/atomic_file.h"

namespace mxw {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTitle = "mxwarden last good rules 1";
constexpr std::size_t kMaxBytes = std::size_t{1} << 30U;

// The body is a sequence of netstrings (D. J. Bernstein 1997): "4:text,".

void put(std::string &body, std::string_view text) {
  body += std::to_string(text.size());
  body += ':';
  body += text;
  body += ',';
}

std::string body_of(const fs::path &main_file, const SavedFiles &files) {
  std::string body;
  put(body, main_file.native());
  put(body, std::to_string(files.texts.size()));
  for (const auto &[path, text] : files.texts) {
    put(body, path.native());
    put(body, text);
  }
  put(body, std::to_string(files.matches.size()));
  for (const auto &[pattern, matches] : files.matches) {
    put(body, pattern);
    put(body, std::to_string(matches.size()));
    for (const fs::path &path : matches)
      put(body, path.native());
  }
  put(body, std::to_string(files.identities.size()));
  for (const auto &[path, identity] : files.identities) {
    put(body, path.native());
    put(body, identity.native());
  }
  return body;
}

template <class Number> std::optional<Number> number_of(std::string_view text, int base = 10) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

/// Takes netstrings off a text. After the first that is none there are no more.
class Netstrings {
public:
  explicit Netstrings(std::string_view text) : rest_(text) {}

  std::string_view next() {
    const std::size_t colon = rest_.find(':');
    const auto bytes = number_of<std::size_t>(rest_.substr(0, colon));
    if (colon == std::string_view::npos || !bytes || rest_.size() - colon < 2 ||
        *bytes > rest_.size() - colon - 2 || rest_[colon + 1 + *bytes] != ',') {
      good_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view text = rest_.substr(colon + 1, *bytes);
    rest_.remove_prefix(colon + *bytes + 2);
    return text;
  }
  /// Calls `take()` as often as the next one says.
  template <class Take> void repeat(Take &&take) {
    const auto times = number_of<std::size_t>(next());
    good_ = good_ && times.has_value();
    for (std::size_t i = 0; good_ && i < *times; ++i)
      take();
  }
  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

private:
  std::string_view rest_;
  bool good_ = true;
};

/// The first line: title, checksum of the body, and when it was written.
struct Header {
  std::uint64_t checksum = 0;
  std::int64_t time_s = 0;
};

std::string text_of(const Header &header) {
  std::array<char, 17> checksum = {};
  std::to_chars(checksum.begin(), checksum.end() - 1, header.checksum, 16);
  return std::string(kTitle) + ' ' + checksum.data() + ' ' + std::to_string(header.time_s) + '\n';
}

std::optional<Header> header_of(std::string_view line) {
  if (!line.starts_with(std::string(kTitle) + ' '))
    return std::nullopt;
  line.remove_prefix(kTitle.size() + 1);
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos)
    return std::nullopt;
  const auto checksum = number_of<std::uint64_t>(line.substr(0, blank), 16);
  const auto time_s = number_of<std::int64_t>(line.substr(blank + 1));
  return checksum && time_s ? std::optional(Header{*checksum, *time_s}) : std::nullopt;
}

} // namespace

std::optional<std::string> LastGood::keep(const fs::path &main_file, const SavedFiles &files,
                                          std::int64_t now_s) {
  const std::string body = body_of(main_file, files);
  const std::uint64_t checksum = hash_of(body, 0);
  if (!checksum_)
    (void)load(main_file); // what is there
  std::error_code error;
  if (checksum_ == checksum && fs::exists(file_, error)) // somebody may have emptied the directory
    return std::nullopt;
  fs::create_directories(file_.parent_path(), error); // replace() tells what is wrong
  if (const Written written = replace_file(file_, text_of({checksum, now_s}) + body); !written)
    return written.error();
  checksum_ = checksum;
  return std::nullopt;
}

tl::expected<LastGood::Kept, std::string> LastGood::load(const fs::path &main_file) {
  const auto fail = [&](const std::string &why) {
    return tl::unexpected("'" + file_.string() + "' " + why);
  };
  const auto read = Source::read(file_, kMaxBytes);
  if (!read)
    return tl::unexpected(read.error().message);
  const std::string_view text = read->text();
  const std::size_t line = text.find('\n');
  const auto header = header_of(text.substr(0, line));
  if (line == std::string_view::npos || !header)
    return fail("is not what this version writes");
  const std::string_view body = text.substr(line + 1);
  if (hash_of(body, 0) != header->checksum)
    return fail("is damaged: its checksum is another");
  Netstrings next(body);
  if (next.next() != main_file.native())
    return fail("is of another main file");
  Kept kept;
  kept.time_s = header->time_s;
  next.repeat([&] {
    const fs::path path(next.next());
    kept.files.texts[path] = next.next();
  });
  next.repeat([&] {
    std::vector<fs::path> &matches = kept.files.matches[std::string(next.next())];
    next.repeat([&] { matches.emplace_back(next.next()); });
  });
  next.repeat([&] {
    const fs::path path(next.next());
    kept.files.identities[path] = fs::path(next.next());
  });
  if (!next.good() || !next.at_end())
    return fail("is not what this version writes");
  checksum_ = header->checksum;
  return kept;
}

} // namespace mxw
