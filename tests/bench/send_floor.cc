// The least that it costs to send: what utakata-realtime is measured against.
//
//   send_floor broadcast BYTES   each byte of the first connection sends so many to every later
//                                one, in the order of their accepts; bytes that came together are
//                                sent joined
//   send_floor echo              what comes goes back
// Says its port.
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

namespace {

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "send_floor: %s\n", why);
  std::exit(1);
}

void add(int set, int socket) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = socket;
  if (epoll_ctl(set, EPOLL_CTL_ADD, socket, &event) != 0) fail("epoll_ctl");
}

class Broadcast {
 public:
  Broadcast(int listener, std::size_t frame_bytes)
      : listener_(listener), frame_bytes_(frame_bytes), frames_(frame_bytes * kJoined, 'x') {
    add(set_, listener);
  }

  void run() {
    for (;;) {
      epoll_event events[2];
      const int ready = epoll_wait(set_, events, 2, -1);
      bool is_asked = false;
      for (int i = 0; i < ready; ++i)
        if (events[i].data.fd == listener_)
          accept_all();  // who connected before it was asked gets it
        else
          is_asked = true;
      if (is_asked && !publish()) return;
    }
  }

 private:
  void accept_all() {
    for (;;) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      if (publisher_ >= 0)
        sockets_.push_back(socket);
      else
        add(set_, publisher_ = socket);
    }
  }

  bool publish() {
    char asked[kJoined];
    const ssize_t count = recv(publisher_, asked, sizeof asked, 0);
    if (count <= 0) return false;
    const auto bytes = std::string_view(frames_).substr(0, std::size_t(count) * frame_bytes_);
    for (const int socket : sockets_)
      if (send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) != ssize_t(bytes.size()))
        fail("a subscriber reads too slowly");
    return true;
  }

  static constexpr std::size_t kJoined = 64;
  const int set_ = epoll_create1(EPOLL_CLOEXEC), listener_;
  const std::size_t frame_bytes_;
  const std::string frames_;
  int publisher_ = -1;
  std::vector<int> sockets_;
};

void echo(int listener) {
  const int set = epoll_create1(EPOLL_CLOEXEC);
  add(set, listener);
  for (;;) {
    epoll_event events[512];
    const int ready = epoll_wait(set, events, 512, -1);
    for (int i = 0; i < ready; ++i) {
      const int socket = events[i].data.fd;
      if (socket == listener) {
        add(set, accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        continue;
      }
      char bytes[64 * 1024];
      const ssize_t got = recv(socket, bytes, sizeof bytes, 0);
      if (got <= 0)
        close(socket);
      else if (send(socket, bytes, std::size_t(got), MSG_NOSIGNAL) != got)
        fail("a client reads too slowly");
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view what = count > 1 ? arguments[1] : "";
  if (what == "broadcast" && count == 3)
    Broadcast(utakata::bench::listen_anywhere(4096), std::size_t(std::atoi(arguments[2]))).run();
  else if (what == "echo" && count == 2)
    echo(utakata::bench::listen_anywhere(4096));
  else
    fail("send_floor broadcast BYTES, or send_floor echo");
}
