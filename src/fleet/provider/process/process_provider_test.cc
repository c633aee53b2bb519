#include "fleet/provider/process/process_provider.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "fleet/provider/process/process_world.h"
#include "fleet/provider/process/spawn.h"

namespace utakata {
namespace {

using Kind = ProviderNews::Kind;

bool runs(pid_t pid) { return std::filesystem::exists("/proc/" + std::to_string(pid) + "/exe"); }

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

pid_t pid_in(const std::string& path) {
  std::ifstream file{path};
  pid_t pid = 0;
  file >> pid;
  return pid;
}

TEST(AProcess, sees_its_port_names_folder_and_nothing_that_is_ours_alone) {
  setenv("UTAKATA_SECRET", "hush", 1);
  setenv("DATABASE_PASSWORD", "hush", 1);
  ProcessWorld world;
  world.options.bind_host = "0.0.0.0";
  world.options.advertise = "203.0.113.9";
  world.options.hidden_env = {"DATABASE_PASSWORD"};
  world.start();
  auto spec = world.spec(
      "echo $PORT $UTAKATA_INSTANCE $HOST ${port} ${host} $WHERE $(pwd) "
      "[$UTAKATA_SECRET$DATABASE_PASSWORD$UTAKATA_GATE] >saw; "
      "ls /proc/self/fd | wc -l >descriptors; exec sleep 100");
  spec.env = {{"WHERE", "http://${host}:${port}/"}};
  const auto launched = world.run("game-1", spec);
  EXPECT_EQ(launched.address.host, "203.0.113.9");
  const auto port = std::to_string(launched.address.port);
  EXPECT_TRUE(world.until_file("saw", port + " game-1 0.0.0.0 " + port +
                                          " 203.0.113.9 http://203.0.113.9:" + port + "/ " +
                                          world.folder + " []\n"))
      << text_of(world.folder + "/saw");
  // 0, 1, 2, and the one that `ls` reads the folder through.
  EXPECT_TRUE(world.until_file("descriptors", "4\n")) << text_of(world.folder + "/descriptors");
  unsetenv("UTAKATA_SECRET");
  unsetenv("DATABASE_PASSWORD");
}

TEST(AProcess, serves_on_its_port_and_the_listener_is_known_as_its_own) {
  ProcessWorld world;
  const auto launched =
      world.run("game-1",
                "exec python3 -c 'import socket,os,time\n"
                "s=socket.create_server((\"127.0.0.1\",int(os.environ[\"PORT\"])))\n"
                "open(\"inode\",\"w\").write(str(os.fstat(s.fileno()).st_ino))\n"
                "time.sleep(100)'");
  ASSERT_TRUE(world.until([&] { return !text_of(world.folder + "/inode").empty(); }));
  const std::uint64_t inode = std::stoull(text_of(world.folder + "/inode"));
  EXPECT_TRUE(owns_a_socket(launched.handle, {1, inode}));
  EXPECT_FALSE(owns_a_socket(launched.handle, {1}));
  EXPECT_EQ(tree_of(launched.handle), std::vector{world.pid_of(launched)});
  // The next instance is never given a port that somebody listens on.
  world.options.ports_first = world.options.ports_last = launched.address.port;
  world.start();
  ASSERT_TRUE(world.launch("game-2", world.spec("sleep 100")));
  EXPECT_TRUE(has(world.wait(Kind::launch_failed, "game-2").what, "in use"));
}

TEST(AProcess, of_a_single_command_is_the_program_itself_and_a_word_of_the_shells_still_works) {
  struct Row {
    const char* run;
    const char* becomes;
  };
  const Row rows[] = {{"sleep 100", "sleep"},
                      {"  sleep \"100\"", "sleep"},
                      {"/bin/sleep $HUNDRED", "/bin/sleep"},
                      {"read nothing; sleep 100", "/bin/sh"},
                      {"A=1 sleep 100", "/bin/sh"},
                      {"exec sleep 100", "sleep"}};
  ProcessWorld world;
  int number = 0;
  for (const auto& [run, becomes] : rows) {
    auto spec = world.spec(run);
    spec.env = {{"HUNDRED", "100"}};
    const auto pid =
        std::to_string(world.pid_of(world.run("game-" + std::to_string(++number), spec)));
    EXPECT_TRUE(world.until([&] {
      const auto command = text_of("/proc/" + pid + "/cmdline");
      return std::string(command.c_str()) == becomes && !has(command, "utakata-gate");
    })) << run;
  }
  for (const char* run : {"exit 3", "eval exit 3", "if true; then exit 3; fi"}) {
    const auto id = "game-" + std::to_string(++number);
    world.run(id, run);
    EXPECT_EQ(world.wait_gone(id).what, "exit code 3") << run;
  }
}

TEST(AProcess, killed_from_outside_is_told_in_the_same_breath) {
  ProcessWorld world;
  const auto launched = world.run("game-1", "exec sleep 100");
  ASSERT_TRUE(world.until([&] {
    return has(text_of("/proc/" + std::to_string(world.pid_of(launched)) + "/cmdline"), "sleep");
  }));
  kill(world.pid_of(launched), SIGKILL);
  EXPECT_EQ(world.wait_gone("game-1").what, "killed by signal 9 (SIGKILL)");
}

TEST(AnEnd, is_told_in_words_that_help) {
  struct Row {
    const char* run;
    const char* what;
  };
  const Row rows[] = {
      {"exit 0", "exit code 0"},
      {"echo first; echo 'no such room' >&2; exit 3", "exit code 3; it said: no such room"},
      {"no-such-program --port 1",
       "exit code 127: the command was not found; it said: /bin/sh: 1: no-such-program: not "
       "found"},
      {"./data",
       "exit code 126: the command is not executable; it said: /bin/sh: 1: exec: ./data: "
       "Permission denied"},
      {"printf 'bad \\377 bytes\\001'; exit 1", "exit code 1; it said: bad ? bytes?"},
      {"kill -SEGV $$$$", "killed by signal 11 (SIGSEGV)"},
  };
  ProcessWorld world;
  std::ofstream{world.folder + "/data"} << "x";
  int number = 0;
  for (const auto& [run, what] : rows) {
    const auto id = "game-" + std::to_string(++number);
    world.run(id, run);
    EXPECT_EQ(world.wait_gone(id).what, what) << run;
  }
}

TEST(AnEnd, leaves_its_log_until_enough_others_have_ended) {
  ProcessWorld world;
  world.options.ended_logs_max = 1;
  world.start();
  for (const char* id : {"game-1", "game-2"}) {
    world.run(id, "echo hello");
    world.wait_gone(id);
  }
  EXPECT_TRUE(
      world.until([&] { return !std::filesystem::exists(world.provider->log_of({"game-1"})); }));
  EXPECT_EQ(text_of(world.provider->log_of({"game-2"})), "hello\n");
}

TEST(ALaunch, that_cannot_even_be_asked_is_refused_at_once) {
  ProcessWorld world;
  auto nowhere = world.spec("true");
  nowhere.folder = world.folder + "/missing";
  const auto refused = world.launch("game-1", nowhere);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Problem::Kind::invalid);
  EXPECT_TRUE(has(refused.error().what, nowhere.folder));
  EXPECT_FALSE(world.launch("game-2", world.spec("run ${clusters.redis.port}")));
  auto env = world.spec("true");
  env.env = {{"A", "${nothing}"}};
  EXPECT_FALSE(world.launch("game-3", env));
}

TEST(ALaunch, without_a_descriptor_left_fails_for_that_reason_and_may_be_tried_again) {
  ProcessWorld world;
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const int next = open("/dev/null", O_RDONLY);
  const rlimit tight{.rlim_cur = rlim_t(next), .rlim_max = before.rlim_max};
  close(next);
  setrlimit(RLIMIT_NOFILE, &tight);
  ASSERT_TRUE(world.launch("game-1", world.spec("sleep 100")));
  setrlimit(RLIMIT_NOFILE, &before);
  const auto failed = world.wait(Kind::launch_failed, "game-1");
  EXPECT_TRUE(failed.retry);
  EXPECT_TRUE(has(failed.what, "file descriptors")) << failed.what;
  world.run("game-1", "exec sleep 100");
}

// In a process of its own, as nobody: root is not counted.
TEST(ALaunch, on_a_full_process_table_fails_for_that_reason_and_may_be_tried_again) {
  ProcessWorld world;
  std::filesystem::permissions(world.folder, std::filesystem::perms::all);
  std::filesystem::permissions(world.options.run_folder + "/logs", std::filesystem::perms::all);
  const pid_t pid = fork();
  if (pid == 0) {
    const rlimit one{.rlim_cur = 1, .rlim_max = 1};
    if ((getuid() == 0 && setuid(65534) != 0) || setrlimit(RLIMIT_NPROC, &one) != 0) _exit(9);
    const SpawnOrder order{.run = "true",
                           .folder = world.folder,
                           .env = {},
                           .log = world.options.run_folder + "/logs/a.log",
                           .cgroup = {},
                           .files_max = {}};
    const auto spawned = spawn_gated(order);
    if (spawned) _exit(1);
    _exit(spawned.error().retry && has(spawned.error().what, "process table") ? 0 : 2);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WEXITSTATUS(status) == 9) GTEST_SKIP() << "this user may not become another";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Ports, exhausted_by_own_and_strangers_alike_fail_the_launch_until_one_is_free) {
  ProcessWorld world;
  world.options.ports_first = 23500;
  world.options.ports_last = 23501;
  world.start();
  ASSERT_TRUE(world.launch("game-1", world.spec("sleep 100")));
  ASSERT_TRUE(world.launch("game-2", world.spec("sleep 100")));
  ASSERT_TRUE(world.launch("game-3", world.spec("sleep 100")));
  const auto failed = world.wait(Kind::launch_failed, "game-3");
  EXPECT_TRUE(failed.retry);
  EXPECT_EQ(failed.what, "process: every port from 23500 to 23501 is in use; widen `api: ports`.");
  EXPECT_TRUE(world.provider->stop({"game-1"}, 1s));
  world.wait_gone("game-1");
  world.run("game-4", "exec sleep 100");
}

TEST(Stop, of_one_that_ignores_SIGTERM_kills_after_the_grace) {
  ProcessWorld world;
  world.run("game-1", "trap '' TERM; echo up >up; while :; do sleep 0.05; done");
  ASSERT_TRUE(world.until_file("up", "up\n"));
  ASSERT_TRUE(world.provider->stop({"game-1"}, 300s));
  ASSERT_TRUE(world.provider->stop({"game-1"}, 50ms));  // sooner
  ASSERT_TRUE(world.provider->stop({"game-1"}, 300s));  // never later
  EXPECT_EQ(world.wait_gone("game-1").what,
            "killed by signal 9 (SIGKILL), because it did not end by itself within its grace");
}

TEST(Stop, lets_it_end_in_its_own_way_and_reaches_a_frozen_one) {
  ProcessWorld world;
  const auto launched = world.run(
      "game-1", "trap 'echo bye >bye; exit 0' TERM; echo up >up; while :; do sleep 0.05; done");
  ASSERT_TRUE(world.until_file("up", "up\n"));
  kill(world.pid_of(launched), SIGSTOP);
  ASSERT_TRUE(world.provider->stop({"game-1"}, 300s));
  EXPECT_EQ(world.wait_gone("game-1").what, "exit code 0");
  EXPECT_EQ(text_of(world.folder + "/bye"), "bye\n");
}

// Every way out that a process knows, once where a cgroup names the tree and once where /proc must
// be searched.
struct Escape {
  const char* name;
  const char* run;
};
class Escapes : public testing::TestWithParam<std::tuple<Escape, bool>> {};

TEST_P(Escapes, die_with_the_main_process) {
  const auto& [escape, with_cgroup] = GetParam();
  ProcessWorld world;
  world.options.cgroups = with_cgroup;
  world.start();
  if (with_cgroup && !world.provider->memory_limits_problem().empty())
    GTEST_SKIP() << world.provider->memory_limits_problem();
  const auto launched = world.run("game-1", escape.run);
  ASSERT_TRUE(world.until([&] { return pid_in(world.folder + "/escaped") > 0; }));
  const pid_t escaped = pid_in(world.folder + "/escaped");
  const pid_t main = world.pid_of(launched);
  if (runs(main)) kill(main, SIGKILL);
  world.wait_gone("game-1");
  EXPECT_FALSE(runs(escaped)) << "gone means that nothing of it is left";
}

const Escape ways_out[] = {
    {"child", "sleep 100 & echo $! >escaped; wait"},
    {"session", "setsid sh -c 'echo $$$$ >escaped; exec sleep 100' & wait"},
    {"double_fork", "setsid sh -c 'sleep 100 & echo $! >escaped' & sleep 100"},
    {"orphan_of_an_ended_main",
     "(setsid sh -c 'echo $$$$ >escaped; exec sleep 100' &); "
     "until [ -s escaped ]; do sleep 0.01; done; exit 0"},
    {"deaf",
     "setsid sh -c 'trap \"\" TERM HUP INT; echo $$$$ >escaped; sleep 100; sleep 100' & wait"},
    {"one_that_forks_on_and_on",
     "setsid sh -c 'echo $$$$ >escaped; while :; do (sleep 0.2 &); sleep 0.002; done' & wait"},
};
const Escape only_a_cgroup_knows = {
    "without_marks", "env -i setsid sh -c 'echo $$$$ >escaped; exec sleep 100' & wait"};

std::string name_of(const testing::TestParamInfo<std::tuple<Escape, bool>>& row) {
  return std::string(std::get<0>(row.param).name) + (std::get<1>(row.param) ? "_cgroup" : "_proc");
}

INSTANTIATE_TEST_SUITE_P(All, Escapes,
                         testing::Combine(testing::ValuesIn(ways_out), testing::Bool()), name_of);
INSTANTIATE_TEST_SUITE_P(Cgroup, Escapes,
                         testing::Combine(testing::Values(only_a_cgroup_knows),
                                          testing::Values(true)),
                         name_of);

TEST(Cgroups, are_removed_when_their_instance_is_gone) {
  ProcessWorld world;
  if (!world.provider->memory_limits_problem().empty())
    GTEST_SKIP() << world.provider->memory_limits_problem();
  const auto launched = world.run("game-1", "exec sleep 100");
  std::string folder;
  ASSERT_TRUE(world.until([&] {
    const auto text = text_of("/proc/" + std::to_string(world.pid_of(launched)) + "/cgroup");
    const auto at = text.find("utakata-");
    if (at != text.npos) folder = text.substr(at, text.find('\n', at) - at);
    return !folder.empty();
  }));
  const auto left = [&] {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             "/sys/fs/cgroup", std::filesystem::directory_options::skip_permission_denied))
      if (entry.path().filename() == folder) return true;
    return false;
  };
  EXPECT_TRUE(left());
  ASSERT_TRUE(world.provider->stop({"game-1"}, 10s));
  world.wait_gone("game-1");
  EXPECT_TRUE(world.until([&] { return !left(); }));
}

