#include <fmt/format.h>

#include <algorithm>

#include "sim/simulation.h"

namespace utakata {
namespace {

constexpr std::size_t kBrokenMax = 100;

}  // namespace

Simulation::Promises Simulation::make_promises() {
  Promises promises;
  for (const PromiseKind& kind : promise_kinds()) {
    std::int64_t& tested = result_.tested[kind.name];
    promises.push_back(kind.make({.broken =
                                      [this, name = kind.name](const std::string& what) {
                                        if (result_.broken.size() < kBrokenMax)
                                          result_.broken.push_back(
                                              fmt::format("{}: {} at {}", name, what, moment()));
                                      },
                                  .tested = [&tested] { ++tested; }}));
  }
  return promises;
}

Simulation::Watched* Simulation::watched(const std::string& cluster) {
  for (Watched& one : watched_)
    if (one.spec->name == cluster) return &one;
  return nullptr;
}

// Asked for with each answer to each client: what is known is kept.
const Simulation::Attached& Simulation::attach(Watched& watched) {
  Attached& to = watched.attached;
  const std::string& name = watched.spec->name;
  if (!lives_.is_up() || to.life != lives_.since()) to = {.life = lives_.since()};
  if (!to.decided) to.decided = &recorded_.of(name);
  if (!lives_.is_up()) return to;
  if (!to.fleet) {
    to.fleet = lives_.control()->fleet(name);
    to.plan = lives_.control()->last_plan(name);
  }
  if (!to.ledger) to.ledger = lives_.ledger(name);
  if (!to.seats) to.seats = lives_.seats(name);
  return to;
}

SimWorld Simulation::world_of(Watched& watched) {
  const Attached& to = attach(watched);
  const auto index = std::uint32_t(&watched - watched_.data());
  return {.spec = *watched.spec,
          .hosts = hosts_,
          .decided = *to.decided,
          .seats = to.seats,
          .fleet = to.fleet,
          .plan = to.plan,
          .ledger = to.ledger,
          .wishing = people_.crowd(index).wishing,
          .can_record = !is_full_,
          .now = timeline_.now(),
          .last_fault = lasting_ > 0 ? timeline_.now() : last_fault_,
          .controller_since = lives_.since(),
          .controller_awake_since = awake_since_};
}

void Simulation::watch() {
  lives_.on_record = [this](const Batch& batch) { recorded(batch); };
  lives_.on_tell = [this](const Teller::Message& message) {
    if (Guest* const guest = hosts_.find({message.token}); guest && guest->answers())
      people_.send_away(*guest, message.close ? message.close->pace : 0,
                        message.close ? message.close->most : 0);
  };
  lives_.on_stop = [this](const InstanceId& id) {
    const Guest* const guest = hosts_.find(id);
    Watched* const one = guest ? watched(guest->cluster) : nullptr;
    if (!one) return;
    const SimWorld world = world_of(*one);
    for (auto& promise : one->promises) promise->asks_stop(id, world);
  };
  lives_.on_launch = [this](const InstanceId& id, const LaunchSpec& spec, bool could_be_asked) {
    if (Watched* const one = watched(spec.cluster))
      for (auto& promise : one->promises)
        promise->asks_launch(id, spec, could_be_asked, timeline_.now());
  };
  hosts_.on_gone = [this, cut = hosts_.on_gone](Guest& guest) {
    if (Watched* const one = watched(guest.cluster))
      for (auto& promise : one->promises) promise->ends({guest, timeline_.now()});
    cut(guest);
  };
  people_.on_answer = [this](const Asking& asking, const PlaceAnswer& answer, const Guest* guest) {
    Watched& one = watched_[asking.crowd];
    const SimWorld world = world_of(one);
    for (auto& promise : one.promises) promise->answers(asking, answer, guest, world);
  };
  people_.on_connect = [this](const Guest& guest, const Asking& asking) {
    Watched& one = watched_[asking.crowd];
    const SimWorld world = world_of(one);
    for (auto& promise : one.promises) promise->connects(guest, asking, world);
  };
  people_.on_leave = [this](const Guest& guest, const Asking& asking) {
    for (auto& promise : watched_[asking.crowd].promises) promise->leaves(guest, asking);
  };
}

// Whoever is cut by the end of it, is cut for this.
CutCause Simulation::cause_of(const Guest& guest, const Decided& decided) const {
  if (decided.was == Lifecycle::serving || guest.told.misses > 0) return CutCause::healing;
  if (decided.drain_cause == DrainCause::shutdown || decided.drain_cause == DrainCause::by_hand)
    return CutCause::by_hand;
  return is_past_deadline(decided, timeline_.now()) ? CutCause::deadline : CutCause::scaling;
}

void Simulation::recorded(const Batch& batch) {
  recorded_.take(batch, timeline_.now());
  if (batch.activities.empty()) return;
  Watched* const one = watched(batch.activities.front().cluster);
  if (!one) return;
  const SimWorld world = world_of(*one);
  for (const Activity& activity : batch.activities) {
    Guest* const guest = hosts_.find({activity.instance});
    const auto decided = world.decided.find({activity.instance});
    if (!guest || decided == world.decided.end()) continue;
    guest->decided = decided->second.lifecycle;
    if (is_intent(activity, "drain")) guest->told.zeros = 0;
    if (is_intent(activity, "stop")) guest->cut_cause = cause_of(*guest, decided->second);
  }
  for (auto& promise : one->promises) promise->records({batch.activities, world});
  for (const Fault& fault : std::vector(waiting_))
    if (may_strike(fault)) {
      std::erase(waiting_, fault);
      timeline_.after(std::chrono::microseconds{fault.draw % 300'000},
                      [this, fault] { strike(fault); });
    }
}

}  // namespace utakata
