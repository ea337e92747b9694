// `mxwarden status`, `stats`, `reload` and `tail`: what asks the running module.
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <prometheus/text_serializer.h>

#include "cli/commands.h"
#include "cli/metrics.h"
#include "cli/module_client.h"
#include "loader/atomic_file.h"

namespace mxw::cli {
namespace {

using Json = nlohmann::ordered_json;

void complain(const std::string &why) { std::cerr << "mxwarden: " << why << '\n'; }

/// What the module answers to `request`; says why where it does not.
std::optional<Json> answer_to(const std::filesystem::path &socket, const std::string &request,
                              Patience patience = kUsualPatience) {
  auto answer = ask_module(socket, request, patience);
  if (answer)
    return std::move(*answer);
  complain(answer.error());
  return std::nullopt;
}

std::string duration(std::int64_t seconds) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (seconds >= 2 * kDay)
    return std::to_string(seconds / kDay) + " days";
  if (seconds >= 2 * kHour)
    return std::to_string(seconds / kHour) + " hours";
  if (seconds >= 2 * kMinute)
    return std::to_string(seconds / kMinute) + " minutes";
  return std::to_string(seconds) + (seconds == 1 ? " second" : " seconds");
}

/// All but those that there were none of.
void print_decisions(const Json &status) {
  std::ostringstream rows;
  for (const Json &one : status.at("decisions"))
    if (one.at("count") != 0)
      rows << "  " << printable(one.at("rule").get<std::string>()) << ' '
           << one.at("action").get<std::string>() << ' ' << one.at("mode").get<std::string>()
           << ": " << one.at("count") << '\n';
  std::cout << (rows.str().empty() ? "decisions   none yet\n" : "decisions\n") << rows.str();
}

void print_status(const Json &status) {
  const auto row = [](const char *title, const std::string &value) {
    std::cout << title << printable(value) << '\n';
  };
  const auto number = [&](const char *key) {
    return std::to_string(status.at(key).get<std::uint64_t>());
  };
  const std::string source = status.at("source");
  row("version     ", status.at("version").get<std::string>() + " in unbound " +
                          status.at("host_version").get<std::string>() + ", running for " +
                          duration(status.at("uptime_s")));
  row("config      ", status.at("config"));
  row("rules       ", source == "none"        ? "NONE: nothing is enforced"
                      : source == "last-good" ? "THE LAST GOOD ONES: those in the files have errors"
                      : is_as_written(status)
                          ? "as they are in the files"
                          : "THOSE FROM BEFORE: the files were changed, and have errors");
  if (source != "none") {
    row("in force    ",
        "for " + duration(status.at("age_s")) + ", generation " + number("generation"));
    row("size        ", count(status.at("rules"), "rule") + ", " +
                            count(status.at("protected_names"), "protected name") + ", " +
                            count(status.at("memory_bytes"), "byte"));
  }
  if (status.at("refused").get<bool>())
    row("refused     ", duration(status.at("refused_age_s")) + " ago");
  row("events      ", number("events_dropped") + " dropped");
  row("cut short   ", number("look_ups_cut_short") + " look-ups");
  print_decisions(status);
  for (const Json &finding : status.at("findings"))
    std::cout << '\n' << finding.at("text").get<std::string>();
}

/// What `mxwarden stats` prints of the decisions.
std::string listed_decisions(const Json &status, StatsFormat format) {
  std::ostringstream out;
  for (const Json &one : status.at("decisions"))
    if (format == StatsFormat::json)
      out << one.dump() << '\n';
    else
      out << printable(one.at("rule").get<std::string>()) << ' '
          << one.at("action").get<std::string>() << ' ' << one.at("mode").get<std::string>() << ' '
          << one.at("count") << '\n';
  return out.str();
}

/// Prints `text`, or makes it all that `file` has, if there is one.
bool put_out(const std::filesystem::path &file, const std::string &text) {
  if (file.empty()) {
    std::cout << text;
    return true;
  }
  if (const Written written = replace_file(file, text); !written) {
    complain(printable(written.error()));
    return false;
  }
  return true;
}

} // namespace

Exit status(const ControlOptions &options) {
  const auto answer = answer_to(options.socket, "status");
  if (!answer)
    return Exit::cannot_run;
  if (options.json)
    std::cout << answer->dump() << '\n';
  else
    print_status(*answer);
  return is_as_written(*answer) ? Exit::clean : Exit::findings;
}

Exit stats(const StatsOptions &options) {
  if (options.format == StatsFormat::prometheus) {
    const Metrics metrics = ask_for_metrics(options.socket, kUsualPatience);
    if (!metrics.failed.empty())
      complain(metrics.failed); // and so says the output
    const bool done =
        put_out(options.output, prometheus::TextSerializer().Serialize(metrics.families));
    return done && metrics.failed.empty() ? Exit::clean : Exit::cannot_run;
  }
  const auto answer = answer_to(options.socket, "status");
  return answer && put_out(options.output, listed_decisions(*answer, options.format))
             ? Exit::clean
             : Exit::cannot_run;
}

Exit reload(const ControlOptions &options) {
  const auto answer = answer_to(options.socket, "reload", std::nullopt);
  if (!answer)
    return Exit::cannot_run;
  if (options.json) {
    std::cout << answer->dump() << '\n';
  } else {
    for (const Json &finding : answer->at("findings"))
      std::cerr << finding.at("text").get<std::string>();
    if (is_as_written(*answer))
      std::cout << count(answer->at("rules"), "rule") << ", "
                << count(answer->at("protected_names"), "protected name")
                << " in force, generation " << answer->at("generation") << '\n';
    else
      std::cout << "the rules have errors; "
                << (answer->at("source") == "none" ? "nothing is enforced\n"
                                                   : "those from before stay in force\n");
  }
  return is_as_written(*answer) ? Exit::clean : Exit::findings;
}

Exit tail(const ControlOptions &options) {
  const std::string failed = listen_to_module(options.socket, "tail", [](std::string_view octets) {
    return static_cast<bool>(std::cout << octets << std::flush);
  });
  if (failed.empty())
    return Exit::clean;
  complain(failed);
  return Exit::cannot_run;
}

} // namespace mxw::cli
