// The Unix socket by which the command talks to the running module.
//
// A client sends one line and gets one JSON object a line: the answer, and then the end; or, for
// "tail", events until it goes. Everything happens in the one thread that calls work(), and nothing
// waits for a client: what one does not read is kept for a while, and then left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace mxw {

class ControlServer {
public:
  static constexpr std::size_t kMaxClients = 16;
  /// More of a client's output than that is not kept for it.
  static constexpr std::size_t kMaxUnread = std::size_t{1} << 20U;

  /// Answers a request other than "tail": text with a newline at the end.
  using Answer = std::function<std::string(std::string_view request)>;

  /// Listens at `socket` (mode 0660), in the place of one that nobody listens at any more. Where
  /// that fails error() says why, and nobody ever asks. Makes the directory if it is not there.
  ControlServer(std::filesystem::path socket, Answer answer);
  ControlServer(const ControlServer &) = delete;
  ControlServer &operator=(const ControlServer &) = delete;
  /// Ends all connections and takes the socket away.
  ~ControlServer();

  /// Why nobody can ask; empty where somebody can.
  [[nodiscard]] const std::string &error() const noexcept { return error_; }
  /// What poll() finds readable when work() has something to do; -1 where it never has.
  [[nodiscard]] int fd() const noexcept { return epoll_; }
  /// Takes connections, reads requests, answers them, and sends what is left. Never waits for a
  /// client. Not at once with anything else here.
  void work();

  /// True if some client wants events.
  [[nodiscard]] bool has_listeners() const noexcept { return listeners_ != 0; }
  /// Sends `line`, which has no newline, to the clients that want events. To one that does not read
  /// it, a line is sent later that says how many it missed.
  void publish(std::string_view line);

private:
  struct Client {
    std::string request;
    std::string unsent;
    std::uint64_t missed = 0;
    bool listens = false;
    bool ends = false; ///< when everything is sent
  };
  using Clients = std::map<int, Client>;

  bool listen(const std::filesystem::path &path);
  bool bind_to(int fd, const std::filesystem::path &path);
  void accept_all();
  /// Both return false where the client is gone.
  bool read_from(int fd, Client &client);
  bool send_to(int fd, Client &client) const;
  void close_client(int fd);

  std::filesystem::path socket_;
  Answer answer_;
  std::string error_;
  int epoll_ = -1;
  int listening_ = -1;
  Clients clients_; // by descriptor
  std::size_t listeners_ = 0;
};

} // namespace mxw
