#include "fleet/plan/rules.h"

#include <utility>

#include "base/check.h"
#include "fleet/plan/auto_headroom.h"
#include "fleet/plan/function.h"
#include "fleet/plan/headroom.h"
#include "fleet/plan/schedule.h"
#include "fleet/plan/show.h"
#include "fleet/plan/target.h"
#include "fleet/plan/when.h"

namespace utakata {

RuleSet::RuleSet(const ClusterSpec& spec) : spec_(spec) { build(std::nullopt); }

void RuleSet::takeover(Instant now) { build(now); }

void RuleSet::build(std::optional<Instant> taken_over) {
  samples_ = {};
  proposals_ = std::make_shared<std::vector<Proposal>>();
  Stream<Proposal> opinions;
  for (const Rule& rule : spec_.scale) {
    const auto* headroom = std::get_if<HeadroomRule>(&rule.kind);
    if (headroom && headroom->is_auto)
      opinions = opinions.merge(auto_headroom(samples_, rule.name));
    else if (headroom)
      opinions = opinions.merge(
          samples_.map([name = rule.name, headroom = *headroom](const Sample& sample) {
            return propose_headroom(name, headroom, sample);
          }));
    else if (const auto* target = std::get_if<TargetRule>(&rule.kind))
      opinions = opinions.merge(samples_.map(
          [name = rule.name, target = *target, metrics = spec_.metrics](const Sample& sample) {
            return propose_target(name, target, sample, metrics);
          }));
    else if (const auto* schedule = std::get_if<ScheduleRule>(&rule.kind))
      opinions = opinions.merge(
          samples_.map([name = rule.name, schedule = *schedule](const Sample& sample) {
            return propose_schedule(name, schedule, sample);
          }));
    else if (const auto* show = std::get_if<ShowRule>(&rule.kind))
      opinions =
          opinions.merge(samples_.map([name = rule.name, show = *show](const Sample& sample) {
            return propose_show(name, show, sample);
          }));
    else if (const auto* function = std::get_if<FunctionRule>(&rule.kind))
      opinions = opinions.merge(
          samples_.map([name = rule.name, function = *function](const Sample& sample) {
            return propose_function(name, function, sample);
          }));
    else if (const auto* when = std::get_if<WhenRule>(&rule.kind))
      opinions = opinions.merge(when_pipeline(samples_, rule.name, *when, spec_, taken_over));
  }
  opinions.each(
      [into = proposals_](Instant, const Proposal& proposal) { into->push_back(proposal); });
}

std::vector<Proposal> RuleSet::feed(const Sample& sample) {
  proposals_->clear();
  samples_.push(sample.at, sample);
  check(proposals_->size() == spec_.scale.size(), "each rule answers in each tick");
  return std::exchange(*proposals_, {});
}

}  // namespace utakata
