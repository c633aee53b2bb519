// Messages that come back: so many are on their way, and where one comes the next is sent. It
// spins.
//
//   relay_load PORT echo|websocket|ping|peer MESSAGES
// echo: bytes; websocket: a text that is said back; ping: a WebSocket's ping and pong; all of one
// connection a message. peer: a client event to the other one on a private channel, who answers
// with another: two connections a message. Says {"frame_bytes":N}; then, for each SECONDS on stdin,
// one line of JSON.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "load_client.h"

namespace utakata::bench {
namespace {

struct Connection {
  int socket;
  std::string question;
  std::size_t got = 0;
};

Connection open(std::uint16_t port, std::string_view kind, std::size_t number) {
  const std::string data(100, 'x');
  if (kind == "echo") return {join(Dialect::raw, {port}), masked_ping(data)};
  if (kind == "websocket") return {join(Dialect::websocket, {port}), masked_text(data)};
  if (kind == "ping") return {join(Dialect::pusher, {port}), masked_ping(data)};
  const std::string channel = "private-" + std::to_string(100 + number / 2);
  return {join(Dialect::pusher, {port}, channel),
          masked_text(R"({"event":"client-said","channel":")" + channel + R"(","data":")" + data +
                      R"("})")};
}

class Relays {
 public:
  Relays(std::uint16_t port, std::string_view kind, std::size_t count)
      : set_(epoll_create1(EPOLL_CLOEXEC)), beginners_(kind == "peer" ? 2 : 1) {
    count *= beginners_;
    for (std::size_t k = 0; k < count; ++k) {
      connections_.push_back(open(port, kind, k));
      add_to_epoll(set_, connections_.back().socket, k);
    }
    learn_frame();
  }

  std::size_t frame_bytes() const { return frame_; }

  void run(double seconds) {
    messages_ = 0;
    goes_on_ = true;
    begin_all();
    const std::int64_t begin = now_ns(), end = begin + std::int64_t(seconds * 1e9);
    std::int64_t now = begin;
    for (; now < end; now = now_ns()) serve();
    const double rate = double(messages_) / (double(now - begin) / 1e9);
    goes_on_ = false;
    while (on_their_way_ > 0) {
      serve();
      if (now_ns() > end + 5'000'000'000) fail("messages were lost");
    }
    for (const Connection& one : connections_)
      if (one.got != 0) fail("what came was not what was learned");
    std::printf("{\"rate\":%.0f,\"messages\":%zu}\n", rate, messages_);
    std::fflush(stdout);
  }

 private:
  void ask(Connection& one) {
    send_whole(one.socket, one.question);
    ++on_their_way_;
  }
  void begin_all() {
    for (std::size_t k = 0; k < connections_.size(); k += beginners_) ask(connections_[k]);
  }

  void learn_frame() {
    frame_ = SIZE_MAX;
    begin_all();
    for (const std::int64_t end = now_ns() + 300'000'000; now_ns() < end;) serve();
    frame_ = connections_[beginners_ - 1].got;
    for (std::size_t k = beginners_ - 1; k < connections_.size(); k += beginners_)
      if (std::exchange(connections_[k].got, 0) != frame_ || frame_ == 0)
        fail("not all heard the same");
    on_their_way_ = 0;
  }

  void serve() {
    epoll_event events[64];
    const int ready = epoll_wait(set_, events, 64, 0);
    for (int i = 0; i < ready; ++i) {
      Connection& one = connections_[std::size_t(events[i].data.u64)];
      char bytes[64];
      const ssize_t got = recv(one.socket, bytes, 64 * 1024, MSG_TRUNC);  // nothing is copied
      if (got <= 0) fail("a connection was closed");
      for (one.got += std::size_t(got); one.got >= frame_; one.got -= frame_) {
        ++messages_;
        --on_their_way_;
        if (goes_on_) ask(one);
      }
    }
  }

  const int set_;
  const std::size_t beginners_;  // one in so many
  std::vector<Connection> connections_;
  std::size_t frame_ = 0, messages_ = 0, on_their_way_ = 0;
  bool goes_on_ = false;
};

}  // namespace
}  // namespace utakata::bench

int main(int count, char** arguments) {
  using namespace utakata::bench;
  if (count != 4) fail("relay_load PORT echo|websocket|ping|peer MESSAGES");
  Relays relays(std::uint16_t(std::atoi(arguments[1])), arguments[2],
                std::size_t(std::atoi(arguments[3])));
  std::printf("{\"frame_bytes\":%zu}\n", relays.frame_bytes());
  std::fflush(stdout);
  for (double seconds = 0; std::cin >> seconds;) relays.run(seconds);
}
