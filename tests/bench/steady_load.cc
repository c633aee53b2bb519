// Placements asked for at a fixed rate, whatever the answers take: an answer's latency counts from
// when it should have been asked for, so that a stall is felt by all whom it would have met (wrk
// asks the next only after the last was answered).
//
//   steady_load PORT PATH RATE SECONDS [CONNECTIONS]     one line of JSON, microseconds
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::int64_t now_ns() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

struct Connection {
  int socket = -1;
  std::int64_t due = 0;  // of the question on its way; 0: idle
  std::string got{};
};

class SteadyLoad {
 public:
  SteadyLoad(std::uint16_t port, const std::string& path, double rate, int connections)
      : interval_ns_(1e9 / rate), set_(epoll_create1(EPOLL_CLOEXEC)) {
    const std::string body = R"({"seats":1})";
    question_ = "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json" +
                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    connections_.resize(std::size_t(connections));
    for (std::size_t k = 0; k < connections_.size(); ++k) open(k, port);
  }

  // Spins: a wake-up of 50 us would be felt in every figure.
  void run(double seconds) {
    const std::int64_t begin = now_ns(), end = begin + std::int64_t(seconds * 1e9);
    latencies_.reserve(std::size_t(seconds * 1e9 / interval_ns_) + 1000);
    std::int64_t asked = 0;
    for (;;) {
      const std::int64_t now = now_ns();
      while (begin + std::int64_t(double(asked) * interval_ns_) <= std::min(now, end - 1)) {
        due_.push_back(begin + std::int64_t(double(asked) * interval_ns_));
        ++asked;
      }
      while (!due_.empty() && !idle_.empty()) ask();
      if (now >= end && due_.empty() && idle_.size() == connections_.size()) break;
      if (now > end + 5'000'000'000) break;  // they are lost
      hear();
    }
    lost_ = asked - std::int64_t(latencies_.size());
  }

  void print(double rate) {
    std::ranges::sort(latencies_);
    const auto at = [&](double share) {
      return latencies_.empty()
                 ? 0.0
                 : double(latencies_[std::min(latencies_.size() - 1,
                                              std::size_t(share * double(latencies_.size())))]) /
                       1e3;
    };
    std::printf(R"({"rate":%.0f,"answers":%zu,"not_200":%lld,"lost":%lld,"p50_us":%.0f,)"
                R"("p90_us":%.0f,"p99_us":%.0f,"p999_us":%.0f,"max_us":%.0f})"
                "\n",
                rate, latencies_.size(), (long long)refused_, (long long)lost_, at(0.5), at(0.9),
                at(0.99), at(0.999), at(1));
  }

 private:
  void open(std::size_t index, std::uint16_t port) {
    const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(made, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
      std::fprintf(stderr, "steady_load: nobody listens on port %d\n", port);
      std::exit(2);
    }
    connections_[index].socket = made;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    epoll_ctl(set_, EPOLL_CTL_ADD, made, &event);
    idle_.push_back(index);
  }

  void ask() {
    Connection& one = connections_[idle_.front()];
    idle_.pop_front();
    one.due = due_.front();
    due_.pop_front();
    if (write(one.socket, question_.data(), question_.size()) != ssize_t(question_.size())) fail();
  }

  void hear() {
    epoll_event events[64];
    const int ready = epoll_wait(set_, events, 64, 0);
    for (int i = 0; i < ready; ++i) hear(std::size_t(events[i].data.u64));
  }

  void hear(std::size_t index) {
    Connection& one = connections_[index];
    char bytes[8192];
    const ssize_t got = read(one.socket, bytes, sizeof bytes);
    if (got <= 0 || one.due == 0) fail();
    one.got.append(bytes, std::size_t(got));
    const std::size_t head = one.got.find("\r\n\r\n");
    if (head == std::string::npos) return;
    if (one.got.size() < head + 4 + body_length(std::string_view(one.got).substr(0, head))) return;
    latencies_.push_back(now_ns() - one.due);
    refused_ += !one.got.starts_with("HTTP/1.1 200");
    one.got.clear();
    one.due = 0;
    idle_.push_back(index);
  }

  static std::size_t body_length(std::string_view head) {
    constexpr std::string_view name = "content-length: ";
    for (std::size_t at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at + 2))
      if (head.size() > at + 2 + name.size() &&
          strncasecmp(head.data() + at + 2, name.data(), name.size()) == 0)
        return std::size_t(std::atoi(head.data() + at + 2 + name.size()));
    return 0;
  }

  [[noreturn]] static void fail() {
    std::fprintf(stderr, "steady_load: a connection was closed, or answered unasked\n");
    std::exit(1);
  }

  const double interval_ns_;
  const int set_;
  std::string question_;
  std::vector<Connection> connections_;
  std::deque<std::size_t> idle_;
  std::deque<std::int64_t> due_;  // should have been asked for, but no connection was idle
  std::vector<std::int64_t> latencies_;
  std::int64_t refused_ = 0, lost_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) {
    std::fprintf(stderr, "steady_load PORT PATH RATE SECONDS [CONNECTIONS]\n");
    return 2;
  }
  const double rate = std::atof(arguments[3]);
  SteadyLoad load(std::uint16_t(std::atoi(arguments[1])), arguments[2], rate,
                  count > 5 ? std::atoi(arguments[5]) : 64);
  load.run(std::atof(arguments[4]));
  load.print(rate);
}
