// On real processes.
#include "load/workers/worker_process.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

namespace utakata::load {
namespace {

class WorkerProcessTest : public testing::Test {
 protected:
  void start(const std::string& script) {
    auto started = WorkerProcess::start(
        loop_, {"sh", "-c", script},
        {.said = [this](std::string_view line) { heard_.emplace_back(line); },
         .printed = [this](std::string_view line) { printed_.emplace_back(line); },
         .ended =
             [this](const WorkerEnd& end) {
               end_ = end;
               loop_.stop();
             }});
    ASSERT_TRUE(started) << started.error().what;
    worker_ = std::move(*started);
  }
  void run() {
    loop_.after(10s, [this] {
      ADD_FAILURE() << "it has not ended";
      loop_.stop();
    });
    loop_.run();
  }
  net::Loop loop_;
  std::unique_ptr<WorkerProcess> worker_;
  std::vector<std::string> heard_, printed_;
  WorkerEnd end_{.status = -1, .signal = -1};
};

TEST_F(WorkerProcessTest, what_it_is_told_and_what_it_says_are_lines_and_its_prints_come_apart) {
  start("read a; read b; echo \"$b $a\" >&3; echo aloud; echo oops >&2; printf last >&3; exit 7");
  worker_->tell("one");
  worker_->tell("two");
  run();
  EXPECT_EQ(heard_, (std::vector<std::string>{"two one", "last"}));
  std::ranges::sort(printed_);  // of two pipes
  EXPECT_EQ(printed_, (std::vector<std::string>{"aloud", "oops"}));
  EXPECT_EQ(end_.status, 7);
  EXPECT_EQ(end_.signal, 0);
}

TEST_F(WorkerProcessTest, its_stdin_ends_when_we_are_done) {
  start("cat >&3");
  worker_->tell("a");
  worker_->finish();
  worker_->tell("too late");
  run();
  EXPECT_EQ(heard_, (std::vector<std::string>{"a"}));
}

TEST_F(WorkerProcessTest, one_that_is_killed_tells_by_what) {
  start("kill -STOP $$");
  worker_->kill(SIGKILL);
  run();
  EXPECT_EQ(end_.signal, SIGKILL);
}

TEST_F(WorkerProcessTest, a_grandchild_that_keeps_its_pipes_is_not_waited_for) {
  start("sleep 100 & echo gone >&3");
  run();
  EXPECT_EQ(end_.status, 0);
  EXPECT_EQ(heard_, (std::vector<std::string>{"gone"}));
}

TEST_F(WorkerProcessTest, one_that_is_dropped_is_killed_and_silent) {
  start("echo $$ >&3; sleep 100");
  loop_.every(5ms, [this] {
    if (heard_.empty()) return;
    worker_.reset();
    loop_.stop();
  });
  run();
  EXPECT_EQ(end_.status, -1);
}

TEST_F(WorkerProcessTest, a_program_that_is_not_there_is_a_problem) {
  const auto started = WorkerProcess::start(loop_, {"no-such-node"}, {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, Problem::Kind::unavailable);
  EXPECT_EQ(started.error().what, "no-such-node cannot be started: no such file or directory.");
}

}  // namespace
}  // namespace utakata::load
