// On real processes of Node.
#include "load/watchdog/loop_finder.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "load/workers/worker_process.h"
#include "net/run_until.h"

namespace utakata::load {
namespace {

namespace fs = std::filesystem;

class LoopFinderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "loop_finderXXXXXX").string();
    ASSERT_TRUE(mkdtemp(name.data()));
    folder_ = name;
    file_ = folder_ + "/scenario.mjs";
  }
  ~LoopFinderTest() override { fs::remove_all(folder_); }

  // `said()` of a script is when it is where the test wants it.
  void start(const std::string& script, const std::string& option = "--inspect-port=0") {
    std::ofstream(file_) << script << "\nimport { writeSync } from 'node:fs';\n"
                         << "function said() { writeSync(3, 'there\\n'); }\n";
    auto worker =
        WorkerProcess::start(loop_, {"node", option, file_},
                             {.said = [this](std::string_view line) { said_.emplace_back(line); },
                              .printed =
                                  [this](std::string_view line) {
                                    if (auto url = debugger_url(line)) url_ = *url;
                                  },
                              .ended = [this](const WorkerEnd&) { has_ended_ = true; }});
    ASSERT_TRUE(worker) << worker.error().what;
    worker_ = std::move(*worker);
    ASSERT_TRUE(net::run_until(loop_, [&] { return !said_.empty(); }));
  }
  // Of the processor, in hundredths of a second (proc(5), stat).
  long used() const {
    std::ifstream file("/proc/" + std::to_string(worker_->pid()) + "/stat");
    std::string text(std::istreambuf_iterator<char>(file), {}), skip;
    std::istringstream words(text.substr(text.rfind(')') + 1));
    for (int k = 0; k < 11; ++k) words >> skip;
    long user = 0, system = 0;
    words >> user >> system;
    return user + system;
  }
  // What it said is behind it: it is in its loop.
  void let_it_loop() {
    const long before = used();
    ASSERT_TRUE(net::run_until(loop_, [&] { return used() >= before + 10; }));
  }
  void open_debugger() {
    worker_->kill(SIGUSR1);
    ASSERT_TRUE(net::run_until(loop_, [&] { return !url_.empty(); }));
  }
  // What was found, in words; or the problem's kind and words.
  std::string find(Duration within = 20s) {
    std::optional<Expected<CodePlace>> found;
    finder_.find(url_, [&](auto result) { found = std::move(result); }, within);
    if (!net::run_until(loop_, [&] { return found.has_value(); })) return "nothing was told";
    if (*found) return to_text(**found);
    kind_ = found->error().kind;
    return found->error().what;
  }
  std::string at(const std::string& function, const std::string& line_and_column) const {
    return function + " (file://" + file_ + ":" + line_and_column + ")";
  }

  net::Loop loop_;
  std::string folder_, file_, url_;
  std::unique_ptr<WorkerProcess> worker_;
  std::vector<std::string> said_;
  bool has_ended_ = false;
  LoopFinder finder_{loop_};
  std::optional<Problem::Kind> kind_;
};

TEST_F(LoopFinderTest, a_loop_within_a_function_is_found_by_its_line) {
  start(
      "function spin() {\n"
      "  for (;;);\n"
      "}\n"
      "setTimeout(() => { said(); spin(); });\n");
  let_it_loop();
  open_debugger();
  EXPECT_EQ(find(), at("spin", "2:3"));
  EXPECT_EQ(find(), at("spin", "2:3")) << "it has run on, and can be asked again";
}

TEST_F(LoopFinderTest, a_loop_of_promises_that_are_resolved_is_one_too) {
  start(
      "export default async function user() {\n"
      "  said();\n"
      "  for (;;)\n"
      "    await null;\n"
      "}\n"
      "setTimeout(user);\n");
  let_it_loop();
  open_debugger();
  EXPECT_EQ(find(), at("user", "4:5"));
}

TEST_F(LoopFinderTest, of_what_a_loop_calls_it_is_the_caller) {
  start(
      "const text = (k) => `for (let x = 0; x < 1e5;) ++x; //# sourceURL=file:///step${k}.mjs`;\n"
      "const steps = Array.from({ length: 50 }, (_, k) => new Function(text(k)));\n"
      "function spin() {\n"
      "  for (;;)\n"
      "    for (const step of steps) step();\n"
      "}\n"
      "setTimeout(() => { said(); spin(); });\n");
  let_it_loop();
  open_debugger();
  const std::string found = find();
  EXPECT_TRUE(found.starts_with("spin (file://" + file_ + ":5:")) << found;
}

TEST_F(LoopFinderTest, a_pattern_that_backtracks_for_ever_is_found) {
  start("setTimeout(function match() { said(); /^(a+)+$/.test('a'.repeat(60) + 'b'); });\n");
  let_it_loop();
  open_debugger();
  EXPECT_EQ(find(), at("match", "1:49"));
}

TEST_F(LoopFinderTest, what_was_halted_runs_on) {
  start(
      "import { existsSync } from 'node:fs';\n"
      "setTimeout(function wait() {\n"
      "  said();\n"
      "  while (!existsSync(process.argv[1] + '.end'));\n"
      "  process.exit(0);\n"
      "});\n");
  let_it_loop();
  open_debugger();
  const std::string found = find();
  EXPECT_TRUE(found.starts_with("wait (file://" + file_ + ":4:")) << found;
  EXPECT_FALSE(has_ended_);
  std::ofstream(file_ + ".end") << "now";
  EXPECT_TRUE(net::run_until(loop_, [&] { return has_ended_; }));
}

