#include "fleet/provider/process/installs.h"

#include <gtest/gtest.h>

#include "fleet/provider/process/process_world.h"

namespace utakata {
namespace {

using Kind = ProviderNews::Kind;

LaunchSpec with_install(const ProcessWorld& world, std::string install) {
  auto spec = world.spec("exec sleep 100");
  spec.install = std::move(install);
  return spec;
}

TEST(Install, runs_once_for_two_instances_and_both_wait_for_it) {
  ProcessWorld world;
  const auto spec = with_install(world, "echo x >>installs; until [ -e go ]; do sleep 0.01; done");
  ASSERT_TRUE(world.launch("game-1", spec));
  ASSERT_TRUE(world.launch("game-2", spec));
  ASSERT_TRUE(world.until_file("installs", "x\n"));
  EXPECT_TRUE(world.news.empty());
  std::ofstream{world.folder + "/go"};
  world.wait(Kind::launched, "game-1");
  world.wait(Kind::launched, "game-2");
  world.start();  // a later life does not install again
  ASSERT_TRUE(world.launch("game-3", spec));
  world.wait(Kind::launched, "game-3");
  EXPECT_EQ(text_of(world.folder + "/installs"), "x\n");
  auto next = spec;
  next.version = "v2";
  ASSERT_TRUE(world.launch("game-4", next));
  world.wait(Kind::launched, "game-4");
  EXPECT_EQ(text_of(world.folder + "/installs"), "x\nx\n");
}

TEST(Install, that_fails_fails_its_launches_and_is_tried_at_the_next) {
  ProcessWorld world;
  const auto spec = with_install(world, "[ -e fixed ] || { echo 'npm ERR! no network'; exit 7; }");
  ASSERT_TRUE(world.launch("game-1", spec));
  ASSERT_TRUE(world.launch("game-2", spec));
  for (const char* id : {"game-1", "game-2"}) {
    const auto failed = world.wait(Kind::launch_failed, id);
    EXPECT_FALSE(failed.retry);
    EXPECT_NE(
        failed.what.find("failed with exit code 7; it said: npm ERR! no network; its output is in"),
        std::string::npos)
        << failed.what;
  }
  std::ofstream{world.folder + "/fixed"};
  ASSERT_TRUE(world.launch("game-3", spec));
  world.wait(Kind::launched, "game-3");
}

TEST(Install, that_nobody_waits_for_any_more_is_ended) {
  ProcessWorld world;
  ASSERT_TRUE(world.launch("game-1", with_install(world, "echo $$ >installing; sleep 100")));
  ASSERT_TRUE(world.until([&] { return !text_of(world.folder + "/installing").empty(); }));
  const int pid = std::stoi(text_of(world.folder + "/installing"));
  ASSERT_TRUE(world.provider->stop({"game-1"}, 10s));
  EXPECT_EQ(world.wait_gone("game-1").what, "stopped before it was started");
  EXPECT_TRUE(
      world.until([&] { return !std::filesystem::exists("/proc/" + std::to_string(pid)); }));
}

}  // namespace
}  // namespace utakata
