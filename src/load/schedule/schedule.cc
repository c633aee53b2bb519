#include "load/schedule/schedule.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace utakata::load {
namespace {

std::vector<PopulationStage> times(std::vector<PopulationStage> stages, double factor) {
  const auto some = [&](std::int64_t users) {
    return std::int64_t(std::min(double(users) * factor + 0.5, double(Population::users_max)));
  };
  for (PopulationStage& stage : stages) stage = {stage.duration, some(stage.from), some(stage.to)};
  return stages;
}

std::vector<ArrivalStage> times(std::vector<ArrivalStage> stages, double factor) {
  for (ArrivalStage& stage : stages) {
    stage.from = std::min(stage.from * factor, Arrivals::rate_max);
    stage.to = std::min(stage.to * factor, Arrivals::rate_max);
  }
  return stages;
}

Duration comes_until(const std::vector<ArrivalStage>& stages) {
  Duration end{}, until{};
  for (const ArrivalStage& stage : stages) {
    end += stage.duration;
    if (stage.from > 0 || stage.to > 0) until = end;
  }
  return until;
}

Mix mix_of(const std::vector<LoadScenario>& scenarios) {
  std::vector<int> weights;
  for (const LoadScenario& scenario : scenarios) weights.push_back(scenario.weight);
  return Mix(std::move(weights));
}

}  // namespace

Schedule::Schedule(const LoadPlan& plan, Part part) : part_(part) {
  std::size_t scenarios = 0;
  for (const LoadFlow& flow : plan.flows) {
    const auto model = [&]() -> std::variant<Closed, Open> {
      if (const auto* closed = std::get_if<ClosedModel>(&flow.model))
        return Closed{.planned = *closed, .population = Population(closed->stages, part)};
      const auto& open = std::get<OpenModel>(flow.model);
      Arrivals arrivals(open.stages, part);
      const auto first = arrivals.next();
      return Open{.planned = open,
                  .arrivals = std::move(arrivals),
                  .coming = first,
                  .comes_until = comes_until(open.stages)};
    };
    flows_.push_back({flow.start_after, scenarios, mix_of(flow.scenarios), model()});
    scenarios += flow.scenarios.size();
  }
}

Schedule::Turn Schedule::at(Duration now, std::size_t most) {
  Turn turn;
  for (std::size_t k = 0; k < flows_.size(); ++k) {
    Flow& flow = flows_[k];
    if (is_ended_ || now < flow.start) continue;
    const std::size_t before = turn.begin.size();
    if (auto* closed = std::get_if<Closed>(&flow.model)) {
      look(*closed, now - flow.start, turn);
      begin(k, *closed, most, turn);
    } else {
      begin(k, std::get<Open>(flow.model), now - flow.start, most, turn);
    }
    for (std::size_t i = before; i < turn.begin.size(); ++i) turn.begin[i].meant += flow.start;
  }
  if (is_ended_ && !std::exchange(is_end_told_, true))
    for (std::size_t k = 0; k < flows_.size(); ++k) leave_all(k, turn);
  return turn;
}

// Change by change, so that each knows when it was meant.
void Schedule::look(Closed& closed, Duration until, Turn& turn) {
  if (closed.looked_at < 0s) want(closed, closed.population.at(0s), 0s, turn);
  closed.looked_at = std::max(closed.looked_at, Duration{});
  if (std::exchange(closed.is_other, false))
    want(closed, closed.population.at(closed.looked_at), closed.looked_at, turn);
  for (;;) {
    const auto change = closed.population.next_change(closed.looked_at);
    if (!change || *change > until) break;
    closed.looked_at = *change;
    want(closed, closed.population.at(*change), *change, turn);
  }
  closed.looked_at = std::max(closed.looked_at, until);
}

void Schedule::want(Closed& closed, std::int64_t wanted, Duration since, Turn& turn) {
  for (std::int64_t k = wanted; k < closed.wanted; ++k) {
    Slot& slot = closed.slots[std::size_t(k)];
    if (slot.is_busy && !std::exchange(slot.is_leaving, true)) turn.leave.push_back(slot.number);
  }
  if (std::size_t(wanted) > closed.slots.size()) closed.slots.resize(std::size_t(wanted));
  for (std::int64_t k = closed.wanted; k < wanted; ++k) wait(closed, std::size_t(k), since);
  closed.wanted = wanted;
}

void Schedule::wait(Closed& closed, std::size_t slot, Duration meant) {
  Slot& one = closed.slots[slot];
  const bool has_done_all =
      closed.planned.iterations && one.iterations >= *closed.planned.iterations;
  if (one.is_busy || has_done_all || std::exchange(one.is_waiting, true)) return;
  closed.waiting.push_back({slot, meant});
}

