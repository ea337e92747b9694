#include "runtime/control_server.h"

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "loader/posix.h"

namespace mxw {
namespace {

constexpr std::size_t kMaxRequest = 64;
constexpr mode_t kMode = 0660;

/// False if `path` is too long for a socket (unix(7)).
bool set_path(sockaddr_un &address, const std::filesystem::path &path) {
  const std::string &text = path.native();
  if (text.size() >= sizeof(address.sun_path))
    return false;
  address.sun_family = AF_UNIX;
  text.copy(static_cast<char *>(address.sun_path), text.size());
  return true;
}

const sockaddr *generic(const sockaddr_un &address) {
  return static_cast<const sockaddr *>(static_cast<const void *>(&address));
}

/// True if somebody listens there.
bool is_alive(const sockaddr_un &address) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool alive = fd >= 0 && (connect(fd, generic(address), sizeof(address)) == 0 ||
                                 errno == EAGAIN); // it has many clients
  if (fd >= 0)
    close(fd);
  return alive;
}

} // namespace

ControlServer::ControlServer(std::filesystem::path socket, Answer answer)
    : socket_(std::move(socket)), answer_(std::move(answer)) {
  std::error_code ignored; // what is wrong shows below
  std::filesystem::create_directories(socket_.parent_path(), ignored);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0)
    error_ = error_text(errno);
  else if (!listen(socket_)) {
    close(epoll_);
    epoll_ = -1;
  }
}

ControlServer::~ControlServer() {
  while (!clients_.empty())
    close_client(clients_.begin()->first);
  if (listening_ >= 0) {
    unlink(socket_.c_str());
    close(listening_);
  }
  if (epoll_ >= 0)
    close(epoll_);
}

bool ControlServer::listen(const std::filesystem::path &path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    error_ = error_text(errno);
    return false;
  }
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (bind_to(fd, path)) {
    if (chmod(path.c_str(), kMode) == 0 && ::listen(fd, kMaxClients) == 0 &&
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) {
      listening_ = fd;
      return true;
    }
    error_ = error_text(errno);
    unlink(path.c_str());
  }
  close(fd);
  return false;
}

bool ControlServer::bind_to(int fd, const std::filesystem::path &path) {
  sockaddr_un address = {};
  if (!set_path(address, path)) {
    error_ = "its path is longer than " + std::to_string(sizeof(address.sun_path) - 1) + " octets";
    return false;
  }
  if (bind(fd, generic(address), sizeof(address)) == 0)
    return true;
  struct stat status = {};
  if (errno == EADDRINUSE && lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    if (is_alive(address)) {
      error_ = "another resolver listens there; give each a MXWARDEN_STATE of its own";
      return false;
    }
    unlink(path.c_str()); // of a resolver that was killed
    if (bind(fd, generic(address), sizeof(address)) == 0)
      return true;
  }
  error_ = error_text(errno);
  return false;
}

void ControlServer::work() {
  std::array<epoll_event, 2 *kMaxClients> events = {};
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event &event = events.at(static_cast<std::size_t>(i));
    const int fd = event.data.fd;
    if (fd == listening_)
      continue; // below: a client that ends makes room
    const auto found = clients_.find(fd);
    if (found == clients_.end())
      continue;
    Client &client = found->second;
    const bool is_there =
        (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 || read_from(fd, client);
    if (!is_there || !send_to(fd, client))
      close_client(fd);
  }
  accept_all();
}

void ControlServer::accept_all() {
  for (;;) {
    const int fd = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
      return;
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = fd;
    // Whoever finds all places taken is told so by the end of the connection.
    if (clients_.size() >= kMaxClients || epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
      close(fd);
    else
      clients_.emplace(fd, Client());
  }
}

bool ControlServer::read_from(int fd, Client &client) {
  std::array<char, 2 *kMaxRequest> buffer = {};
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got < 0)
    return errno == EAGAIN || errno == EINTR;
  if (got == 0)
    return client.ends && !client.unsent.empty(); // it may have said all that it has to say
  if (client.ends || client.listens)
    return true; // there is one request
  client.request.append(buffer.data(), static_cast<std::size_t>(got));
  const std::size_t end = client.request.find('\n');
  if (end == std::string::npos && client.request.size() <= kMaxRequest)
    return true;
  if (end > kMaxRequest) // or there is none
    return false;
  const std::string request = client.request.substr(0, end);
  if (request == "tail") {
    client.listens = true;
    ++listeners_;
    return true;
  }
  client.unsent = answer_(request);
  client.ends = true;
  return true;
}

bool ControlServer::send_to(int fd, Client &client) const {
  while (!client.unsent.empty()) {
    const ssize_t sent =
        send(fd, client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0 && errno != EAGAIN)
      return false;
    if (sent < 0)
      break;
    client.unsent.erase(0, static_cast<std::size_t>(sent));
  }
  epoll_event event = {};
  // Whoever said all and does not read must not keep us busy with the end of what he says.
  event.events = client.unsent.empty() ? EPOLLIN : client.ends ? EPOLLOUT : EPOLLIN | EPOLLOUT;
  event.data.fd = fd;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
  return !(client.ends && client.unsent.empty());
}

void ControlServer::publish(std::string_view line) {
  if (listeners_ == 0)
    return;
  for (auto next = clients_.begin(); next != clients_.end();) {
    const int fd = next->first;
    Client &client = (next++)->second; // it may go
    if (!client.listens)
      continue;
    if (client.unsent.size() + line.size() > kMaxUnread) {
      ++client.missed;
      continue;
    }
    if (client.missed > 0)
      client.unsent += R"({"missed":)" + std::to_string(std::exchange(client.missed, 0)) + "}\n";
    client.unsent += line;
    client.unsent += '\n';
    if (!send_to(fd, client))
      close_client(fd);
  }
}

void ControlServer::close_client(int fd) {
  const auto found = clients_.find(fd);
  if (found->second.listens)
    --listeners_;
  clients_.erase(found);
  close(fd); // and out of epoll
}

} // namespace mxw
