#include "runtime/control_server.h"

#include <array>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "temp_dir.h"

using namespace mxw;
using test::TempDir;

namespace {

sockaddr_un address_of(const std::filesystem::path &path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.native().copy(static_cast<char *>(address.sun_path), sizeof(address.sun_path) - 1);
  return address;
}

/// A client that never waits.
class Client {
public:
  explicit Client(const std::filesystem::path &path)
      : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    const sockaddr_un address = address_of(path);
    REQUIRE(connect(fd_, static_cast<const sockaddr *>(static_cast<const void *>(&address)),
                    sizeof(address)) == 0);
  }
  Client(const Client &) = delete;
  Client &operator=(const Client &) = delete;
  ~Client() { close(fd_); }

  void say(const std::string &text) const {
    CHECK(send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  void finish() const { shutdown(fd_, SHUT_WR); }
  /// What has come by now; "<end>" behind it if the other side has no more.
  [[nodiscard]] std::string heard() const {
    std::string text;
    std::array<char, 65536> buffer = {};
    for (;;) {
      const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
      if (got <= 0)
        return got == 0 || errno == ECONNRESET ? text + "<end>" : text;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

private:
  int fd_;
};

std::string echo(std::string_view request) { return "you said " + std::string(request) + '\n'; }

bool is_readable(int fd) {
  pollfd waiting = {fd, POLLIN, 0};
  return poll(&waiting, 1, 0) == 1;
}

} // namespace

TEST_CASE("control: a request gets one answer and the end, however it comes", "[control]") {
  const TempDir dir;
  const auto path = dir.path() / "not there yet" / "control";
  ControlServer server(path, echo);
  REQUIRE(server.error().empty());
  CHECK_FALSE(is_readable(server.fd()));
  struct stat status = {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0660);

  const Client one(path);
  one.say("status\nand more that is not heard\n");
  CHECK(is_readable(server.fd()));
  server.work(); // takes it
  server.work(); // reads
  CHECK(one.heard() == "you said status\n<end>");

  const Client slow(path);
  for (const char c : std::string("reload\n")) {
    slow.say(std::string(1, c));
    server.work();
  }
  server.work();
  CHECK(slow.heard() == "you said reload\n<end>");

  const Client half(path);
  half.say("stats\n");
  half.finish();
  server.work();
  server.work();
  CHECK(half.heard() == "you said stats\n<end>");
}

TEST_CASE("control: what is no request ends the connection and nothing else", "[control]") {
  const TempDir dir;
  const auto path = dir.path() / "control";
  ControlServer server(path, echo);
  const std::string said = GENERATE(as<std::string>(), std::string(65, 'x'),
                                    std::string(100'000, '\0'), std::string(65, 'x') + '\n');
  const Client client(path);
  client.say(said);
  server.work();
  server.work();
  CHECK(client.heard() == "<end>");
  { const Client gone(path); }
  server.work();
  server.work();
  const Client good(path);
  good.say("\n");
  server.work();
  server.work();
  CHECK(good.heard() == "you said \n<end>");
}

TEST_CASE("control: an answer that is not read waits, and keeps nobody busy", "[control]") {
  const TempDir dir;
  const auto path = dir.path() / "control";
  const std::string large(3'000'000, 'a');
  ControlServer server(path, [&](std::string_view) { return large; });
  const Client client(path);
  client.say("status\n");
  client.finish();
  for (int i = 0; i < 5; ++i)
    server.work();
  CHECK_FALSE(is_readable(server.fd()));
  std::string heard;
  for (int i = 0; i < 1000 && !heard.ends_with("<end>"); ++i) {
    heard += client.heard();
    server.work();
  }
  CHECK(heard == large + "<end>");
}

TEST_CASE("control: events go to those who want them, and are counted for those who do not read",
          "[control]") {
  const TempDir dir;
  const auto path = dir.path() / "control";
  ControlServer server(path, echo);
  server.publish("nobody hears this");
  const Client quick(path);
  const Client slow(path);
  const Client other(path);
  quick.say("tail\n");
  slow.say("tail\n");
  CHECK_FALSE(server.has_listeners());
  server.work();
  server.work();
  CHECK(server.has_listeners());
  std::string heard;
  const std::string line(1000, 'x');
  constexpr int kLines = 3000;
  for (int i = 0; i < kLines; ++i) {
    server.publish(line);
    server.work();
    heard += quick.heard();
  }
  CHECK(heard.size() == kLines * (line.size() + 1));
  std::string late;
  for (int i = 0; i < 100; ++i) {
    late += slow.heard();
    server.work();
  }
  const auto got = static_cast<int>(late.size() / (line.size() + 1));
  CHECK(got < kLines);
  server.publish("last");
  CHECK(slow.heard() == "{\"missed\":" + std::to_string(kLines - got) + "}\nlast\n");
  CHECK(quick.heard() == "last\n");
  CHECK(other.heard().empty());
}

TEST_CASE("control: a listener that goes is forgotten", "[control]") {
  const TempDir dir;
  const auto path = dir.path() / "control";
  ControlServer server(path, echo);
  {
    const Client client(path);
    client.say("tail\n");
    server.work();
    server.work();
    CHECK(server.has_listeners());
  }
  SECTION("seen when it is looked at") { server.work(); }
  SECTION("seen when something is sent") { server.publish("an event"); }
  CHECK_FALSE(server.has_listeners());
}

TEST_CASE("control: those who find no place are sent away, and find one later", "[control]") {
  const TempDir dir;
  const auto path = dir.path() / "control";
  ControlServer server(path, echo);
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < ControlServer::kMaxClients; ++i) {
    clients.push_back(std::make_unique<Client>(path));
    server.work();
  }
  const Client late(path);
  server.work();
  CHECK(late.heard() == "<end>");
  clients.pop_back();
  server.work();
  const Client later(path);
  later.say("status\n");
  server.work();
  server.work();
  CHECK(later.heard() == "you said status\n<end>");
}

TEST_CASE("control: a socket that nobody listens at is replaced, and nothing else", "[control]") {
  const TempDir dir;
  const auto path = dir.path() / "control";
  const auto leave_behind = [&] {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un address = address_of(path);
    REQUIRE(bind(fd, static_cast<const sockaddr *>(static_cast<const void *>(&address)),
                 sizeof(address)) == 0);
    close(fd);
  };
  leave_behind();
  {
    const ControlServer server(path, echo);
    CHECK(server.error().empty());
    const ControlServer second(path, echo);
    CHECK(second.error().find("another resolver listens there") != std::string::npos);
    CHECK(second.fd() == -1);
  }
  CHECK_FALSE(std::filesystem::exists(path)); // the first one's, and it is gone
  dir.write("control", "a file of somebody's");
  CHECK(ControlServer(path, echo).error() == "Address already in use");
  CHECK(std::filesystem::file_size(path) == 20);
  CHECK(ControlServer(dir.path() / std::string(120, 'x'), echo).error() ==
        "its path is longer than 107 octets");
  CHECK(ControlServer("/dev/null/control", echo).error() == "Not a directory");
}
