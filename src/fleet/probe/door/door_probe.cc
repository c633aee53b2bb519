#include "fleet/probe/door/door_probe.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "net/socket_end.h"

namespace utakata {
namespace {

constexpr Duration first_pause{2ms};

}  // namespace

DoorProbe::DoorProbe(net::Loop& loop, net::HttpClient& client, const ClusterSpec& spec)
    : loop_(loop), ready_(spec.ready), metrics_(spec.metrics.size()), asking_(loop, client) {}

DoorProbe::~DoorProbe() { loop_.cancel(timer_); }

void DoorProbe::look(std::span<const ProbeTarget> targets, Duration deadline,
                     std::function<void(std::vector<Sight>)> done) {
  done_ = std::move(done);
  sights_.assign(targets.size(), {});
  ends_at_ = loop_.now() + deadline;
  pause_ = first_pause;
  asking_.begin(deadline, [this] { hear_doors(); });
  for (std::size_t i = 0; i < targets.size(); ++i) {
    sights_[i].asked = true;
    ready_.http.empty() ? dial(targets[i], i) : ask(targets[i], i);
  }
  asking_.all_asked();
}

void DoorProbe::ask(const ProbeTarget& target, std::size_t index) {
  constexpr std::size_t answer_bytes_max = 64 * 1024;
  asking_.turn_to(target);
  asking_.get(target.address, ready_.http, {"User-Agent: utakata-probe"}, answer_bytes_max,
              [this, index](const Expected<net::HttpResult>& result) {
                if (result && result->status / 100 == 2) return opened(index);
                sights_[index].problem = fmt::format(
                    "GET {}: {}", ready_.http,
                    result ? fmt::format("answered {}", result->status) : result.error().what);
              });
}

void DoorProbe::dial(const ProbeTarget& target, std::size_t index) {
  const auto& [host, port] = target.address;
  auto& problem = sights_[index].problem;
  const auto to = net::numeric_address(host, port);
  if (!to) {
    problem = fmt::format("{} is a name: without a count only numeric addresses are dialled", host);
    return;
  }
  net::Descriptor socket{
      ::socket(to->bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket || (::connect(socket.get(), to->get(), to->size) != 0 && errno != EINPROGRESS)) {
    problem = fmt::format("{}:{}: {}", host, port, std::strerror(errno));
    return;
  }
  problem = fmt::format("{}:{} has taken no connection in time", host, port);
  doors_.push_back({.index = index, .socket = std::move(socket)});
}

void DoorProbe::opened(std::size_t index) {
  Sight& sight = sights_[index];
  sight.answered = sight.ready = true;
  sight.problem.clear();
  sight.count = Count{0, loop_.now()};
  sight.metrics.assign(metrics_, std::numeric_limits<double>::quiet_NaN());
  if (metrics_ > 0) sight.metrics[0] = 0;
}

void DoorProbe::hear_doors() {
  std::erase_if(doors_, [this](const Door& door) {
    pollfd ready{.fd = door.socket.get(), .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, 0) == 0) return false;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(door.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0)
      opened(door.index);
    else
      sights_[door.index].problem = fmt::format("no connection: {}", std::strerror(error));
    return true;
  });
  const Instant now = loop_.now();
  if (doors_.empty() || now >= ends_at_) return end();
  const Duration pause = std::min(std::exchange(pause_, 2 * pause_), ends_at_ - now);
  timer_ = loop_.after(pause, [this] { hear_doors(); });
}

void DoorProbe::end() {
  doors_.clear();
  std::exchange(done_, nullptr)(std::move(sights_));
}

}  // namespace utakata
