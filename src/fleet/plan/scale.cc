#include "fleet/plan/scale.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "fleet/plan/drain.h"
#include "fleet/plan/heal.h"
#include "fleet/plan/spread.h"

namespace utakata {
namespace {

// One that answers again is not sick any more, even before that is recorded.
bool can_resume(const Instance& i, const ClusterSpec& spec) {
  return i.lifecycle == Lifecycle::draining && i.drain_cause == DrainCause::scale_in &&
         i.version == spec.version && !i.closes_begun && i.misses == 0;
}

class Scaling {
 public:
  Scaling(const Fleet& fleet, const Want& want, const ScaleLimits& limits, Instant now)
      : fleet_(fleet),
        want_(want),
        limits_(limits),
        now_(now),
        standing_(standing(fleet, limits.braked)) {}

  ScaleResult run() {
    if (fleet_.desired.shutting_down) return std::move(result_);
    // A roll-out needs room for new ones beside the old: it raises the target, never the bounds.
    const bool is_frozen = !limits_.frozen.empty();
    const int rollout = is_frozen ? 0 : std::min(standing_.old_serving, rollout_room());
    if (is_frozen && standing_.old_serving > 0) result_.held_back = limits_.frozen;
    const int missing = want_.instances + rollout - standing_.size();
    if (missing > 0) grow(missing, rollout);
    // A roll-out that has no room for more new ones yet lets old ones go for those that serve.
    if (result_.actions.empty() && limits_.may_shrink && !limits_.braked && !is_frozen)
      shrink();  // under the brake silent ones are taken to serve, which is not known
    return std::move(result_);
  }

 private:
  int surge() const { return instances_total_max(fleet_.spec) - fleet_.spec.instances_max; }
  int rollout_room() const {
    return std::max(1, std::min(surge(), int(fleet_.spec.step * want_.instances)));
  }

  void grow(int missing, int rollout) {
    const int resumed = rollout > 0 ? 0 : resume(missing);
    missing -= resumed;
    if (missing <= 0) return;
    int launches = missing;
    const auto limit = [&](int bound, const std::string& why) {
      if (launches <= bound) return;
      launches = std::max(0, bound);
      result_.held_back = why;
    };
    // Promise 4: `max` bounds starting + serving (a roll-out's extra ones are surge), `total_max`
    // everything that exists.
    limit(fleet_.spec.instances_max + rollout - standing_.size() - resumed,
          fmt::format("max {}", fleet_.spec.instances_max));
    limit(instances_total_max(fleet_.spec) - standing_.total(), total_text());
    limit(limits_.starting_max - standing_.starting,
          fmt::format("{} are starting already", standing_.starting));
    if (!limits_.over_cap.empty())
      limit(fleet_.spec.instances_min - standing_.size() - resumed, limits_.over_cap);
    if (!limits_.needs.empty()) limit(0, limits_.needs);
    if (limits_.backoff > Duration{0})
      limit(0,
            fmt::format("back-off for {} more: {}", to_text(limits_.backoff), limits_.backoff_why));
    launch(launches, rollout);
  }

  std::string total_text() const {
    return fmt::format("total_max {}: {} draining, {} stopping, {} silent",
                       instances_total_max(fleet_.spec), standing_.draining, standing_.stopping,
                       standing_.silent);
  }

  int resume(int wanted) {
    int resumed = 0;
    for (const Instance& i : fleet_.instances) {
      if (resumed == wanted) break;
      if (!can_resume(i, fleet_.spec)) continue;
      result_.actions.push_back(ResumeAction{i.id, want_.because});
      ++resumed;
    }
    return resumed;
  }

  void launch(int launches, int rollout) {
    if (launches <= 0) return;
    const Ladder none;
    Spreading spreading(fleet_, limits_.ladder ? *limits_.ladder : none, now_);
    auto sick = fleet_.instances.begin();
    for (int k = 0; k < launches; ++k) {
      const auto place = spreading.next();
      if (!place) {
        result_.held_back = spreading.why_none();
        return;
      }
      LaunchAction action{
          {fmt::format("{}-{}", fleet_.spec.name, fleet_.next_number + k)}, want_.because, {}};
      sick = std::find_if(sick, fleet_.instances.end(), [&](const Instance& i) {
        return is_silent(i, fleet_.spec.heal) && !i.substituted;
      });
      if (sick != fleet_.instances.end()) {
        action.substitute_for = sick->id;
        action.because = fmt::format("substitute for {}, silent for {}", sick->id.text,
                                     to_text(now_ - sick->last_answer));
        ++sick;
      } else if (rollout > 0 && standing_.size() >= want_.instances) {
        action.because = fmt::format("roll-out of version {}: {} of another version serve",
                                     fleet_.spec.version, standing_.old_serving);
      }
      action.host = place->host;
      action.zone = place->zone;
      if (!place->because.empty()) action.because += "; " + place->because;
      result_.actions.push_back(std::move(action));
    }
  }

  void shrink() {
    // Old ones go as soon as new ones serve in their stead; the rules' settle time is not for them.
    const int spare = standing_.serving - want_.instances;
    if (standing_.old_serving > 0 && spare > 0)
      return drain(std::min(spare, standing_.old_serving), DrainCause::rollout);
    if (spare > 0 && standing_.starting == 0)
      drain(std::min(spare, step_left()), DrainCause::scale_in);
  }

  int step_left() {
    const int step = std::max(1, int(fleet_.spec.step * standing_.serving));
    if (limits_.shrunk_lately >= step)
      result_.held_back = fmt::format("step: {} began to drain within {}", limits_.shrunk_lately,
                                      to_text(step_lasts));
    return std::max(0, step - limits_.shrunk_lately);
  }

  void drain(int count, DrainCause cause) {
    const bool is_rollout = cause == DrainCause::rollout;
    for (const InstanceId& id : drain_pick(fleet_, count, is_rollout, now_))
      result_.actions.push_back(DrainAction{
          id, cause, fleet_.spec.drain.deadline,
          is_rollout ? fmt::format("version {} serves in its stead", fleet_.spec.version)
                     : want_.because});
  }

  const Fleet& fleet_;
  const Want& want_;
  const ScaleLimits& limits_;
  const Instant now_;
  const Standing standing_;
  ScaleResult result_;
};

}  // namespace

Standing standing(const Fleet& fleet, bool braked) {
  Standing s;
  // Under the brake only so many silent ones may be replaced as surge allows; the others are taken
  // to serve.
  const int surge = instances_total_max(fleet.spec) - fleet.spec.instances_max;
  int silent_max = braked ? surge : int(fleet.instances.size());
  for (const Instance& i : fleet.instances) {
    switch (i.lifecycle) {
      case Lifecycle::starting:
        ++s.starting;
        break;
      case Lifecycle::serving:
        if (is_silent(i, fleet.spec.heal) && silent_max-- > 0) {
          ++s.silent;
        } else {
          ++s.serving;
          s.old_serving += i.version != fleet.spec.version;
        }
        break;
      case Lifecycle::draining:
        ++s.draining;
        break;
      case Lifecycle::stopping:
        ++s.stopping;
        break;
      case Lifecycle::gone:
        break;
    }
  }
  return s;
}

ScaleResult scale(const Fleet& fleet, const Want& want, const ScaleLimits& limits, Instant now) {
  return Scaling(fleet, want, limits, now).run();
}

}  // namespace utakata
