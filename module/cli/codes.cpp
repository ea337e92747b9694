// `mxwarden codes`: what the codes of findings mean.
#include <algorithm>
#include <iostream>
#include <iterator>

#include "cli/commands.h"
#include "code_pages.h"
#include "loader/source.h"
#include "loader/toml_reader.h"

namespace mxw::cli {

Exit codes(const std::vector<std::string> &codes) {
  if (codes.empty())
    for (const CodePage &page : kCodePages)
      // "# MXW001: file cannot be read"
      std::cout << page.code << ' '
                << page.text.substr(page.code.size() + 4,
                                    page.text.find('\n') - page.code.size() - 4)
                << '\n';
  bool all_good = true;
  for (const std::string &code : codes) {
    const auto *page = std::find_if(std::begin(kCodePages), std::end(kCodePages),
                                    [&](const CodePage &p) { return p.code == code; });
    if (page != std::end(kCodePages)) {
      std::cout << (code == codes.front() ? "" : "\n") << page->text;
      continue;
    }
    std::vector<std::string_view> known;
    for (const CodePage &one : kCodePages)
      known.push_back(one.code);
    std::cerr << "mxwarden: there is no code " << printable(quote(code))
              << did_you_mean(code, known) << '\n';
    all_good = false;
  }
  return all_good ? Exit::clean : Exit::findings;
}

} // namespace mxw::cli
