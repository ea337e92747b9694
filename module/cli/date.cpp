#include "cli/date.h"

#include <charconv>
#include <cstdio>
#include <system_error>

namespace mxw::cli {

std::optional<int> to_number(std::string_view digits) noexcept {
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || digits.front() == '-' || error != std::errc() ||
      end != digits.data() + digits.size())
    return std::nullopt;
  return number;
}

std::optional<Date> parse_date(std::string_view text) noexcept {
  using namespace std::chrono;
  if (text.size() != 10 || text[4] != '-' || text[7] != '-')
    return std::nullopt;
  const auto y = to_number(text.substr(0, 4));
  const auto m = to_number(text.substr(5, 2));
  const auto d = to_number(text.substr(8));
  if (!y || !m || !d)
    return std::nullopt;
  const Date date(year(*y), month(static_cast<unsigned>(*m)), day(static_cast<unsigned>(*d)));
  return date.ok() ? std::optional(date) : std::nullopt;
}

std::string to_string(Date date) {
  char text[sizeof "2027-03-31" + 32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text;
}

} // namespace mxw::cli
