// Thousands of subscribers of Pusher in one process, and what each of them was told: events named
// `round` on the channel `news`, whose data is a number from 0 to 63.
//
//   many_subscribers PORT SUBSCRIBERS SOURCE     SOURCE: an address of this host, 127.0.0.0/8
// Says {"subscribed":N} when all are; then, for each line on stdin, one of JSON: how many were told
// of each number, how many tellings were one too many, how many connections were closed. The end of
// stdin ends it.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "load_client.h"

namespace utakata::bench {
namespace {

constexpr std::size_t rounds_max = 64;

class Subscriber final : public wire::WebSocketSink {
 public:
  explicit Subscriber(int socket) : socket_(socket) {}
  std::uint64_t told() const { return told_; }
  std::size_t doubled() const { return doubled_; }
  bool is_closed() const { return is_closed_; }

  void read() {
    char bytes[16 * 1024];
    const ssize_t got = recv(socket_, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0) return;
    if (got == 0) return leave();
    if (const auto failure = parser_.feed({bytes, std::size_t(got)}, *this)) fail(failure->why);
  }

 private:
  bool message(wire::WebSocketKind, std::string_view text) override {
    if (text.contains(R"("pusher:ping")")) {
      send_whole(socket_, masked_text(R"({"event":"pusher:pong","data":{}})"));
      return true;
    }
    if (!text.contains(R"("event":"round")")) fail("it was told " + std::string(text));
    constexpr std::string_view before = R"("data":")";
    const std::size_t at = text.find(before);
    std::size_t round = rounds_max;
    if (at != text.npos)
      std::from_chars(text.data() + at + before.size(), text.data() + text.size(), round);
    if (round >= rounds_max) fail("it was told " + std::string(text));
    const std::uint64_t bit = std::uint64_t{1} << round;
    doubled_ += (told_ & bit) != 0;
    told_ |= bit;
    return true;
  }
  bool ping(std::string_view) override { return true; }
  bool pong(std::string_view) override { return true; }
  bool close(std::uint16_t, std::string_view) override {
    leave();
    return false;
  }
  void leave() {
    is_closed_ = true;
    shutdown(socket_, SHUT_RDWR);
    ::close(socket_);
  }

  const int socket_;
  bool is_closed_ = false;
  std::size_t doubled_ = 0;
  std::uint64_t told_ = 0;  // a bit for each number
  wire::WebSocketParser parser_{wire::WebSocketRole::client};
};

class Subscribers {
 public:
  Subscribers(const Place& place, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k) {
      const int socket = join(Dialect::pusher, place, "news");
      all_.push_back(std::make_unique<Subscriber>(socket));
      add_to_epoll(set_, socket, k);
    }
  }
  std::size_t count() const { return all_.size(); }

  // Until there is something on stdin.
  void serve() {
    for (pollfd both[] = {{STDIN_FILENO, POLLIN, 0}, {set_, POLLIN, 0}};;) {
      poll(both, 2, -1);
      epoll_event events[256];
      const int ready = epoll_wait(set_, events, 256, 0);
      for (int i = 0; i < ready; ++i) all_[std::size_t(events[i].data.u64)]->read();
      if (both[0].revents) return;
    }
  }

  void print() const {
    std::array<std::size_t, rounds_max> reached{};
    std::size_t doubled = 0, closed = 0;
    for (const auto& one : all_) {
      doubled += one->doubled();
      closed += one->is_closed();
      for (std::size_t round = 0; round < rounds_max; ++round)
        reached[round] += one->told() >> round & 1;
    }
    std::printf("{\"doubled\":%zu,\"closed\":%zu,\"reached\":[", doubled, closed);
    for (std::size_t round = 0; round < rounds_max; ++round)
      std::printf("%s%zu", round ? "," : "", reached[round]);
    std::printf("]}\n");
    std::fflush(stdout);
  }

 private:
  const int set_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Subscriber>> all_;
};

}  // namespace
}  // namespace utakata::bench

int main(int count, char** arguments) {
  using namespace utakata::bench;
  if (count != 4) fail("many_subscribers PORT SUBSCRIBERS SOURCE");
  in_addr source{};
  if (inet_pton(AF_INET, arguments[3], &source) != 1) fail("SOURCE is no address of IPv4");
  Subscribers subscribers(
      {.port = std::uint16_t(std::atoi(arguments[1])), .from = ntohl(source.s_addr)},
      std::size_t(std::atoi(arguments[2])));
  std::printf("{\"subscribed\":%zu}\n", subscribers.count());
  std::fflush(stdout);
  for (std::string order;;) {
    subscribers.serve();
    if (!std::getline(std::cin, order)) return 0;
    subscribers.print();
  }
}
