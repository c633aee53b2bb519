#include "fleet/plan/show.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "fleet/plan/rules_words.h"
#include "fleet/plan/scale.h"

namespace utakata {
namespace {

std::chrono::milliseconds whole_ms(Duration time) {
  return std::chrono::ceil<std::chrono::milliseconds>(time);
}

std::optional<WallTime> end_of(const ShowRule& rule, WallTime begin) {
  return rule.until ? next(*rule.until, rule.zone, begin) : begin + whole_ms(rule.lasts);
}

std::int64_t need_of(const ShowRule& rule, int capacity) {
  return (rule.people + capacity - 1) / capacity;
}

// The end of the show that is on air; none: none is.
std::optional<WallTime> on_air_until(const ShowRule& rule, WallTime now) {
  const auto begin = latest(rule.at, rule.zone, now);
  const auto end = begin ? end_of(rule, *begin) : std::nullopt;
  return end && now < *end ? end : std::nullopt;
}

std::string go_line(std::int64_t need, const ShowView& view) {
  std::string line = fmt::format("{}: {} of {} serve", view.serving >= need ? "go" : "no go",
                                 grouped(view.serving), grouped(need));
  if (view.serving >= need) return line;
  if (view.starting > 0) line += fmt::format(", {} are starting", grouped(view.starting));
  if (!view.failures.empty()) line += "; " + view.failures;
  return line;
}

}  // namespace

ShowState show_state(const ShowRule& rule, const ShowView& view) {
  using Phase = ShowState::Phase;
  const std::int64_t need = need_of(rule, view.capacity);
  ShowState state{.show = rule.show, .line = {}};
  state.need = need;
  state.is_go = view.serving >= need;
  const std::string go = go_line(need, view);
  if (const auto end = on_air_until(rule, view.wall)) {
    state.phase = Phase::on_air;
    state.line = fmt::format("{}; on air until {}", go, shown(rule.zone, *end));
    return state;
  }
  const auto begin = next(rule.at, rule.zone, view.wall);
  state.begins = begin.value_or(WallTime{});
  if (!begin) {
    state.phase = Phase::over;
    state.line = "over, and does not come again";
    return state;
  }
  const auto missing = std::max<std::int64_t>(0, need - view.instances_min);
  const Duration lead = lead_time(view.boots, int(std::min<std::int64_t>(missing, 1'000'000)),
                                  ScaleLimits{}.starting_max, view.unmeasured);
  const Duration margin = std::max<Duration>(60s, lead / 10);
  const WallTime ready_at = *begin - whole_ms(rule.ready_by);
  const WallTime launch_at = ready_at - whole_ms(lead + margin);
  const bool is_begun =
      view.before && view.before->phase == Phase::preparing && view.before->begins == *begin;
  state.phase = view.wall >= ready_at                ? Phase::ready
                : view.wall >= launch_at || is_begun ? Phase::preparing
                                                     : Phase::before;
  if (state.phase == Phase::before)
    state.line = fmt::format("{} from {} on, ready by {}", plural(int(need), "instance"),
                             shown(rule.zone, launch_at), shown(rule.zone, ready_at));
  else
    state.line = fmt::format("{}; ready by {}, on air at {}", go, shown(rule.zone, ready_at),
                             shown(rule.zone, *begin));
  return state;
}

Proposal propose_show(const std::string& name, const ShowRule& rule, const Sample& sample) {
  const auto state = std::ranges::find(*sample.shows, rule.show, &ShowState::show);
  check(state != sample.shows->end(), "how each show stands is known");
  const bool is_now =
      state->phase != ShowState::Phase::before && state->phase != ShowState::Phase::over;
  if (!is_now) return {name, std::nullopt, state->line};
  return {name, int(std::min<std::int64_t>(state->need, 1'000'000'000)),
          fmt::format("{} people expected need {} of {}; {}", grouped(rule.people),
                      grouped(state->need), grouped(sample.capacity), state->line)};
}

std::string freeze_of(const ShowRule& rule, WallTime wall) {
  const auto end = rule.freeze ? on_air_until(rule, wall) : std::nullopt;
  return end ? fmt::format("show {} is on air until {} {}", rule.show, shown(rule.zone, *end),
                           rule.zone.name)
             : "";
}

}  // namespace utakata
