// The least that a WebSocket server does: takes every handshake, says every message back. What load
// generators are measured against.
//
//   websocket_floor      says its port; a line on stdin: says {"opened": N, "messages": N} so far
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bare_listener.h"
#include "wire/websocket_handshake.h"

namespace {

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "websocket_floor: %s\n", why);
  std::exit(1);
}

class Floor {
 public:
  Floor() {
    add(listener_);
    add(STDIN_FILENO);
  }

  void run() {
    for (;;) {
      epoll_event events[512];
      const int ready = epoll_wait(set_, events, 512, -1);
      for (int i = 0; i < ready; ++i) {
        const int at = events[i].data.fd;
        if (at == listener_)
          accept_all();
        else if (at != STDIN_FILENO)
          serve(at);
        else if (!tell())
          return;
      }
    }
  }

 private:
  void add(int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    if (epoll_ctl(set_, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
  }

  void accept_all() {
    for (;;) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      if (std::size_t(socket) >= is_open_.size()) is_open_.resize(std::size_t(socket) + 1024);
      is_open_[std::size_t(socket)] = false;
      add(socket);
    }
  }

  bool tell() {
    char line[16];
    if (read(STDIN_FILENO, line, sizeof line) <= 0) return false;
    std::printf("{\"opened\": %ld, \"messages\": %ld}\n", opened_, messages_);
    std::fflush(stdout);
    return true;
  }

  void serve(int socket) {
    char bytes[64 * 1024];
    const ssize_t got = recv(socket, bytes, sizeof bytes, 0);
    if (got <= 0) {
      close(socket);
      return;
    }
    const auto answer = is_open_[std::size_t(socket)] ? echo({bytes, std::size_t(got)})
                                                      : open(socket, {bytes, std::size_t(got)});
    if (send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) != ssize_t(answer.size()))
      close(socket);
  }

  // A request comes in one piece here.
  std::string open(int socket, std::string_view request) {
    constexpr std::string_view kKey = "Sec-WebSocket-Key: ";
    const auto at = request.find(kKey);
    if (at == request.npos) fail("a request without a key");
    const auto key = request.substr(at + kKey.size());
    is_open_[std::size_t(socket)] = true;
    ++opened_;
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           utakata::wire::websocket_accept(key.substr(0, key.find('\r'))) + "\r\n\r\n";
  }

  // Whole frames of less than 126 bytes, as they come from clients.
  std::string echo(std::string_view bytes) {
    std::string answer;
    while (bytes.size() >= 6) {
      const std::size_t size = std::size_t(bytes[1]) & 0x7f;
      if (size > 125 || bytes.size() < 6 + size) fail("a frame that is not whole, or long");
      answer += bytes[0];
      answer += char(size);
      for (std::size_t k = 0; k < size; ++k) answer += char(bytes[6 + k] ^ bytes[2 + k % 4]);
      bytes.remove_prefix(6 + size);
      ++messages_;
    }
    return answer;
  }

  const int set_ = epoll_create1(EPOLL_CLOEXEC);
  const int listener_ = utakata::bench::listen_anywhere(65535);
  std::vector<bool> is_open_;
  long opened_ = 0, messages_ = 0;
};

}  // namespace

int main() { Floor().run(); }
