// Days as people write them on the command line: 2027-03-31.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace mxw::cli {

using Date = std::chrono::year_month_day;

/// The number that all of `digits` are, or nullopt where there is another character, or none.
std::optional<int> to_number(std::string_view digits) noexcept;
/// The day that is written YYYY-MM-DD, or nullopt where there is no such day.
std::optional<Date> parse_date(std::string_view text) noexcept;
/// "2027-03-31"
std::string to_string(Date date);

} // namespace mxw::cli
