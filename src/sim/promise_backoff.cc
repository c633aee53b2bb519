// 8 Back-off: after two failures in a row of a version its next launch waits, 1 s, 2 s, 4 s ... 60
// s. A death with its host is none, nor is a launch that fails while another host is to be tried.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class BackOff final : public Promise {
 public:
  using Promise::Promise;
  void begins_life(Instant now) override {
    failures_.clear();
    refused_.clear();
    life_ = now;
  }
  void asks_launch(const InstanceId& id, const LaunchSpec& spec, bool is_refused,
                   Instant now) override {
    launches_[id] = {spec.version, now};
    if (!is_refused) return;
    maybe_at_ = now;
    refused_[spec.host] = now;
    if (!is_to_be_tried_elsewhere(spec, now)) failed(spec.version, now);
  }
  void ends(const SimEnd& end) override {
    const Guest& guest = end.guest;
    if (guest.starts == 0) return;  // removed before it was let run: who took over knows nothing
    if (guest.is_lost_with_host) return;
    if (!guest.serving_since || end.now - std::max(*guest.serving_since, life_) < 10s)
      maybe_at_ = end.now;
    const bool was_wanted =
        guest.decided == Lifecycle::starting || guest.decided == Lifecycle::serving;
    const bool was_young = !guest.serving_since || end.now - *guest.serving_since < 4s;
    if (was_wanted && was_young) failed(launches_[guest.id].version, end.now);
  }
  void second(const SimWorld& world) override {
    if (!world.fleet) failures_.clear();  // it may not have heard
    if (world.is_running_for(90s) && world.now - maybe_at_ > 80s &&
        world.plan->held_back.starts_with("back-off"))
      broken(fmt::format("{} backs off and nothing of it has failed", world.spec.name));
    if (failures_.empty()) return;
    for (const std::uint32_t index : world.hosts.there(world.spec.name)) {
      const Guest& guest = world.hosts[index];
      if (!guest.serving_since) continue;
      const Launch& launch = launches_[guest.id];
      const auto known = failures_.find(launch.version);
      if (known != failures_.end() && launch.at > known->second.last &&
          world.now - *guest.serving_since > 4s)
        failures_.erase(known);
    }
  }
  void records(const SimStep& step) override {
    hosts_ = &step.world.hosts;
    for (const Activity& one : step.activities) {
      if (is_intent(one, "stop") &&
          step.world.decided.at({one.instance}).was == Lifecycle::starting)
        maybe_at_ = step.world.now;  // given up before it was ready
      if (!is_intent(one, "launch")) continue;
      const auto known = failures_.find(step.world.decided.at({one.instance}).version);
      if (known == failures_.end() || known->second.in_a_row < 2) continue;
      tested();
      const Duration pause =
          std::min<Duration>(60s, 1s * (1 << std::min(known->second.in_a_row - 2, 6)));
      const Duration waited = step.world.now - known->second.last;
      if (waited > 5ms && waited < pause)
        broken(fmt::format("{} is launched {} after {} in a row", one.instance, to_text(waited),
                           plural(known->second.in_a_row, "failure")));
    }
  }

 private:
  struct Failures {
    int in_a_row = 0;
    Instant last{};
  };
  struct Launch {
    std::string version;
    Instant at{};
  };
  // All hosts have failed a launch lately: the next minute none is better than another.
  bool is_to_be_tried_elsewhere(const LaunchSpec& spec, Instant now) const {
    return !spec.host.empty() && std::ranges::any_of(hosts_->machines, [&](const Host& host) {
      const auto known = refused_.find(host.name);
      return host.is_up && (known == refused_.end() || now - known->second > 50s);
    });
  }
  void failed(const std::string& version, Instant now) {
    Failures& failures = failures_[version];
    ++failures.in_a_row;
    failures.last = now;
  }
  std::map<std::string, Failures> failures_;
  std::map<std::string, Instant> refused_;  // by host
  Instant life_{}, maybe_at_{};             // the latter: something like a failure
  const Hosts* hosts_ = nullptr;            // since something was recorded
  std::map<InstanceId, Launch> launches_;
};

}  // namespace

std::unique_ptr<Promise> promise_backoff(Promise::Witness witness) {
  return std::make_unique<BackOff>(std::move(witness));
}

}  // namespace utakata
