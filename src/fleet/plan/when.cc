#include "fleet/plan/when.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "fleet/plan/expression_value.h"
#include "fleet/plan/rules_words.h"

namespace utakata {
namespace {

struct Judged {                    // one tick, with what the condition came to
  const Sample* sample = nullptr;  // valid during the push
  ExpressionValue value;
};

// The end of the pipeline: what was fired, until it is reached or withdrawn.
class WhenFiring {
 public:
  WhenFiring(std::string name, WhenRule rule, std::vector<std::string> metrics,
             std::optional<Instant> taken_over)
      : name_(std::move(name)), rule_(std::move(rule)), metrics_(std::move(metrics)) {
    if (rule_.remove) fired_at_ = taken_over;
  }

  Proposal propose(Instant at, const Sustained<Judged>& seen) {
    const Sample& sample = *seen.value->sample;
    if (rule_.to && seen.holds) return size(seen);
    if (standing_ && is_over(at, seen)) standing_.reset();
    const bool may_fire = !fired_at_ || at - *fired_at_ >= rule_.pause;
    if (seen.holds && may_fire && !rule_.to) fire(at, seen);
    if (standing_) return *standing_;
    return {name_, std::nullopt, silence(at, seen, sample)};
  }

 private:
  Proposal size(const Sustained<Judged>& seen) const {
    const ExpressionValue value = value_of(*rule_.to, *seen.value->sample);
    const std::string numbers = numbers_in(*rule_.to, value, metrics_);
    const std::string what =
        rule_.to->text + (numbers.empty() ? "" : fmt::format(" ({})", numbers));
    if (std::isnan(value.number())) return {name_, std::nullopt, what + " cannot be told"};
    const double exact = std::clamp(std::ceil(value.number() - 1e-9), 0.0, 1e9);
    const std::string why =
        rule_.condition.nodes.empty()
            ? std::string()
            : fmt::format("{}{} ({}): ", rule_.condition.text, held_for(seen), numbers_of(seen));
    return {name_, int(exact), fmt::format("{}{} is {}", why, what, grouped(std::int64_t(exact)))};
  }

  bool is_over(Instant at, const Sustained<Judged>& seen) const {
    const Sample& sample = *seen.value->sample;
    if (at - *fired_at_ >= rule_.pause) return true;
    if (rule_.remove) return seen.verdict != true || sample.size() <= *standing_->want;
    return sample.serving >= *standing_->want;
  }

  void fire(Instant at, const Sustained<Judged>& seen) {
    const Sample& sample = *seen.value->sample;
    const bool adds = rule_.add.has_value();
    const int change = amount_of(adds ? *rule_.add : *rule_.remove, sample.serving);
    const int want = adds ? sample.size() + change : std::max(0, sample.size() - change);
    fired_at_ = at;
    standing_ = Proposal{
        name_, want,
        fmt::format("{}{} ({}): {} {} {}", rule_.condition.text, held_for(seen), numbers_of(seen),
                    grouped(change), adds ? "more than" : "fewer than", grouped(sample.size()))};
  }

  static int amount_of(const Amount& amount, int serving) {
    const double exact = amount.is_percent ? serving * amount.value / 100 : amount.value;
    return int(
        std::clamp(std::ceil(exact - 1e-9), 1.0, 1e6));  // 25 % of 8 is 2, in spite of rounding
  }

  std::string numbers_of(const Sustained<Judged>& seen) const {
    return numbers_in(rule_.condition, seen.value->value, metrics_);
  }
  std::string held_for(const Sustained<Judged>& seen) const {
    return rule_.sustained > Duration{0} ? " for " + to_text(seen.lasted) : "";
  }

  std::string silence(Instant at, const Sustained<Judged>& seen, const Sample& sample) const {
    const std::string& condition = rule_.condition.text;
    if (!seen.verdict)
      return fmt::format("{} cannot be told from {} serving ({})", condition,
                         grouped(sample.serving), numbers_of(seen));
    if (!*seen.verdict) return fmt::format("{} is not so ({})", condition, numbers_of(seen));
    if (!seen.holds)
      return fmt::format("{} for {} of {} ({})", condition, to_text(seen.lasted),
                         to_text(rule_.sustained), numbers_of(seen));
    return fmt::format("{} ({}), but it pauses for {} more", condition, numbers_of(seen),
                       to_text(rule_.pause - (at - *fired_at_)));
  }

  std::string name_;
  WhenRule rule_;
  std::vector<std::string> metrics_;
  std::optional<Proposal> standing_;
  std::optional<Instant> fired_at_;  // of a remover also: when it was taken over
};

}  // namespace

Stream<Proposal> when_pipeline(const Stream<Sample>& samples, const std::string& name,
                               const WhenRule& rule, const ClusterSpec& spec,
                               std::optional<Instant> taken_over) {
  // A tick may come up to two periods late and is still the next one (model/observation.h).
  const Duration gap_max = 3 * spec.every;
  return samples
      .map([condition = rule.condition](const Sample& sample) {
        if (condition.nodes.empty()) return Judged{&sample, {.truth = true, .of_node = {}}};
        return Judged{&sample, value_of(condition, sample)};
      })
      .sustained(rule.sustained, gap_max, [](const Judged& judged) { return judged.value.truth; })
      .scan(WhenFiring(name, rule, spec.metrics, taken_over),
            [](WhenFiring& firing, Instant at, const Sustained<Judged>& seen) {
              return firing.propose(at, seen);
            });
}

}  // namespace utakata
