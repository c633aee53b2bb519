#include "fleet/probe/sockets/sockets_probe.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace utakata {

SocketsProbe::SocketsProbe(net::Loop& loop, net::HttpClient& client, SocketTable& table,
                           const ClusterSpec& spec, ListenerCheck listener)
    : loop_(loop),
      table_(table),
      ready_(spec.ready),
      metrics_(spec.metrics.size()),
      listener_(std::move(listener)),
      asking_(loop, client),
      own_number_(table.also_own([this] { return asking_.own_connections(); })) {}

void SocketsProbe::look(std::span<const ProbeTarget> targets, Duration deadline,
                        std::function<void(std::vector<Sight>)> done) {
  done_ = std::move(done);
  looked_.assign(targets.size(), {});
  asking_.begin(deadline, [this] { end(); });
  const auto fresh = table_.refresh(loop_.now());
  for (std::uint32_t i = 0; i < targets.size(); ++i) {
    count(targets[i], fresh, looked_[i]);
    if (looked_[i].is_well) ask(targets[i], i);
  }
  asking_.all_asked();
}

void SocketsProbe::count(const ProbeTarget& target, const Expected<void>& table,
                         Looked& looked) const {
  Sight& sight = looked.sight;
  sight.asked = true;
  looked.is_well = false;
  if (!table) {
    sight.problem = table.error().what;
    return;
  }
  const auto connections = table_.connections(target.address);
  if (!connections) {
    sight.problem = fmt::format("nobody listens on port {}", target.address.port);
    return;
  }
  if (target.starting && listener_) {
    if (const auto own = listener_(target); !own) {
      sight.problem = own.error().what;
      return;
    }
  }
  looked.is_well = true;
  sight.count = Count{*connections, table_.at()};
  sight.metrics.assign(metrics_, std::numeric_limits<double>::quiet_NaN());
  if (metrics_ > 0) sight.metrics[0] = *connections;
}

void SocketsProbe::ask(const ProbeTarget& target, std::uint32_t index) {
  constexpr std::size_t answer_bytes_max = 64 * 1024;
  if (!ready_.http.empty())
    asking_.get(target.address, ready_.http, headers_, answer_bytes_max,
                [this, index](const Expected<net::HttpResult>& result) {
                  if (result && result->status >= 200 && result->status <= 299) return;
                  looked_[index].is_well = false;
                  looked_[index].sight.problem = fmt::format(
                      "GET {}: {}", ready_.http,
                      result ? fmt::format("answered {}", result->status) : result.error().what);
                });
  if (target.suspect && !ready_.handshake.empty())
    asking_.handshake(target.address, ready_.handshake,
                      [this, index](Expected<net::HttpResult> result) {
                        looked_[index].shakes_hands = result.has_value();
                      });
}

void SocketsProbe::end() {
  std::vector<Sight> sights;
  sights.reserve(looked_.size());
  for (Looked& looked : looked_) {
    looked.sight.ready = looked.is_well;
    looked.sight.answered = looked.is_well || looked.shakes_hands;
    sights.push_back(std::move(looked.sight));
  }
  std::exchange(done_, nullptr)(std::move(sights));  // may destroy this
}

}  // namespace utakata
