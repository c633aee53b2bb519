// Thousands of subscribers, and the one who publishes to them: deliveries are counted by their
// bytes. It spins, so that no sender pays for waking it, and throws away what it reads.
//
//   realtime_load PORT KIND SUBSCRIBERS [SERVER_PID]
// KIND: raw, websocket, socket_io (of broadcasters.mjs), or pusher or socket_io_api, published to
// by the HTTP API; tls:KIND over TLS, where one message is on its way at most.
// Says {"frame_bytes":N} as soon as all have heard a first message. Then, a line each on stdin:
//   SECONDS IN_FLIGHT [ECHO_EVERY_US]     one line of JSON
// IN_FLIGHT messages are on their way at any time, by bytes: 1 is "the next one when all have the
// last". ECHO_EVERY_US: another connection says pusher:ping that often, and latency counts from
// when it should have. Where others use the machine, too, echoes were on their way while this
// program was away from its loop for a millisecond, or while the server waited for its core for 0.3
// ms (a kernel without preemption gives it to another for 4 ms at a time): `own_p99_us` is without
// them.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "load_client.h"

namespace utakata::bench {
namespace {

constexpr std::int64_t patience_ns = 20'000'000'000, away_ns = 1'000'000, waited_ns = 300'000;

struct Kind {
  Dialect dialect;
  bool is_tls = false, has_api = false;
};

Kind kind_of(std::string_view name) {
  Kind kind{};
  if (name.starts_with("tls:")) kind.is_tls = true, name.remove_prefix(4);
  kind.has_api = name == "pusher" || name == "socket_io_api";
  kind.dialect = dialect_of(name == "socket_io_api" ? "socket_io" : name);
  return kind;
}

// What makes the other end send one message to all.
std::string publication(const Kind& kind) {
  switch (kind.dialect) {
    case Dialect::raw:
      return "!";
    case Dialect::websocket:
      return masked_text("say");
    case Dialect::socket_io:
      if (kind.has_api) break;
      return masked_text(R"(42["say"])");
    case Dialect::pusher:
      break;
  }
  const std::string path = "/apps/" + std::string(tenant_id) + "/events";
  const std::string body =
      R"({"name":"said","channel":"news","data":")" + std::string(100, 'x') + R"("})";
  const std::string query =
      realtime::api_signed_query({"POST", path, "", body}, tenant, ::time(nullptr));
  return "POST " + path + query + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
         "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

// How long a process has been ready to run and did not, ever. Without a process: 0.
class Waiting {
 public:
  explicit Waiting(const std::string& pid)
      : file_(pid.empty() ? -1 : open(("/proc/" + pid + "/schedstat").c_str(), O_RDONLY)) {}
  std::int64_t ns() const {
    char text[128] = {};
    long long ran = 0, waited = 0;
    if (file_ < 0) return 0;
    if (pread(file_, text, sizeof text - 1, 0) <= 0) fail("the server has ended");
    std::sscanf(text, "%lld %lld", &ran, &waited);
    return waited;
  }

 private:
  const int file_;
};

class Subscribers {
 public:
  Subscribers(std::uint16_t port, const Kind& kind, std::size_t count, const std::string& server)
      : dialect_(kind.dialect),
        set_(epoll_create1(EPOLL_CLOEXEC)),
        publication_(publication(kind)),
        waiting_(server) {
    const Place place{port, kind.is_tls};
    // The floor takes its first connection for the one who publishes.
    publisher_ = kind.has_api ? connect_to(place) : join(dialect_, place);
    add_to_epoll(set_, publisher_, std::uint64_t(publisher_));
    for (std::size_t k = 0; k < count; ++k) {
      sockets_.push_back(join(dialect_, place, "news"));
      add_to_epoll(set_, sockets_.back(), std::uint64_t(sockets_.back()));
    }
    if (dialect_ == Dialect::pusher) echo_ = join(dialect_, place);
    learn_frame();
  }

  std::size_t frame_bytes() const { return frame_; }

  // Until there is something on stdin: who is asked whether it is there says so.
  void wait() {
    for (pollfd both[] = {{STDIN_FILENO, POLLIN, 0}, {set_, POLLIN, 0}};;) {
      poll(both, 2, -1);
      if (both[1].revents) serve();
      if (both[0].revents) return;
    }
  }

  void run(double seconds, std::size_t in_flight, std::int64_t echo_every_us) {
    speak();
    heard_ = 0;
    latencies_.clear();
    own_.clear();
    std::size_t published = 0;
    const std::size_t whole = frame_ * sockets_.size();
    const std::int64_t begin = now_ns(), end = begin + std::int64_t(seconds * 1e9);
    echo_every_ = echo_every_us * 1000;
    echo_due_ = echo_every_ ? begin : end;
    std::int64_t now = begin;
    last_turn_ = begin;
    away_worst_ = 0;
    for (; now < end; now = now_ns()) {
      const std::size_t wanted = heard_ / whole + in_flight;
      if (published < wanted) publish(std::exchange(published, wanted), wanted);
      serve();
    }
    const double took = double(now - begin) / 1e9, deliveries = double(heard_) / double(frame_);
    echo_every_ = 0;
    while (heard_ < published * whole || !asked_.empty()) serve_until(end + patience_ns);
    if (heard_ > published * whole) fail("more came than was published");
    print(deliveries, took);
  }

 private:
  void publish(std::size_t from, std::size_t to) {
    std::string all;
    for (std::size_t k = from; k < to; ++k) all += publication_;
    send_whole(publisher_, all);
  }

  // Who says nothing for half a minute is pinged, and a ping is no delivery.
  void speak() {
    std::string pong;
    wire::append_pong(pong, {}, wire::WebSocketMask{});
    if (dialect_ != Dialect::pusher) return;
    for (const int socket : sockets_) send_whole(socket, pong);
    send_whole(echo_, pong);
    serve_until_quiet();
    char bytes[4096];
    while (recv(echo_, bytes, sizeof bytes, MSG_DONTWAIT) > 0) continue;
  }

  void serve_until_quiet() {
    std::size_t last = heard_;
    for (std::int64_t end = now_ns() + 300'000'000; now_ns() < end;) {
      serve();
      if (std::exchange(last, heard_) != heard_) end = now_ns() + 300'000'000;
    }
  }

  void learn_frame() {
    publish(0, 1);
    const std::int64_t begin = now_ns();
    while (heard_ < sockets_.size()) serve_until(begin + patience_ns);
    serve_until_quiet();
    frame_ = heard_ / sockets_.size();
    if (heard_ % sockets_.size() != 0) fail("not all heard the same");
  }

  void serve_until(std::int64_t end) {
    serve();
    if (now_ns() > end)
      fail("still waiting: " + std::to_string(heard_) + " bytes came to " +
           std::to_string(sockets_.size()) + " subscribers");
  }

  void serve() {
    epoll_event events[32];
    const int ready = epoll_wait(set_, events, 32, 0);
    for (int i = 0; i < ready; ++i) {
      const int socket = int(events[i].data.u64);
      const std::size_t bytes = discard(socket);
      if (socket != publisher_) heard_ += bytes - pings_in(socket, bytes);
    }
    if (echo_every_ || !asked_.empty()) return echo();
    // Who asks the kernel all the time takes its locks from the sender.
    if (ready < 32)
      for (const std::int64_t end = now_ns() + 10'000; now_ns() < end;) continue;
  }

  static std::size_t discard(int socket) {
    char bytes[64];
    const ssize_t got = recv(socket, bytes, 64 * 1024, MSG_TRUNC);  // nothing is copied
    if (got <= 0) fail("a connection was closed");
    return std::size_t(got);
  }

  // Engine.IO asks every 25 s whether a client is there: 3 bytes, in a frame of their own.
  std::size_t pings_in(int socket, std::size_t bytes) {
    if (dialect_ != Dialect::socket_io || frame_ == 0) return 0;
    const std::size_t pings = bytes % frame_;
    for (std::size_t k = 0; k < pings / 3; ++k) send_whole(socket, engine_pong_);
    return pings;
  }

  void echo() {
    const std::int64_t turn = now_ns(), away = turn - std::exchange(last_turn_, turn);
    away_worst_ = std::max(away_worst_, away);
    if (away > away_ns) absent_until_ = turn;
    for (; echo_every_ && echo_due_ <= now_ns(); echo_due_ += echo_every_) {
      send_whole(echo_, ping_);
      asked_.push_back({echo_due_, waiting_.ns()});
    }
    char bytes[4096];
    const ssize_t got = recv(echo_, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0) return;
    const std::int64_t now = now_ns();
    for (pong_bytes_ += std::size_t(got); pong_bytes_ >= kPong; pong_bytes_ -= kPong) {
      if (asked_.empty()) fail("an answer to nothing");
      const auto [due, waited_before] = asked_.front();
      latencies_.push_back(now - due);
      if (due > absent_until_ && waiting_.ns() - waited_before < waited_ns)
        own_.push_back(now - due);
      asked_.pop_front();
    }
  }

  static double latency_us(std::vector<std::int64_t>& of, double share) {
    if (of.empty()) return 0;
    std::ranges::sort(of);
    return double(of[std::size_t(share * double(of.size() - 1))]) / 1000;
  }

  void print(double deliveries, double took) {
    std::printf(
        R"({"rate":%.0f,"messages":%.0f,"echoes":%zu,"p50_us":%.0f,"p99_us":%.0f,"most_us":%.0f,)"
        R"("own":%zu,"own_p99_us":%.0f,"away_most_us":%.0f})"
        "\n",
        deliveries / took, deliveries, latencies_.size(), latency_us(latencies_, 0.5),
        latency_us(latencies_, 0.99), latency_us(latencies_, 1), own_.size(),
        latency_us(own_, 0.99), double(away_worst_) / 1000);
    std::fflush(stdout);
  }

  static constexpr std::size_t kPong = 2 + 33;  // {"event":"pusher:pong","data":{}}
  const Dialect dialect_;
  const int set_;
  const std::string publication_;
  const std::string engine_pong_ = masked_text("3");
  const std::string ping_ = masked_text(R"({"event":"pusher:ping","data":{}})");
  int publisher_ = -1, echo_ = -1;
  std::vector<int> sockets_;
  std::size_t frame_ = 0, heard_ = 0, pong_bytes_ = 0;
  std::int64_t echo_every_ = 0, echo_due_ = 0;
  struct Asked {
    std::int64_t due, server_waited;
  };
  const Waiting waiting_;
  std::deque<Asked> asked_;
  std::vector<std::int64_t> latencies_, own_;  // own: nobody else made them late
  std::int64_t last_turn_ = 0, absent_until_ = 0, away_worst_ = 0;
};

}  // namespace
}  // namespace utakata::bench

int main(int count, char** arguments) {
  using namespace utakata::bench;
  if (count < 4 || count > 5) fail("realtime_load PORT KIND SUBSCRIBERS [SERVER_PID]");
  Subscribers subscribers(std::uint16_t(std::atoi(arguments[1])), kind_of(arguments[2]),
                          std::size_t(std::atoi(arguments[3])), count == 5 ? arguments[4] : "");
  std::printf("{\"frame_bytes\":%zu}\n", subscribers.frame_bytes());
  std::fflush(stdout);
  double seconds = 0;
  std::size_t in_flight = 0;
  std::int64_t echo_every_us = 0;
  for (;;) {
    subscribers.wait();
    if (!(std::cin >> seconds >> in_flight >> echo_every_us)) return 0;
    subscribers.run(seconds, in_flight, echo_every_us);
  }
}
