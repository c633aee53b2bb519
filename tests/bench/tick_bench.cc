// One tick in memory, as Cluster::step does it: observe, rules, plan, and the view for placement.
// CPU of this thread.
//
//   tick_bench [INSTANCES...]      one line of JSON for each: median and worst of many ticks, in
//   milliseconds
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/random.h"
#include "fleet/control/view.h"
#include "fleet/model/observation_blob.h"
#include "fleet/plan/planner.h"

namespace {

using namespace utakata;

constexpr int kCapacity = 500;

double cpu_ms() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return double(at.tv_sec) * 1e3 + double(at.tv_nsec) / 1e6;
}

Rule when_crowded() {  // avg(connections) > 400
  Expression condition;
  condition.nodes = {{.op = Expression::Op::aggregate, .aggregate = Expression::Aggregate::avg},
                     {.op = Expression::Op::number, .number = 400},
                     {.op = Expression::Op::greater, .left = 0, .right = 1}};
  return {"crowded", WhenRule{.condition = condition, .sustained = 10s, .add = Amount{.value = 2}}};
}

Fleet made_fleet(int instances, Instant now) {
  Fleet fleet;
  fleet.spec.name = "game";
  fleet.spec.version = "v1";
  fleet.spec.capacity = kCapacity;
  fleet.spec.instances_min = instances;
  fleet.spec.instances_max = instances + 100;
  fleet.spec.scale = {{"headroom", HeadroomRule{.amount = {.value = 30, .is_percent = true}}},
                      when_crowded()};
  fleet.next_number = instances + 1;
  for (int k = 1; k <= instances; ++k) {
    Instance i;
    i.id.text = fmt::format("game-{}", k);
    i.version = "v1";
    i.lifecycle = Lifecycle::serving;
    i.handle = fmt::format("pid {} started 93112", 1000 + k);
    i.address = {"127.0.0.1", std::uint16_t(20'000 + k)};
    i.url = fmt::format("ws://game-{}.example.com:{}/?ticket=${{ticket}}", k, 20'000 + k);
    i.token_hash = std::string(64, 'a');
    i.since = i.launched_at = i.last_answer = now;
    fleet.instances.push_back(std::move(i));
  }
  return fleet;
}

// Everybody answered, with other numbers than a second ago; one in a hundred did not, never twice
// in a row: a substitute would be another fleet.
void see(Observation& seen, Instant at, Random& random) {
  seen.at = at;
  for (std::size_t k = 0; k < seen.sights.size(); ++k) {
    Sight& sight = seen.sights[k];
    sight.asked = true;
    sight.ready = sight.answered = (k + std::size_t(at.time_since_epoch() / 1s)) % 100 != 0;
    const int connections = int(200 + random.next() % 100);
    sight.count.reset();
    sight.accepted.reset();
    sight.metrics.clear();
    sight.problem = sight.answered ? "" : "GET /stats: no answer within 800ms";
    if (!sight.answered) continue;
    sight.count = Count{connections, at};
    sight.accepted = connections + 1000;
    sight.metrics = {double(connections)};
    seen.seats[k] = {.seats_held = int(random.next() % 5), .keys = 0, .out_of_placement = false};
  }
}

void measure(int instances) {
  Instant now{1'000'000s};
  Planner planner(made_fleet(instances, now), now);
  Observation seen;
  seen.sights.resize(std::size_t(instances));
  seen.seats.resize(std::size_t(instances));
  Random random(7);
  std::vector<double> ticks, blobs;
  std::size_t placeable = 0;
  PlacementView view;
  for (int tick = 0; tick < 120; ++tick) {
    now += 1s;
    see(seen, now, random);
    const double begin = cpu_ms();
    (void)planner.observe(seen);
    const Plan plan = planner.plan({});
    for (const Action& action : plan.actions) planner.commit(action);
    view = placement_view(planner.fleet(), plan.braked, now, &view);
    const double end = cpu_ms();
    placeable += view.instances.size();
    const std::string blob = encode_tick("game", planner.fleet(), seen);
    if (tick < 20) continue;  // caches and windows have filled
    ticks.push_back(end - begin);
    blobs.push_back(cpu_ms() - end);
  }
  std::ranges::sort(ticks);
  std::ranges::sort(blobs);
  fmt::print(
      R"({{"instances":{},"median_ms":{:.3f},"worst_ms":{:.3f},"blob_ms":{:.3f},"placeable":{}}})"
      "\n",
      instances, ticks[ticks.size() / 2], ticks.back(), blobs[blobs.size() / 2], placeable / 120);
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<int> sizes{1000, 3000, 10'000};
  if (count > 1) sizes.clear();
  for (int i = 1; i < count; ++i) sizes.push_back(std::atoi(arguments[i]));
  for (const int size : sizes) measure(size);
}
