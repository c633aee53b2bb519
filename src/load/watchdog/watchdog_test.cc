// On real processes of Node.
#include "load/watchdog/watchdog.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "load/workers/worker_process.h"
#include "net/run_until.h"

namespace utakata::load {
namespace {

class WatchdogTest : public testing::Test {
 protected:
  ~WatchdogTest() override { std::filesystem::remove(file_); }
  void start(const std::string& script, bool is_here = true) {
    std::ofstream(file_) << "import { writeSync } from 'node:fs';\n" << script;
    auto worker = WorkerProcess::start(loop_, {"node", "--inspect-port=0", file_},
                                       {.said = [this](auto) { dog_.heard(0), is_begun_ = true; },
                                        .printed =
                                            [this](std::string_view line) {
                                              if (!dog_.printed(0, line))
                                                printed_.emplace_back(line);
                                            },
                                        .ended = [](const WorkerEnd&) {}});
    ASSERT_TRUE(worker) << worker.error().what;
    worker_ = std::move(*worker);
    ASSERT_TRUE(net::run_until(loop_, [&] { return is_begun_; }));
    dog_.watch(0, is_here);
  }
  // Why it was said to be stuck.
  std::string stuck() {
    if (!net::run_until(loop_, [&] { return !why_.empty(); })) return "nothing was told";
    return why_;
  }

  const std::string file_ =
      (std::filesystem::temp_directory_path() / ("watchdog" + std::to_string(getpid()) + ".mjs"))
          .string();
  net::Loop loop_;
  std::unique_ptr<WorkerProcess> worker_;
  std::vector<std::string> printed_;
  bool is_begun_ = false;
  std::vector<int> signals_;
  std::string why_;
  Watchdog dog_{loop_,
                "",
                {.patience = 100ms, .gives_up_after = 60s, .turn = 20ms},
                {.signal =
                     [this](std::size_t, int signal) {
                       signals_.push_back(signal);
                       worker_->kill(signal);
                     },
                 .stuck = [this](std::size_t, const Stuck& how) { why_ = how.why; }}};
};

TEST_F(WatchdogTest, who_loops_for_ever_is_named_with_the_place) {
  start("writeSync(3, 'begun\\n');\nconsole.error('mine'); for (;;);\n");
  EXPECT_EQ(stuck(), "loops for ever at <anonymous> (file://" + file_ + ":3:24)");
  EXPECT_EQ(signals_, std::vector{SIGUSR1});
  EXPECT_EQ(printed_, std::vector<std::string>{"mine"}) << "of its debugger nothing is shown";
}

TEST_F(WatchdogTest, who_is_stopped_is_waited_for_and_blamed_for_its_silence_alone) {
  start("writeSync(3, 'begun\\n');\nsetInterval(() => {}, 10);\n");
  worker_->kill(SIGSTOP);
  dog_.be({.patience = 100ms, .gives_up_after = 1s, .turn = 20ms});
  EXPECT_TRUE(stuck().starts_with("said nothing for 1 s")) << why_;
}

TEST_F(WatchdogTest, who_is_on_another_host_gets_no_signal) {
  start("writeSync(3, 'begun\\n');\nfor (;;);\n", false);
  dog_.be({.patience = 100ms, .gives_up_after = 300ms, .turn = 20ms});
  EXPECT_TRUE(stuck().starts_with("said nothing for 0 s")) << why_;
  EXPECT_TRUE(signals_.empty());
}

TEST_F(WatchdogTest, who_says_something_in_time_or_is_forgotten_is_never_blamed) {
  start("setInterval(() => writeSync(3, 'begun\\n'), 10);\n");
  std::size_t turns = 0;
  loop_.every(10ms, [&] { ++turns; });
  ASSERT_TRUE(net::run_until(loop_, [&] { return turns == 50; }));
  dog_.forget(0);
  worker_->kill(SIGSTOP);
  dog_.be({.patience = 20ms, .gives_up_after = 40ms, .turn = 20ms});
  ASSERT_TRUE(net::run_until(loop_, [&] { return turns == 80; }));
  EXPECT_EQ(why_, "");
}

}  // namespace
}  // namespace utakata::load
