#include "cli/container_exec.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "base/instant.h"
#include "fleet/provider/docker/engine.h"
#include "fleet/provider/swarm/swarm_words.h"
#include "net/loop.h"

namespace utakata {
namespace {

using Json = nlohmann::json;

volatile sig_atomic_t has_resized = 0;

std::unexpected<Problem> broken(const std::string& what) {
  return problem(Problem::Kind::unavailable, "docker: " + what);
}

// One question at a time, waited for.
class Asked {
 public:
  explicit Asked(const EngineAddress& address) : engine_(loop_, address) {}
  Expected<Json> ask(const std::string& method, const std::string& path, const Json& body = {}) {
    std::optional<Expected<Json>> answer;
    engine_.ask({.method = method, .path = path, .body = body.is_null() ? "" : body.dump()},
                [&](Expected<Json> told) { answer = std::move(told), loop_.stop(); });
    while (!answer) loop_.run();
    return std::move(*answer);
  }

 private:
  net::Loop loop_;
  Engine engine_;
};

// A connection that becomes a stream in both directions (RFC 9110 section 7.8, as the Engine uses
// it). libcurl opens it, so that a unix socket and TLS are the same to us.
class Stream {
 public:
  explicit Stream(const EngineAddress& address) : address_(address) {}

  Expected<void> begin(const std::string& path, const std::string& body) {
    const auto [url, unix_socket, ca, certificate, key] = engine_connection(address_);
    const auto given = [](const std::string& text) {
      return text.empty() ? nullptr : text.c_str();
    };
    CURL* const easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, given(unix_socket));
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, long(CURL_HTTP_VERSION_1_1));
    if (!ca.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, ca.c_str());
    curl_easy_setopt(easy, CURLOPT_SSLCERT, given(certificate));
    curl_easy_setopt(easy, CURLOPT_SSLKEY, given(key));
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 10L);
    if (const auto code = curl_easy_perform(easy); code != CURLE_OK)
      return broken(fmt::format("the Engine at {} cannot be reached ({})", to_text(address_),
                                curl_easy_strerror(code)));
    curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket_);
    if (!send(fmt::format("POST /v1.41{} HTTP/1.1\r\nHost: docker\r\nContent-Type: "
                          "application/json\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                          "Content-Length: {}\r\n\r\n{}",
                          path, body.size(), body)))
      return broken("the Engine has hung up");
    return read_head();
  }

  // Empty: nothing has come. None: it has ended.
  std::optional<std::string> receive() {
    if (!early_.empty()) return std::exchange(early_, {});
    std::string piece(32 * 1024, '\0');
    std::size_t size = 0;
    const auto code = curl_easy_recv(easy_.get(), piece.data(), piece.size(), &size);
    if (code == CURLE_AGAIN) return std::string();
    if (code != CURLE_OK || size == 0) return std::nullopt;
    piece.resize(size);
    return piece;
  }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      std::size_t size = 0;
      const auto code = curl_easy_send(easy_.get(), bytes.data(), bytes.size(), &size);
      if (code == CURLE_AGAIN) {
        pollfd room{.fd = int(socket_), .events = POLLOUT, .revents = 0};
        ::poll(&room, 1, 1000);
        continue;
      }
      if (code != CURLE_OK) return false;
      bytes.remove_prefix(size);
    }
    return true;
  }
  // TLS cannot end one direction: there the command is not told that our input has.
  void end_input() const {
    if (address_.ca.empty() && address_.certificate.empty()) ::shutdown(int(socket_), SHUT_WR);
  }
  int descriptor() const { return int(socket_); }

 private:
  Expected<void> read_head() {
    std::string head;
    for (std::size_t end; (end = head.find("\r\n\r\n")) == head.npos || end == 0;) {
      pollfd ready{.fd = int(socket_), .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 10'000) == 0) return broken("the Engine does not answer");
      const auto piece = receive();
      if (!piece || head.size() > 64 * 1024) return broken("the Engine has hung up");
      head += *piece;
    }
    const auto end = head.find("\r\n\r\n");
    early_ = head.substr(end + 4);
    if (head.starts_with("HTTP/1.1 101") || head.starts_with("HTTP/1.1 200")) return {};
    const auto said = Json::parse(early_, nullptr, false);
    return broken(fmt::format("the Engine answered {}", said.is_object()
                                                            ? said.value("message", Json()).dump()
                                                            : head.substr(0, head.find("\r\n"))));
  }

  const EngineAddress& address_;
  std::unique_ptr<CURL, void (*)(CURL*)> easy_{curl_easy_init(), curl_easy_cleanup};
  curl_socket_t socket_ = -1;
  std::string early_;  // came with the head
};

// Keys go through as they are pressed; put right again when this goes.
class RawTerminal {
 public:
  RawTerminal() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    cfmakeraw(&raw);
    is_raw_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    struct sigaction action{};
    action.sa_handler = [](int) { has_resized = 1; };
    sigaction(SIGWINCH, &action, nullptr);
    has_resized = 1;
  }
  ~RawTerminal() {
    if (is_raw_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_{};
  bool is_raw_ = false;
};

void write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto size = ::write(file, bytes.data(), bytes.size());
    if (size <= 0) return;
    bytes.remove_prefix(std::size_t(size));
  }
}

