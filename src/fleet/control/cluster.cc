#include "fleet/control/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "fleet/control/launch.h"
#include "fleet/control/view.h"
#include "fleet/model/observation_blob.h"
#include "fleet/plan/apply.h"

namespace utakata {
namespace {

constexpr Duration look_deadline{800ms};  // under the period of 1 s, so that ticks never overlap

// A whole fleet's outcomes may wait for a full disk; beyond that only the newest state of each
// instance is kept.
constexpr std::size_t pending_activities_max = 10'000;

// Counts in a reason change each second; that is no news.
std::string without_numbers(std::string text) {
  std::erase_if(text, [](char c) { return (c >= '0' && c <= '9') || c == ',' || c == '.'; });
  return text;
}

}  // namespace

Cluster::Cluster(Control& control, ClusterSpec spec, Fleet fleet, std::int64_t tenure)
    : control_(control),
      tenure_(tenure),
      planner_((fleet.spec = std::move(spec), std::move(fleet)), control.parts_.clock.now()),
      probe_(tenure ? control.parts_.make_probe(planner_.fleet().spec) : nullptr) {}

Cluster::~Cluster() { *alive_ = false; }

void Cluster::start() {
  for (const Instance& i : fleet().instances) {
    control_.parts_.provider.adopt(i.id, i.handle, i.address);
    if (i.lifecycle == Lifecycle::draining)
      tell(i, true,
           i.closes_begun && spec().drain.pace > 0
               ? std::optional(CloseAction{i.id, spec().drain.pace, 0, {}})
               : std::nullopt);
    // A stop intent is final: the former life may have died between recording and asking.
    if (!i.handle.empty() || i.lifecycle == Lifecycle::stopping)
      to_release_.push_back({i.id, i.handle});
  }
  release();
  due_ = control_.parts_.clock.now();
  publish();
  tick();
}

void Cluster::tick() {
  const Instant now = control_.parts_.clock.now();
  const bool late = now - due_ > 2 * spec().every;
  due_ += spec().every;
  if (due_ <= now) due_ = now + spec().every;  // ticks that were slept through are not made up for
  control_.parts_.after(due_ - now, [this, alive = alive_] {
    if (*alive) tick();
  });
  lend(now);
  if (is_looking_)
    return;  // cannot be while probes keep their deadline; a clock jump of the host could
  is_looking_ = true;
  std::vector<ProbeTarget> targets;
  std::vector<InstanceId> asked;
  targets.reserve(fleet().instances.size());
  asked.reserve(fleet().instances.size());
  for (const Instance& i : fleet().instances) {
    if (i.address.port == 0 || i.lifecycle == Lifecycle::stopping) continue;
    targets.push_back({.id = i.id,
                       .handle = i.handle,
                       .address = i.address,
                       .starting = i.lifecycle == Lifecycle::starting,
                       .suspect = i.suspect,
                       .missed = i.misses > 0 && !i.suspect});
    asked.push_back(i.id);
  }
  control_.parts_.give_way();
  probe_->look(targets, std::min<Duration>(look_deadline, spec().every * 8 / 10),
               [this, alive = alive_, asked = std::move(asked), late,
                now](std::vector<Sight> answers) mutable {
                 // We may also have been stopped between the question and the answers.
                 if (*alive)
                   looked(asked, std::move(answers),
                          late || control_.parts_.clock.now() - now > 2 * spec().every);
               });
}

void Cluster::looked(const std::vector<InstanceId>& asked, std::vector<Sight> answers, bool late) {
  is_looking_ = false;
  Observation seen = observation(std::exchange(refused_, {}));
  seen.late = late;
  add_answers(seen);
  seen.sights.resize(fleet().instances.size());
  std::size_t next = 0;  // the fleet keeps its order, so both lists are walked once
  for (std::size_t k = 0; k < fleet().instances.size() && next < asked.size(); ++k) {
    const auto found =
        std::find(asked.begin() + std::ptrdiff_t(next), asked.end(), fleet().instances[k].id);
    if (found == asked.end()) continue;
    next = std::size_t(found - asked.begin());
    seen.sights[k] = std::move(answers[next]);
    seen.sights[k].asked = true;
    ++next;
  }
  add_seats(seen);
  control_.parts_.give_way();
  const std::string blob = encode_tick(spec().name, fleet(), seen);
  control_.parts_.give_way();
  if (const auto kept = control_.parts_.store.observe(spec().name, seen.wall, blob); !kept)
    control_.parts_.on_problem(kept.error().what);
  control_.parts_.give_way();
  step(std::move(seen));
}

// Of this moment, with nobody looked at.
Observation Cluster::observation(std::vector<ProviderNews> news) const {
  return {.at = control_.parts_.clock.now(),
          .wall = control_.parts_.clock.wall(),
          .late = false,
          .sights = {},
          .seats = {},
          .news = std::move(news),
          .waiting = seats_.waiting,
          .granted = seats_.granted,
          .answers = {},
          .hosts = control_.parts_.provider.hosts()};
}

void Cluster::hear(std::vector<ProviderNews> news) {
  if (!is_ours()) return;  // its owner hears of it, too
  step(observation(std::move(news)));
}

void Cluster::replan() { hear(std::exchange(refused_, {})); }

void Cluster::add_seats(Observation& seen) const {
  const std::vector<Instance>& instances = fleet().instances;
  seen.seats.assign(instances.size(), {});
  // Placement lists them in the fleet's order, as long as no place in its list was used again.
  std::size_t next = 0;
  for (std::size_t k = 0; k < instances.size() && next < seats_.lines.size(); ++k)
    if (const SeatReport::Line& line = seats_.lines[next]; line.id == instances[k].id) {
      seen.seats[k].seats_held = line.seats_held;
      seen.seats[k].keys = line.keys;
      ++next;
    }
  if (next < seats_.lines.size()) {
    std::unordered_map<std::string_view, const SeatReport::Line*> lines;
    for (const SeatReport::Line& line : seats_.lines) lines.emplace(line.id.text, &line);
    for (std::size_t k = 0; k < instances.size(); ++k)
      if (const auto found = lines.find(instances[k].id.text); found != lines.end()) {
        seen.seats[k].seats_held = found->second->seats_held;
        seen.seats[k].keys = found->second->keys;
      }
  }
  if (closed_at_.empty()) return;
  for (std::size_t k = 0; k < instances.size(); ++k) {
    const auto closed = closed_at_.find(instances[k].id);
    seen.seats[k].out_of_placement = closed != closed_at_.end() && seats_.version >= closed->second;
  }
}

void Cluster::step(Observation seen) {
  note_outcomes(planner_.observe(seen));
  control_.parts_.give_way();
  last_plan_ = planner_.plan({.unmet = control_.unmet_needs(spec()),
                              .is_needed = control_.needed_by_living(spec()),
                              .over_cap = control_.over_cap()});
  withhold(last_plan_);
  if (record(last_plan_)) {
    for (const Action& action : last_plan_.actions) planner_.commit(action);
    release();
    act(last_plan_.actions);
  }
  keep_measured();
  verify();
  control_.parts_.give_way();
  publish();
  if (!refused_.empty())
    control_.parts_.after(Duration{0}, [this, alive = alive_] {
      if (*alive) replan();
    });
  control_.down_turn();
}

// What passes is said again by the next life: nothing of it is recorded.
void Cluster::verify() {
  if (spec().verify.command.text.empty()) return;
  for (const Instance& i : fleet().instances) {
    if (i.lifecycle != Lifecycle::starting || i.verification != Verification::due) continue;
    if (!verifying_.insert(i.id).second) continue;
    const auto heard = [this, alive = alive_, id = i.id](const Expected<void>& result) {
      if (!*alive) return;
      verifying_.erase(id);
      Observation seen = observation(std::exchange(refused_, {}));
      seen.verdicts = {{id, result ? "" : result.error().what}};
      step(std::move(seen));
    };
    control_.parts_.verifier.verify(verify_command(spec(), i), spec().verify.within, heard);
  }
}

void Cluster::note_outcomes(std::vector<Outcome> outcomes) {
  for (Outcome& o : outcomes) {
    if (o.kind == "launched" || o.kind == "found") {
      o.instance.url = client_url(spec(), o.instance);
      o.instance.token_hash = control_.parts_.hash_of(control_.parts_.token_of(o.instance.id));
      planner_.commit_launched(o.instance);
      if (o.kind == "found") pending_.clusters = {row()};
    }
    if (o.kind == "launched" || o.kind == "twin")
      to_release_.push_back({o.instance.id, o.instance.handle});
    if (is_forgetting_) o.kind = "forgotten", o.cut.reset();
    if (o.instance.lifecycle == Lifecycle::gone) {
      closed_at_.erase(o.instance.id);
      std::erase_if(to_release_, [&](const Release& r) { return r.id == o.instance.id; });
    }
    if (pending_.activities.size() < pending_activities_max)
      pending_.activities.push_back({.number = 0,
                                     .at = control_.parts_.clock.wall(),
                                     .cluster = spec().name,
                                     .instance = o.instance.id.text,
                                     .phase = Activity::Phase::outcome,
                                     .kind = std::move(o.kind),
                                     .because = std::move(o.because),
                                     .limited_by = {},
                                     .by = "utakata",
                                     .cut = o.cut});
    if (o.kind == "twin" || o.instance.id.text.empty()) continue;
    std::erase_if(pending_.instances,
                  [&](const InstanceRow& r) { return r.instance.id == o.instance.id; });
    pending_.instances.push_back({spec().name, std::move(o.instance)});
  }
}

Activity Cluster::intent(const Action& action, const std::string& limited_by) const {
  Activity a{.number = 0,
             .at = control_.parts_.clock.wall(),
             .cluster = spec().name,
             .instance = id_of(action).text,
             .phase = Activity::Phase::intent,
             .kind = kind_of(action),
             .because = because_of(action),
             .limited_by = limited_by,
             .by = "utakata",
             .cut = {}};
  if (const auto* stop = std::get_if<StopAction>(&action); stop && stop->cut > 0) a.cut = stop->cut;
  return a;
}

Batch::ClusterRow Cluster::row() const {
  return {spec().name, fleet().desired, fleet().next_number};
}

// A drain's deadline is kept as time remaining, so that neither a restart nor a clock can stretch
// it by more than a twentieth, or 5 s.
void Cluster::renew_deadlines(Batch& batch, Instant now) {
  const Instant last = std::exchange(renewed_at_, now);
  for (const Instance& i : fleet().instances) {
    if (i.lifecycle != Lifecycle::draining || !i.drain_left) continue;
    const Duration period = std::max<Duration>(5s, *i.drain_left / 20);
    if ((now - i.since) / period == (std::max(last, i.since) - i.since) / period) continue;
    batch.instances.push_back({spec().name, i});
    Instance& recorded = batch.instances.back().instance;
    recorded.drain_left = std::max(Duration{0}, *i.drain_left - (now - i.since));
  }
}

// All or nothing: the outcomes that wait and the plan's intents, in one transaction. False: nothing
// may be done.
bool Cluster::record(const Plan& plan) {
  Batch batch = pending_;
  const Instant now = control_.parts_.clock.now();
  renew_deadlines(batch, now);
  int next_number = fleet().next_number;
  for (const Action& action : plan.actions) {
    batch.activities.push_back(intent(action, what_limits(action, plan)));
    batch.instances.push_back({spec().name, after(fleet(), action, now)});
    next_number += std::holds_alternative<LaunchAction>(action);
  }
  const auto say = [&](const char* kind, const std::string& because) {
    batch.activities.push_back({.number = 0,
                                .at = control_.parts_.clock.wall(),
                                .cluster = spec().name,
                                .instance = {},
                                .phase = Activity::Phase::outcome,
                                .kind = kind,
                                .because = because,
                                .limited_by = {},
                                .by = "utakata",
                                .cut = {}});
  };
  if (plan.braked != was_braked_)
    say(plan.braked ? "brake" : "brake_off", plan.braked ? plan.held_back : "fewer are suspected");
  // What holds the fleet back is recorded once, when it begins; numbers that only count down are
  // not a change.
  const std::string held = plan.held_back.substr(0, plan.held_back.find_first_of("0123456789"));
  if (held != last_held_back_ && !held.empty() && !plan.braked) say("held_back", plan.held_back);
  note_shows(batch, plan);
  const std::string withheld = withheld_text(plan);
  const std::string withheld_words = without_numbers(withheld);
  if (withheld_words != last_withheld_ && !withheld.empty()) say("withheld", withheld);
  if (!batch.empty()) {
    if (next_number != fleet().next_number) {
      batch.clusters.push_back(row());
      batch.clusters.back().next_number = next_number;
    }
    if (const auto recorded = control_.parts_.store.record(batch); !recorded) {
      if (!std::exchange(said_store_problem_, true))
        control_.parts_.on_problem(fmt::format("{}: {}; nothing is done until it can be recorded",
                                               spec().name, recorded.error().what));
      return false;
    }
    if (std::exchange(said_store_problem_, false))
      control_.parts_.on_problem(spec().name + ": recording works again");
    pending_ = {};
    for (const Activity& a : batch.activities) control_.parts_.on_activity(a);
  }
  shows_ = plan.shows;
  last_withheld_ = withheld_words;
  was_braked_ = plan.braked;
  last_held_back_ = held;
  return true;
}

// Each turn of a show is recorded, and whether it is go when everything should serve.
void Cluster::note_shows(Batch& batch, const Plan& plan) {
  for (const ShowState& show : plan.shows) {
    const auto before = std::ranges::find(shows_, show.show, &ShowState::show);
    if (before != shows_.end() && before->phase == show.phase) continue;
    if (before == shows_.end() &&
        (show.phase == ShowState::Phase::before || show.phase == ShowState::Phase::over))
      continue;
    batch.activities.push_back(
        {.number = 0,
         .at = control_.parts_.clock.wall(),
         .cluster = spec().name,
         .instance = {},
         .phase = Activity::Phase::outcome,
         .kind = show.phase == ShowState::Phase::ready ? (show.is_go ? "show_go" : "show_no_go")
                                                       : "show",
         .because = fmt::format("{} {}: {}", show.show, to_text(show.phase), show.line),
         .limited_by = {},
         .by = "utakata",
         .cut = {}});
  }
}

void Cluster::remember(const std::vector<std::pair<std::string, std::string>>& settings) {
  BootTimes boots;
  Spending spending;
  DisconnectBudget budget;
  for (const auto& [name, text] : settings) {
    if (name == "boots/" + spec().name) boots = BootTimes::from_text(kept_boots_ = text);
    if (name == "spent/" + spec().name) spending = Spending(DayWindow::from_text(text));
    if (name == "closed/" + spec().name) budget = DisconnectBudget::from_text(text);
  }
  planner_.remember(std::move(boots), spending, std::move(budget));
}

// At most once a minute: to lose a minute of it costs nothing.
void Cluster::keep_measured() {
  const Instant now = control_.parts_.clock.now();
  if (now - kept_at_ < 60s) return;
  kept_at_ = now;
  const auto keep = [this](const char* what, const std::string& text) {
    if (const auto kept = control_.parts_.store.set(what + spec().name, text); !kept)
      control_.parts_.on_problem(kept.error().what);
  };
  if (std::string boots = planner_.boots().text(); boots != kept_boots_)
    keep("boots/", kept_boots_ = std::move(boots));
  if (control_.stack_.price.cap_per_day) keep("spent/", planner_.spending().text());
  if (spec().drain.pace > 0 || spec().rebalance.skew > 0) keep("closed/", planner_.budget().text());
}

void Cluster::take_answer(FunctionAnswer answer) {
  std::erase_if(answers_, [&](const auto& a) { return a.first.function == answer.function; });
  answers_.emplace_back(std::move(answer), control_.parts_.clock.now());
}

void Cluster::add_answers(Observation& seen) const {
  for (const auto& [answer, at] : answers_) {
    seen.answers.push_back(answer);
    seen.answers.back().age = seen.at - at;
  }
}

void Cluster::publish() {
  PlacementView view = placement_view(fleet(), last_plan_.braked, control_.parts_.clock.now(),
                                      views_.empty() ? nullptr : views_.back().get());
  view.version = ++view_version_;
  if (!control_.stack_.powers.place)
    for (Placeable& p : view.instances) p.open = false;
  for (const Placeable& p : view.instances) {
    if (!p.open)
      closed_at_.try_emplace(p.identity->id, view.version);
    else if (!closed_at_.empty())
      closed_at_.erase(p.identity->id);
  }
  views_.push_back(std::make_shared<PlacementView>(std::move(view)));
  control_.parts_.publish(views_.back());
}

void Cluster::take(SeatReport report) {
  if (!is_ours()) return;
  seats_ = std::move(report);
  while (views_.size() > 1 && views_.front()->version < seats_.version) views_.pop_front();
}

Expected<void> Cluster::desire(const Desired& desired, Activity activity) {
  Batch batch;
  batch.clusters.push_back(row());
  batch.clusters.back().desired = desired;
  batch.activities.push_back(std::move(activity));
  if (auto recorded = control_.parts_.store.record(batch); !recorded) return recorded;
  for (const Activity& a : batch.activities) control_.parts_.on_activity(a);
  planner_.want_by_operator(desired);
  return {};
}

Expected<void> Cluster::by_hand(const Action& action) {
  Batch batch;
  Activity activity = intent(action, {});
  activity.by = "operator";
  const Instant now = control_.parts_.clock.now();
  batch.activities.push_back(std::move(activity));
  batch.instances.push_back({spec().name, after(fleet(), action, now)});
  if (auto recorded = control_.parts_.store.record(batch); !recorded) return recorded;
  for (const Activity& a : batch.activities) control_.parts_.on_activity(a);
  planner_.commit(action, now);  // a deadline runs from here, not from the last tick
  act({action});
  return {};
}

void Cluster::respec(const ClusterSpec& spec) {
  planner_.respec(spec);
  if (!is_ours()) return;
  probe_ = control_.parts_.make_probe(planner_.fleet().spec);
  is_looking_ = false;
}

}  // namespace utakata
