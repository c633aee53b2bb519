#include "load/pacing/population.h"

#include <algorithm>

#include "base/check.h"

namespace utakata::load {

Population::Population(const std::vector<PopulationStage>& stages, Part part) : part_(part) {
  check(part.workers > 0 && part.worker >= 0 && part.worker < part.workers,
        "a part is one of all workers");
  Duration begin{};
  for (const auto& [duration, from, to] : stages) {
    check(from >= 0 && from <= users_max && to >= 0 && to <= users_max,
          "numbers of users are within their bounds");
    check(duration >= 0s && duration <= Duration::max() - begin, "users end some day");
    if (duration > 0s) stages_.push_back({begin, begin + duration, from, to});
    begin += duration;
  }
}

// Division cuts towards 0, so towards `from`.
std::int64_t Population::Stage::users_at(Duration t) const {
  return from + std::int64_t(__int128{to - from} * (t - begin).count() / (end - begin).count());
}

std::vector<Population::Stage>::const_iterator Population::stage_at(Duration t) const {
  return std::ranges::upper_bound(stages_, t, {}, &Stage::end);
}

std::int64_t Population::all_at(Duration t) const {
  const auto stage = stage_at(t);
  return t < 0s || stage == stages_.end() ? 0 : stage->users_at(t);
}

std::int64_t Population::at(Duration t) const { return part_.share_of(all_at(t)); }

// Within a stage numbers only rise or only fall: where its first does not differ and its last does,
// the change is found by halves.
std::optional<Duration> Population::next_change(Duration t) const {
  if (t >= end()) return std::nullopt;
  const std::int64_t now = at(t);
  const Duration after = std::max(t + 1ns, 0ns);
  for (auto stage = stage_at(after); stage != stages_.end(); ++stage) {
    Duration from = std::max(after, stage->begin), to = stage->end - 1ns;
    const auto differs = [&](Duration at) { return part_.share_of(stage->users_at(at)) != now; };
    if (differs(from)) return from;  // a step
    if (!differs(to)) continue;
    while (from < to) {
      const Duration middle = from + (to - from) / 2;
      if (differs(middle))
        to = middle;
      else
        from = middle + 1ns;
    }
    return from;
  }
  return now == 0 ? std::nullopt : std::optional(end());
}

std::int64_t Population::highest() const {
  std::int64_t highest = 0;
  for (const Stage& stage : stages_)
    highest = std::max({highest, stage.from, stage.users_at(stage.end - 1ns)});
  return highest;
}

}  // namespace utakata::load
