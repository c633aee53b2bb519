// Days written down by hand, blob by blob, and read again.
#include "sim/recording.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "fleet/model/observation_blob.h"
#include "sim/replay.h"
#include "sim/replay_report.h"

namespace utakata {
namespace {

const WallTime noon{std::chrono::milliseconds{1'767'268'800'000}};  // 2026-01-01 12:00

Stack a_stack() {
  ClusterSpec game;
  game.name = "game";
  game.capacity = 100;
  game.instances_min = 1;
  game.instances_max = 10;
  game.scale = {{"headroom", HeadroomRule{{50, true}}}};
  game.run.text = "node game.js";
  game.url.text = "ws://${host}:${port}";
  game.count.kind = CountSpec::Kind::http;
  Stack stack;
  stack.name = "show";
  stack.clusters = {game};
  return stack;
}

struct Seen {
  int number;
  int clients;
  std::int64_t accepted = 0;
  Lifecycle lifecycle = Lifecycle::serving;
};

// One tick a second.
class Days {
 public:
  std::string blob(const std::vector<Seen>& all, int waiting = 0) const {
    Fleet fleet;
    Observation seen;
    seen.at = Instant{} + 1000s + at;
    seen.wall = wall();
    seen.waiting = waiting;
    seen.hosts = hosts;
    for (const Seen& one : all) {
      Instance i;
      i.id = {"game-" + std::to_string(one.number)};
      i.lifecycle = one.lifecycle;
      fleet.instances.push_back(i);
      Sight sight;
      sight.asked = sight.answered = sight.ready = true;
      sight.count = Count{one.clients, seen.at};
      sight.accepted = one.accepted;
      seen.sights.push_back(sight);
    }
    return encode_tick("game", fleet, seen);
  }
  void seconds(int n, const std::vector<Seen>& all, int waiting = 0) {
    for (int k = 0; k < n; ++k, at += 1s) recording.add("game", wall(), blob(all, waiting));
  }
  WallTime wall() const { return noon + std::chrono::floor<std::chrono::milliseconds>(at); }

