#include "fleet/probe/sockets/sockets_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/text.h"

namespace utakata {
namespace {

constexpr Duration first_pause{20ms};

}  // namespace

SocketsProbe::SocketsProbe(net::Loop& loop, net::HttpClient& client, SocketTable& table,
                           const ClusterSpec& spec, ListenerCheck listener, ReachedAt reached_at)
    : loop_(loop),
      table_(table),
      ready_(spec.ready),
      metrics_(spec.metrics.size()),
      listener_(std::move(listener)),
      reached_at_(std::move(reached_at)),
      asking_(loop, client),
      own_number_(table.also_own([this] { return own_connections(); })) {}

SocketsProbe::~SocketsProbe() {
  loop_.cancel(timer_);
  table_.forget_own(own_number_);
}

std::vector<net::OwnConnection> SocketsProbe::own_connections() const {
  auto own = asking_.own_connections();
  for (const auto& [id, door] : doors_)
    if (door.knock.connection()) own.push_back(*door.knock.connection());
  return own;
}

// Port 0: not known.
std::vector<ProbeTarget> SocketsProbe::where_reached(std::span<const ProbeTarget> targets) const {
  std::vector<ProbeTarget> there(targets.begin(), targets.end());
  for (ProbeTarget& target : there) {
    const auto host = reached_at_(target.handle);
    target.address = host ? Address{*host, target.address.port} : Address{};
  }
  return there;
}

void SocketsProbe::look(std::span<const ProbeTarget> targets, Duration deadline,
                        std::function<void(std::vector<Sight>)> done) {
  std::vector<ProbeTarget> there;
  if (reached_at_) targets = there = where_reached(targets);
  done_ = std::move(done);
  looked_.assign(targets.size(), {});
  deadline_ = deadline;
  ends_at_ = loop_.now() + deadline;
  pause_ = first_pause;
  asking_.begin(deadline, [this] { hear_doors(); });
  for (const ProbeTarget& target : targets) table_.cover(target.address.port);
  const auto fresh = table_.refresh(loop_.now());
  for (std::uint32_t i = 0; i < targets.size(); ++i) {
    count(targets[i], fresh, looked_[i]);
    if (looked_[i].is_well) ask(targets[i], i);
  }
  if (fresh && ready_.http.empty()) knock(targets);
  asking_.all_asked();
}

// Only at those for whom somebody waits; and on at those who have not opened yet.
void SocketsProbe::knock(std::span<const ProbeTarget> targets) {
  std::unordered_map<std::string, Door> doors;
  for (std::uint32_t i = 0; i < targets.size(); ++i) {
    const ProbeTarget& target = targets[i];
    if (target.starting || !looked_[i].is_well) continue;
    if (const auto known = doors_.find(target.id.text); known != doors_.end())
      doors.emplace(target.id.text, Door{std::move(known->second.knock), i, false});
    else if (table_.is_waited_for(target.address))
      if (Knock fresh(target.address); fresh.connection())
        doors.emplace(target.id.text, Door{std::move(fresh), i, true});
  }
  doors_ = std::move(doors);
}

// A living program opens within milliseconds; the pauses grow, for each look costs a dump.
void SocketsProbe::hear_doors() {
  if (doors_.empty()) return end();
  const auto next = [this](Duration pause) {
    timer_ = loop_.after(pause, [this] { hear_doors(); });
  };
  const Instant now = loop_.now();
  if (pause_ == first_pause) {  // nobody has had the time
    pause_ *= 2;
    return next(first_pause);
  }
  if (!table_.refresh(now, Duration{0})) doors_.clear();  // unknown is not closed
  std::erase_if(
      doors_, [&](const auto& one) { return table_.is_accepted(*one.second.knock.connection()); });
  const bool some_have_time =
      std::ranges::any_of(doors_, [](const auto& one) { return one.second.is_new; });
  if (!some_have_time || now >= ends_at_) return end();
  next(std::min(std::exchange(pause_, 2 * pause_), ends_at_ - now));
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
    sight.problem = target.address.port
                        ? fmt::format("nobody listens on port {}", target.address.port)
                        : "its container's network is not known yet";
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
  asking_.turn_to(target);
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
  for (const auto& [id, door] : doors_) {
    looked_[door.index].is_well = false;
    looked_[door.index].sight.problem =
        fmt::format("clients wait, and it accepts no connection within {}", to_text(deadline_));
  }
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
