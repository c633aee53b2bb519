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

bool Simulation::owns(const Lives& lives, const std::string& cluster) const {
  const MadeUpEtcd::Owner* const owner = company_->etcd.owner(cluster);
  return owner && owner->row.life == lives.life();
}

Lives* Simulation::acting(const Watched& watched) const {
  Lives* const lives = company_ ? watched.acting : lives_[0].get();
  if (!lives || !lives->is_up() || (company_ && !owns(*lives, watched.spec->name))) return nullptr;
  return lives;
}

// Asked for with each answer to each client: what is known is kept.
const Simulation::Attached& Simulation::attach(Watched& watched) {
  Attached& to = watched.attached;
  const std::string& name = watched.spec->name;
  const Lives* const lives = acting(watched);
  if (!lives || to.lives != lives || to.life != lives->since()) {
    to = {.lives = lives};
    if (lives) to.life = lives->since();
  }
  if (!to.decided) to.decided = &recorded_.of(name);
  if (!lives) return to;
  if (!to.fleet) {
    Control* const control = watched.acting ? watched.acting->control() : lives_[0]->control();
    to.fleet = control->fleet(name);
    to.plan = control->last_plan(name);
  }
  if (!to.ledger || company_) to.ledger = lives->ledger(name);
  if (!to.seats) to.seats = lives->seats(name);
  return to;
}

SimWorld Simulation::world_of(Watched& watched) {
  const Attached& to = attach(watched);
  const auto index = std::uint32_t(&watched - watched_.data());
  const std::size_t who = watched.acting ? watched.acting->number() : 0;
  const bool can_record =
      !company_ || (to.lives && to.lives->owners()->fence(watched.spec->name) &&
                    !company_->etcd.is_away() && !company_->is_cut_from_etcd(who));
  return {.spec = *watched.spec,
          .hosts = hosts_,
          .decided = *to.decided,
          .seats = to.seats,
          .fleet = to.fleet,
          .plan = to.plan,
          .ledger = to.ledger,
          .wishing = people_.crowd(index).wishing,
          .unheard = people_.crowd(index).unheard,
          .can_record = !is_full_ && can_record,
          .now = timeline_.now(),
          .last_fault = lasting_ > 0 ? timeline_.now() : last_fault_,
          .controller_since =
              company_ ? std::max(watched.acting_since, lives_[who]->since()) : lives_[0]->since(),
          .controller_awake_since = awake_[who].since};
}

void Simulation::watch(Lives& lives) {
  lives.on_record = [this, &lives](const Batch& batch) { recorded(lives, batch); };
  lives.on_tell = [this](const Teller::Message& message) {
    if (Guest* const guest = hosts_.find({message.token}); guest && guest->answers())
      people_.send_away(*guest, message.close ? message.close->pace : 0,
                        message.close ? message.close->most : 0);
  };
  lives.on_stop = [this](const InstanceId& id) {
    const Guest* const guest = hosts_.find(id);
    Watched* const one = guest ? watched(guest->cluster) : nullptr;
    if (!one) return;
    const SimWorld world = world_of(*one);
    for (auto& promise : one->promises) promise->asks_stop(id, world);
  };
  lives.on_launch = [this, &lives](const InstanceId& id, const LaunchSpec& spec,
                                   bool could_be_asked) {
    Watched* const one = watched(spec.cluster);
    if (!one) return;
    // What a former owner asks for late is answered to it alone.
    const bool is_refused = !could_be_asked && (!company_ || one->acting == &lives);
    for (auto& promise : one->promises) promise->asks_launch(id, spec, is_refused, timeline_.now());
  };
  if (!company_) return;
  lives.on_acts = [this, &lives](const std::string& cluster) { acts(lives, cluster); };
  lives.acts_for = [this, &lives](const std::string& cluster) {
    const Watched* const one = watched(cluster);
    // It goes on counting while nobody has it, and may get it back.
    return one && one->acting == &lives && (owns(lives, cluster) || !company_->etcd.owner(cluster));
  };
}

// Who owns a cluster now begins a life of the cluster's controller.
void Simulation::acts(Lives& lives, const std::string& cluster) {
  Watched* const one = watched(cluster);
  if (!one) return;
  const bool has_heard = could_hear(*one, lives.number());
  one->known_in.reset();
  one->acting = &lives;
  one->acting_since = timeline_.now();
  one->acting_tenure = lives.owners()->of(cluster).tenure;
  one->attached = {};
  people_.forget_line(std::uint32_t(one - watched_.data()));
  lives.forget_seats(cluster);
  for (const std::uint32_t index : hosts_.there(cluster)) hosts_[index].told = {};
  recorded_.begin_life(cluster);
  begin_life(*one);
  if (has_heard) return;
  for (auto& promise : one->promises) promise->is_taken_unheard(timeline_.now());
}

