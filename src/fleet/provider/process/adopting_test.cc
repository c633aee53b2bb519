// Instances and controllers that die in every order. The first controller is a process of its own
// here, which ends without a word, as after `kill -9`.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <functional>

#include "fleet/provider/process/process_world.h"

namespace utakata {
namespace {

using Kind = ProviderNews::Kind;

// Runs `life` in another process that ends at once after it. What `life` leaves behind is not our
// child.
void in_another_life(const std::string& folder, const std::function<void(ProcessWorld&)>& life) {
  const pid_t pid = fork();
  if (pid == 0) {
    auto* const world = new ProcessWorld(folder);  // never destroyed: as if killed
    life(*world);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

ProviderNews told_in(const std::string& folder) {
  ProviderNews news{.kind = Kind::launched,
                    .id = {"game-1"},
                    .handle = {},
                    .address = {"127.0.0.1", 0},
                    .what = {}};
  std::ifstream file{folder + "/told"};
  std::getline(file, news.handle);
  file >> news.address.port;
  return news;
}

void tell_in(const std::string& folder, const ProviderNews& news) {
  std::ofstream{folder + "/told"} << news.handle << '\n' << news.address.port << '\n';
}

TEST(AControllerThatDied, before_the_release_leaves_nothing_behind) {
  const auto folder = temporary_folder();
  in_another_life(folder, [&](ProcessWorld& world) {
    EXPECT_TRUE(world.launch("game-1", world.spec("echo ran >ran; sleep 100")));
    tell_in(folder, world.wait(Kind::launched, "game-1"));
  });
  ProcessWorld world{folder};
  const auto handle = process_handle_from(told_in(folder).handle).value();
  EXPECT_TRUE(world.until([&] { return !is_running(handle); })) << "its gate is closed";
  EXPECT_FALSE(std::filesystem::exists(folder + "/ran"));
  world.provider->adopt({"game-1"}, "", {});  // the outcome was not recorded
  EXPECT_EQ(world.wait_gone("game-1").what, "was never started");
}

TEST(AControllerThatDied, after_the_release_leaves_instances_that_are_adopted_whole) {
  const auto folder = temporary_folder();
  in_another_life(folder, [&](ProcessWorld& world) {
    tell_in(folder,
            world.run("game-1", "setsid sh -c 'echo $$$$ >escaped; exec sleep 100' & sleep 100"));
    EXPECT_TRUE(world.until([&] { return !text_of(folder + "/escaped").empty(); }));
  });
  ProcessWorld world{folder};
  const auto told = told_in(folder);
  world.ids.push_back({"game-1"});
  world.provider->adopt({"game-1"}, told.handle, told.address);
  EXPECT_TRUE(is_running(process_handle_from(told.handle).value()));
  kill(world.pid_of(told), SIGKILL);
  EXPECT_EQ(world.wait_gone("game-1").what,
            "ended; its exit code is unknown, because it was started by an earlier life of the "
            "controller");
  EXPECT_FALSE(std::filesystem::exists(
      "/proc/" + std::to_string(std::stoi(text_of(folder + "/escaped"))) + "/exe"));
}

TEST(AControllerThatDied, and_the_main_process_too_leaves_escapees_that_the_next_one_kills) {
  const auto folder = temporary_folder();
  in_another_life(folder, [&](ProcessWorld& world) {
    const auto told =
        world.run("game-1", "setsid sh -c 'echo $$$$ >escaped; exec sleep 100' & sleep 100");
    EXPECT_TRUE(world.until([&] { return !text_of(folder + "/escaped").empty(); }));
    tell_in(folder, told);
    kill(world.pid_of(told), SIGKILL);
    // Dead, and no turn of the loop to hear of it.
    while (is_running(process_handle_from(told.handle).value())) sched_yield();
  });
  ProcessWorld world{folder};
  world.provider->adopt({"game-1"}, told_in(folder).handle, told_in(folder).address);
  EXPECT_EQ(world.wait_gone("game-1").what, "ended while nobody watched");
  EXPECT_FALSE(std::filesystem::exists(
      "/proc/" + std::to_string(std::stoi(text_of(folder + "/escaped"))) + "/exe"));
}

TEST(Adopting, a_pid_that_has_another_owner_by_now_touches_nobody) {
  ProcessWorld world;
  const auto stranger = world.run("game-1", "exec sleep 100");
  auto handle = process_handle_from(stranger.handle).value();
  const ProcessHandle wrong[] = {{handle.pid, handle.started - 1, handle.boot},
                                 {handle.pid, handle.started, "00000000"}};
  int number = 1;
  for (const auto& reused : wrong) {
    const auto id = "game-" + std::to_string(++number);
    world.provider->adopt({id}, to_text(reused), {"127.0.0.1", 23999});
    EXPECT_EQ(world.wait_gone(id).what, "ended while nobody watched");
  }
  // The same process, but it carries another instance's mark: the record is wrong, and it is left
  // alone.
  world.provider->adopt({"game-9"}, stranger.handle, stranger.address);
  world.wait_gone("game-9");
  EXPECT_TRUE(is_running(handle));
}

TEST(Adopting, keeps_the_port_reserved) {
  ProcessWorld world;
  const auto told = world.run("game-1", "exec sleep 100");  // it does not listen
  world.options.ports_first = world.options.ports_last = told.address.port;
  world.start();
  world.provider->adopt({"game-1"}, told.handle, told.address);
  ASSERT_TRUE(world.launch("game-2", world.spec("sleep 100")));
  EXPECT_TRUE(world.wait(Kind::launch_failed, "game-2").retry);
}

TEST(Adopting, one_that_wrote_over_its_environment_still_works) {
  ProcessWorld world;
  // As Redis and nginx do for their titles; here by an exec with nothing in it.
  const auto told = world.run("game-1", "exec env -i sleep 100");
  ASSERT_TRUE(world.until([&] {
    return text_of("/proc/" + std::to_string(world.pid_of(told)) + "/cmdline").starts_with("sleep");
  }));
  world.start();
  world.provider->adopt({"game-1"}, told.handle, told.address);
  ASSERT_TRUE(world.provider->stop({"game-1"}, 300s));
  EXPECT_EQ(world.wait_gone("game-1").what, "killed by signal 15 (SIGTERM)");
}

TEST(Strangers, of_our_fleet_are_shown_and_swept_but_known_ones_and_other_fleets_are_not) {
  ProcessWorld world, other;
  const auto lost = world.run("game-1", "exec sleep 100");
  const auto known = world.run("game-2", "exec sleep 100");
  const auto theirs = other.run("game-1", "exec sleep 100");
  EXPECT_TRUE(world.provider->strangers().empty());
  world.start();  // adopts nothing
  const auto strangers = world.provider->strangers({{"game-2"}});
  ASSERT_EQ(strangers.size(), 1u);
  EXPECT_EQ(strangers[0].instance, "game-1");
  EXPECT_EQ(strangers[0].handle, lost.handle);
  EXPECT_EQ(world.provider->sweep_unknown({{"game-2"}}).size(), 1u);
  EXPECT_TRUE(world.until([&] { return !is_running(process_handle_from(lost.handle).value()); }));
  EXPECT_TRUE(is_running(process_handle_from(known.handle).value()));
  EXPECT_TRUE(is_running(process_handle_from(theirs.handle).value()));
  world.provider->sweep_unknown({});
}

TEST(Handles, read_back_as_written_and_nonsense_is_none) {
  const ProcessHandle handle{812, 93112, "fd6e85b5"};
  EXPECT_EQ(to_text(handle), "pid 812 started 93112 boot fd6e85b5");
  EXPECT_EQ(process_handle_from(to_text(handle)), handle);
  EXPECT_EQ(process_handle_from("pid 812 started 93112"), (ProcessHandle{812, 93112, ""}));
  for (const char* text :
       {"", "pid", "pid x started 1", "pid 1 started 1", "pid -5 started 1", "pid 812 started",
        "pid 812 started 1 boot", "pid 812 started 1 boot a b", "container 5"})
    EXPECT_EQ(process_handle_from(text), std::nullopt) << text;
}

}  // namespace
}  // namespace utakata
