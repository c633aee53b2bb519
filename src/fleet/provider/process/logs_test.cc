#include "fleet/provider/process/logs.h"

#include <gtest/gtest.h>

#include <atomic>

#include "fleet/provider/process/process_world.h"

namespace utakata {
namespace {

TEST(Logs, too_large_are_copied_and_emptied_and_small_ones_left_alone) {
  ProcessWorld world;
  const auto path = world.folder + "/a.log";
  std::ofstream{path} << "old\n" << std::string(100, 'x') << "\n";
  EXPECT_FALSE(rotate_log(path, 1000));
  EXPECT_TRUE(rotate_log(path, 100));
  EXPECT_EQ(text_of(path), "");
  EXPECT_EQ(text_of(path + ".1"), "old\n" + std::string(100, 'x') + "\n");
  std::ofstream{path} << std::string(200, 'y');
  EXPECT_TRUE(rotate_log(path, 100));
  EXPECT_EQ(text_of(path + ".1"), std::string(200, 'y')) << "one older generation is kept";
  EXPECT_FALSE(rotate_log(world.folder + "/none.log", 100));
}

TEST(Logs, of_a_writer_that_never_reopens_lose_no_line_between) {
  ProcessWorld world;
  // It writes only when it is told to, so nothing falls into the microseconds between the copy's
  // end and the emptying.
  world.run("game-1",
            "n=0; while :; do until [ -e go ]; do sleep 0.01; done; rm go; n=$((n+1)); echo line "
            "$n; done");
  const auto log = world.provider->log_of({"game-1"});
  std::string all, expected;
  for (int n = 1; n <= 6; ++n) {
    std::ofstream{world.folder + "/go"};
    const auto line = "line " + std::to_string(n) + "\n";
    expected += line;
    ASSERT_TRUE(world.until([&] { return text_of(log).ends_with(line); }));
    if (n % 2) continue;
    ASSERT_TRUE(rotate_log(log, 4));
    all += text_of(log + ".1");
  }
  EXPECT_EQ(all, expected);
}

TEST(Logs, are_looked_after_while_the_provider_lives) {
  ProcessWorld world;
  world.options.log_bytes_max = 1000;
  world.options.log_look = 5ms;
  world.start();
  world.run("game-1", "while :; do echo some line of output that fills the log; sleep 0.001; done");
  const auto older = world.provider->log_of({"game-1"}) + ".1";
  EXPECT_TRUE(world.until([&] { return std::filesystem::exists(older); }));
}

TEST(LastWords, are_plain_text_of_bounded_length) {
  ProcessWorld world;
  const auto path = world.folder + "/a.log";
  const auto last_of = [&](const std::string& text) {
    std::ofstream{path} << text;
    return last_words(path);
  };
  EXPECT_EQ(last_words(path), "");
  EXPECT_EQ(last_of(""), "");
  EXPECT_EQ(last_of("\n\n"), "");
  EXPECT_EQ(last_of("one\ntwo"), "two");
  EXPECT_EQ(last_of("one\ntwo\r\n\n"), "two");
  EXPECT_EQ(last_of("\x1b[31mr\xc3\xb6t\xff\n"), "?[31mr\xc3\xb6t?");
  EXPECT_EQ(last_of("Error: listen EADDRINUSE: address already in use :::20000\n    at "
                    "x\n}\n\nNode.js v18.20.4\n"),
            "Error: listen EADDRINUSE: address already in use :::20000");
  EXPECT_EQ(
      last_of(
          "npm ERR! 404 Not Found\nnpm ERR! A complete log of this run can be found in: /root\n"),
      "npm ERR! 404 Not Found");
  EXPECT_EQ(last_of("cut \xe6\xb3"), "cut ??");
  EXPECT_LE(last_of(std::string(100'000, 'x')).size(), 200u);
}

}  // namespace
}  // namespace utakata