TEST_F(LoopFinderTest, who_has_nothing_to_do_does_not_loop) {
  start("said(); setInterval(() => {}, 1e6);\n");
  open_debugger();
  EXPECT_EQ(find(2s), "It does not loop: within 2s no JavaScript ran there.");
  EXPECT_EQ(kind_, Problem::Kind::not_found);
}

TEST_F(LoopFinderTest, who_is_busy_and_serves_its_events_does_not_loop) {
  start("said(); setInterval(() => { let x = 0; while (x < 1e6) ++x; }, 1);\n");
  open_debugger();
  EXPECT_EQ(find(), "It does not loop: its events are served.");
  EXPECT_EQ(kind_, Problem::Kind::not_found);
}

// The program it waits for says so, and ends with its stdin. The debugger was open before: else it
// could not be asked at all.
TEST_F(LoopFinderTest, who_waits_in_native_code_does_not_answer) {
  start(
      "import { execFileSync } from 'node:child_process';\n"
      "const stdio = ['inherit', 'ignore', 'ignore', 3];\n"
      "setTimeout(() => execFileSync('sh', ['-c', 'echo there >&3; exec cat'], { stdio }));\n",
      "--inspect=127.0.0.1:0");
  ASSERT_TRUE(net::run_until(loop_, [&] { return !url_.empty(); }));
  EXPECT_EQ(
      find(300ms),
      "It does not answer its debugger within 300ms: it waits in native code, or works there, "
      "or is stopped.");
  EXPECT_EQ(kind_, Problem::Kind::timed_out);
}

TEST_F(LoopFinderTest, who_waits_in_native_code_again_and_again_is_found) {
  start(
      "import { execFileSync } from 'node:child_process';\n"
      "setTimeout(function user() {\n"
      "  said();\n"
      "  for (;;)\n"
      "    execFileSync('sleep', ['0.3']);\n"
      "});\n");
  open_debugger();
  const std::string found = find(3s);
  EXPECT_TRUE(found.starts_with("user (file://" + file_ + ":5:")) << found;
}

TEST_F(LoopFinderTest, who_is_stopped_does_not_answer) {
  start("setTimeout(() => { said(); for (;;); });\n");
  let_it_loop();
  open_debugger();
  worker_->kill(SIGSTOP);
  find(300ms);
  EXPECT_EQ(kind_, Problem::Kind::timed_out);
}

TEST_F(LoopFinderTest, who_dies_meanwhile_is_a_problem) {
  start("setTimeout(() => { said(); for (;;); });\n");
  let_it_loop();
  open_debugger();
  loop_.after(100ms, [&] { worker_->kill(SIGKILL); });
  find();
  EXPECT_EQ(kind_, Problem::Kind::unavailable);
  find();
  EXPECT_EQ(kind_, Problem::Kind::unavailable) << "nobody is there any more";
}

TEST_F(LoopFinderTest, what_is_given_up_or_dropped_tells_nothing) {
  start("setTimeout(() => { said(); for (;;); });\n");
  let_it_loop();
  open_debugger();
  int told = 0;
  finder_.cancel(finder_.find(url_, [&](const auto&) { ++told; }));
  auto other = std::make_unique<LoopFinder>(loop_);
  other->find(url_, [&](const auto&) { ++told; });
  loop_.after(200ms, [&] { other.reset(); });
  EXPECT_TRUE(net::run_until(loop_, [&] { return !other; }));
  EXPECT_EQ(find(), at("<anonymous>", "1:28"));
  EXPECT_EQ(told, 0);
}

TEST_F(LoopFinderTest, it_may_be_dropped_when_it_tells) {
  start("setTimeout(() => { said(); for (;;); });\n");
  let_it_loop();
  open_debugger();
  auto finder = std::make_unique<LoopFinder>(loop_);
  bool is_told = false;
  finder->find(url_, [&](const auto&) {
    finder.reset();
    is_told = true;
  });
  EXPECT_TRUE(net::run_until(loop_, [&] { return is_told; }));
}

TEST_F(LoopFinderTest, what_is_no_debuggers_url_is_a_problem) {
  url_ = "http://127.0.0.1:9229/";
  find();
  EXPECT_EQ(kind_, Problem::Kind::invalid);
}

TEST(LoopFinder, the_url_is_in_what_node_prints) {
  const std::pair<std::string, std::optional<std::string>> rows[] = {
      {"Debugger listening on ws://127.0.0.1:40503/da0196db-1874",
       "ws://127.0.0.1:40503/da0196db-1874"},
      {"Debugger listening on ws://127.0.0.1:1/x\r", "ws://127.0.0.1:1/x"},
      {"For help, see: https://nodejs.org/en/docs/inspector", std::nullopt},
      {"he says: Debugger listening on ws://127.0.0.1:1/x", std::nullopt},
      {"Debugger listening on ws://10.0.0.7:9229/x", std::nullopt},
      {"Debugger listening on ws://127.0.0.1.example.com:9229/x", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& [line, url] : rows) EXPECT_EQ(debugger_url(line), url) << line;
}

}  // namespace
}  // namespace utakata::load
