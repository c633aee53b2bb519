#include "fleet/plan/sample.h"

#include <gtest/gtest.h>

#include <limits>

namespace utakata {
namespace {

constexpr Instant now{1h};
constexpr double none = std::numeric_limits<double>::quiet_NaN();

Instance serving(int connections) {
  Instance instance;
  instance.lifecycle = Lifecycle::serving;
  instance.count = Count{connections, now};
  instance.metrics = {double(connections), 1.5};
  return instance;
}

Fleet fleet_of(std::vector<Instance> instances) {
  Fleet fleet;
  fleet.spec.capacity = 500;
  fleet.spec.metrics = {"connections", "lag"};
  fleet.instances = std::move(instances);
  return fleet;
}

Sample sample_of(const Fleet& fleet, int waiting) {
  Observation seen{.at = now};
  seen.waiting = waiting;
  static const BootTimes no_boots;
  return make_sample(fleet, seen, no_boots);
}

TEST(Sample, of_trusted_serving_instances_has_all_numbers) {
  Instance booting;
  Instance holding = serving(40);
  holding.seats_held = 7;
  const Sample sample = sample_of(fleet_of({serving(100), booting, holding}), 12);
  EXPECT_EQ(sample.serving, 2);
  EXPECT_EQ(sample.starting, 1);
  EXPECT_EQ(sample.size(), 3);
  EXPECT_EQ(sample.capacity, 500);
  EXPECT_EQ(sample.connections, 140);
  EXPECT_EQ(sample.seats_held, 7);
  EXPECT_EQ(sample.waiting, 12);
  EXPECT_EQ(sample.told, 2);
  EXPECT_EQ(sample.numbers, (std::vector<std::vector<double>>{{100, 40}, {1.5, 1.5}}));
}

TEST(Sample, draining_and_stopping_instances_are_no_demand) {
  Instance draining = serving(300), stopping = serving(1);
  draining.lifecycle = Lifecycle::draining;
  stopping.lifecycle = Lifecycle::stopping;
  const Sample sample = sample_of(fleet_of({draining, stopping}), 0);
  EXPECT_EQ(sample.size(), 0);
  EXPECT_EQ(sample.connections, 0);
  EXPECT_TRUE(sample.numbers[0].empty());
}

TEST(Sample, an_unknown_number_is_left_out_and_not_zero) {
  Instance untold = serving(0), lagless = serving(10), short_of_metrics = serving(20);
  untold.count.reset();
  lagless.metrics = {10, none};
  short_of_metrics.metrics = {};
  const Sample sample = sample_of(fleet_of({untold, lagless, short_of_metrics}), 0);
  EXPECT_EQ(sample.serving, 3);
  EXPECT_EQ(sample.untold, 1);
  EXPECT_EQ(sample.told, 2);
  EXPECT_EQ(sample.numbers, (std::vector<std::vector<double>>{{10, 20}, {}}));
}

TEST(Sample, a_stale_count_is_lost_and_a_suspect_is_counted_but_not_believed) {
  Instance stale = serving(100), suspect = serving(60);
  stale.count->at = now - 5s;
  suspect.suspect = true;
  const Sample sample = sample_of(fleet_of({stale, suspect}), 0);
  EXPECT_EQ(sample.serving, 2);
  EXPECT_EQ(sample.lost, 1);
  EXPECT_EQ(sample.connections, 60);
  EXPECT_TRUE(sample.numbers[0].empty());
}

TEST(Sample, one_missed_answer_changes_nothing) {
  Instance missed = serving(100);
  missed.count->at = now - 1s;
  missed.misses = 1;
  const Sample sample = sample_of(fleet_of({missed}), 0);
  EXPECT_EQ(sample.told, 1);
  EXPECT_EQ(sample.connections, 100);
}

TEST(Sample, a_silent_instance_is_out_of_the_size_but_its_clients_will_be_back) {
  Instance silent = serving(100), never_told = serving(0);
  silent.count->at = now - 5s;
  never_told.count.reset();
  silent.suspect = never_told.suspect = true;
  silent.misses = never_told.misses = 3;
  const Sample sample = sample_of(fleet_of({silent, never_told, serving(40)}), 0);
  EXPECT_EQ(sample.serving, 1);
  EXPECT_EQ(sample.connections, 40);
  EXPECT_EQ(sample.connections_silent, 100);
  EXPECT_EQ(sample.lost + sample.untold, 0);
}

}  // namespace
}  // namespace utakata
