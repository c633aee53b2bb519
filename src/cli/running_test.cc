#include "cli/running.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace utakata {
namespace {

class RunningFile : public testing::Test {
 protected:
  RunningFile() {
    folder_ =
        std::filesystem::temp_directory_path() / ("utakata-running-" + std::to_string(getpid()));
    setenv("UTAKATA_HOME", folder_.c_str(), 1);
  }
  ~RunningFile() override {
    unsetenv("UTAKATA_HOME");
    std::filesystem::remove_all(folder_);
  }
  Running mine() const {
    return {.stack = "show",
            .url = "http://127.0.0.1:7070",
            .token = "secret",
            .pid = getpid(),
            .store = "/s.db",
            .run_folder = "/r"};
  }
  std::filesystem::path folder_;
};

}  // namespace

TEST_F(RunningFile, is_read_as_it_was_written_and_only_its_owner_may) {
  ASSERT_TRUE(write_running(mine()));
  const auto back = read_running("show");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->url, mine().url);
  EXPECT_EQ(back->token, "secret");
  EXPECT_EQ(back->store, "/s.db");
  EXPECT_TRUE(is_running(*back));
  struct stat facts{};
  ASSERT_EQ(stat((folder_ / "stacks/show.json").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(RunningFile, of_a_process_that_ended_is_not_running) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info{};
  waitid(P_PID, id_t(child), &info, WEXITED | WNOWAIT);  // ended, not yet waited for
  Running dead = mine();
  dead.pid = child;
  EXPECT_FALSE(is_running(dead));
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(is_running(dead));
}

TEST_F(RunningFile, of_a_pid_given_anew_is_not_running) {
  ASSERT_TRUE(write_running(mine()));
  Running other = *read_running("show");
  other.started -= 1;
  EXPECT_FALSE(is_running(other));
}

TEST_F(RunningFile, is_removed_only_by_its_own_process) {
  Running other = mine();
  other.pid = 1;
  ASSERT_TRUE(write_running(other));
  remove_running("show");
  EXPECT_TRUE(read_running("show"));
  ASSERT_TRUE(write_running(mine()));
  remove_running("show");
  EXPECT_FALSE(read_running("show"));
}

TEST_F(RunningFile, that_is_broken_is_passed_over) {
  ASSERT_TRUE(write_running(mine()));
  std::ofstream(folder_ / "stacks/broken.json") << "{";
  std::ofstream(folder_ / "stacks/list.json") << "[1]";
  ASSERT_EQ(all_running().size(), 1u);
  EXPECT_EQ(all_running()[0].stack, "show");
  EXPECT_FALSE(read_running("nothing"));
}

}  // namespace utakata
