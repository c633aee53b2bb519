// The command that has the last word before an instance serves.
#include "fleet/plan/planner_world.h"

namespace utakata {

TEST(Planner, who_is_ready_serves_only_after_its_verify_has_passed) {
  ClusterSpec spec = game(2, 5);
  spec.verify.command = {"check"};
  spec.ready.within = 5s;
  World world(spec);
  world.boots = false;
  world.ticks(2);
  EXPECT_EQ(world.find("game-1")->verification, Verification::not_ready);
  world.judges("game-1", "");  // of a former life, say
  world.boots = true;
  world.ticks(20);
  EXPECT_EQ(world.find("game-1")->verification, Verification::due);
  EXPECT_EQ(world.count(Lifecycle::serving), 0);
  EXPECT_EQ(world.did("launch").size(), 2u) << "it has the time of its own command";
  world.judges("game-1", "");
  EXPECT_EQ(world.count(Lifecycle::serving), 1);
  EXPECT_EQ(world.did("ready"), std::vector<std::string>{"game-1"});
  world.boots = false;
  world.tick();
  world.judges("game-2", "");
  EXPECT_EQ(world.did("ready").size(), 1u);
  EXPECT_EQ(world.did("stop"), std::vector<std::string>{"game-2"}) << "it fell ill meanwhile";
}

TEST(Planner, a_verify_that_fails_is_a_failed_start_and_backs_off) {
  ClusterSpec spec = game(1, 2);
  spec.verify.command = {"check"};
  World world(spec);
  for (int k = 0; k < 60; ++k) {
    world.tick();
    for (const std::string& id : world.did("launch")) world.judges(id, "exit code 3: no route");
  }
  EXPECT_GE(world.did("stop").size(), 3u);
  EXPECT_LE(world.did("stop").size(), 8u) << "at once, then after 1, 2, 4, 8, 16, 32 s";
  EXPECT_TRUE(world.did("ready").empty());
  EXPECT_NE(world.last.held_back.find("`verify` failed: exit code 3: no route"), std::string::npos)
      << world.last.held_back;
}

}  // namespace utakata
