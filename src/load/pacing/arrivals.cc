#include "load/pacing/arrivals.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace utakata::load {
namespace {

// How long a rate that is `lower` at first, and changes to `higher` within `duration`, takes for an
// area. The form of the quadratic formula in which nothing cancels out.
Duration time_for(long double area, long double lower, long double higher, Duration duration) {
  const long double slope = (higher - lower) / static_cast<long double>(duration.count());
  const long double root = std::sqrt(lower * lower + slope * area);
  const long double time = area / (lower + root);
  return std::clamp(Duration(std::llround(time)), Duration{}, duration);
}

}  // namespace

Arrivals::Arrivals(const std::vector<ArrivalStage>& stages, Part part) : part_(part) {
  check(part.workers > 0 && part.worker >= 0 && part.worker < part.workers,
        "a part is one of all workers");
  Wide area = 0;
  for (const ArrivalStage& given : stages) {
    check(given.from >= 0 && given.from <= rate_max && given.to >= 0 && given.to <= rate_max,
          "an arrival rate is within its bounds");
    check(given.duration >= 0s && given.duration <= length_max - ends_at_,
          "arrivals end within thirty days");
    Stage stage{.begin = ends_at_,
                .duration = given.duration,
                .from = std::llround(given.from * 3.6e9),
                .to = std::llround(given.to * 3.6e9),
                .area_before = area};
    area += Wide(stage.from + stage.to) * given.duration.count();
    stage.area_until = area;
    ends_at_ += given.duration;
    stages_.push_back(stage);
  }
  total_ = std::int64_t(area / arrival_area);
}

// From where the rate is lower, lest small differences of large numbers decide.
Duration Arrivals::at_in(const Stage& stage, std::int64_t k) {
  const Wide area = Wide(k + 1) * arrival_area;
  if (stage.from <= stage.to)
    return stage.begin + time_for(static_cast<long double>(area - stage.area_before), stage.from,
                                  stage.to, stage.duration);
  return stage.begin + stage.duration -
         time_for(static_cast<long double>(stage.area_until - area), stage.to, stage.from,
                  stage.duration);
}

Duration Arrivals::at(std::int64_t k) const {
  check(k >= 0 && k < total_, "an arrival is one of those that come");
  return at_in(
      *std::ranges::lower_bound(stages_, Wide(k + 1) * arrival_area, {}, &Stage::area_until), k);
}

std::optional<Arrival> Arrivals::next() {
  const std::int64_t k = part_.number_of(given_);
  if (k >= total_) return std::nullopt;
  while (stages_[stage_].area_until < Wide(k + 1) * arrival_area) ++stage_;
  ++given_;
  return Arrival{k, at_in(stages_[stage_], k)};
}

void Arrivals::skip(Duration t) { given_ = std::max(given_, part_.share_of(until(t))); }

std::int64_t Arrivals::until(Duration t) const {
  std::int64_t from = 0, to = total_;  // the first that is later is among these
  while (from < to) {
    const std::int64_t middle = from + (to - from) / 2;
    if (at(middle) <= t)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

}  // namespace utakata::load