TEST(Files, limit_is_what_was_asked_for) {
  ProcessWorld world;
  auto spec = world.spec("ulimit -n >files; ulimit -Hn >>files; exec sleep 100");
  spec.limits.files = 512;
  world.run("game-1", spec);
  EXPECT_TRUE(world.until_file("files", "512\n512\n")) << text_of(world.folder + "/files");
  EXPECT_TRUE(world.said.empty());
}

TEST(Files, limit_beyond_what_the_host_allows_is_said_once_and_fails_nothing) {
  rlimit ours{};
  getrlimit(RLIMIT_NOFILE, &ours);
  const rlimit higher{.rlim_cur = ours.rlim_cur, .rlim_max = ours.rlim_max + 1};
  if (setrlimit(RLIMIT_NOFILE, &higher) == 0) {
    setrlimit(RLIMIT_NOFILE, &ours);
    GTEST_SKIP() << "this user may raise its limit of descriptors";
  }
  ProcessWorld world;
  auto spec = world.spec("ulimit -n >files; exec sleep 100");
  spec.limits.files = std::int64_t(ours.rlim_max) + 1;
  world.run("game-1", spec);
  world.run("game-2", spec);
  EXPECT_TRUE(world.until_file("files", std::to_string(ours.rlim_max) + "\n"));
  EXPECT_EQ(world.said.size(), 1u);
}

TEST(Memory, beyond_its_limit_ends_the_process_and_says_so) {
  ProcessWorld world;
  if (!world.provider->memory_limits_problem().empty())
    GTEST_SKIP() << world.provider->memory_limits_problem();
  auto spec = world.spec("exec python3 -c 'a = b\"x\" * (256 << 20)'");
  spec.limits.memory = 64 << 20;
  world.run("game-1", spec);
  EXPECT_EQ(
      world.wait_gone("game-1").what,
      "killed by signal 9 (SIGKILL), because it used more memory than its limit of 67108864 bytes");
}

}  // namespace
}  // namespace utakata
