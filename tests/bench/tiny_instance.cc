// The least that can be an instance: listens on PORT, counts nobody, answers whatever is asked with
// the numbers that a probe reads. Static and without the C++ library, so that 2,000 of them fit on
// a small machine.
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 31\r\n\r\n"
    "{\"connections\":0,\"accepted\":0}\n";

int listener_on(unsigned short port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || listen(listener, 64) != 0)
    _exit(1);
  return listener;
}

// A probe's question comes in one piece and has no body: an answer for each end of a header in it.
void serve(int connection) {
  char asked[4096];
  const ssize_t got = read(connection, asked, sizeof asked - 1);
  if (got <= 0) {
    close(connection);
    return;
  }
  asked[got] = 0;
  for (const char* at = strstr(asked, "\r\n\r\n"); at; at = strstr(at + 4, "\r\n\r\n"))
    (void)!write(connection, answer, sizeof answer - 1);
}

}  // namespace

int main() {
  const char* port = getenv("PORT");
  if (!port) return 2;
  const int listener = listener_on(static_cast<unsigned short>(atoi(port)));
  const int set = epoll_create1(EPOLL_CLOEXEC);
  const auto watch = [set](int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event);
  };
  watch(listener);
  for (;;) {
    epoll_event events[16];
    const int ready = epoll_wait(set, events, 16, -1);
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.fd != listener)
        serve(events[i].data.fd);
      else if (const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
               connection >= 0)
        watch(connection);
    }
  }
}
