// Full TLS handshakes, each with one small request, as many as the other end answers: so many
// connections at a time, none of which shows a ticket of an earlier one. It spins.
//
//   tls_handshakes PORT AT_ONCE
// Then, for each SECONDS on stdin, one line of JSON.
#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "load_client.h"

namespace utakata::bench {
namespace {

constexpr std::string_view request =
    "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

class Handshakes {
 public:
  Handshakes(std::uint16_t port, std::size_t at_once) : port_(port), all_(at_once) {
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  }

  void run(double seconds) {
    done_ = 0;
    const std::int64_t begin = now_ns(), end = begin + std::int64_t(seconds * 1e9);
    for (std::size_t k = 0; k < all_.size(); ++k) open(k);
    std::int64_t now = begin;
    for (; now < end; now = now_ns()) {
      epoll_event events[64];
      const int ready = epoll_wait(set_, events, 64, 0);
      for (int i = 0; i < ready; ++i) advance(std::size_t(events[i].data.u64));
    }
    const double took = double(now - begin) / 1e9;
    for (One& one : all_) close(one);
    std::printf("{\"rate\":%.0f,\"messages\":%zu}\n", double(done_) / took, done_);
    std::fflush(stdout);
  }

 private:
  struct One {
    int socket = -1;
    SSL* tls = nullptr;
    bool has_asked = false;
    std::string answer{};
  };

  void open(std::size_t k) {
    One& one = all_[k];
    one = {.socket = connect_to({port_}), .tls = SSL_new(context_)};
    fcntl(one.socket, F_SETFL, fcntl(one.socket, F_GETFL) | O_NONBLOCK);
    SSL_set_fd(one.tls, one.socket);
    SSL_set_connect_state(one.tls);
    add_to_epoll(set_, one.socket, k);
    advance(k);
  }
  // No TIME_WAIT for each: ports would run out.
  static void close(One& one) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(one.socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    SSL_free(one.tls);
    ::close(one.socket);
  }

  void advance(std::size_t k) {
    One& one = all_[k];
    if (!one.has_asked) {
      const int met = SSL_do_handshake(one.tls);
      if (met != 1) {
        if (SSL_get_error(one.tls, met) != SSL_ERROR_WANT_READ) fail("a handshake was refused");
        return;
      }
      if (SSL_session_reused(one.tls)) fail("a session was resumed");
      if (SSL_write(one.tls, request.data(), int(request.size())) != int(request.size()))
        fail("a request was not taken");
      one.has_asked = true;
    }
    char bytes[4096];
    int got = 0;
    while ((got = SSL_read(one.tls, bytes, sizeof bytes)) > 0)
      one.answer.append(bytes, std::size_t(got));
    if (SSL_get_error(one.tls, got) == SSL_ERROR_WANT_READ) return;
    if (!one.answer.starts_with("HTTP/1.1 200")) fail("it was answered " + one.answer);
    ++done_;
    close(one);
    open(k);
  }

  const std::uint16_t port_;
  const int set_ = epoll_create1(EPOLL_CLOEXEC);
  SSL_CTX* const context_ = SSL_CTX_new(TLS_client_method());
  std::vector<One> all_;
  std::size_t done_ = 0;
};

}  // namespace
}  // namespace utakata::bench

int main(int count, char** arguments) {
  using namespace utakata::bench;
  if (count != 3) fail("tls_handshakes PORT AT_ONCE");
  Handshakes handshakes(std::uint16_t(std::atoi(arguments[1])),
                        std::size_t(std::atoi(arguments[2])));
  for (double seconds = 0; std::cin >> seconds;) handshakes.run(seconds);
}
