// Lines of an event log, whatever octets there are, to a page that has nothing of them but text.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/report_html.h"
#include "fuzz/target.h"

using namespace mxw::cli;

namespace {

void require(bool holds) {
  if (!holds)
    std::abort();
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++n;
  return n;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string octets(data, data + size);
  ReportPage page;
  page.period.now_s = 1'795'474'805;
  ReportTally tally(page.period);
  std::size_t begin = 0;
  while (begin < octets.size()) {
    const std::size_t end = std::min(octets.find('\n', begin), octets.size());
    if (const auto event = parse_event(std::string_view(octets).substr(begin, end - begin)))
      tally.add(*event);
    begin = end + 1;
  }
  page.title = octets.substr(0, 200);
  page.failures = {page.title};
  page.figures = tally.figures(5);
  const std::string text = report_html(page);
  const ReportFigures &figures = page.figures;
  require(figures.protected_names.rows.size() <= 5 && text.ends_with("</html>\n"));
  for (const char *tag : {"<script", "<img", "<a ", "<iframe", "<link", "<form"})
    require(count(text, tag) == 0);
  for (const char *tag : {"<style", "<title>", "<h1>", "<body>", "<main>", "<footer>"})
    require(count(text, tag) == (std::string_view(tag) == "<title>"
                                     ? count(text, "</title>") - count(text, "<title id=")
                                     : 1));
  for (const char c : text)
    require(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t');
  return 0;
}
