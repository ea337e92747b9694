// One question to one server, and what of the answer tells whether the module decided it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "core/policy.h"

namespace mxw::cli {

struct Server {
  std::string address;
  std::uint16_t port = 53;
  std::string from; ///< the address that asks; empty: whichever
};

struct Answer {
  unsigned rcode = 0;
  bool authentic = false;             ///< the server has validated it
  bool has_records = false;           ///< of the type that was asked for
  std::vector<std::string> addresses; ///< of A and AAAA records
  std::vector<std::string> hosts;     ///< of MX records, in lower case without the last dot
};
/// Asks `server` once, over UDP and over TCP if it must; nullopt where nothing comes within
/// `limit`.
std::optional<Answer> ask(const Server &server, const Name &name, std::uint16_t type,
                          std::chrono::milliseconds limit);

/// A question about a look-alike, and what `policy` says of it.
struct Sample {
  Query query;
  Verdict verdict;
};
/// A look-alike to try: best one that is blocked for everybody without anything to be found out.
/// nullopt where there is none that is easily found.
std::optional<Sample> sample_look_alike(const Policy &policy);

/// True if `answer` (nullopt: none came) is what `sample` gets where `policy` is enforced.
bool is_as_decided(const std::optional<Answer> &answer, const Sample &sample, const Policy &policy);

/// What the module that listens at `socket` answers to `request`, or in one line why it does not.
tl::expected<nlohmann::ordered_json, std::string> ask_module(const std::filesystem::path &socket,
                                                             const std::string &request);

} // namespace mxw::cli
