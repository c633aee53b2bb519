// Two controllers, a and b, over one store that is played by hand.
#include "fleet/owner/owner_table.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

constexpr Instant start{1h};

struct Two : testing::Test {
  Two() {
    for (OwnerTable* table : {&a, &b}) {
      table->want({{"lobby", "a"}, {"game", "b"}});
      table->act_until(start + 24h);
    }
    a.know_controller("b", "http://b", now);
    b.know_controller("a", "http://a", now);
  }
  // The store: a step is done, and everybody hears of it.
  void turn() {
    for (auto [table, name, life] : {std::tuple{&a, "a", "a1"}, {&b, "b", "b1"}})
      for (const OwnerStep& step : table->steps(now)) {
        auto& last = tenures[step.cluster];
        if (step.kind == OwnerStep::Kind::give_back) {
          table->gives_back(step.cluster);
          for (OwnerTable* each : {&a, &b})
            each->know_owner(step.cluster, std::nullopt, ++revision, now);
          log += std::string(name) + " gives " + step.cluster + " to " + step.to + "; ";
          continue;
        }
        const OwnerRow row{name, std::string("http://") + name, life, ++revision};
        last = table->tenure_after(last);
        table->took(step.cluster, row, last);
        for (OwnerTable* each : {&a, &b}) each->know_owner(step.cluster, row, revision, now);
        log += std::string(name) + " takes " + step.cluster + "; ";
      }
  }
  std::string told() { return std::exchange(log, {}); }
  void b_dies() {
    a.know_controller("b", std::nullopt, now);
    a.know_owner("game", std::nullopt, ++revision, now);
    b.act_until({});
  }
  Instant now = start;
  OwnerTable a{{.name = "a", .life = "a1"}};
  OwnerTable b{{.name = "b", .life = "b1"}};
  std::map<std::string, TenureRow> tenures;
  std::int64_t revision = 10;
  std::string log;
};

TEST_F(Two, each_takes_what_prefers_it) {
  turn();
  EXPECT_EQ(told(), "a takes lobby; b takes game; ");
  EXPECT_EQ(a.of("lobby", now).kind, Ownership::Kind::ours);
  EXPECT_EQ(a.of("game", now),
            (Ownership{.kind = Ownership::Kind::others, .controller = "b", .url = "http://b"}));
  turn();
  EXPECT_EQ(told(), "");
}

TEST_F(Two, who_is_there_alone_takes_all_and_gives_back_only_after_a_stable_time) {
  turn(), told();
  b_dies();
  turn();
  EXPECT_EQ(told(), "a takes game; ");
  now += 60s;
  a.know_controller("b", "http://b", now);  // it is back
  b.act_until(now + 24h);
  b.lost_lease();
  b.act_until(now + 24h);
  b.know_owner("game", OwnerRow{"a", "http://a", "a1", revision}, revision, now);
  now += 29s;
  turn();
  EXPECT_EQ(told(), "");
  a.know_controller("b", std::nullopt, now);  // it flaps
  a.know_controller("b", "http://b", now);
  now += 29s;
  turn();
  EXPECT_EQ(told(), "");
  now += 1s;
  turn();
  EXPECT_EQ(told(), "a gives game to b; b takes game; ");
}

TEST_F(Two, the_preferred_one_is_waited_for_but_not_for_long) {
  b.act_until({});  // it is there, but cannot get its lease
  turn();
  EXPECT_EQ(told(), "a takes lobby; ");
  now += 1s;
  turn();
  EXPECT_EQ(told(), "a takes game; ");
}

TEST_F(Two, nothing_is_ours_after_our_own_deadline) {
  turn();
  a.act_until(now + 3s);
  EXPECT_TRUE(a.fence("lobby", now + 2999ms).has_value());
  EXPECT_FALSE(a.fence("lobby", now + 3s).has_value());
  EXPECT_EQ(a.of("lobby", now + 3s).kind, Ownership::Kind::nobody);
  EXPECT_TRUE(a.steps(now + 3s).empty()) << "nor is anything taken";
}

TEST_F(Two, a_tenure_goes_on_over_a_lapse_and_ends_with_another_owner) {
  turn();
  const auto tenure = b.of("game", now).tenure;
  b.lost_lease();
  b.act_until(now + 24h);  // another one
  for (OwnerTable* each : {&a, &b}) each->know_owner("game", std::nullopt, ++revision, now);
  turn();
  EXPECT_EQ(b.of("game", now).tenure, tenure);
  b_dies();
  turn();
  EXPECT_GT(a.of("game", now).tenure, tenure);
  EXPECT_FALSE(a.of("game", now).is_inherited) << "b had it, and holds seats there";
  EXPECT_TRUE(a.of("lobby", now).is_inherited) << "nobody ever had it before";
}

TEST_F(Two, old_news_of_an_owner_undoes_nothing) {
  turn();
  a.know_owner("lobby", OwnerRow{"b", "http://b", "b1", 1}, 1, now);
  a.know_owner("lobby", std::nullopt, 2, now);
  EXPECT_EQ(a.of("lobby", now).kind, Ownership::Kind::ours);
}

TEST_F(Two, what_is_given_back_is_not_ours_from_that_moment_on) {
  turn();
  a.gives_back("lobby");
  EXPECT_FALSE(a.fence("lobby", now).has_value());
  EXPECT_EQ(a.of("lobby", now).kind, Ownership::Kind::nobody);
}

TEST_F(Two, a_list_that_lacks_an_owner_tells_that_it_has_gone) {
  turn();
  now += 5s;
  a.know({{"lobby", OwnerRow{"a", "http://a", "a1", 11}}}, {}, revision, now);
  EXPECT_EQ(a.of("lobby", now).kind, Ownership::Kind::ours);
  EXPECT_EQ(a.of("game", now).kind, Ownership::Kind::nobody);
  EXPECT_TRUE(a.others().empty());
}

}  // namespace
}  // namespace utakata
