// 10 One owner: nothing is asked for that is not recorded, an id is given once, and a stop is
// final. Of several controllers one alone records, and takes itself for the owner, at any time.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class OneOwner final : public Promise {
 public:
  using Promise::Promise;
  void records(const SimStep& step) override {
    for (const Activity& one : step.activities) {
      if (one.phase != Activity::Phase::intent || one.instance.empty()) continue;
      if (one.kind == "launch" && !launched_.insert(one.instance).second)
        broken(fmt::format("the id {} is given twice", one.instance));
      if (stopped_.contains(one.instance))
        broken(fmt::format("{} of {} after its stop was recorded", one.kind, one.instance));
      if (one.kind == "stop") stopped_.insert(one.instance);
    }
  }
  void asks_launch(const InstanceId& id, const LaunchSpec&, bool, Instant) override {
    if (!launched_.contains(id.text))
      broken(fmt::format("{} is launched and no record says so", id.text));
  }
  void asks_stop(const InstanceId& id, const SimWorld& world) override {
    if (!stopped_.contains(id.text))
      return broken(fmt::format("{} is stopped and no record says so", id.text));
    // By another life than the one that recorded it.
    if (world.decided.contains(id) && world.decided.at(id).since < world.controller_since) tested();
  }
  void claims(const SimClaim& claim, const SimWorld& world) override {
    if (!claim.is_owner)
      broken(fmt::format("{} {} for the owner of {}, and {} is", claim.controller, claim.what,
                         world.spec.name, claim.owner.empty() ? "nobody" : claim.owner));
    if (std::exchange(owner_, claim.controller) != claim.controller) tested();
  }

 private:
  std::set<std::string> launched_, stopped_;
  std::string owner_;
};

}  // namespace

std::unique_ptr<Promise> promise_one_owner(Promise::Witness witness) {
  return std::make_unique<OneOwner>(std::move(witness));
}

}  // namespace utakata
