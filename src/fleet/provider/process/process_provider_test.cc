#include "fleet/provider/process/process_provider.h"

#include <gtest/gtest.h>

#include "fleet/provider/process/process_world.h"

namespace utakata {
namespace {

using Kind = ProviderNews::Kind;

TEST(AProcess, runs_nothing_of_the_users_before_it_is_released) {
  ProcessWorld world;
  ASSERT_TRUE(world.launch("game-1", world.spec("echo ran >ran; sleep 100")));
  const auto launched = world.wait(Kind::launched, "game-1");
  EXPECT_EQ(launched.address.host, "127.0.0.1");
  EXPECT_GE(launched.address.port, 23000);
  ASSERT_TRUE(world.launch("game-1", world.spec("echo twice >>ran")));  // a repeated launch
  EXPECT_TRUE(is_running(process_handle_from(launched.handle).value()));
  EXPECT_FALSE(std::filesystem::exists(world.folder + "/ran"));
  world.provider->release({"game-1"});
  world.provider->release({"game-1"});
  EXPECT_TRUE(world.until_file("ran", "ran\n"));
  EXPECT_TRUE(is_running(process_handle_from(launched.handle).value()))
      << "the same pid runs the command";
  ASSERT_TRUE(world.provider->stop({"game-1"}, 10s));
  EXPECT_EQ(world.wait_gone("game-1").what, "killed by signal 15 (SIGTERM)");
}

TEST(AProcess, killed_from_outside_is_told_with_its_signal) {
  ProcessWorld world;
  const auto launched = world.run("game-1", "exec sleep 100");
  kill(world.pid_of(launched), SIGKILL);
  EXPECT_EQ(world.wait_gone("game-1").what, "killed by signal 9 (SIGKILL)");
}

}  // namespace
}  // namespace utakata