void Schedule::begin(std::size_t flow, Closed& closed, std::size_t most, Turn& turn) {
  while (!closed.waiting.empty() && turn.begin.size() < most) {
    const Waiting next = closed.waiting.front();
    closed.waiting.pop_front();
    Slot& slot = closed.slots[next.slot];
    slot.is_waiting = false;
    if (std::int64_t(next.slot) >= closed.wanted) continue;
    if (slot.number < 0) slot.number = part_.number_of(dealt_++);
    slot.is_busy = true;
    ++slot.iterations;
    busy_[slot.number] = {flow, next.slot};
    const std::size_t scenario = flows_[flow].mix.of(part_.number_of(std::int64_t(next.slot)));
    turn.begin.push_back({slot.number, flows_[flow].first_scenario + scenario, next.meant});
  }
}

void Schedule::begin(std::size_t flow, Open& open, Duration now, std::size_t most, Turn& turn) {
  while (open.coming && open.coming->at <= now && turn.begin.size() < most) {
    const std::int64_t number = part_.number_of(dealt_++);
    busy_[number] = {flow, 0};
    ++open.busy;
    const std::size_t scenario = flows_[flow].mix.of(part_.number_of(open.begun++));
    turn.begin.push_back({number, flows_[flow].first_scenario + scenario, open.coming->at});
    open.coming = open.arrivals.next();
  }
  if (!open.coming && now >= open.arrivals.end() && !std::exchange(open.is_over, true))
    leave_all(flow, turn);
}

void Schedule::leave_all(std::size_t flow, Turn& turn) {
  auto* const closed = std::get_if<Closed>(&flows_[flow].model);
  const auto before = std::ptrdiff_t(turn.leave.size());
  for (const auto& [number, busy] : busy_) {
    if (busy.flow != flow) continue;
    if (closed && std::exchange(closed->slots[busy.slot].is_leaving, true)) continue;
    turn.leave.push_back(number);
  }
  std::sort(turn.leave.begin() + before, turn.leave.end());
}

void Schedule::done(std::int64_t number, Duration now) {
  const auto found = busy_.find(number);
  if (found == busy_.end()) return;
  const Busy busy = found->second;
  busy_.erase(found);
  Flow& flow = flows_[busy.flow];
  auto* const closed = std::get_if<Closed>(&flow.model);
  if (!closed) {
    --std::get<Open>(flow.model).busy;
    return;
  }
  Slot& slot = closed->slots[busy.slot];
  slot.is_busy = slot.is_leaving = false;
  if (closed->planned.iterations == slot.iterations) ++closed->has_all;
  if (std::int64_t(busy.slot) < closed->wanted) wait(*closed, busy.slot, now - flow.start);
}

// As if it had always been so many, from now on.
void Schedule::more(double factor, Duration now) {
  for (Flow& flow : flows_) {
    if (auto* closed = std::get_if<Closed>(&flow.model)) {
      closed->population = Population(times(closed->planned.stages, factor), part_);
      closed->is_other = true;
      continue;
    }
    auto& open = std::get<Open>(flow.model);
    open.arrivals = Arrivals(times(open.planned.stages, factor), part_);
    open.arrivals.skip(now - flow.start);
    open.coming = open.arrivals.next();
  }
}

void Schedule::end() { is_ended_ = true; }

std::optional<Duration> Schedule::next_of(const Flow& flow, Duration now) const {
  if (now < flow.start) return flow.start;
  if (const auto* closed = std::get_if<Closed>(&flow.model)) {
    if (closed->looked_at < 0s || closed->is_other || !closed->waiting.empty()) return now;
    if (closed->has_all == part_.share_of(closed->population.highest()) &&
        closed->planned.iterations)
      return std::nullopt;
    const auto change = closed->population.next_change(closed->looked_at);
    if (!change || *change == Duration::max()) return std::nullopt;
    return std::max(now, flow.start + *change);
  }
  const auto& open = std::get<Open>(flow.model);
  if (open.coming) return std::max(now, flow.start + open.coming->at);
  if (open.is_over) return std::nullopt;
  if (open.busy > 0) return std::max(now, flow.start + open.arrivals.end());
  // The rest is time for who is there, and nobody is.
  if (now - flow.start >= open.comes_until) return std::nullopt;
  return flow.start + open.comes_until;
}

std::optional<Duration> Schedule::next(Duration now) const {
  if (is_ended_) return std::nullopt;
  std::optional<Duration> first;
  for (const Flow& flow : flows_) {
    const auto at = next_of(flow, now);
    if (at && (!first || *at < *first)) first = at;
  }
  return first;
}

bool Schedule::is_over(Duration now) const { return busy_.empty() && !next(now); }

}  // namespace utakata::load
