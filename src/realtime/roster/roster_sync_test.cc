// What clients of a cluster put on a sync channel, as all its processes come to know it.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "realtime/roster/roster.h"
#include "realtime/roster/simulated_cluster.h"

namespace utakata::realtime {
namespace {

const Duration lease = RosterSpec{}.lease;

class RosterSyncTest : public testing::Test {
 protected:
  RosterSyncTest() {
    for (int i = 0; i < 3; ++i) cluster_.starts();
    cluster_.runs_for(3s);
  }
  SimulatedProcess& process(std::size_t i) { return *cluster_.processes.at(i); }
  void come(std::size_t i, ClientSlot client) {
    process(i).shares.comes("1", simulated_sync_channel, client, "", cluster_.now);
  }
  bool put(std::size_t i, ClientSlot client, const std::string& key, const std::string& value) {
    return process(i).shares.client_puts("1", client, key, value);
  }
  SyncBelief states(std::size_t i) { return process(i).shares.states("1"); }
  SimulatedCluster cluster_;
};

TEST_F(RosterSyncTest, what_is_put_here_is_known_everywhere_two_ticks_later) {
  come(0, 1), come(1, 1);
  EXPECT_TRUE(put(0, 1, "ann", "1"));
  EXPECT_TRUE(put(0, 1, "ann", "2"));
  EXPECT_TRUE(put(1, 1, "bob", "3"));
  cluster_.runs_for(60ms);
  EXPECT_EQ(states(2), (SyncBelief{{"ann", "2"}, {"bob", "3"}}));
  EXPECT_EQ(cluster_.fault(), "");
  EXPECT_FALSE(put(1, 1, "ann", "4")) << "it is another's";
  EXPECT_TRUE(put(0, 1, "ann", "null"));
  process(1).shares.leaves("1", 1, cluster_.now);
  cluster_.runs_for(60ms);
  EXPECT_EQ(states(2), SyncBelief{});
  EXPECT_EQ(cluster_.fault(), "");
}

TEST_F(RosterSyncTest, a_process_that_comes_later_is_told_all_and_one_that_dies_is_forgotten) {
  come(0, 1), come(1, 1);
  put(0, 1, "ann", "1"), put(1, 1, "bob", "2");
  cluster_.runs_for(100ms);
  cluster_.starts();
  cluster_.runs_for(300ms);
  EXPECT_EQ(states(3), (SyncBelief{{"ann", "1"}, {"bob", "2"}}));
  cluster_.dies(0);
  cluster_.runs_for(lease - 2s);
  EXPECT_EQ(states(0).size(), 2u);
  EXPECT_FALSE(put(0, 1, "ann", "5"));
  cluster_.runs_for(2s + 100ms);
  EXPECT_EQ(states(0), (SyncBelief{{"bob", "2"}}));
  EXPECT_TRUE(put(0, 1, "ann", "5")) << "it is free again";
  cluster_.runs_for(60ms);
  EXPECT_EQ(cluster_.fault(), "");
}

TEST_F(RosterSyncTest, what_was_put_and_taken_away_unheard_is_made_up_for) {
  come(0, 1), come(1, 1);
  EXPECT_TRUE(put(0, 1, "a", "1"));
  EXPECT_TRUE(put(0, 1, "b", "1"));
  cluster_.runs_for(100ms);
  process(1).loses = 1;
  EXPECT_TRUE(put(0, 1, "a", "null"));
  EXPECT_TRUE(put(0, 1, "b", "2"));
  cluster_.runs_for(40ms);
  EXPECT_EQ(states(1), (SyncBelief{{"a", "1"}, {"b", "1"}}));
  cluster_.runs_for(1s + 200ms);
  EXPECT_EQ(states(1), (SyncBelief{{"b", "2"}}));
  EXPECT_EQ(cluster_.fault(), "");
}

TEST_F(RosterSyncTest, of_two_processes_that_were_apart_the_elder_keeps_a_key_that_both_took) {
  come(0, 1), come(1, 1), come(2, 1);
  cluster_.runs_for(100ms);
  for (std::size_t i : {0, 1}) cluster_.cut_off(process(i), true);
  for (std::size_t i : {0, 1, 2}) {
    EXPECT_TRUE(put(i, 1, "k", std::to_string(i)));
    EXPECT_TRUE(put(i, 1, fmt::format("k{}", i), "1"));
  }
  cluster_.runs_for(1s);
  EXPECT_EQ(states(0), (SyncBelief{{"k", "0"}, {"k0", "1"}})) << "here it goes on";
  for (std::size_t i : {1, 0}) cluster_.cut_off(process(i), false);
  cluster_.runs_for(500ms);
  for (std::size_t i : {0, 1, 2})
    EXPECT_EQ(states(i), (SyncBelief{{"k", "0"}, {"k0", "1"}, {"k1", "1"}, {"k2", "1"}}));
  cluster_.runs_for(3s);
  EXPECT_EQ(cluster_.fault(), "");
}

TEST_F(RosterSyncTest, many_large_states_come_in_parts_and_as_a_whole) {
  for (ClientSlot client = 0; client < 20; ++client) {
    come(0, client);
    for (int i = 0; i < 10; ++i)
      EXPECT_TRUE(put(0, client, fmt::format("{}-{}", client, i), std::string(1000, '1')));
  }
  cluster_.runs_for(100ms);
  cluster_.starts();
  cluster_.runs_for(3s);
  EXPECT_EQ(states(3).size(), 200u);
  EXPECT_EQ(cluster_.fault(), "");
  EXPECT_LE(cluster_.bytes_max, roster_body_bytes);
}

// What clients were told is put, as a plain map: by tenant and key.
using Plain = std::map<std::pair<std::string, std::string>, std::string>;
// Whose it is, for keys that nobody else takes.
std::string key_of(const SimulatedProcess& process, ClientSlot client) {
  return fmt::format("{}-{}-", process.id, client);
}

void trouble_happens(SimulatedCluster& cluster, SimulatedProcess& process) {
  const auto some = [](int below) { return *rc::gen::inRange(0, below); };
  switch (some(5)) {
    case 0:
      return cluster.cut_off(process, !process.is_cut_off);
    case 1:
      process.is_cut = !process.is_cut;
      return;
    case 2:
      process.loses = some(10);
      return;
    case 3:
      process.stands_still = some(500);
      return;
    default:
      process.is_deaf = some(500);
  }
}

void something_happens(SimulatedCluster& cluster, Plain& plain, bool is_contested) {
  const auto some = [](int below) { return *rc::gen::inRange(0, below); };
  if (cluster.processes.size() < 2) cluster.starts();
  const auto i = std::size_t(some(int(cluster.processes.size())));
  auto& process = *cluster.processes[i];
  const std::string tenant = simulated_tenants[std::size_t(some(2))];
  const auto client = ClientSlot(some(3));
  const auto gone = [&](const std::string& prefix, const std::string& of) {
    std::erase_if(plain, [&](const auto& one) {
      return (of.empty() || one.first.first == of) && one.first.second.starts_with(prefix);
    });
  };
  switch (
      *rc::gen::weightedElement<int>({{6, 0}, {16, 1}, {2, 2}, {1, 3}, {1, 4}, {1, 5}, {5, 6}})) {
    case 0:
      return process.shares.comes(tenant, simulated_sync_channel, client, "", cluster.now);
    case 1: {
      const std::string key =
          (is_contested ? "" : key_of(process, client)) + *rc::gen::element<std::string>("a", "b");
      const auto value = *rc::gen::element<std::string>("1", "2", "null");
      if (!process.shares.client_puts(tenant, client, key, value)) return;
      if (value == "null")
        plain.erase({tenant, key});
      else
        plain[{tenant, key}] = value;
      return;
    }
    case 2:
      process.shares.leaves(tenant, client, cluster.now);
      return gone(key_of(process, client), tenant);
    case 3:
      if (cluster.processes.size() < 5) cluster.starts();
      return;
    case 4:
      process.roster->bye();
      [[fallthrough]];
    case 5:
      gone(process.id + "-", "");
      return cluster.dies(i);
    default:
      return trouble_happens(cluster, process);
  }
}

void any_day(SimulatedCluster& cluster, Plain& plain, bool is_contested) {
  for (int i = 0; i < 3; ++i) cluster.starts();
  for (int i = *rc::gen::inRange(0, 60); i > 0; --i) {
    something_happens(cluster, plain, is_contested);
    cluster.runs_for(*rc::gen::element<Duration>(0s, 20ms, 60ms, 400ms, 2s));
    for (const auto& each : cluster.processes) RC_ASSERT(each->shares.wrong_beliefs() == "");
  }
  cluster.all_is_well();
  // Whoever was deaf hears itself a heartbeat later at most, and forgets the dead a lease later.
  cluster.runs_for(lease + 1s + 200ms);
}

TEST(RosterSyncLaws, a_lease_after_any_trouble_all_that_live_have_what_was_put_and_not_taken_away) {
  EXPECT_TRUE(rc::check([] {
    SimulatedCluster cluster;
    Plain plain;
    any_day(cluster, plain, false);
    for (const auto& each : cluster.processes) {
      Plain known;
      for (const std::string& tenant : simulated_tenants)
        for (const auto& [key, value] : each->shares.states(tenant)) known[{tenant, key}] = value;
      RC_ASSERT(known == plain);
    }
    RC_ASSERT(cluster.fault() == "");
  }));
}

TEST(RosterSyncLaws, where_clients_take_the_same_keys_all_agree_and_each_key_is_of_one) {
  EXPECT_TRUE(rc::check([] {
    SimulatedCluster cluster;
    Plain plain;
    any_day(cluster, plain, true);
    RC_ASSERT(cluster.fault() == "");
  }));
}

}  // namespace
}  // namespace utakata::realtime