  Stack stack = a_stack();
  std::vector<Host> hosts;
  Recording recording{stack};
  Duration at{};
};

TEST(Recorded, a_kill_with_clients_on_it_is_a_cut_scale_in) {
  Days days;
  days.seconds(600, {{1, 40}, {2, 60}});
  days.seconds(600, {{2, 100}});
  const auto all = days.recording.finish();
  ASSERT_EQ(all.size(), 1u);
  const RecordedCluster& game = all[0];
  EXPECT_EQ(game.cut, 40);
  ASSERT_EQ(game.ends.size(), 1u);
  EXPECT_EQ(game.ends[0].instance, "game-1");
  EXPECT_EQ(game.ends[0].how, RecordedEnd::How::scale_in);
  EXPECT_EQ(game.ends[0].at, noon + 600s);
  EXPECT_NEAR(game.instance_hours, (600 * 2 + 600) / 3600.0, 0.01);
  EXPECT_EQ(game.idle_hours, 0) << "100 people and half as many again need two";
  EXPECT_EQ(game.there_most, 2);
  EXPECT_EQ(game.people.highest(), 100);
  for (const auto& point : game.people.points) EXPECT_EQ(point.connections, 100);
}

TEST(Recorded, a_deploy_replaces_and_a_restart_counts_from_zero) {
  Days days;
  days.seconds(60, {{1, 10, 50}, {2, 20, 80}});
  days.seconds(60, {{2, 20, 80}, {3, 0, 0}});
  days.seconds(60, {{2, 3, 3}, {3, 5, 5}});
  const RecordedCluster game = days.recording.finish()[0];
  ASSERT_EQ(game.ends.size(), 2u);
  EXPECT_EQ(game.ends[0].how, RecordedEnd::How::replaced);
  EXPECT_EQ(game.ends[0].cut, 10);
  EXPECT_EQ(game.ends[1].how, RecordedEnd::How::restarted);
  EXPECT_EQ(game.ends[1].cut, 20);
  EXPECT_EQ(game.ends[1].instance, "game-2");
}

TEST(Recorded, hot_minutes_idle_hours_boots_and_sessions) {
  Days days;
  days.seconds(60, {{1, 95, 95}, {2, 10, 10}});
  days.seconds(7, {{1, 50, 95}, {2, 50, 55}, {3, 0, 0, Lifecycle::starting}});
  days.seconds(53, {{1, 50, 95}, {2, 50, 55}, {3, 0, 0}});
  days.seconds(3600, {{1, 5, 95}, {2, 5, 55}, {3, 0, 0}}, 3);
  const RecordedCluster game = days.recording.finish()[0];
  EXPECT_EQ(game.hot_minutes, 1);
  EXPECT_EQ(game.boots, 1);
  EXPECT_EQ(*game.boot, 7s);
  EXPECT_NEAR(game.idle_hours, 2, 0.1);
  EXPECT_EQ(game.waiting_most, 3);
  ASSERT_TRUE(game.session);
  EXPECT_GT(*game.session, 30s);
}

TEST(Recorded, pauses_are_not_counted_and_a_stepped_clock_does_not_matter) {
  Days days;
  days.seconds(120, {{1, 10}});
  days.at += 1h;
  days.seconds(120, {{1, 10}});
  const RecordedCluster game = days.recording.finish()[0];
  EXPECT_EQ(game.unseen, 1h + 1s);
  EXPECT_NEAR(game.instance_hours, 238 / 3600.0, 0.001);
  EXPECT_EQ(game.minutes.size(), 4u);
}

TEST(Recorded, what_is_cut_short_or_damaged_is_passed_over_and_counted) {
  Days days;
  days.seconds(60, {{1, 10}, {2, 20}});
  const std::string whole = days.blob({{1, 10}, {2, 20}});
  for (std::size_t length = 0; length < whole.size(); ++length)
    days.recording.add("game", days.wall(), whole.substr(0, length));
  EXPECT_EQ(days.recording.damaged(), std::int64_t(whole.size()));
  Random random(7);
  for (int k = 0; k < 20'000; ++k) {
    std::string bad = whole;
    for (std::uint64_t n = 1 + random.below(8); n > 0; --n)
      bad[random.below(bad.size())] = char(random.below(256));
    days.recording.add("game", days.wall(), bad);
  }
  EXPECT_GT(days.recording.damaged(), 10'000);
  days.recording.add("other", days.wall(), "not of this stack");
  days.at += 1s;
  days.seconds(60, {{1, 10}, {2, 20}});
  const RecordedCluster game = days.recording.finish()[0];
  EXPECT_LT(game.length, 5min);
  EXPECT_LE(game.people.highest(), 1e9);
}

TEST(Recorded, nothing_at_all_is_no_cluster) {
  Stack stack = a_stack();
  EXPECT_TRUE(Recording(stack).finish().empty());
}

TEST(Replay, the_same_people_come_and_nobody_is_cut) {
  Days days;
  days.seconds(900, {{1, 80}, {2, 90}, {3, 80}, {4, 70}});
  days.seconds(2700, {{2, 20}, {3, 20}});
  auto happened = days.recording.finish();
  ReplayReport report{.stack = "show", .names = {"would have been"}, .price = {}, .damaged = 2};
  const auto day = replay(happened[0], {.stack = days.stack});
  ASSERT_TRUE(day) << day.error().what;
  EXPECT_TRUE(day->day.broken.empty()) << day->day.broken[0];
  EXPECT_EQ(day->cut, 0);
  EXPECT_EQ(happened[0].cut, 150);
  EXPECT_GE(day->there_most, 4);
  EXPECT_LE(day->there_most, 7);
  ASSERT_EQ(day->minutes.size(), happened[0].minutes.size());
  EXPECT_GE(day->minutes[0].there, 4) << "who was there at the beginning had come in before";
  EXPECT_FALSE(day->minutes[30].why.empty());
  EXPECT_EQ(day->day.began, noon);
  report.clusters.push_back({happened[0], {*day}});
  const std::string text = replay_text(report, true);
  EXPECT_NE(text.find("2 recorded observations could not be read"), std::string::npos) << text;
  EXPECT_NE(text.find("150 clients cut by 2 ends"), std::string::npos) << text;
  EXPECT_NE(text.find("  2026-01-01T12:15:00  game-1               scaled in  with 80 clients"),
            std::string::npos)
      << text;
  EXPECT_NE(replay_json(report).find("\"how\": \"scaled in\""), std::string::npos);
  EXPECT_NE(replay_html(report).find("</html>"), std::string::npos);
  const auto again = replay(happened[0], {.stack = days.stack});
  EXPECT_EQ(again->instance_hours, day->instance_hours) << "the same seed is the same day";
}

TEST(Replay, the_day_is_lived_on_the_hosts_that_were_recorded) {
  Days days;
  days.hosts = {{"worker-1", "a"}, {"worker-2", "b", false}};
  days.seconds(300, {{1, 20}, {2, 30}});
  auto happened = days.recording.finish();
  EXPECT_EQ(happened[0].hosts, days.hosts);
  const auto day = replay(happened[0], {.stack = days.stack});
  ASSERT_TRUE(day) << day.error().what;
  EXPECT_TRUE(day->day.broken.empty()) << day->day.broken[0];
  EXPECT_TRUE(day->minutes[0].why.ends_with("zone b: 0 of 1 there, on worker-2"))
      << day->minutes[0].why;
}

TEST(Replay, less_than_20_s_or_a_cluster_that_the_file_does_not_name_is_refused) {
  Days days;
  days.seconds(10, {{1, 80}});
  const auto happened = days.recording.finish();
  EXPECT_EQ(replay(happened[0], {.stack = days.stack}).error().what,
            "game: only 9s are recorded, and 20s are needed");
  RecordedCluster other = happened[0];
  other.length = 1h;
  other.name = "chat";
  EXPECT_EQ(replay(other, {.stack = days.stack}).error().what,
            "the stack file has no cluster chat");
}

}  // namespace
}  // namespace utakata
