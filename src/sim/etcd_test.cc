// Controllers over the made-up etcd: the same Owning that runs over a real one.
#include "sim/etcd.h"

#include <gtest/gtest.h>

#include "fleet/owner/owning.h"

namespace utakata {
namespace {

using Kind = Ownership::Kind;

struct OwnersInTime : testing::Test {
  struct One {
    One(OwnersInTime& test, std::string name)
        : line(test.etcd, {.name = name,
                           .life = name + " 0",
                           .arrives = [this](std::function<void()> work) { arrives(work); },
                           .is_cut = [this] { return is_cut; }}),
          owning(test.timeline, line,
                 [&test](Duration wait, std::function<void()> work) {
                   test.timeline.after(wait, std::move(work));
                 },
                 {.name = name, .life = name + " 0"}) {
      owning.want({"lobby"});
      owning.begin("http://" + name, [] {});
    }
    void arrives(const std::function<void()>& work) { is_frozen ? late.push_back(work) : work(); }
    void look() {
      if (!is_frozen) owning.look();
    }
    void thaw() {
      is_frozen = false;
      for (const auto& work : std::exchange(late, {})) work();
    }
    bool is_cut = false, is_frozen = false;
    std::vector<std::function<void()>> late;
    EtcdLine line;
    Owning owning;
  };
  // No two take themselves for the owner at any moment.
  void pass(Duration time) {
    for (Duration done{}; done < time; done += 10ms) {
      timeline.run_until(timeline.now() + 10ms);
      if (++beats % 10 == 0) a.look(), b.look();
      const bool both =
          a.owning.of("lobby").kind == Kind::ours && b.owning.of("lobby").kind == Kind::ours;
      EXPECT_FALSE(both) << "after " << timeline.since_begin() / 1ms << " ms";
    }
  }
  Timeline timeline{WallTime{}};
  MadeUpEtcd etcd{timeline, 1};
  One a{*this, "a"}, b{*this, "b"};
  int beats = 0;
};

TEST_F(OwnersInTime, who_is_cut_off_or_frozen_has_stopped_before_another_begins) {
  pass(2s);
  One* owner = a.owning.of("lobby").kind == Kind::ours ? &a : &b;
  for (int round = 0; round < 20; ++round) {
    ASSERT_EQ(owner->owning.of("lobby").kind, Kind::ours);
    One* const next = owner == &a ? &b : &a;
    (round % 2 ? owner->is_cut : owner->is_frozen) = true;
    pass(10s);
    EXPECT_EQ(next->owning.of("lobby").kind, Kind::ours);
    EXPECT_EQ(next->owning.of("lobby").tenure, round + 2);
    owner->is_cut = false;
    owner->thaw();
    owner->line.go_on();
    pass(5s);
    EXPECT_EQ(owner->owning.of("lobby").kind, Kind::others);
    owner = next;
  }
}

TEST_F(OwnersInTime, what_a_former_owner_records_late_is_refused) {
  pass(2s);
  One& owner = a.owning.of("lobby").kind == Kind::ours ? a : b;
  One& next = &owner == &a ? b : a;
  const auto fence = owner.owning.fence("lobby");
  MemoryStore rows;
  EtcdRecord late(etcd, rows, owner.line, [&](std::string_view) { return fence; });
  EtcdRecord record(etcd, rows, next.line,
                    [&](std::string_view cluster) { return next.owning.fence(cluster); });
  Batch batch;
  batch.activities.push_back({.cluster = "lobby", .kind = "held_back", .because = "so"});
  EXPECT_TRUE(late.record(batch));
  EXPECT_FALSE(record.record(batch));
  owner.is_frozen = true;
  pass(10s);
  const auto refused = late.record(batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Problem::Kind::conflict);
  EXPECT_TRUE(record.record(batch));
  EXPECT_EQ(rows.all_activities().size(), 2u);
}

TEST_F(OwnersInTime, while_etcd_is_away_no_lease_ends_and_nobody_acts) {
  pass(2s);
  const std::string owner = etcd.owner("lobby")->row.life;
  etcd.set_away(true);
  pass(20s);
  EXPECT_EQ(a.owning.of("lobby").kind == Kind::ours, false);
  EXPECT_EQ(b.owning.of("lobby").kind == Kind::ours, false);
  etcd.set_away(false);
  pass(5s);
  EXPECT_EQ(etcd.owner("lobby")->row.life, owner) << "as before";
}

}  // namespace
}  // namespace utakata
