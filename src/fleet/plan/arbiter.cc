#include "fleet/plan/arbiter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "fleet/plan/rules_words.h"

namespace utakata {

Want Arbiter::decide(std::span<const Proposal> proposals, const ArbiterInput& input) {
  if (!since_) since_ = input.now;
  if (!wanted_) wanted_ = input.size;
  Want want = largest(proposals, input);
  wants_.put(input.now, want.instances, input.spec.settle);
  if (want.instances < *wanted_ && !input.frozen.empty()) {
    want.instances = *wanted_;
    want.limited_by = "frozen: " + input.frozen;
  }
  if (want.instances < *wanted_) hold_settle(want, input);
  if (want.instances > input.spec.instances_max) {
    want.instances = input.spec.instances_max;
    want.limited_by = fmt::format("max {}", grouped(input.spec.instances_max));
  }
  if (want.instances < *wanted_) hold_step(want, input);
  wanted_ = want.instances;
  return want;
}

Want Arbiter::largest(std::span<const Proposal> proposals, const ArbiterInput& input) const {
  const Proposal* winner = nullptr;
  for (const Proposal& proposal : proposals)
    if (proposal.want && (!winner || *proposal.want > *winner->want)) winner = &proposal;
  Want want{.instances = *wanted_, .winner = "unchanged", .because = {}, .limited_by = {}};
  want.because = fmt::format("no rule has an opinion: {} stay", grouped(*wanted_));
  const bool has_lasting = std::ranges::any_of(input.spec.scale, [](const Rule& rule) {
    return !std::holds_alternative<ScheduleRule>(rule.kind) &&
           !std::holds_alternative<ShowRule>(rule.kind);
  });
  const bool is_silence = !winner && !input.by_hand && has_lasting;
  if (!is_silence) want = {.instances = -1, .winner = {}, .because = {}, .limited_by = {}};
  if (winner) want = {*winner->want, winner->rule, winner->because, {}};
  if (input.by_hand && *input.by_hand > want.instances)
    want = {*input.by_hand,
            "by hand",
            fmt::format("an operator asked for at least {}", grouped(*input.by_hand)),
            {}};
  if (input.spec.instances_min > want.instances)
    want = {input.spec.instances_min,
            "min",
            fmt::format("min {}", grouped(input.spec.instances_min)),
            {}};
  return want;
}

// Down to what was wanted lately, and not at all before there is a lately.
void Arbiter::hold_settle(Want& want, const ArbiterInput& input) const {
  const Duration settle = input.spec.settle;
  const Duration watched = input.now - *since_;
  if (watched < settle) {
    want.instances = *wanted_;
    want.limited_by =
        fmt::format("settle {}: watched for {} only", to_text(settle), to_text(watched));
    return;
  }
  const auto most = wants_.max();
  if (!most || most->value <= want.instances) return;
  want.instances = std::min(*wanted_, most->value);
  const Duration ago = input.now - most->until;
  want.limited_by =
      fmt::format("settle {}: {} were wanted {}", to_text(settle), grouped(most->value),
                  ago > Duration{0} ? to_text(ago) + " ago" : "just now");
}

void Arbiter::hold_step(Want& want, const ArbiterInput& input) const {
  const int leaving_max = std::max(1, int(std::floor(input.spec.step * input.serving + 1e-9)));
  // Against what is there, but never above what was wanted: surplus of a roll-out must not become a
  // wish.
  const int at_least = std::min(*wanted_, input.size - leaving_max);
  if (want.instances >= at_least) return;
  want.instances = at_least;
  want.limited_by = fmt::format("step {} %: {} of {} now", plain(input.spec.step * 100),
                                grouped(leaving_max), grouped(input.serving));
}

}  // namespace utakata
