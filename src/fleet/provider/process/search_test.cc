#include "fleet/provider/process/search.h"

#include <gtest/gtest.h>

#include "fleet/provider/process/process_world.h"

namespace utakata {
namespace {

struct Searching : testing::Test {
  ProcessWorld world;
  pid_t pid = world.pid_of(world.run("game-1", "exec sleep 100"));
  void SetUp() override {  // until then a shell of the same session may still be about
    ASSERT_TRUE(world.until(
        [&] { return text_of("/proc/" + std::to_string(pid) + "/cmdline").starts_with("sleep"); }));
  }
  // So short that every pid is a slice of its own.
  TreeSearch search{world.loop, world.options.fleet_id, [](pid_t) { return false; }, 1ns};
  int answers = 0;
};

TEST_F(Searching, in_many_slices_finds_by_marks_and_by_session_each_its_own) {
  const auto stat = read_stat(pid).value();
  search.look_for({.id = {"game-1"}}, [&](std::vector<Member> members) {
    ++answers;
    ASSERT_EQ(members.size(), 1u);
    EXPECT_EQ(members[0].pid, pid);
    EXPECT_NE(members[0].port, 0);
  });
  search.look_for({.id = {"game-2"}}, [&](std::vector<Member> members) {
    ++answers;
    EXPECT_TRUE(members.empty());
  });
  EXPECT_TRUE(world.until([&] { return answers == 2; }));
  search.look_for({.id = {"x"}, .session = pid, .session_started = stat.started},
                  [&](std::vector<Member> members) { answers += int(members.size()); });
  EXPECT_TRUE(world.until([&] { return answers == 3; }));
  search.look_for({.id = {"x"}, .session = pid, .session_started = stat.started + 1},
                  [&](std::vector<Member> members) {
                    EXPECT_TRUE(members.empty()) << "that session has another owner";
                    ++answers;
                  });
  EXPECT_TRUE(world.until([&] { return answers == 4; }));
}

TEST_F(Searching, asked_again_from_its_own_answer_and_from_many_sides_answers_each_once) {
  const auto again = [&](std::vector<Member>) {
    ++answers;
    for (int i = 0; i < 2; ++i)
      search.look_for({.id = {"game-1"}}, [&](std::vector<Member>) { ++answers; });
  };
  for (int i = 0; i < 3; ++i) search.look_for({.id = {"game-1"}}, again);
  EXPECT_TRUE(world.until([&] { return answers == 9; }));
}

}  // namespace
}  // namespace utakata