void Simulation::begin_life(Watched& watched) {
  for (const std::uint32_t index : hosts_.there(watched.spec->name))
    hosts_[index].was_awaited = hosts_[index].on_the_way > 0;
  for (auto& promise : watched.promises) promise->begins_life(timeline_.now());
}

// Each second: who could listen to the owner, and since when.
void Simulation::note_hearing(Watched& watched) {
  watched.hearing.resize(lives_.size());
  const std::string& cluster = watched.spec->name;
  const auto owner = std::ranges::find_if(lives_, [&](const auto& lives) {
    return lives->is_up() && lives->owners() &&
           lives->owners()->of(cluster).kind == Ownership::Kind::ours;
  });
  if (owner == lives_.end()) return;
  watched.owned_until = timeline_.now();
  if ((*owner)->ledger(cluster)) watched.known_in = watched.acting_since;
  for (std::size_t i = 0; i < lives_.size(); ++i) {
    Hearing& hearing = watched.hearing[i];
    // A frozen one goes on hearing, and begins with no other: it does not know of him.
    const bool listens = hearing.owner_since == watched.acting_since || lives_[i]->is_up();
    const bool hears =
        lives_[i]->control() && company_->are_linked(i, (*owner)->number()) && listens;
    if (!hears || hearing.life != lives_[i]->since())
      hearing = {.life = lives_[i]->since(), .since = timeline_.now()};
    if (hears) hearing.until = timeline_.now(), hearing.owner_since = watched.acting_since;
  }
}

// For a while, and to the last. Its own it knows without, if that life came to know of it.
bool Simulation::could_hear(const Watched& watched, std::size_t who) const {
  const Ownership ours = lives_[who]->owners()->of(watched.spec->name);
  if (ours.tenure <= 1) return true;
  if (ours.is_inherited) return watched.known_in && ours.tenure == watched.acting_tenure + 1;
  if (watched.hearing.empty()) return false;
  const Hearing& hearing = watched.hearing[who];
  return hearing.life == lives_[who]->since() && hearing.until - hearing.since >= 4s &&
         watched.owned_until - hearing.until <= 1s;
}

// Each second whom they take for the owner; and whoever places or records says so, too.
void Simulation::judge_owners() {
  for (Watched& one : watched_)
    for (const auto& lives : lives_) {
      const std::string& cluster = one.spec->name;
      if (!lives->owners() || lives->owners()->of(cluster).kind != Ownership::Kind::ours) continue;
      claims(one, *lives, "takes itself");
    }
}

void Simulation::claims(Watched& watched, const Lives& lives, const char* what) {
  const MadeUpEtcd::Owner* const owner = company_->etcd.owner(watched.spec->name);
  const SimWorld world = world_of(watched);
  for (auto& promise : watched.promises)
    promise->claims({.what = what,
                     .controller = lives.name(),
                     .owner = owner ? owner->row.controller : "",
                     .is_owner = owns(lives, watched.spec->name)},
                    world);
}

// True: by one who does not know that another has the cluster. That one's clients are guests whom
// nobody invited, as those who dial an old address.
bool Simulation::has_placed(const Company::Placing& placing) {
  Watched& one = watched_[placing.asking.crowd];
  const Lives& by = *lives_[placing.by];
  const std::string& cluster = one.spec->name;
  if (placing.as == Ownership::Kind::ours) claims(one, by, "places");
  const bool was_last = one.acting == &by && one.acting_since >= by.since();
  if (!owns(by, cluster) && (company_->etcd.owner(cluster) || !was_last)) {
    if (placing.guest) hosts_[placing.guest->index].uninvited_at = timeline_.now();
    for (auto& promise : one.promises) promise->answers_unknowing(placing.asking, placing.guest);
    return true;
  }
  Asking asking = placing.asking;
  asking.is_untold = company_->is_cut_from_others(placing.by);
  const SimWorld world = world_of(one);
  for (auto& promise : one.promises) promise->answers(asking, placing.answer, placing.guest, world);
  return false;
}

void Simulation::watch() {
  for (const auto& lives : lives_) watch(*lives);
  if (company_)
    company_->on_placing = [this](const Company::Placing& placing) { return has_placed(placing); };
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

void Simulation::recorded(const Lives& lives, const Batch& batch) {
  recorded_.take(batch, timeline_.now());
  if (batch.activities.empty()) return;
  Watched* const one = watched(batch.activities.front().cluster);
  if (!one) return;
  if (company_) claims(*one, lives, "records");
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
