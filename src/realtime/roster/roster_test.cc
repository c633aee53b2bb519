#include "realtime/roster/roster.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "realtime/roster/simulated_cluster.h"

namespace utakata::realtime {
namespace {

const Duration lease = RosterSpec{}.lease;

class RosterTest : public testing::Test {
 protected:
  SimulatedProcess& process(std::size_t i) { return *cluster_.processes.at(i); }
  void start(int count) {
    for (int i = 0; i < count; ++i) cluster_.starts();
    cluster_.runs_for(3s);
  }
  void come(std::size_t i, ClientSlot client, const std::string& channel,
            const std::string& user = "ann") {
    process(i).shares.comes("1", channel, client, user, cluster_.now);
  }
  std::size_t count(std::size_t i, const std::string& channel) {
    return process(i).shares.of("1").readers_count(channel);
  }
  SimulatedCluster cluster_;
};

TEST_F(RosterTest, what_changes_here_is_known_everywhere_a_moment_later) {
  start(3);
  come(0, 1, "news");
  come(0, 2, "news");
  come(1, 1, "presence-a", "bob");
  cluster_.runs_for(60ms);
  EXPECT_EQ(count(2, "news"), 2u);
  EXPECT_EQ(process(2).shares.of("1").members("presence-a").at(0).user, "bob");
  EXPECT_EQ(cluster_.fault(), "");
  process(0).shares.leaves("1", 1, cluster_.now);
  process(1).shares.leaves("1", 1, cluster_.now);
  cluster_.runs_for(60ms);
  EXPECT_EQ(cluster_.fault(), "");
}

TEST_F(RosterTest, who_comes_later_is_told_all_and_is_told_once) {
  start(2);
  come(0, 1, "news");
  come(1, 1, "presence-a");
  cluster_.runs_for(100ms);
  const auto before = process(0).roster->counts().snapshots_said;
  cluster_.starts();
  cluster_.starts();
  cluster_.runs_for(100ms);
  EXPECT_EQ(count(2, "news"), 1u);
  EXPECT_EQ(count(3, "presence-a"), 1u);
  cluster_.runs_for(3s);
  EXPECT_EQ(process(0).roster->counts().snapshots_said, before + 1) << "both asked";
  EXPECT_EQ(cluster_.fault(), "");
}

TEST_F(RosterTest, who_dies_without_a_word_is_forgotten_after_the_lease_who_says_bye_at_once) {
  start(3);
  come(0, 1, "news");
  come(1, 1, "news");
  cluster_.runs_for(100ms);
  cluster_.dies(0);
  cluster_.runs_for(lease - 2s);
  EXPECT_EQ(count(1, "news"), 2u);
  cluster_.runs_for(2s + 100ms);
  EXPECT_EQ(cluster_.fault(), "");
  EXPECT_EQ(process(1).roster->counts().forgotten, 1u);
  process(0).roster->bye();
  cluster_.runs_for(20ms);
  cluster_.dies(0);
  cluster_.runs_for(20ms);
  EXPECT_EQ(cluster_.fault(), "");
  EXPECT_EQ(process(0).roster->counts().forgotten, 1u);
}

TEST_F(RosterTest, who_missed_a_word_sees_it_at_the_next_and_asks) {
  start(2);
  process(1).loses = 1;
  come(0, 1, "news");
  cluster_.runs_for(40ms);
  EXPECT_EQ(count(1, "news"), 0u);
  cluster_.runs_for(1s + 200ms);
  EXPECT_EQ(count(1, "news"), 1u);
  EXPECT_EQ(process(1).roster->counts().gaps, 1u);
  EXPECT_EQ(cluster_.fault(), "");
}

TEST_F(RosterTest, who_is_cut_off_forgets_nobody_and_tells_all_when_it_is_back) {
  start(3);
  for (std::size_t i : {0, 1, 2}) come(i, 1, "presence-a", fmt::format("u{}", i));
  cluster_.runs_for(100ms);
  cluster_.cut_off(process(0), true);
  cluster_.runs_for(lease + 1s);
  EXPECT_EQ(count(0, "presence-a"), 3u) << "it is deaf itself";
  EXPECT_EQ(count(1, "presence-a"), 2u) << "it was not heard";
  process(1).shares.leaves("1", 1, cluster_.now);
  come(0, 2, "news");
  cluster_.runs_for(100ms);
  cluster_.cut_off(process(0), false);
  EXPECT_EQ(count(0, "presence-a"), 3u);
  cluster_.runs_for(60ms);
  EXPECT_EQ(count(1, "news"), 1u) << "it does not wait to be asked";
  EXPECT_EQ(count(1, "presence-a"), 2u);
  cluster_.runs_for(lease + 100ms);
  EXPECT_EQ(cluster_.fault(), "");
}

TEST_F(RosterTest, who_stood_still_for_long_does_not_take_others_for_dead) {
  start(3);
  for (std::size_t i : {0, 1, 2}) come(i, 1, "news");
  cluster_.runs_for(100ms);
  process(0).stands_still = int((lease + 2s) / SimulatedCluster::tick);
  cluster_.runs_for(lease + 1s);
  EXPECT_EQ(count(1, "news"), 2u);
  cluster_.runs_for(1s + 100ms);
  EXPECT_EQ(count(0, "news"), 3u);
  EXPECT_EQ(process(0).roster->counts().forgotten, 0u);
  cluster_.runs_for(3s);
  EXPECT_EQ(cluster_.fault(), "");
}

TEST(RosterStories, who_was_deaf_and_did_not_know_gives_the_others_a_lease_anew) {
  // Whichever part of the time between heartbeats it begins and ends in: somebody is heard first.
  for (int part = 0; part < 200; ++part) {
    SimulatedCluster cluster;
    SimulatedProcess& deaf = cluster.starts();
    cluster.runs_for(300ms);
    cluster.starts();
    cluster.runs_for(3s + part % 10 * 100ms);
    deaf.is_cut = true;
    cluster.runs_for(lease - 1s + part / 10 * 100ms);
    deaf.is_cut = false;
    cluster.runs_for(lease + 3s);
    EXPECT_EQ(deaf.roster->counts().forgotten, 0u);
    EXPECT_EQ(cluster.fault(), "");
  }
}

TEST_F(RosterTest, what_others_have_told_of_while_a_keeper_was_away_it_does_not_tell_again) {
  start(3);
  std::string channel = "c";
  while (!process(0).roster->is_keeper("1", channel)) channel += "c";
  cluster_.cut_off(process(0), true);
  cluster_.runs_for(lease + 100ms);
  std::string told;
  for (std::size_t i : {0, 1, 2})
    process(i).shares.on_news = [&told, &process = process(i), channel](const std::string& what) {
      if (process.roster->is_keeper("1", channel)) told += process.id + " " + what + "\n";
    };
  process(1).shares.comes("1", channel, 1, "ann", cluster_.now);
  const bool is_told_there = process(1).roster->is_keeper("1", channel);
  cluster_.runs_for(100ms);
  EXPECT_EQ(told, is_told_there ? "" : "p3 1/" + channel + " occupied\n");
  told.clear();
  cluster_.cut_off(process(0), false);
  cluster_.runs_for(1s);
  EXPECT_EQ(process(0).shares.of("1").readers_count(channel), 1u);
  EXPECT_EQ(told, "");
  cluster_.runs_for(2s);
  EXPECT_TRUE(process(0).roster->is_keeper("1", channel)) << "again, once it knows all";
}

TEST_F(RosterTest, what_newcomers_learn_is_not_news_to_their_webhooks) {
  start(3);
  for (const std::string& channel : simulated_channels) come(0, 1, channel, "ann");
  cluster_.runs_for(100ms);
  for (int i = 0; i < 5; ++i) {
    SimulatedProcess& newcomer = cluster_.starts();
    int news = 0;
    newcomer.shares.on_news = [&](const std::string& what) {
      const std::size_t end = what.find(' ');
      news += newcomer.roster->is_keeper("1", what.substr(2, end - 2));
    };
    cluster_.runs_for(1s);
    EXPECT_EQ(newcomer.shares.of("1").readers_count("news"), 1u);
    EXPECT_EQ(news, 0);
    for (const std::string& channel : simulated_channels) EXPECT_EQ(cluster_.keepers(channel), 1u);
    cluster_.runs_for(2s);
    newcomer.shares.on_news = [](const std::string&) {};
  }
  std::size_t kept_by_newcomers = 0;
  for (int i = 0; i < 100; ++i)
    for (std::size_t j = 3; j < 8; ++j)
      kept_by_newcomers += process(j).roster->is_keeper("1", fmt::format("c{}", i));
  EXPECT_GT(kept_by_newcomers, 30u) << "of 100: five of eight are newcomers";
  EXPECT_LT(kept_by_newcomers, 90u);
}

TEST_F(RosterTest, a_large_share_comes_in_parts_and_as_a_whole) {
  start(1);
  Channels& channels = process(0).shares.of("1");
  for (ClientSlot client = 0; client < 900; ++client)
    channels.subscribe(client, "presence-a", Member{fmt::format("{:0>100}", client), ""}, {},
                       cluster_.now);
  cluster_.runs_for(1s);
  SimulatedProcess& newcomer = cluster_.starts();
  cluster_.runs_for(20ms);
  newcomer.loses = 1;  // the first part of what it has asked for
  cluster_.runs_for(40ms);
  EXPECT_EQ(newcomer.shares.of("1").readers_count("presence-a"), 0u) << "all or nothing";
  cluster_.runs_for(3s);
  EXPECT_EQ(cluster_.fault(), "");
  EXPECT_LE(cluster_.bytes_max, roster_body_bytes);
  EXPECT_GT(cluster_.bytes_max, roster_body_bytes / 2);
}

TEST_F(RosterTest, what_is_not_understood_is_counted_and_changes_nothing) {
  start(1);
  Roster& roster = *process(0).roster;
  for (const std::string& body :
       {std::string(), std::string("R"), std::string("{\"hello\":1}"), std::string(100'000, 'R')})
    roster.hears(body, cluster_.now);
  EXPECT_EQ(roster.counts().refused, 4u);
  EXPECT_EQ(roster.others(), 0u);
}

TEST_F(RosterTest, more_processes_than_may_be_are_not_listened_to) {
  cluster_.starts(2);
  for (int i = 0; i < 4; ++i) cluster_.starts();
  for (std::size_t i : {1, 2, 3, 4}) come(i, 1, "news");
  cluster_.runs_for(3s);
  EXPECT_EQ(process(0).roster->others(), 2u);
  EXPECT_EQ(count(0, "news"), 2u);
  EXPECT_GT(process(0).roster->counts().refused, 0u);
}

TEST_F(RosterTest, a_tenant_that_comes_later_here_is_told_of_by_all) {
  start(2);
  come(0, 1, "news");
  cluster_.runs_for(100ms);
  // It lost its channels, as if the tenant had been taken out of the file and put back.
  process(1).shares.forget(1);
  EXPECT_EQ(count(1, "news"), 0u);
  process(1).roster->tenants_changed();
  cluster_.runs_for(200ms);
  EXPECT_EQ(cluster_.fault(), "");
}

void something_happens(SimulatedCluster& cluster) {
  const auto some = [](int below) { return std::size_t(*rc::gen::inRange(0, below)); };
  if (cluster.processes.size() < 2) cluster.starts();
  auto& process = *cluster.processes[some(int(cluster.processes.size()))];
  const std::string tenant = simulated_tenants[some(2)];
  switch (*rc::gen::weightedElement<int>(
      {{12, 0}, {6, 1}, {1, 2}, {1, 3}, {1, 4}, {2, 5}, {2, 6}, {2, 7}, {2, 8}, {1, 9}})) {
    case 0:
      return process.shares.comes(tenant, simulated_channels[some(3)], ClientSlot(some(4)),
                                  *rc::gen::element<std::string>("u", "v", "w"), cluster.now);
    case 1:
      return process.shares.leaves(tenant, ClientSlot(some(4)), cluster.now);
    case 2:
      if (cluster.processes.size() < 5) cluster.starts();
      return;
    case 3:
      return cluster.dies(some(int(cluster.processes.size())));
    case 4:
      process.roster->bye();
      return cluster.dies(std::size_t(
          std::ranges::find(cluster.processes, &process, &std::unique_ptr<SimulatedProcess>::get) -
          cluster.processes.begin()));
    case 5:
      return cluster.cut_off(process, !process.is_cut_off);
    case 6:
      process.is_cut = !process.is_cut;
      return;
    case 7:
      process.loses = int(some(10));
      return;
    case 8:
      process.stands_still = int(some(500));
      return;
    default:
      process.is_deaf = int(some(500));
  }
}

TEST(RosterLaws, a_lease_after_any_trouble_all_know_who_is_there_and_each_channel_has_one_keeper) {
  EXPECT_TRUE(rc::check([] {
    SimulatedCluster cluster;
    for (int i = 0; i < 3; ++i) cluster.starts();
    for (int i = *rc::gen::inRange(0, 60); i > 0; --i) {
      something_happens(cluster);
      cluster.runs_for(*rc::gen::element<Duration>(0s, 20ms, 60ms, 400ms, 2s));
      for (const auto& each : cluster.processes) {
        RC_ASSERT(!each->shares.has_told_twice);
        RC_ASSERT(each->shares.wrong_beliefs() == "");
      }
    }
    cluster.all_is_well();
    // Whoever was deaf hears itself a heartbeat later at most, and forgets the dead a lease later.
    cluster.runs_for(lease + 1s + 200ms);
    RC_ASSERT(cluster.fault() == "");
    for (const auto& each : cluster.processes) RC_ASSERT(each->roster->is_settled());
  }));
}

}  // namespace
}  // namespace utakata::realtime
