#include "fleet/plan/planner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "fleet/plan/apply.h"
#include "fleet/plan/closing.h"
#include "fleet/plan/drain.h"
#include "fleet/plan/heal.h"
#include "fleet/plan/scale.h"
#include "fleet/plan/show.h"

namespace utakata {
namespace {

// An operator's restart is a roll-out of the same file under another name.
std::string effective_version(const ClusterSpec& spec, const Desired& desired) {
  return desired.restarts == 0 ? spec.version
                               : fmt::format("{}r{}", spec.version, desired.restarts);
}

Fleet named(Fleet fleet) {
  fleet.spec.version = effective_version(fleet.spec, fleet.desired);
  return fleet;
}

}  // namespace

Planner::Planner(Fleet fleet, Instant now)
    : file_version_(fleet.spec.version),
      fleet_(named(std::move(fleet))),
      rules_(fleet_.spec),
      now_(now),
      looked_at_(now) {
  rules_.takeover(now);
  int size = 0;
  for (const Instance& i : fleet_.instances) {
    size += i.lifecycle == Lifecycle::starting || i.lifecycle == Lifecycle::serving;
    if (i.lifecycle == Lifecycle::starting) begun_before_.push_back(i.id);
  }
  if (!fleet_.instances.empty()) arbiter_.takeover(size);
}

std::vector<Outcome> Planner::observe(const Observation& seen) {
  now_ = seen.at;
  wall_ = seen.wall;
  const auto starting =
      int(std::ranges::count(fleet_.instances, Lifecycle::starting, &Instance::lifecycle));
  Flow flow;
  ladder_.see(seen.hosts);
  std::vector<Outcome> outcomes = host_loss_.see(fleet_, ladder_);
  std::ranges::move(utakata::observe(fleet_, backoff_, ladder_, seen, flow),
                    std::back_inserter(outcomes));
  note_flow(seen, flow);
  measure_boots(outcomes, starting);
  spending_.note(now_, int(fleet_.instances.size()));
  probed_ = !seen.sights.empty() && !seen.late;
  if (!seen.sights.empty()) looked_at_ = now_;
  shows_ = shows_now();
  if (probed_) {
    Sample sample = make_sample(fleet_, seen, boots_);
    sample.shows = &shows_;
    proposals_ = rules_.feed(sample);
  }
  return outcomes;
}

void Planner::measure_boots(const std::vector<Outcome>& outcomes, int starting) {
  for (const Outcome& o : outcomes) {
    if (o.kind != "ready") continue;
    grown_at_ = now_;
    if (std::ranges::find(begun_before_, o.instance.id) == begun_before_.end())
      boots_.ready(o.instance.since - o.instance.launched_at, starting);
  }
}

void Planner::remember(BootTimes boots, Spending spending, DisconnectBudget budget) {
  boots_ = std::move(boots);
  spending_ = spending;
  budget_ = std::move(budget);
}

// Faults count apart: only who was closed on our word is in the budget.
void Planner::note_flow(const Observation& seen, const Flow& flow) {
  departures_.note(now_, flow);
  const std::int64_t placed = std::max<std::int64_t>(0, seen.granted - granted_);
  granted_ = seen.granted;
  const double shed = std::min(shed_, fleet_.spec.rebalance.pace * to_seconds(now_ - flowed_at_));
  shed_ -= shed;
  flowed_at_ = now_;
  budget_.note(now_, flow.closed + shed, double(placed));
}

void Planner::close_clients(Plan& plan) const {
  if (!probed_ || plan.braked || !plan.frozen.empty()) return;
  const double share = fleet_.spec.drain.budget;
  const bool is_due = !rebalanced_at_ || now_ - *rebalanced_at_ >= rebalance_every;
  ClosingResult result =
      closing(fleet_,
              {.over_budget = budget_.is_spent(share) ? budget_.why(share) : "",
               .may_rebalance = grown_at_ && now_ - *grown_at_ <= rebalance_after && is_due},
              now_);
  for (Action& action : result.actions) {
    const bool has_order = std::ranges::any_of(
        plan.actions, [&](const Action& other) { return id_of(other) == id_of(action); });
    if (!has_order) plan.actions.push_back(std::move(action));
  }
  if (plan.held_back.empty()) plan.held_back = result.held_back;
}

std::optional<Duration> Planner::empty_within(const Instance& i) const {
  if (!i.count) return std::nullopt;
  auto time =
      departures_.empty_within(i.count->connections, i.closes_begun ? fleet_.spec.drain.pace : 0);
  if (!i.drain_left) return time;
  const Duration left = std::max(Duration{0}, *i.drain_left - (now_ - i.since));
  return time ? std::min(*time, left) : left;
}

std::vector<ShowState> Planner::shows_now() const {
  std::vector<ShowState> states;
  std::optional<Standing> standing_now;  // walks the fleet: not for those without a show
  for (const Rule& rule : fleet_.spec.scale) {
    const auto* show = std::get_if<ShowRule>(&rule.kind);
    if (!show) continue;
    if (!standing_now) standing_now = standing(fleet_, false);
    const Standing& stands = *standing_now;
    const auto before = std::ranges::find(shows_, show->show, &ShowState::show);
    states.push_back(show_state(*show, {.wall = wall_,
                                        .serving = stands.serving,
                                        .starting = stands.starting,
                                        .capacity = fleet_.spec.capacity,
                                        .instances_min = fleet_.spec.instances_min,
                                        .boots = boots_,
                                        .unmeasured = fleet_.spec.ready.within,
                                        .failures = backoff_.why(fleet_.spec.version),
                                        .before = before == shows_.end() ? nullptr : &*before}));
  }
  return states;
}

std::string Planner::frozen() const {
  for (const Rule& rule : fleet_.spec.scale)
    if (const auto* show = std::get_if<ShowRule>(&rule.kind))
      if (std::string why = freeze_of(*show, wall_); !why.empty()) return why;
  return {};
}

Plan Planner::plan(const Neighbours& neighbours) {
  if (fleet_.desired.shutting_down) return shut_down(neighbours.is_needed);
  Plan plan;
  HealResult healing = heal(fleet_, now_, looked_at_);
  plan.braked = healing.braked;
  plan.actions = std::move(healing.actions);
  for (Action& finish : drain_finish(fleet_, now_)) {
    const bool is_condemned = std::ranges::any_of(plan.actions, [&](const Action& a) {
      return std::holds_alternative<StopAction>(a) && id_of(a) == id_of(finish);
    });
    if (!is_condemned) plan.actions.push_back(std::move(finish));
  }
  if (!plan.braked) std::ranges::move(give_up_unready(), std::back_inserter(plan.actions));

  const Standing stands = standing(fleet_, plan.braked);
  plan.proposals = proposals_;
  plan.shows = shows_;
  plan.frozen = frozen();
  plan.want = arbiter_.decide(proposals_, {.spec = fleet_.spec,
                                           .by_hand = fleet_.desired.by_hand,
                                           .size = stands.size(),
                                           .serving = stands.serving,
                                           .now = now_,
                                           .frozen = plan.frozen});
  std::erase_if(shrunk_at_, [&](Instant at) { return now_ - at >= step_lasts; });
  ScaleResult scaling = scale(fleet_, plan.want,
                              {.backoff = backoff_.wait(fleet_.spec.version, now_),
                               .backoff_why = backoff_.why(fleet_.spec.version),
                               .needs = neighbours.unmet,
                               .braked = plan.braked,
                               .may_shrink = probed_,
                               .shrunk_lately = int(shrunk_at_.size()),
                               .frozen = plan.frozen,
                               .over_cap = neighbours.over_cap,
                               .ladder = &ladder_},
                              now_);
  // An instance gets one order a tick; healing's comes first.
  std::erase_if(scaling.actions, [&](const Action& a) {
    return std::ranges::any_of(plan.actions, [&](const Action& b) {
      return id_of(a) == id_of(b) && !std::holds_alternative<TrustAction>(b) &&
             !std::holds_alternative<SuspectAction>(b);
    });
  });
  std::ranges::move(scaling.actions, std::back_inserter(plan.actions));
  plan.held_back = plan.braked ? healing.brake_because : scaling.held_back;
  close_clients(plan);
  return plan;
}

// One that is not ready within its time, or fails its `verify`, is given up; nobody was ever sent
// to it. What is being verified has that command's time.
std::vector<Action> Planner::give_up_unready() const {
  std::vector<Action> stops;
  for (const Instance& i : fleet_.instances) {
    if (i.lifecycle != Lifecycle::starting || i.verification == Verification::due) continue;
    if (i.verification == Verification::failed)
      stops.push_back(
          StopAction{i.id, fmt::format("`verify` failed: {}", i.verify_problem), 0, true});
    else if (looked_at_ - i.launched_at > fleet_.spec.ready.within)
      stops.push_back(StopAction{
          i.id, fmt::format("not ready within {}", to_text(fleet_.spec.ready.within)), 0, true});
  }
  return stops;
}

Plan Planner::shut_down(bool is_needed) {
  Plan plan;
  if (is_needed && !fleet_.desired.down_now) {
    plan.want = {.instances = standing(fleet_, false).size(),
                 .winner = "down",
                 .because = "those that need it go first",
                 .limited_by = {}};
    return plan;
  }
  plan.want = {
      .instances = 0, .winner = "down", .because = "the stack is going down", .limited_by = {}};
  plan.actions = drain_finish(fleet_, now_);
  for (const Instance& i : fleet_.instances) {
    if (i.lifecycle == Lifecycle::starting)
      plan.actions.push_back(StopAction{i.id, plan.want.because, 0, true});
    else if (fleet_.desired.down_now &&
             (i.lifecycle == Lifecycle::serving || i.lifecycle == Lifecycle::draining))
      plan.actions.push_back(
          StopAction{i.id, "down --now", i.count ? i.count->connections : 0, true});
    else if (i.lifecycle == Lifecycle::serving)
      plan.actions.push_back(DrainAction{
          i.id, DrainCause::shutdown,
          fleet_.desired.down_deadline ? fleet_.desired.down_deadline : fleet_.spec.drain.deadline,
          plan.want.because});
    else if (i.lifecycle == Lifecycle::draining && looked_at_ == now_ &&
             now_ - i.last_answer > fleet_.spec.heal.clients_wait)
      plan.actions.push_back(StopAction{i.id, "it fell silent while draining",
                                        i.count ? i.count->connections : 0, false});
  }
  // One order an instance: a proven-empty one may stand in both lists.
  std::ranges::stable_sort(plan.actions, {}, [](const Action& a) { return id_of(a); });
  const auto twice =
      std::ranges::unique(plan.actions, {}, [](const Action& a) { return id_of(a); });
  plan.actions.erase(twice.begin(), twice.end());
  return plan;
}

void Planner::commit(const Action& action, Instant at) {
  if (std::holds_alternative<StopAction>(action)) note_given_up(action);
  if (const auto* drain = std::get_if<DrainAction>(&action);
      drain && drain->cause == DrainCause::scale_in)
    shrunk_at_.push_back(at);
  if (const auto* close = std::get_if<CloseAction>(&action); close && close->most > 0) {
    shed_ += close->most;
    rebalanced_at_ = now_;
  }
  const Instance changed = after(fleet_, action, at);
  put(fleet_, changed);
  if (std::holds_alternative<LaunchAction>(action)) ladder_.launched(changed, at);
  if (std::holds_alternative<AdoptAction>(action)) {
    begun_before_.push_back(id_of(action));             // it has booted long since
    arbiter_.takeover(standing(fleet_, false).size());  // nobody who just came is let go at once
  }
  if (const auto* launch = std::get_if<LaunchAction>(&action); launch && launch->substitute_for) {
    const auto sick = std::ranges::find(fleet_.instances, *launch->substitute_for, &Instance::id);
    if (sick != fleet_.instances.end()) sick->substituted = true;
  }
}

// A version whose instances never become ready must back off like one that crashes.
void Planner::note_given_up(const Action& stop) {
  const auto found = std::ranges::find(fleet_.instances, id_of(stop), &Instance::id);
  if (found != fleet_.instances.end() && found->lifecycle == Lifecycle::starting &&
      !fleet_.desired.shutting_down) {
    backoff_.failed(found->version, because_of(stop), now_);
    ladder_.died(*found, because_of(stop), now_);
  }
}

void Planner::commit_launched(const Instance& launched) {
  const auto found = std::ranges::find(fleet_.instances, launched.id, &Instance::id);
  if (found == fleet_.instances.end()) return;
  found->url = launched.url;
  found->token_hash = launched.token_hash;
}

ClusterSpec Planner::file_spec() const {
  ClusterSpec spec = fleet_.spec;
  spec.version = file_version_;
  return spec;
}

void Planner::respec(const ClusterSpec& spec) {
  file_version_ = spec.version;
  fleet_.spec = spec;
  fleet_.spec.version = effective_version(spec, fleet_.desired);
  rules_ = RuleSet(fleet_.spec);
  rules_.takeover(now_);
  proposals_.clear();
}

void Planner::want_by_operator(const Desired& desired) {
  fleet_.desired = desired;
  fleet_.spec.version = file_version_;
  fleet_.spec.version = effective_version(fleet_.spec, desired);
}

}  // namespace utakata
