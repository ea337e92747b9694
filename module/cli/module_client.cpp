#include "cli/module_client.h"

#include <array>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/diagnostic.h"
#include "loader/posix.h"

namespace mxw::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// Thousands of rules make some megabytes. More, or deeper, is not the module's.
constexpr std::size_t kMaxAnswer = std::size_t{32} << 20U;
constexpr int kMaxDepth = 8;

std::string complaint(const std::filesystem::path &socket, const std::string &why,
                      const std::string &remedy) {
  return "cannot ask the module at '" + printable(socket.string()) + "': " + why + "; " + remedy;
}

std::string no_answer(const std::filesystem::path &socket) {
  return complaint(socket, "it does not answer in time",
                   "it may be reading very many rules, or the resolver hangs; try again");
}

std::string complaint(const std::filesystem::path &socket, int error) {
  if (error == EAGAIN) // connect() or send() took too long
    return no_answer(socket);
  return complaint(socket, error_text(error),
                   error == EACCES || error == EPERM ? "it answers root and the resolver's group"
                   : error == ENOENT || error == ECONNREFUSED
                       ? "is the resolver running, with the module? --socket names another place"
                       : "--socket names another place");
}

/// What `text` says; discarded where it is no JSON, or none of the module's.
nlohmann::ordered_json parse(const std::string &text) {
  using Json = nlohmann::ordered_json;
  try {
    return Json::parse(text, [](int depth, Json::parse_event_t, Json &) {
      if (depth > kMaxDepth) // each costs far more memory than text
        throw std::length_error("too deep");
      return true;
    });
  } catch (const std::exception &) {
    return Json::value_t::discarded;
  }
}

/// Connects `fd` and sends `request`; returns errno where that fails, else 0.
int connect_and_send(int fd, const std::filesystem::path &socket, const std::string &request,
                     Patience patience) {
  sockaddr_un address = {};
  if (socket.native().size() >= sizeof(address.sun_path))
    return ENAMETOOLONG;
  address.sun_family = AF_UNIX;
  socket.native().copy(static_cast<char *>(address.sun_path), socket.native().size());
  if (patience) { // connect() waits while too many others do
    const auto us = std::chrono::microseconds(*patience).count();
    const timeval timeout = {us / 1'000'000, us % 1'000'000};
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0)
      return errno;
  }
  const std::string line = request + '\n';
  if (connect(fd, static_cast<const sockaddr *>(static_cast<const void *>(&address)),
              sizeof(address)) != 0 ||
      send(fd, line.data(), line.size(), MSG_NOSIGNAL) < 0)
    return errno;
  return 0;
}

/// Waits until `fd` is readable. False where that takes until `end`.
bool wait_for(int fd, std::optional<Clock::time_point> end) {
  for (;;) {
    int timeout_ms = -1;
    if (end) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*end - Clock::now());
      if (left.count() <= 0)
        return false;
      timeout_ms = static_cast<int>(left.count());
    }
    pollfd one = {fd, POLLIN, 0};
    const int ready = poll(&one, 1, timeout_ms);
    if (ready > 0 || (ready < 0 && errno != EINTR))
      return true; // recv() tells what is wrong
  }
}

} // namespace

std::string listen_to_module(const std::filesystem::path &socket, const std::string &request,
                             const std::function<bool(std::string_view)> &take, Patience patience) {
  std::optional<Clock::time_point> end;
  if (patience)
    end = Clock::now() + *patience;
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (const int error =
          fd.get() < 0 ? errno : connect_and_send(fd.get(), socket, request, patience);
      error != 0)
    return complaint(socket, error);
  std::array<char, 1U << 16U> buffer; // NOLINT(*-member-init): filled by recv()
  for (;;) {
    if (!wait_for(fd.get(), end))
      return no_answer(socket);
    const ssize_t got = recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0 || !take(std::string_view(buffer.data(), static_cast<std::size_t>(got))))
      return {};
  }
}

tl::expected<nlohmann::ordered_json, std::string>
ask_module(const std::filesystem::path &socket, const std::string &request, Patience patience) {
  std::string text;
  std::string failed = listen_to_module(
      socket, request,
      [&](std::string_view octets) {
        text += octets;
        return text.size() <= kMaxAnswer;
      },
      patience);
  if (!failed.empty())
    return tl::unexpected(std::move(failed));
  if (text.empty())
    return tl::unexpected(
        complaint(socket, "it gave no answer", "too many others may be asking; try again"));
  auto answer = parse(text);
  if (answer.is_object() && answer.contains("generation"))
    return answer;
  return tl::unexpected(complaint(socket, "it did not understand",
                                  "it may be of another version: restart the resolver"));
}

bool is_as_written(const nlohmann::ordered_json &status) {
  return status.at("source") == "files" && !status.at("refused").get<bool>();
}

} // namespace mxw::cli
