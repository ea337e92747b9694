#include "loader/toml_format.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/toml_reader.h"

namespace mxw {
namespace {

std::size_t columns(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
  }));
}

/// Reads a text that is known to be TOML, and writes it anew.
class Formatter {
public:
  explicit Formatter(std::string_view text) : text_(text) {
    const std::size_t first = text.find('\n');
    if (first != std::string_view::npos && first > 0 && text[first - 1] == '\r')
      line_end_ = "\r\n";
  }

  std::string format() {
    read_lines();
    // A table is set off, with the comment right above it, from what stands before.
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].kind != Kind::header)
        continue;
      std::size_t first = i;
      while (first > 0 && lines_[first - 1].kind == Kind::comment && !lines_[first].is_set_off)
        --first;
      lines_[first].is_set_off = true;
      if (i + 1 < lines_.size())
        lines_[i + 1].is_set_off = false;
    }
    std::string out;
    for (const Line &line : lines_) {
      if (line.is_set_off && !out.empty())
        out += line_end_;
      out += line.text + line_end_;
    }
    return out;
  }

  /// All comments that format() met, in their order.
  [[nodiscard]] const std::vector<std::string> &comments() const noexcept { return comments_; }

private:
  enum class Kind : std::uint8_t { comment, header, entry };
  struct Line {
    Kind kind;
    std::string text;
    bool is_set_off; ///< an empty line stands before it
  };
  /// What stands on one line of an array.
  struct Row {
    std::vector<std::string> elements;
    std::string comment;
    bool is_set_off;
  };

  void read_lines() {
    for (std::size_t empty = 0;;) {
      skip_blanks();
      if (at_ == text_.size())
        return;
      if (skip_line_end()) {
        ++empty;
        continue;
      }
      Line line = {Kind::comment, {}, empty > 0};
      empty = 0;
      if (text_[at_] != '#') {
        line.kind = text_[at_] == '[' ? Kind::header : Kind::entry;
        line.text = line.kind == Kind::header ? header() : entry(0);
        skip_blanks();
      }
      if (is_at('#'))
        line.text += (line.text.empty() ? "" : " ") + comment();
      skip_line_end();
      lines_.push_back(std::move(line));
    }
  }

  [[nodiscard]] bool is_at(char c) const noexcept { return at_ < text_.size() && text_[at_] == c; }

  void skip_blanks() noexcept {
    while (is_at(' ') || is_at('\t'))
      ++at_;
  }

  bool skip_line_end() noexcept {
    for (const std::string_view end : {"\n", "\r\n"}) {
      if (text_.substr(at_).starts_with(end)) {
        at_ += end.size();
        return true;
      }
    }
    return false;
  }

  /// What stands up to one of `ends` or the end of the line, without blanks after it; something
  /// must.
  std::string_view up_to(std::string_view ends) {
    const std::size_t from = at_;
    at_ = std::min(std::min(text_.find_first_of(ends, from), text_.find_first_of("\r\n", from)),
                   text_.size());
    if (at_ == from)
      throw std::logic_error("the layout of TOML was misread");
    const std::string_view found = text_.substr(from, at_ - from);
    return found.substr(0, found.find_last_not_of(" \t") + 1);
  }

  std::string comment() {
    comments_.emplace_back(up_to({}));
    return comments_.back();
  }

  std::string quoted() {
    const std::size_t from = at_;
    at_ = end_of_string(text_, at_);
    return std::string(text_.substr(from, at_ - from));
  }

  /// A key, dotted or not, and `end` behind it.
  std::string key(char end) {
    std::string out;
    for (skip_blanks(); !is_at(end); skip_blanks()) {
      if (is_at('.')) {
        ++at_;
        out += '.';
      } else if (is_at('"') || is_at('\'')) {
        out += quoted();
      } else {
        out += up_to(".=] \t");
      }
    }
    ++at_;
    return out;
  }

  std::string header() {
    ++at_;
    const bool is_array = is_at('[');
    at_ += is_array ? 1 : 0;
    const std::string name = key(']');
    at_ += is_array ? 1 : 0;
    return is_array ? "[[" + name + "]]" : '[' + name + ']';
  }

  /// `key = value`, where the line before it has `indent` blanks.
  std::string entry(std::size_t indent) {
    const std::string name = key('=') + " = ";
    skip_blanks();
    return name + value(indent, indent + columns(name));
  }

  /// A value that begins at `column`, in lines that are indented by `indent`.
  std::string value(std::size_t indent, std::size_t column) {
    if (is_at('"') || is_at('\''))
      return quoted();
    if (is_at('['))
      return array(indent, column);
    if (is_at('{'))
      return inline_table(indent);
    return std::string(up_to(",]}#"));
  }

  std::string inline_table(std::size_t indent) {
    std::string out;
    ++at_;
    for (skip_blanks(); !is_at('}'); skip_blanks()) {
      if (is_at(',')) {
        ++at_;
        out += ',';
        skip_blanks();
      }
      out += ' ' + entry(indent);
    }
    ++at_;
    return out.empty() ? "{}" : '{' + out + " }";
  }

  std::string array(std::size_t indent, std::size_t column) {
    bool is_broken = false;
    std::vector<Row> rows = read_rows(indent + 2, is_broken);
    if (rows.empty())
      return "[]";
    if (!is_broken) {
      std::string flat;
      for (const std::string &element : rows.front().elements)
        flat += (flat.empty() ? "" : ", ") + element;
      if (flat.find('\n') == std::string::npos && column + columns(flat) + 2 <= kMaxLineColumns)
        return '[' + flat + ']';
    }
    std::string out = "[" + line_end_;
    for (const Row &row : rows) {
      if (row.is_set_off)
        out += line_end_;
      out += to_lines(row, indent + 2);
    }
    return out + std::string(indent, ' ') + ']';
  }

  std::vector<Row> read_rows(std::size_t indent, bool &is_broken) {
    std::vector<Row> rows;
    std::size_t line_ends = 0;
    const auto row = [&]() -> Row & {
      if (rows.empty() || line_ends > 0)
        rows.push_back({{}, {}, line_ends > 1 && !rows.empty()});
      line_ends = 0;
      return rows.back();
    };
    for (++at_;;) {
      if (is_at(' ') || is_at('\t') || is_at(',')) {
        ++at_;
      } else if (skip_line_end()) {
        ++line_ends;
        is_broken = true;
      } else if (is_at('#')) {
        row().comment = comment();
      } else if (is_at(']')) {
        ++at_;
        return rows;
      } else {
        row().elements.push_back(value(indent, indent));
      }
    }
  }

  /// `row`, in as many lines as it needs.
  [[nodiscard]] std::string to_lines(const Row &row, std::size_t indent) const {
    std::string out;
    std::string line;
    for (const std::string &element : row.elements) {
      if (!line.empty() && indent + columns(line) + columns(element) + 2 > kMaxLineColumns) {
        out += std::string(indent, ' ') + line + line_end_;
        line.clear();
      }
      line += (line.empty() ? "" : " ") + element + ',';
    }
    if (!row.comment.empty())
      line += (line.empty() ? "" : " ") + row.comment;
    return out + std::string(indent, ' ') + line + line_end_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string line_end_ = "\n";
  std::vector<Line> lines_;
  std::vector<std::string> comments_;
};

} // namespace

std::optional<std::string> format_toml(const Source &source, Findings &findings) {
  const auto before = parse_toml(source, findings);
  if (!before)
    return std::nullopt;
  Formatter formatter(source.text());
  std::string text = formatter.format();
  Findings none;
  const auto after = parse_toml(Source(source.file(), text), none);
  Formatter again(text);
  if (!after || *after != *before || again.format() != text ||
      again.comments() != formatter.comments())
    throw std::logic_error("cannot lay out " + quote(source.file().native()) +
                           " without changing what it says, which is a mistake in mxwarden; the "
                           "file is as it was");
  return text;
}

} // namespace mxw
