// `mxwarden exporter`: gives Prometheus what the running module tells. A process of its own, so
// that there is neither HTTP nor a port in the resolver.
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/metrics.h"
#include "core/diagnostic.h"
#include "loader/posix.h"

namespace mxw::cli {
namespace {

/// Scrapes wait for each other, and Prometheus gives up after 10 seconds.
constexpr std::chrono::seconds kScrapePatience(4);

/// Where to listen.
struct Endpoint {
  sockaddr_storage address = {};
  socklen_t bytes = 0;
};

/// An address and a port: "127.0.0.1:19167", "[::1]:19167". nullopt for anything else.
std::optional<Endpoint> endpoint_of(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), port);
  if (error != std::errc() || end != digits.end() || port == 0)
    return std::nullopt;
  const std::string host(text.substr(0, colon));
  Endpoint endpoint;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    sockaddr_in6 v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) != 1)
      return std::nullopt;
    std::memcpy(&endpoint.address, &v6, sizeof(v6));
    endpoint.bytes = sizeof(v6);
  } else {
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1)
      return std::nullopt;
    std::memcpy(&endpoint.address, &v4, sizeof(v4));
    endpoint.bytes = sizeof(v4);
  }
  return endpoint;
}

/// Why nobody can listen there, which the HTTP server does not tell; 0 if somebody can.
int cannot_listen(const Endpoint &endpoint) {
  const int fd = socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return errno;
  const int yes = 1;
  int error = 0;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      bind(fd, static_cast<const sockaddr *>(static_cast<const void *>(&endpoint.address)),
           endpoint.bytes) != 0 ||
      listen(fd, 1) != 0)
    error = errno;
  close(fd);
  return error;
}

Exit refuse(const std::string &listen, const std::string &why, const std::string &remedy) {
  std::cerr << "mxwarden: cannot listen at '" << printable(listen) << "': " << why << "; " << remedy
            << '\n';
  return Exit::cannot_run;
}

/// Asks the module whenever somebody asks us. Complaints go to standard error, each once.
class ModuleMetrics final : public prometheus::Collectable {
public:
  explicit ModuleMetrics(std::filesystem::path socket) : socket_(std::move(socket)) {}

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
    try {
      Metrics metrics = ask_for_metrics(socket_, kScrapePatience);
      tell(metrics.failed);
      return std::move(metrics.families);
    } catch (const std::exception &e) { // there is no memory; the HTTP server would end us
      std::cerr << "mxwarden: " << printable(e.what()) << '\n';
      return {};
    }
  }

private:
  void tell(const std::string &failed) const {
    const std::lock_guard lock(mutex_);
    if (failed == told_)
      return;
    std::cerr << "mxwarden: " << (failed.empty() ? "the module answers again" : failed) << '\n';
    told_ = failed;
  }

  std::filesystem::path socket_;
  mutable std::mutex mutex_;
  mutable std::string told_;
};

} // namespace

Exit exporter(const ExporterOptions &options) {
  const auto endpoint = endpoint_of(options.listen);
  if (!endpoint)
    return refuse(options.listen, "it is no address with a port",
                  "give it as 127.0.0.1:19167 or [::1]:19167");
  if (const int error = cannot_listen(*endpoint); error != 0)
    return refuse(options.listen, error_text(error),
                  error == EADDRINUSE ? "--listen names another port; 'ss -ltnp' tells whose it is"
                                      : "--listen names another address or port");

  // Before there are threads, so that these come here and nowhere else.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  sigset_t blocked = ends;
  sigaddset(&blocked, SIGPIPE); // whoever does not want the answer has gone
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);

  const auto metrics = std::make_shared<ModuleMetrics>(options.socket);
  std::optional<prometheus::Exposer> http;
  try {
    http.emplace(std::vector<std::string>{"listening_ports", options.listen, "num_threads", "4",
                                          "request_timeout_ms", "10000"});
    http->RegisterCollectable(metrics);
  } catch (const std::exception &e) {
    return refuse(options.listen, printable(e.what()), "--listen names another address or port");
  }
  std::cout << "listening at http://" << options.listen << "/metrics" << std::endl;
  int signal = 0;
  while (sigwait(&ends, &signal) != 0) {
  }
  return Exit::clean;
}

} // namespace mxw::cli
