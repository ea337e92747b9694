// Asks the running module over its control socket, for the commands that do.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace mxw::cli {

/// How long to wait for an answer; none: until it comes, or the module is gone.
using Patience = std::optional<std::chrono::milliseconds>;

/// While the module reads very many names it answers nobody for some seconds.
constexpr std::chrono::seconds kUsualPatience(60);

/// What the module at `socket` answers to `request`, an object; or one line that says why there is
/// nothing, and what to do. However slowly it sends, that is all that comes within `patience`.
/// Blocks on the socket; thread-safe.
tl::expected<nlohmann::ordered_json, std::string> ask_module(const std::filesystem::path &socket,
                                                             const std::string &request,
                                                             Patience patience = kUsualPatience);

/// Calls `take(octets)` with what comes, until the module has no more or that returns false.
/// Returns why there is nothing, else an empty string.
std::string listen_to_module(const std::filesystem::path &socket, const std::string &request,
                             const std::function<bool(std::string_view)> &take,
                             Patience patience = std::nullopt);

/// True if the rules of the files are in force, as the module's answer has it.
bool is_as_written(const nlohmann::ordered_json &status);

} // namespace mxw::cli
