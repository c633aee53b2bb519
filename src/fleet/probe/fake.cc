#include "fleet/probe/fake.h"

#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace utakata {

void FakeProbe::answers(const InstanceId& id, int connections) {
  Sight sight;
  sight.answered = sight.ready = true;
  sight.count = Count{connections, Instant{}};
  sight.metrics = {double(connections)};
  set(id, std::move(sight));
}

void FakeProbe::look(std::span<const ProbeTarget> targets, Duration deadline,
                     std::function<void(std::vector<Sight>)> done) {
  check(!waiting_, "a probe is not asked again before it has answered");
  const bool fails = fail_in_ > 0 && --fail_in_ == 0;
  std::string call = "look";
  std::vector<Sight> sights;
  for (const ProbeTarget& target : targets) {
    call += " " + target.id.text;
    if (target.starting) call += "(starting)";
    if (target.suspect) call += "(suspect)";
    const auto known = answers_.find(target.id);
    Sight sight;
    if (known != answers_.end() && !fails)
      sight = known->second;
    else
      sight.problem = "no answer within " + to_text(deadline);
    sight.asked = true;
    if (sight.count) sight.count->at = clock_.now();
    sights.push_back(std::move(sight));
  }
  calls_.push_back(std::move(call));
  if (!is_held_) return done(std::move(sights));
  waiting_ = [done = std::move(done), sights = std::move(sights)]() mutable {
    done(std::move(sights));
  };
}

void FakeProbe::release() {
  check(bool(waiting_), "a look waits to be answered");
  std::exchange(waiting_, nullptr)();
}

}  // namespace utakata