class Session {
 public:
  Session(Asked& engine, Stream& stream, std::string id, bool is_terminal)
      : engine_(engine), stream_(stream), id_(std::move(id)), is_terminal_(is_terminal) {}

  void run() {
    while (show()) {
      if (has_resized) {
        has_resized = 0;
        resize();
      }
      std::array<pollfd, 2> ready{
          {{.fd = stream_.descriptor(), .events = POLLIN, .revents = 0},
           {.fd = has_input_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}}};
      if (::poll(ready.data(), ready.size(), 1000) > 0 && ready[1].revents) pass_input();
    }
  }

 private:
  // False: it has ended. TLS may hold more than the socket tells of: until nothing comes.
  bool show() {
    for (;;) {
      const auto piece = stream_.receive();
      if (!piece) return false;
      if (piece->empty()) return true;
      std::string output, errors;
      if (is_terminal_)
        output = *piece;
      else
        frames_.feed(*piece, output, errors);
      write_all(STDOUT_FILENO, output);
      write_all(STDERR_FILENO, errors);
    }
  }

  void pass_input() {
    std::array<char, 32 * 1024> piece;
    const auto size = ::read(STDIN_FILENO, piece.data(), piece.size());
    has_input_ = size > 0 && stream_.send({piece.data(), std::size_t(size)});
    if (!has_input_) stream_.end_input();
  }

  void resize() {
    winsize size{};
    if (is_terminal_ && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
      (void)engine_.ask("POST",
                        fmt::format("/exec/{}/resize?h={}&w={}", id_, size.ws_row, size.ws_col));
  }

  Asked& engine_;
  Stream& stream_;
  const std::string id_;
  const bool is_terminal_;
  bool has_input_ = true;
  ExecFrames frames_;
};

// The Engine writes it down a moment after the stream has ended.
Expected<int> exit_code_of(Asked& engine, const std::string& id) {
  for (int turn = 0; turn < 50; ++turn) {
    const auto told = engine.ask("GET", "/exec/" + id + "/json");
    if (!told) return std::unexpected(told.error());
    if (told->is_object() && told->value("Running", Json()) != true)
      if (const auto code = told->value("ExitCode", Json()); code.is_number())
        return code.get<int>();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return broken("the Engine does not tell how the command ended");
}

}  // namespace

void ExecFrames::feed(std::string_view bytes, std::string& output, std::string& errors) {
  constexpr std::size_t head_bytes = 8;
  while (!bytes.empty()) {
    auto& wanted = left_ > 0 ? (head_[0] == 2 ? errors : output) : head_;
    if (left_ == 0 && head_.size() == head_bytes) head_.clear();
    const auto size = std::min(bytes.size(), left_ > 0 ? left_ : head_bytes - head_.size());
    wanted.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
    if (left_ > 0) {
      left_ -= size;
    } else if (head_.size() == head_bytes) {
      for (const char c : std::string_view(head_).substr(4))
        left_ = left_ << 8 | static_cast<unsigned char>(c);
    }
  }
}

Expected<std::string> container_of_service(const EngineAddress& manager,
                                           const std::string& service) {
  Asked engine(manager);
  const Json filters = {{"service", {service}}, {"desired-state", {"running"}}};
  const auto tasks = engine.ask("GET", "/tasks?filters=" + query_escaped(filters.dump()));
  if (!tasks) return std::unexpected(tasks.error());
  const auto info = engine.ask("GET", "/info");
  if (!info) return std::unexpected(info.error());
  if (!tasks->is_array() || tasks->empty()) return broken("it does not run now");
  const auto task = swarm_task(tasks->front());
  if (task.container.empty()) return broken("it does not run yet");
  if (task.node == swarm_text(*info, "/Swarm/NodeID")) return task.container;
  const auto node = engine.ask("GET", "/nodes/" + task.node);
  const auto host = node ? swarm_text(*node, "/Description/Hostname") : task.node;
  return broken(
      fmt::format("it runs on {}, and from here only containers of {} are reached: there "
                  "it is `docker exec {:.12}`",
                  host, swarm_text(*info, "/Name"), task.container));
}

Expected<int> exec_in_container(const EngineAddress& address, const std::string& container,
                                const std::vector<std::string>& command) {
  const bool is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  Asked engine(address);
  const auto made = engine.ask("POST", "/containers/" + container + "/exec",
                               {{"AttachStdin", true},
                                {"AttachStdout", true},
                                {"AttachStderr", true},
                                {"Tty", is_terminal},
                                {"Cmd", command}});
  if (!made) return std::unexpected(made.error());
  const auto id = made->is_object() ? made->value("Id", "") : "";
  Stream stream(address);
  if (const auto begun = stream.begin("/exec/" + id + "/start",
                                      Json{{"Detach", false}, {"Tty", is_terminal}}.dump());
      !begun)
    return std::unexpected(begun.error());
  {
    std::optional<RawTerminal> raw;
    if (is_terminal) raw.emplace();
    Session(engine, stream, id, is_terminal).run();
  }
  return exit_code_of(engine, id);
}

}  // namespace utakata
